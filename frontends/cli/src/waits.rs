//! What threads and tasks wait for, as the summary and the stacks show it.

use heapsake_analysis::waits::{Deadlock, Party, Task, Wait, Waits};
use heapsake_core::format::records::Thread;
use heapsake_loader::Dump;
use serde_json::{Value, json};

use crate::output::{Output, Style, count, harmless};
use crate::stack::{frame_json, print_frame};

/// Groups of tasks that the summary shows.
const GROUPS: usize = 12;
/// Frames of a group's stack, at its inner end.
const FRAMES: usize = 8;
/// Tasks of a group that are named.
const NAMED: usize = 10;

/// The line under a heading.
pub(crate) fn wait_line(output: &Output, wait: &Wait) -> String {
    output.style(Style::Problem, format!("  waits for {}", harmless(&wait.words)))
}

/// Deadlocks, each as a cycle in words.
pub(crate) fn print_deadlocks(dump: &Dump, waits: &Waits, output: &mut Output) -> anyhow::Result<()> {
    for deadlock in &waits.deadlocks {
        output.line("")?;
        let seems = if deadlock.certain { "" } else { " (who holds which lock is concluded from the source)" };
        output.line(output.style(Style::Problem, format!("Deadlock of {}{seems}", members(deadlock))))?;
        for party in &deadlock.parties {
            let words = waits.wait(*party).map_or("the thread that runs it", |wait| wait.words.as_str());
            let name = output.style(Style::Name, harmless(&waits.name(dump, *party)));
            output.line(format!("  {name} waits for {}", harmless(words)))?;
        }
    }
    Ok(())
}

fn members(deadlock: &Deadlock) -> String {
    let threads = deadlock.parties.iter().filter(|party| matches!(party, Party::Thread(_))).count();
    let tasks = deadlock.parties.len() - threads;
    let number = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        count => Some(format!("{count} {what}s")),
    };
    [number(threads, "thread"), number(tasks, "task")].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// Tasks by equal stacks, each group with its stack and what its tasks wait for.
pub(crate) fn print_task_groups(dump: &Dump, waits: &Waits, output: &mut Output) -> anyhow::Result<()> {
    if waits.tasks.is_empty() {
        return Ok(());
    }
    let groups = waits.task_groups();
    for group in groups.iter().take(GROUPS) {
        let Some(first) = group.first().and_then(|index| waits.tasks.get(*index)) else { continue };
        output.line("")?;
        let heading = match group.len() {
            1 => task_heading(first),
            many => format!("{} tasks with the same stack: {}, {}", count(many as u64), harmless(&first.function), first.state),
        };
        output.line(output.style(Style::Title, heading))?;
        let hidden = first.frames.len().saturating_sub(FRAMES);
        if hidden > 0 {
            output.line(format!("  … {hidden} outer frames"))?;
        }
        for frame in &first.frames[hidden..] {
            print_frame(output, dump, frame, true)?;
        }
        if group.len() == 1 {
            if let Some(wait) = &first.wait {
                output.line(wait_line(output, wait))?;
            }
            continue;
        }
        for task in group.iter().take(NAMED).filter_map(|index| waits.tasks.get(*index)) {
            let name = output.style(Style::Name, harmless(&task.name));
            let what = task.wait.as_ref().map(|wait| format!(" waits for {}", harmless(&wait.words))).unwrap_or_default();
            output.line(format!("  {name}{what}"))?;
        }
        if group.len() > NAMED {
            output.line(format!("  … and {} more: heapsake stack --tasks", count((group.len() - NAMED) as u64)))?;
        }
    }
    if groups.len() > GROUPS {
        output.line("")?;
        let rest: usize = groups[GROUPS..].iter().map(Vec::len).sum();
        let more = groups.len() - GROUPS;
        output.line(format!("… {} tasks with {more} more stacks: heapsake stack --tasks", count(rest as u64)))?;
    }
    Ok(())
}

