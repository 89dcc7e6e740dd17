//! A process that is no more: a core file, or what the kernel still holds of a process while it hands out its core.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use ciborium::Value;
use heapsake_core::reduce::Registry;
use heapsake_core::{DumpOptions, Summary};

use crate::attach::Runtime;
use crate::capture::capture_runtime;
use crate::death::Death;
use crate::error::{Error, ErrorKind, Result};
use crate::heap::{CPythonHeap, Facts, Mapped};
use crate::memory::core::{Core, Notes, ProcessInfo};
use crate::memory::{Files, Mapping, Source, Windows};
use crate::moment::Watch;
use crate::names_lost;
use crate::pystate::{self, CaptureOptions};
use crate::symbols::{Symbols, Which};

/// A process that is no more, and the Python in it.
#[derive(Debug)]
pub struct Postmortem {
    memory: Remains,
    runtime: Runtime,
    notes: Notes,
    /// What makes it that objects may read wrongly, in words.
    caught: Vec<String>,
    faults: Vec<String>,
    /// Whether its thread states have the number of its parent: it was forked without CPython's knowledge.
    is_forked: bool,
}

#[derive(Debug)]
enum Remains {
    Core(Box<Core>),
    Held(Box<Windows>),
}

impl Postmortem {
    /// The Python in a core file.
    ///
    /// # Errors
    /// As [`Runtime::find`].
    pub fn of_core(mut core: Core, which: Which) -> Result<Postmortem> {
        let symbols = Symbols::new(&core, core.mappings(), core.files()).of(which);
        let mut faults = core.faults().to_vec();
        let runtime = Runtime::with_symbols(&core, core.mappings(), core.files(), &symbols, core.notes().machine);
        let runtime = runtime.map_err(|error| explained(error, &core))?;
        let restored = names_lost::restore(&core, &runtime, &Registry::linked().unwrap_or_default(), !faults.is_empty());
        if !restored.is_empty() {
            faults.push(format!(
                "names of {} types and functions of C are not in the core; they are told by the modules that hold them",
                restored.len()
            ));
            core.supply(restored);
        }
        if core.is_cut() {
            faults.push("what is left of the objects is told, with those that no root leads to any more".to_owned());
        }
        let mut notes = core.notes().clone();
        place(&mut notes, core.mappings());
        let watch = Watch::new(runtime, &symbols);
        let caught = caught(&watch, &core, &notes);
        let heap = CPythonHeap::new(&core, Facts::of_runtime(&watch.runtime), Registry::default());
        faults.extend(pystate::broken_stacks(&heap));
        let parent = notes.process.as_ref().map(|process| process.ppid as u64).filter(|parent| *parent > 1);
        let is_forked = parent.is_some() && pystate::native_ids(&heap).iter().any(|(_, id)| *id == parent);
        drop(heap);
        let memory = Remains::Core(Box::new(core));
        Ok(Postmortem { memory, runtime: watch.runtime, notes, caught, faults, is_forked })
    }

    /// The Python in a process that the kernel holds until its core was read: `notes` begin that core.
    ///
    /// # Errors
    /// As [`Runtime::find`], and when the process is not to be read.
    pub fn of_held(pid: i32, mut notes: Notes, which: Which) -> Result<Postmortem> {
        let windows = Windows::of_stopped(pid)?;
        if !notes.is_of(windows.mappings()) {
            return Err(Error::new(ErrorKind::NoSuchProcess, format!("the core is not of process {pid}"))
                .hint("the kernel writes %P of core_pattern as the number of the process that it is of"));
        }
        place(&mut notes, windows.mappings());
        let files = Files::of_process(pid);
        let symbols = Symbols::new(&windows, windows.mappings(), &files).of(which);
        let runtime = Runtime::with_symbols(&windows, windows.mappings(), &files, &symbols, notes.machine)?;
        let watch = Watch::new(runtime, &symbols);
        let caught = caught(&watch, &windows, &notes);
        let memory = Remains::Held(Box::new(windows));
        Ok(Postmortem { memory, runtime: watch.runtime, notes, caught, faults: Vec::new(), is_forked: false })
    }

    /// The signal that it died of.
    pub fn death(&self) -> Option<&Death> {
        self.notes.death.as_ref()
    }

