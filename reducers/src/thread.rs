//! `threading` and `_thread`: locks, thread-local data and thread handles, by `Modules/_threadmodule.c`.
//!
//! A lock is a byte beside an operating-system lock, or from 3.14 on a mutex of one byte; which one decides the layout.
//! Thread-local data is a dict per thread, kept in a dict of the object's own.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Reason};

use crate::framework::{Ring, Target, facts, known, reducers};

reducers! {
    /// *What it holds.* A lock of the operating system.
    /// *What is saved.* `locked`. Who waits for it is in the stacks of the threads.
    /// *What becomes a surrogate.* One of a CPython whose locks are not known.
    Lock ["_thread.lock"] "`locked`" => lock;

    /// *What it holds.* A lock, the thread that has it, and how often.
    /// *What is saved.* `locked`, `owner` (the thread's identity) and `count`.
    /// *What becomes a surrogate.* One of a CPython whose locks are not known.
    RLock ["_thread.RLock"] "`owner` and `count`" => reentrant_lock;

    /// *What it holds.* A dict of attributes for each thread that has used it.
    /// *What is saved.* Each of them: `__dict__` is that of the thread that made the object, whose identity is `__thread__`,
    /// `__dict__ of thread N` the others; the arguments of its initialisation.
    /// *What becomes a surrogate.* None but the unreadable.
    Local ["_thread._local"] "the attributes of every thread" => local;

    /// *What it holds.* What keeps one thread's dict of a thread-local object.
    /// *What is saved.* That dict, as a borrowed reference.
    /// *What becomes a surrogate.* None but the unreadable.
    LocalDummy ["_thread._localdummy"] "the thread's dict" => |target, sink| {
        match target.layouts().thread_local_dummy.localdict {
            Some(dict) => target.edge(sink, EdgeKind::Borrowed, "localdict", dict),
            None => Ok(()),
        }
    };

    /// *What it holds.* A thread of the operating system.
    /// *What is saved.* `ident` and `state`.
    /// *What becomes a surrogate.* None but the unreadable.
    ThreadHandle ["_thread._ThreadHandle"] "`ident` and `state`" => thread_handle;
}

fn lock(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().lock;
    let byte = target.optional(layout.locked)?.map(|locked| locked != 0);
    let locked = match byte {
        Some(locked) => locked,
        None => target.field(known(layout.mutex)?)? & 1 != 0,
    };
    facts!(target, "locked": locked);
    Ok(())
}

fn reentrant_lock(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().rlock;
    let (count, owner) = if let (Some(count), Some(owner)) = (layout.rlock_count, layout.rlock_owner) {
        (target.field(count)?, target.field(owner)?)
    } else {
        let held = target.field(known(layout.mutex)?)? & 1;
        let again = target.field(known(layout.mutex_level)?)?;
        (held * again.saturating_add(1), target.field(known(layout.mutex_thread)?)?)
    };
    facts!(target, "locked": count > 0, "count": count, "owner": (count > 0).then_some(owner));
    Ok(())
}

fn local(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().thread_local;
    target.internal(sink, "args", layout.args)?;
    target.internal(sink, "kw", layout.kw)?;
    target.internals(
        sink,
        &[
            ("key", layout.key),
            ("dummies", layout.dummies),
            ("wr_callback", layout.wr_callback),
            ("localdicts", layout.localdicts),
            ("thread_watchdogs", layout.thread_watchdogs),
        ],
    )?;
    let dicts = known(layout.dummies.or(layout.localdicts))?;
    let dicts = target.field(dicts)?;
    if dicts.is_null() {
        return Ok(());
    }
    let owners = owners(target).unwrap_or_default();
    let mut number = 0;
    target.each_entry(dicts, |_, dict| {
        number += 1;
        let owner = owners.iter().find(|(_, owned)| *owned == dict);
        if let (1, Some((ident, _))) = (number, owner) {
            facts!(target, "__thread__": *ident);
        }
        let name = match (number, owner) {
            (1, _) => "__dict__".to_owned(),
            (_, Some((ident, _))) => format!("__dict__ of thread {ident}"),
            (number, None) => format!("__dict__ ({number})"),
        };
        sink.edge(EdgeKind::Internal, Name::Text(&name), dict);
        Ok(())
    })
}

/// Which thread has which dict: up to 3.12 the dict of a thread's state leads to it under the object's key; since, the object's
/// dicts are under keys of the threads.
fn owners(target: &Target<'_>) -> Result<Vec<(u64, Address)>, Failure> {
    let layouts = target.layouts();
    let mut owners = Vec::new();
    if target.facts.runtime.is_null() {
        return Ok(owners);
    }
    if let (Some(dicts), Some(key)) = (layouts.thread_local.localdicts, layouts.thread.threading_local_key) {
        let dicts = target.field(dicts)?;
        each_thread(target, |thread| {
            let (key, ident) = (target.field_of(key, thread)?, target.field_of(layouts.thread.thread_id, thread)?);
            target.each_entry(dicts, |name, dict| {
                if name == key {
                    owners.push((ident, dict));
                }
                Ok(())
            })
        })?;
        return Ok(owners);
    }
    let (Some(key), Some(local_dict)) = (layouts.thread_local.key, layouts.thread_local_dummy.localdict) else {
        return Ok(owners);
    };
    let key = target.field(key)?;
    each_thread(target, |thread| {
        let dict = target.field_of(layouts.thread.dict, thread)?;
        let mut dummy = None;
        if !dict.is_null() {
            target.each_entry(dict, |name, value| {
                if name == key {
                    dummy = Some(value);
                }
                Ok(())
            })?;
        }
        if let Some(dummy) = dummy {
            owners.push((target.field_of(layouts.thread.thread_id, thread)?, target.field_of(local_dict, dummy)?));
        }
        Ok(())
    })?;
    Ok(owners)
}

/// Gives the states of all threads to `each`.
fn each_thread(target: &Target<'_>, mut each: impl FnMut(Address) -> Result<(), Failure>) -> Result<(), Failure> {
    let layouts = target.layouts();
    let interpreter = target.field_of(layouts.runtime.interpreters_main, target.facts.runtime)?;
    let mut thread = target.field_of(layouts.interpreter.threads_head, interpreter)?;
    let mut ring = Ring::new();
    while !thread.is_null() {
        ring.step(thread)?;
        each(thread)?;
        thread = target.field_of(layouts.thread.next, thread)?;
    }
    Ok(())
}

fn thread_handle(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let object = known(target.layouts().thread_handle_object)?;
    let layout = known(target.layouts().thread_handle)?;
    let handle = target.field(object.handle)?;
    if handle.is_null() {
        return Err(Failure::new(Reason::Corrupt, "no thread"));
    }
    let state = match target.field_of(layout.state, handle)? {
        1 => "not started".to_owned(),
        2 => "starting".to_owned(),
        3 => "running".to_owned(),
        4 => "done".to_owned(),
        other => format!("unknown ({other})"),
    };
    facts!(target, "ident": target.field_of(layout.ident, handle)?, "state": state);
    Ok(())
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