/// Name, coroutine and state of a task.
pub(crate) fn task_heading(task: &Task) -> String {
    let frames = task.frames.len();
    let plural = if frames == 1 { "" } else { "s" };
    format!("task {} ({}, {}, {frames} frame{plural})", harmless(&task.name), harmless(&task.function), task.state)
}

/// All tasks, each with its frames.
pub(crate) fn print_tasks(dump: &Dump, waits: &Waits, variables: bool, output: &mut Output) -> anyhow::Result<()> {
    for task in &waits.tasks {
        output.line("")?;
        output.line(output.style(Style::Title, task_heading(task)))?;
        if let Some(wait) = &task.wait {
            output.line(wait_line(output, wait))?;
        }
        if !task.awaited_by.is_empty() {
            let names: Vec<String> =
                task.awaited_by.iter().take(NAMED).map(|index| harmless(&waits.name(dump, Party::Task(*index)))).collect();
            let more = task.awaited_by.len() - names.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            output.line(format!("  awaited by {}{more}", names.join(", ")))?;
        }
        for frame in &task.frames {
            print_frame(output, dump, frame, variables)?;
        }
    }
    Ok(())
}

fn party_json(party: Party) -> Value {
    match party {
        Party::Thread(index) => json!({ "thread": index }),
        Party::Task(index) => json!({ "task": index }),
    }
}

/// A wait, or null.
pub(crate) fn wait_json(wait: Option<&Wait>) -> Value {
    wait.map_or(Value::Null, |wait| {
        json!({
            "kind": wait.kind.word(),
            "words": wait.words,
            "object": wait.object.map(|object| object.0),
            "needs": wait.needs.iter().map(|party| party_json(*party)).collect::<Vec<_>>(),
        })
    })
}

/// All tasks.
pub(crate) fn tasks_json(dump: &Dump, waits: &Waits) -> Vec<Value> {
    let task = |task: &Task| {
        json!({
            "name": task.name,
            "object": task.object.0,
            "state": task.state,
            "coroutine": task.function,
            "coroutine_object": task.coroutine.map(|coroutine| coroutine.0),
            "loop": task.event_loop.map(|event_loop| event_loop.0),
            "thread": task.thread,
            "waits_for": wait_json(task.wait.as_ref()),
            "awaited_by": task.awaited_by,
            "frames": task.frames.iter().map(|frame| frame_json(dump, frame)).collect::<Vec<_>>(),
        })
    };
    waits.tasks.iter().map(task).collect()
}

/// All deadlocks.
pub(crate) fn deadlocks_json(dump: &Dump, waits: &Waits) -> Vec<Value> {
    let member = |party: &Party| {
        let mut value = party_json(*party);
        value["name"] = waits.name(dump, *party).into();
        value["waits_for"] = wait_json(waits.wait(*party));
        value
    };
    let deadlocks = waits.deadlocks.iter();
    deadlocks
        .map(|deadlock| json!({ "certain": deadlock.certain, "cycle": deadlock.parties.iter().map(member).collect::<Vec<_>>() }))
        .collect()
}

/// Locks that are waited for.
pub(crate) fn locks_json(waits: &Waits) -> Vec<Value> {
    let owner = |owner: &heapsake_analysis::waits::Owner| {
        let mut value = party_json(owner.party);
        value["certain"] = owner.certain.into();
        value
    };
    let locks = waits.locks.iter();
    locks
        .map(|lock| {
            json!({
                "object": lock.object.0,
                "words": lock.words,
                "owners": lock.owners.iter().map(owner).collect::<Vec<_>>(),
                "waiters": lock.waiters.iter().map(|party| party_json(*party)).collect::<Vec<_>>(),
            })
        })
        .collect()
}

/// A thread's own wait.
pub(crate) fn of_thread<'w>(dump: &Dump, waits: &'w Waits, thread: &Thread) -> Option<&'w Wait> {
    let index = dump.threads().iter().position(|known| std::ptr::eq(known, thread))?;
    waits.wait(Party::Thread(index))
}
