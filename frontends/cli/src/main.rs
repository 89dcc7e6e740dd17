//! The program `heapsake`.

use heapsake_greenlet as _;
use heapsake_numpy as _;
use heapsake_reducers as _;
use heapsake_stackless as _;

fn main() {
    std::process::exit(heapsake_cli::main(std::env::args_os()));
}
