//! The command `heapsake`: makes dumps and shows them. One file per subcommand.
//!
//! Exit status: 0 when all went well, 1 when something failed or a file has faults, 2 when it was asked wrongly; `run` gives
//! the program's own.

mod cells;
mod check;
mod compare;
mod core;
mod cycles;
mod dap;
mod debug;
mod demo;
mod dump;
mod evaluate;
mod extract;
mod holders;
mod inspect;
mod memory;
mod native;
mod output;
#[doc(hidden)]
pub mod path;
mod plugins;
pub mod python;
mod reducers;
mod repl;
mod run;
mod signal;
mod stack;
mod summary;
mod targets;
mod waits;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use output::Output;

pub use plugins::Surroundings;

/// A time, in seconds since 1970, as names of dumps have it.
pub fn stamp(seconds: u64) -> String {
    dump::stamp(seconds)
}

/// Saves every thread, frame and object of a Python program to one file, and shows it again on any machine.
#[derive(Parser, Debug)]
#[command(name = "heapsake", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(after_help = "Examples:
  heapsake run app.py --port 80      run a program; an uncaught exception leaves a dump
  heapsake dump 4242 -o hung.heapsake   dump a live process from outside
  heapsake core core.4242            a dump of a core file
  heapsake app-….heapsake            what happened: exception, threads, types
  heapsake stack app-….heapsake      all stacks with their variables
  heapsake inspect app-….heapsake 'thread:MainThread/frame:-1/order.items[3]'
  heapsake debug app-….heapsake      pdb on the dead program")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The dump to show.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a Python program; an uncaught exception in any thread leaves a dump.
    Run(run::Arguments),
    /// Dump a live process from outside: frozen for milliseconds, none of its code runs.
    Dump(dump::Arguments),
    /// Make a dump of a core file, or of a core that the kernel hands out.
    Core(core::Arguments),
    /// Show the stacks of a dump, with the variables of every frame.
    Stack(stack::Arguments),
    /// Show one object of a dump, by the path that leads to it.
    Inspect(inspect::Arguments),
    /// Write a structure or an array of a dump to a JSON, CSV or npy file.
    Extract(extract::Arguments),
    /// Read the whole of a dump and list what is damaged or missing.
    Check(check::Arguments),
    /// Compare two dumps: whether their heaps are near-isomorphic, and where they differ.
    Compare(compare::Arguments),
    /// Find reference cycles, which only the collector could free, and the edge to cut.
    Cycles(cycles::Arguments),
    /// Show what the process's memory is for, and how much of it objects explain.
    Memory(memory::Arguments),
    /// Evaluate Python's expressions over a dump, one line at a time; none of its code runs.
    Repl(repl::Arguments),
    /// Open a dump in pdb.
    Debug(debug::Arguments),
    /// Serve dumps to editors by the Debug Adapter Protocol, over standard input and output or on a port.
    Dap(dap::Arguments),
    /// List the reducers: which types they answer for, and what they save.
    Reducers(reducers::Arguments),
    /// Run a small program to its crash, and show what its dump tells.
    Demo(demo::Arguments),
}

/// Runs the command line of a program that is nothing else; gives the exit status. The first argument is the program's name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    // A file that may not grow any more is an error of the write, and no end without a word.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    main_in(arguments, Surroundings::of_program)
}

/// What `heapsake inspect --json` says of a path of a dump.
///
/// # Errors
/// What is wrong with the path, or what it does not find.
#[doc(hidden)]
pub fn inspected(dump: &heapsake_loader::Dump, path: &str) -> anyhow::Result<String> {
    inspect::told(dump, path)
}

/// Runs the command line inside of another program; gives the exit status.
pub fn main_in(arguments: impl IntoIterator<Item = OsString>, surroundings: impl FnOnce() -> Surroundings) -> i32 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|word| word == heapsake_plugins::WORKER) {
        return heapsake_plugins::worker();
    }
    plugins::set(surroundings());
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(problem) => {
            let shown = matches!(problem.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // A closed output is no reason to fail.
            let _ = problem.print();
            return if shown { 0 } else { 2 };
        }
    };
    let mut output = Output::new(arguments.json);
    let result = match (arguments.command, arguments.file) {
        (Some(Command::Run(arguments)), _) => run::run(&arguments),
        (Some(Command::Dump(arguments)), _) => dump::run(&arguments),
        (Some(Command::Core(arguments)), _) => core::run(&arguments),
        (Some(Command::Stack(arguments)), _) => stack::run(&arguments),
        (Some(Command::Inspect(arguments)), _) => inspect::run(&arguments),
        (Some(Command::Extract(arguments)), _) => extract::run(&arguments),
        (Some(Command::Check(arguments)), _) => check::run(&arguments),
        (Some(Command::Compare(arguments)), _) => compare::run(&arguments),
        (Some(Command::Cycles(arguments)), _) => cycles::run(&arguments),
        (Some(Command::Memory(arguments)), _) => memory::run(&arguments),
        (Some(Command::Repl(arguments)), _) => repl::run(&arguments),
        (Some(Command::Debug(arguments)), _) => debug::run(&arguments),
        (Some(Command::Dap(arguments)), _) => {
            // Its lock would keep the adapter from writing.
            drop(output);
            dap::run(&arguments)
        }
        (Some(Command::Reducers(arguments)), _) => reducers::run(&arguments),
        (Some(Command::Demo(arguments)), _) => demo::run(&arguments),
        (None, Some(file)) => summary::run(&file, &mut output),
        (None, None) => Ok(2),
    };
    match result {
        Ok(status) => status,
        Err(problem) if is_closed_pipe(&problem) => 0,
        Err(problem) => {
            eprintln!("heapsake: {}", output::told(&problem));
            1
        }
    }
}

/// Whether the reader of our output went away, as `head` does.
fn is_closed_pipe(problem: &anyhow::Error) -> bool {
    problem
        .chain()
        .any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe))
}
