//! A live process, taken from outside: stopped at a good moment and copied, or, where there is no memory for a copy, read
//! while it stands still; or, where it may not be stopped, copied while it goes on.

use std::io::Write;
use std::time::{Duration, Instant};

use heapsake_core::reduce::Registry;
use heapsake_core::{DumpOptions, Summary};

use crate::attach::Runtime;
use crate::capture::capture_runtime;
use crate::death::Death;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Files, Frozen, Process, Registers, Snapshot, Source, Tracing, Windows};
use crate::moment::{Moment, Watch};
use crate::pystate::CaptureOptions;
use crate::symbols::Which;
use crate::version;

/// A live process, as it was at one moment.
#[derive(Debug)]
pub struct Taken {
    memory: Held,
    /// The runtime, if it was found while the process went on.
    runtime: Option<Runtime>,
    moment: Moment,
    /// Where its threads stood.
    registers: Vec<Registers>,
    which: Which,
}

/// So often is a process that goes on copied, until no collection was at work before and after.
const MOST_COPIES: u32 = 4;
/// So long it has for that each time.
const WAIT: Duration = Duration::from_millis(20);

/// Has a look at a stopped process, and may stop it again.
type Settle = Box<dyn FnOnce(&mut Frozen) -> Result<Settled> + Send>;

/// How it was caught, what was known of it before, and where its threads stood.
type Settled = (Moment, Option<Watch>, Vec<Registers>);

#[derive(Debug)]
enum Held {
    Copied {
        snapshot: Snapshot,
        /// Whether it was not stopped for that.
        went_on: bool,
    },
    /// It stands still until this is dropped.
    Still { windows: Windows, want: String },
}

/// How a process was taken, in figures.
#[derive(Clone, PartialEq, Debug)]
pub struct Taking {
    /// How long it stood still, all stops together.
    pub pause: Duration,
    /// How much was copied; none if it was read while it stood still.
    pub copied_bytes: Option<u64>,
    /// How long the copying took of one that went on meanwhile; none if it stood still.
    pub copying: Option<Duration>,
    /// How it was caught.
    pub moment: Moment,
    /// Further CPythons of the process, which are not in the dump.
    pub others: Vec<String>,
}

impl Taken {
    /// Process `pid`, at a good moment if there is one within some tenths of a second.
    ///
    /// # Errors
    /// Whatever keeps this process from reading that one.
    pub fn of_process(pid: i32, which: &Which) -> Result<Taken> {
        Taken::by(pid, which, |settle| Snapshot::settled(pid, settle), |settle| Windows::settled(pid, settle))
    }

    /// A process that is traced already, at a good moment if there is one.
    ///
    /// # Errors
    /// As [`Taken::of_process`].
    pub fn of_traced(tracing: &Tracing, pid: i32) -> Result<Taken> {
        Taken::by(
            pid,
            &Which::Running,
            |settle| tracing.copy(pid, settle),
            |settle| {
                let (stopped, settled) = tracing.stop(pid, settle)?;
                Ok((Windows::of_traced(stopped)?, settled))
            },
        )
    }

    /// A process that is about to die, which stands still until it is captured: it dies afterwards.
    ///
    /// # Errors
    /// As [`Taken::of_process`].
    pub fn of_dying(tracing: &Tracing, death: &Death) -> Result<Taken> {
        let windows = Windows::of_traced(tracing.stopped(death))?;
        let memory = Held::Still { windows, want: format!("it dies of {}", death.name()) };
        let registers = tracing.registers(death.pid)?;
        Ok(Taken { memory, runtime: None, moment: Moment { stops: 1, caught: Vec::new() }, registers, which: Which::Running })
    }

    /// Process `pid` while it goes on: it is neither stopped nor traced, and something else may trace it. What it changes
    /// while it is copied is of several moments.
    ///
    /// # Errors
    /// As [`Taken::of_process`], but for a tracer.
    pub fn of_running(pid: i32, which: &Which) -> Result<Taken> {
        let watch = Watch::of_process(pid, which.clone());
        let process = Process::open(pid)?;
        let judged = || watch.as_ref().map(|watch| watch.judge(&process, &[])).unwrap_or_default();
        let mut copies = 1;
        let (snapshot, mut caught) = loop {
            let mut caught = judged();
            let snapshot = Snapshot::untouched(pid)?;
            caught.extend(judged());
            caught.dedup();
            if caught.is_empty() || copies == MOST_COPIES {
                break (snapshot, caught);
            }
            copies += 1;
            std::thread::sleep(WAIT);
        };
        caught.insert(0, format!("it went on while it was copied, for {:.1} ms", snapshot.pause().as_secs_f64() * 1e3));
        let runtime = watch.map(|watch| watch.runtime);
        Ok(Taken {
            memory: Held::Copied { snapshot, went_on: true },
            runtime,
            moment: Moment { stops: 0, caught },
            registers: Vec::new(),
            which: which.clone(),
        })
    }

