//! Objects in words: what a lock, a queue, a socket says of itself, on one line.

use ciborium::Value;
use heapsake_loader::{Limits, Object, render};

use super::state::{fact, flag, is_a, is_any, is_locked, member, number, text};
use super::structured;

/// An object in a few words.
pub(super) fn shown(object: &Object<'_>) -> String {
    let name = object.type_name().rsplit('.').next().unwrap_or_default();
    let address = object.address();
    let state = state(object).map(|state| format!(", {state}")).unwrap_or_default();
    format!("<{name} at {address}{state}>")
}

fn state(object: &Object<'_>) -> Option<String> {
    if is_any(object, &["_thread.RLock", "threading._RLock"]) {
        let count = number(object, "count").or_else(|| number(object, "_count"))?;
        return Some(if count == 0 { "free".to_owned() } else { format!("taken {count} time{}", plural(count)) });
    }
    if is_any(object, &["_thread.lock", "asyncio.locks.Lock"]) {
        return Some(if is_locked(object)? { "locked".to_owned() } else { "free".to_owned() });
    }
    if is_any(object, &["threading.Event", "asyncio.locks.Event"]) {
        let set = flag(object, "_flag").or_else(|| flag(object, "_value"))?;
        return Some(if set { "set".to_owned() } else { "not set".to_owned() });
    }
    if is_any(object, &["threading.Semaphore", "asyncio.locks.Semaphore"]) {
        return Some(format!("value {}", number(object, "_value")?));
    }
    if is_any(object, &["threading.Barrier", "asyncio.locks.Barrier"]) {
        return Some(format!("{} of {} are there", number(object, "_count")?, number(object, "_parties")?));
    }
    if let Some(state) = structured::state(object) {
        return Some(state);
    }
    if is_a(object, "_queue.SimpleQueue") {
        return Some(format!("{} item{}", object.len(), plural(object.len() as i128)));
    }
    if is_any(object, &["queue.Queue", "asyncio.queues.Queue"]) {
        let items = member(object, "queue").or_else(|| member(object, "_queue"))?.len();
        let most = number(object, "maxsize").or_else(|| number(object, "_maxsize"))?;
        return Some(format!("maxsize {most}, {items} item{}", plural(items as i128)));
    }
    if is_a(object, "_stackless.channel") {
        return Some(format!("balance {}", number(object, "balance")?));
    }
    if is_a(object, "_socket.socket") {
        let address = |name: &str| fact(object, name).map(|value| endpoint(&value)).filter(|text| !text.is_empty());
        return Some(
            match (address("laddr"), address("raddr"), fact(object, "status").and_then(|status| status.into_text().ok())) {
                (Some(own), Some(other), _) => format!("{own} → {other}"),
                (Some(own), None, Some(status)) => format!("{own}, {}", status.to_lowercase()),
                (Some(own), None, None) => own,
                (None, _, Some(status)) => format!("descriptor {}, {}", number(object, "fd")?, status.to_lowercase()),
                _ => format!("descriptor {}", number(object, "fd")?),
            },
        );
    }
    if is_any(object, &["subprocess.Popen", "asyncio.subprocess.Process", "multiprocessing.popen_fork.Popen"]) {
        let pid = number(object, "pid").or_else(|| number(&member(object, "_transport")?, "_pid"))?;
        let limits = Limits { characters: 60, ..Limits::default() };
        let what = member(object, "args").map(|what| format!(": {}", render(&what, limits))).unwrap_or_default();
        return Some(format!("pid {pid}{what}"));
    }
    if is_any(object, &["_asyncio.Future", "asyncio.futures.Future", "concurrent.futures._base.Future"]) {
        return Some(text(object, "_state")?.to_lowercase());
    }
    if let Some(name) = member(object, "name").and_then(|name| name.text()).filter(|_| is_a(object, "_io._IOBase")) {
        return Some(format!("{name:?}"));
    }
    None
}

fn endpoint(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.iter().map(endpoint).collect::<Vec<_>>().join(":"),
        Value::Integer(number) => i128::from(*number).to_string(),
        Value::Text(text) => text.clone(),
        _ => String::new(),
    }
}

/// The ending of a plural.
pub(super) fn plural(count: i128) -> &'static str {
    if count == 1 { "" } else { "s" }
}
