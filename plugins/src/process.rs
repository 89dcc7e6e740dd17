//! Processes that run the worker, started in whichever way is safe where the dump is made.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

/// Starts workers.
pub trait Spawner: Send {
    /// Starts one; its standard input is the other end of a socket.
    ///
    /// # Errors
    /// When there is no process to be had.
    fn spawn(&self) -> io::Result<Worker>;
}

/// A worker that runs.
pub struct Worker {
    /// Our end of its socket.
    pub channel: UnixStream,
    /// The process.
    pub process: Box<dyn Process>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// A process of which we are the parent.
pub trait Process: Send {
    /// Kills it, if it is not dead yet, and waits for it; gives the signal that ended it, if one did.
    fn end(&mut self) -> Option<i32>;
}

/// Starts workers with the standard library's means.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

impl Programs {
    /// This program, asked to be a worker.
    ///
    /// # Errors
    /// When the program's own file is not known.
    pub fn own() -> io::Result<Programs> {
        Ok(Programs { command: vec![std::env::current_exe()?.into(), crate::WORKER.into()] })
    }
}

impl Spawner for Programs {
    fn spawn(&self) -> io::Result<Worker> {
        let (ours, theirs) = UnixStream::pair()?;
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no program to run plugins in"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        // The linker and the plugins see nothing of the working directory.
        // A key on the terminal is not for the worker.
        let child = command.current_dir("/").process_group(0).spawn()?;
        Ok(Worker { channel: ours, process: Box::new(child) })
    }
}

impl Process for Child {
    fn end(&mut self) -> Option<i32> {
        // One that has ended is not killed again.
        let _ = self.kill();
        self.wait().ok()?.signal()
    }
}
