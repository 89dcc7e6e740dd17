//! `heapsake dap`: a debug adapter, which an editor starts or connects to.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

use anyhow::{Context, bail};
use heapsake_dap::{listen, over_stdio};

/// Options of `heapsake dap`.
#[derive(clap::Args, Debug)]
#[command(after_help = "An editor starts it and talks over standard input and output; docs/dap.md has the configuration of each.
With --listen it prints one line, `listening on HOST:PORT`, and serves whoever connects.")]
pub(crate) struct Arguments {
    /// Wait for connections on a port; 0 takes a free one. Without a host only this machine can connect.
    #[arg(long, value_name = "[HOST:]PORT")]
    listen: Option<String>,
    /// End after the first connection.
    #[arg(long, requires = "listen")]
    once: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let Some(place) = &arguments.listen else {
        over_stdio()?;
        return Ok(0);
    };
    let listening = listen(&addresses(place)?[..]).with_context(|| format!("cannot listen on {place}"))?;
    say(&format!("listening on {}", listening.address()?))?;
    if arguments.once {
        listening.serve_once()?;
    } else {
        listening.serve_all()?;
    }
    Ok(0)
}

fn say(line: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The addresses that `[HOST:]PORT` means.
fn addresses(place: &str) -> anyhow::Result<Vec<SocketAddr>> {
    if let Ok(port) = place.parse::<u16>() {
        return Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]);
    }
    let found: Vec<SocketAddr> = match place.to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(problem) => bail!("{place:?} is no place to listen on: {problem}\nhint: --listen 0, --listen 127.0.0.1:4711"),
    };
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn places() {
        let shown = |place: &str| addresses(place).map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(shown("0").expect("a port"), ["127.0.0.1:0"]);
        assert_eq!(shown("[::1]:7").expect("a host and a port"), ["[::1]:7"]);
        for wrong in ["", "70000", "host", "1.2.3.4"] {
            assert!(shown(wrong).is_err(), "{wrong:?}");
        }
    }
}
