//! The developer's commands: what continuous integration does, one of these does. One file per subcommand.

mod aarch64;
mod bench;
mod dap_clients;
mod debian;
mod debuggers;
mod derived;
mod doors;
mod editors;
mod emulated;
mod frameworks;
mod free_threaded;
mod frozen;
mod fuzz;
mod golden;
mod greenlet;
mod headers;
mod interpreters;
mod layouts;
mod programs;
mod reducers;
mod referents;
mod salvage;
mod seed;
mod servers;
mod side_by_side;
mod stackless;
mod test;
mod tidy;
mod torch;
mod unlocked;
mod vscode;

use clap::{Parser, Subcommand};

/// The developer's commands of heapsake.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch CPython 3.14 and 3.15 from Debian into `target/debian`, without installing them.
    Interpreters(debian::Arguments),
    /// Generate the table of CPython's struct layouts from debug information, or check it.
    Layouts(layouts::Arguments),
    /// Generate the table of greenlet's layouts from the wheels on PyPI, or check it.
    Greenlet(greenlet::Arguments),
    /// Run a program of tasklets on a Stackless Python 3.7 and compare its dump with what it says of itself.
    Stackless(stackless::Arguments),
    /// Compare the tensors of real releases of torch with what it says of them.
    Torch(torch::Arguments),
    /// Write the reference page of the built-in reducers, or check it.
    Reducers(reducers::Arguments),
    /// Write the page of the acceptance cases and their tests, or check it.
    Seed(seed::Arguments),
    /// Compare the references of C types in dumps with what the collector says, and write the table.
    Referents(referents::Arguments),
    /// Check the arrows between crates, where `unsafe` stands, and the sizes of files.
    Tidy,
    /// Measure the engine, or heapsake beside its peers.
    Bench(bench::Arguments),
    /// Run the coverage-guided fuzzers.
    Fuzz(fuzz::Arguments),
    /// Damage a large dump in many ways, and write what is left of it.
    Salvage(salvage::Arguments),
    /// Measure real servers while they are dumped, and write docs/servers.md.
    Servers(servers::Arguments),
    /// Check, test and pack the extension for VS Code into `target/vscode`.
    Vscode(vscode::Arguments),
    /// Check the files for Neovim, Emacs, Helix and Zed.
    Editors(editors::Arguments),
    /// Run real frameworks with and without their doors, and write docs/doors-frameworks.md.
    Frameworks,
    /// Make the golden dumps anew, which every later version must open.
    Golden,
    /// Run everything that continuous integration runs.
    Test(test::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Interpreters(arguments) => debian::run(&arguments),
        Command::Layouts(arguments) => layouts::run(&arguments),
        Command::Greenlet(arguments) => greenlet::run(&arguments),
        Command::Stackless(arguments) => stackless::run(&arguments),
        Command::Torch(arguments) => torch::run(&arguments),
        Command::Reducers(arguments) => reducers::run(&arguments),
        Command::Seed(arguments) => seed::run(&arguments),
        Command::Referents(arguments) => referents::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Salvage(arguments) => salvage::run(&arguments),
        Command::Servers(arguments) => servers::run(&arguments),
        Command::Vscode(arguments) => vscode::run(&arguments),
        Command::Editors(arguments) => editors::run(&arguments),
        Command::Frameworks => frameworks::run(),
        Command::Tidy => tidy::run(),
        Command::Golden => golden::run(),
        Command::Test(arguments) => test::run(&arguments),
    }
}