    fn by(
        pid: i32,
        which: &Which,
        copy: impl FnOnce(Settle) -> Result<(Snapshot, Settled)>,
        hold: impl FnOnce(Settle) -> Result<(Windows, Settled)>,
    ) -> Result<Taken> {
        let settle = |watch: Option<Watch>| -> Settle {
            Box::new(move |frozen| {
                let moment = watch.as_ref().map_or(Ok(Moment::default()), |watch| watch.settle(frozen))?;
                Ok((moment, watch, frozen.registers()))
            })
        };
        let error = match copy(settle(Watch::of_process(pid, which.clone()))) {
            Ok((snapshot, (moment, watch, registers))) => {
                let runtime = watch.map(|watch| watch.runtime);
                let which = which.clone();
                return Ok(Taken { memory: Held::Copied { snapshot, went_on: false }, runtime, moment, registers, which });
            }
            Err(error) => error,
        };
        if error.kind() != ErrorKind::OutOfMemory {
            return Err(error);
        }
        Windows::room_for(pid)?;
        let (windows, (moment, watch, registers)) = hold(settle(Watch::of_process(pid, which.clone())))?;
        let want = error.to_string().lines().next().unwrap_or_default().to_owned();
        let runtime = watch.map(|watch| watch.runtime);
        Ok(Taken { memory: Held::Still { windows, want }, runtime, moment, registers, which: which.clone() })
    }

    /// Whether the process stands still until it is captured.
    pub fn stands_still(&self) -> bool {
        matches!(self.memory, Held::Still { .. })
    }

    /// How it was caught.
    pub fn moment(&self) -> &Moment {
        &self.moment
    }

    /// Captures it to `out`; afterwards it goes on in any case.
    ///
    /// # Errors
    /// When there is no CPython that can be read, or `out` fails.
    pub fn capture(
        self,
        mut options: CaptureOptions,
        registry: Registry,
        out: &mut dyn Write,
        mut dump: DumpOptions,
    ) -> Result<(Summary, Taking)> {
        let Taken { memory, runtime, moment, registers, which } = self;
        if !moment.caught.is_empty() {
            let caught = moment.caught.iter().map(|line| line.clone().into()).collect();
            options.facts.push(("caught".to_owned(), ciborium::Value::Array(caught)));
        }
        match memory {
            Held::Copied { snapshot, went_on } => {
                let took = snapshot.pause();
                let (pause, copying) = if went_on { (Duration::ZERO, Some(took)) } else { (took, None) };

                options.pid.get_or_insert(snapshot.pid());
                dump.pause.get_or_insert(pause);
                let runtime = confirmed(&snapshot, snapshot.pid(), runtime, which)?;
                let others = runtime.others.clone();
                let taking = Taking { pause, copied_bytes: Some(snapshot.copied_bytes()), copying, moment, others };
                options.unwind(&snapshot, &Files::of_process(snapshot.pid()), &registers);
                Ok((capture_runtime(snapshot, runtime, options, registry, out, dump)?, taking))
            }
            Held::Still { windows, want } => {
                let before = windows.stood();
                let started = Instant::now();
                options.pid.get_or_insert(windows.pid());
                options.facts.push(("held".to_owned(), format!("it stood still while it was read: {want}").into()));
                let runtime = confirmed(&windows, windows.pid(), runtime, which)?;
                let others = runtime.others.clone();
                options.unwind(&windows, &Files::of_process(windows.pid()), &registers);
                let pid = windows.pid();
                let summary = capture_runtime(&windows, runtime, options, registry, out, dump)?;
                // What it had from then on was read as nothing.
                if !windows.is_alive() {
                    let problem = format!("process {pid} was killed while it was read: what there is of it is not all");
                    return Err(Error::new(ErrorKind::ProcessDied, problem));
                }
                Ok((summary, Taking { pause: before + started.elapsed(), copied_bytes: None, copying: None, moment, others }))
            }
        }
    }
}

/// The runtime that was found while the process went on, if it is still there; else the one that is there now.
fn confirmed<S: Source>(memory: &S, pid: i32, runtime: Option<Runtime>, which: Which) -> Result<Runtime> {
    let is_there =
        |runtime: &Runtime| version::sys_hexversion(memory, runtime.interpreter, &runtime.layouts) == Some(runtime.version);
    match runtime.filter(is_there) {
        Some(runtime) => Ok(runtime),
        None => Runtime::of(which, memory, memory.mappings(), &Files::of_process(pid)),
    }
}
