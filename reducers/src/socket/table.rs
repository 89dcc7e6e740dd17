//! The kernel's tables of sockets, `/proc/PID/net/{tcp,tcp6,udp,udp6,unix}`, by inode.
//!
//! They are read as a whole and kept for a moment, so that a program with ten thousand sockets does not cost ten thousand
//! readings.

use std::cell::RefCell;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use heapsake_cpython::heap::Facts;
use rustc_hash::FxHashMap;

use crate::framework::Fact;

/// How long a reading is used.
const FRESH: Duration = Duration::from_secs(2);

/// What the kernel says of a socket.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Its own address: host and port, or a path.
    pub(super) local: Fact,
    /// The other side's, if it is connected.
    pub(super) remote: Fact,
    /// `LISTEN`, `ESTABLISHED` and so on, where there is one.
    pub(super) status: Fact,
}

struct Reading {
    pid: i32,
    when: Instant,
    entries: FxHashMap<u64, Entry>,
}

thread_local! {
    static LAST: RefCell<Option<Reading>> = const { RefCell::new(None) };
}

/// What the kernel says of the socket with this inode.
pub(super) fn find(facts: &Facts, inode: u64) -> Option<Entry> {
    let pid = facts.pid?;
    LAST.with_borrow_mut(|last| {
        let fresh = last.as_ref().is_some_and(|last| last.pid == pid && last.when.elapsed() < FRESH);
        if !fresh {
            *last = Some(Reading { pid, when: Instant::now(), entries: read(facts) });
        }
        last.as_ref()?.entries.get(&inode).cloned()
    })
}

fn read(facts: &Facts) -> FxHashMap<u64, Entry> {
    let mut entries = FxHashMap::default();
    let text = |name: &str| facts.process_file(name).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    for (name, is_tcp) in [("net/tcp", true), ("net/tcp6", true), ("net/udp", false), ("net/udp6", false)] {
        entries.extend(text(name).lines().filter_map(|line| internet(line, is_tcp)));
    }
    entries.extend(text("net/unix").lines().filter_map(local));
    entries
}

/// A line `sl: local:port remote:port state … uid timeout inode` of the internet tables.
fn internet(line: &str, is_tcp: bool) -> Option<(u64, Entry)> {
    const STATES: [&str; 12] = [
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "CLOSING",
        "NEW_SYN_RECV",
    ];
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, own, other, state, _, _, _, _, _, inode, ..] = words.as_slice() else { return None };
    let remote = endpoint(other)?;
    let is_connected = other.rsplit_once(':').is_some_and(|(_, port)| port != "0000");
    let state = usize::from_str_radix(state, 16).ok()?;
    let status = is_tcp.then(|| STATES.get(state.wrapping_sub(1)).copied()).flatten();
    let entry =
        Entry { local: endpoint(own)?, remote: if is_connected { remote } else { Fact::Nothing(()) }, status: status.into() };
    Some((inode.parse().ok()?, entry))
}

/// `0100007F:1F90`: words of the address as the machine orders bytes, and the port.
fn endpoint(text: &str) -> Option<Fact> {
    let (host, port) = text.split_once(':')?;
    let words: Option<Vec<u32>> =
        host.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()).collect();
    let host = match *words?.as_slice() {
        [word] => Ipv4Addr::from(word.to_le_bytes()).to_string(),
        [a, b, c, d] => {
            let mut bytes = [0; 16];
            for (into, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip([a, b, c, d]) {
                *into = word.to_le_bytes();
            }
            Ipv6Addr::from(bytes).to_string()
        }
        _ => return None,
    };
    Some(Fact::List(vec![host.into(), u16::from_str_radix(port, 16).ok()?.into()]))
}

/// A line `num: references protocol flags type state inode path` of the table of local sockets.
fn local(line: &str) -> Option<(u64, Entry)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, _, _, _, _, state, inode, path @ ..] = words.as_slice() else { return None };
    let status = match *state {
        "01" => "UNCONNECTED",
        "02" => "CONNECTING",
        "03" => "CONNECTED",
        "04" => "DISCONNECTING",
        _ => return None,
    };
    let entry = Entry { local: path.join(" ").into(), remote: Fact::Nothing(()), status: status.into() };
    Some((inode.parse().ok()?, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(host: &str, port: u16) -> Fact {
        Fact::List(vec![host.into(), port.into()])
    }

    #[test]
    fn lines_of_the_kernel_are_understood() {
        let line = "   1: 0100007F:1F90 0200000A:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 20";
        let (inode, entry) = internet(line, true).unwrap();
        assert_eq!(inode, 4711);
        assert_eq!(entry.local, pair("127.0.0.1", 8080));
        assert_eq!(entry.remote, pair("10.0.0.2", 54321));
        assert_eq!(entry.status, "ESTABLISHED".into());
        let line = "0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 12 1";
        let (_, entry) = internet(line, true).unwrap();
        assert_eq!(entry.local, pair("::1", 80));
        assert_eq!((entry.remote, entry.status), (Fact::Nothing(()), "LISTEN".into()));
        let (inode, entry) = local("0000000000000000: 00000002 00000000 00010000 0001 01 9001 /run/a b").unwrap();
        assert_eq!((inode, entry.local), (9001, "/run/a b".into()));
        assert_eq!(internet("  sl  local_address rem_address   st tx_queue", true), None);
    }
}