    /// What the notes say of the process.
    pub fn process(&self) -> Option<&ProcessInfo> {
        self.notes.process.as_ref()
    }

    /// What is missing, in words.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Further CPythons of the process, which are not in the dump.
    pub fn others(&self) -> &[String] {
        &self.runtime.others
    }

    /// Why objects may read wrongly, in words.
    pub fn caught(&self) -> &[String] {
        &self.caught
    }

    /// Captures it to `out`.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn capture(
        self,
        mut options: CaptureOptions,
        registry: Registry,
        out: &mut dyn Write,
        dump: DumpOptions,
    ) -> Result<Summary> {
        let Postmortem { memory, runtime, notes, caught, faults, is_forked } = self;
        let lines = |lines: Vec<String>| Value::Array(lines.into_iter().map(Value::from).collect());
        let mut add = |name: &str, value: Value| options.facts.push((name.to_owned(), value));
        // Also when it is empty: this says that the moment was judged.
        add("caught", lines(caught));
        if let Some(ProcessInfo { pid, ppid, uid, command_line }) = &notes.process {
            add("pid", (*pid).into());
            add("ppid", (*ppid).into());
            add("uid", (*uid).into());
            add("command_line", Value::Array(command_line.split(' ').map(Value::from).collect()));
        }
        add("native_threads", (notes.threads.len() as u64).into());
        options.death = notes.death;
        let registers: Vec<_> = notes.threads.iter().filter_map(|thread| thread.stands()).collect();
        // The kernel writes the numbers that the process sees; gdb those that gdb sees.
        options.native_ids_are_own = options.death.is_some() || is_forked;
        options.native_ids = notes.threads.iter().map(|thread| (thread.thread_pointer, thread.id as u64)).collect();
        match memory {
            Remains::Core(core) => {
                let mut told: Vec<(Value, Value)> = vec![
                    ("file".into(), core.path().to_string_lossy().into_owned().into()),
                    ("bytes".into(), core.length().into()),
                ];
                let written = core.written().and_then(|written| written.duration_since(UNIX_EPOCH).ok());
                if let Some(written) = written.as_ref().map(Duration::as_secs_f64) {
                    told.push(("written".into(), written.into()));
                    add("dump_time", written.into());
                }
                told.push(("faults".into(), lines(faults)));
                add("core", Value::Map(told));
                options.all |= core.is_cut();
                options.written = core.written();
                options.mapped = Some(Arc::new(Mapped { mappings: core.mappings().to_vec(), files: core.files().clone() }));
                options.unwind(&*core, core.files(), &registers);
                capture_runtime(*core, runtime, options, registry, out, dump)
            }
            Remains::Held(windows) => {
                options.pid = Some(windows.pid());
                options.unwind(&*windows, &Files::of_process(windows.pid()), &registers);
                capture_runtime(*windows, runtime, options, registry, out, dump)
            }
        }
    }
}

/// Finds the file that the instruction lies in at which it died.
fn place(notes: &mut Notes, mappings: &[Mapping]) {
    if let Some(death) = &mut notes.death {
        death.find_place(mappings);
    }
}

/// Why there is no Python to be read in a core, which gets no better by waiting.
fn explained(error: Error, core: &Core) -> Error {
    let faults = core.faults().join("; ");
    match error.kind() {
        _ if core.is_cut() => {
            let what = "the interpreter's state is not in what is left of the core file";
            Error::new(ErrorKind::Unreadable, what).source(error.without_hint()).hint(faults)
        }
        ErrorKind::NotReady if core.is_hollow() => {
            let what = "the interpreter's state is not in the core file";
            Error::new(ErrorKind::Unreadable, what).source(error.without_hint()).hint(faults)
        }
        ErrorKind::NotReady => error.hint("it died before its modules were there, or when they were gone"),
        ErrorKind::NotPython | ErrorKind::OtherImplementation => error,
        _ if faults.is_empty() => error,
        _ => error.hint(faults),
    }
}

/// Why this was no good moment to be read.
fn caught<S: Source>(watch: &Watch, memory: &S, notes: &Notes) -> Vec<String> {
    let registers: Vec<_> = notes.threads.iter().filter_map(|thread| thread.stands()).collect();
    watch.judge(memory, &registers)
}
