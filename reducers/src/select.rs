//! `select`: `epoll` and `poll` objects, by `Modules/selectmodule.c`.
//!
//! What an `epoll` waits for is in the kernel; it is asked while the process lives.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use crate::framework::{Fact, Target, facts, known, reducers};

reducers! {
    /// *What it holds.* A descriptor of the kernel's.
    /// *What is saved.* `fd`, `closed`, and while the process lives the descriptors and events that are `registered`.
    /// *What becomes a surrogate.* None but the unreadable.
    Epoll ["select.epoll"] "`fd`, and what is registered" => epoll;

    /// *What it holds.* A dict of descriptors and events.
    /// *What is saved.* That dict, as `registered`, and whether it polls.
    /// *What becomes a surrogate.* None but the unreadable.
    Poll ["select.poll"] "what is registered" => |target, sink| {
        let layout = known(target.layouts().poll)?;
        target.attribute(sink, "registered", layout.dict)?;
        facts!(target, "running": target.field(layout.poll_running)? != 0);
        Ok(())
    };
}

fn epoll(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let descriptor = target.field(known(target.layouts().epoll)?.epfd)?;
    facts!(target, "fd": descriptor, "closed": descriptor < 0);
    let information = target.facts.process_file(&format!("fdinfo/{descriptor}"));
    if let Some(text) = information.filter(|_| descriptor >= 0).and_then(|path| std::fs::read_to_string(path).ok()) {
        facts!(target, "registered": registered(&text));
    }
    Ok(())
}

/// The lines `tfd: <descriptor> events: <hexadecimal> …` of the kernel's description.
fn registered(text: &str) -> Fact {
    let line = |line: &str| {
        let mut words = line.strip_prefix("tfd:")?.split_whitespace();
        let descriptor: i64 = words.next()?.parse().ok()?;
        let events = u32::from_str_radix(words.nth(1)?, 16).ok()?;
        Some(Fact::List(vec![descriptor.into(), events.into()]))
    };
    Fact::List(text.lines().filter_map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_is_registered() {
        let text = "pos:\t0\nflags:\t02000002\ntfd:        7 events:       19 data:  7  pos:0 ino:f sdev:9\ntfd: x\n";
        assert_eq!(registered(text), Fact::List(vec![Fact::List(vec![7i64.into(), 0x19u32.into()])]));
    }
}
