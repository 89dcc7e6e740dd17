//! `asyncio`: futures and tasks, by `Modules/_asynciomodule.c`.
//!
//! A task begins with the fields of a future, under names of its own. Up to 3.12 both have a dict and a list of weak
//! references at offsets that the engine knows; from 3.13 on the interpreter manages them.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;
use heapsake_cpython::layout::{Bits, Field, Inline};

use crate::framework::{Fact, Target, facts, known, reducers};

reducers! {
    /// *What it holds.* A state, a result or an exception, and who is to be told.
    /// *What is saved.* `_state`, `_result`, `_exception`, `_loop`, `_callbacks`, where it was made, the message of its
    /// cancelling, and the flags.
    /// *What becomes a surrogate.* None but the unreadable.
    Future ["_asyncio.Future"] "state, result, exception, loop, callbacks" => future;

    /// *What it holds.* A future, the coroutine that it drives, and what that one waits for.
    /// *What is saved.* As a future; `_coro`, `_name`, `_context`, `_fut_waiter`, `_must_cancel` and the flags.
    /// *What becomes a surrogate.* None but the unreadable.
    Task ["_asyncio.Task"] "as a future; coroutine, name, context, awaited future" => task;

    /// *What it holds.* The future that `await` waits for.
    /// *What is saved.* `future`.
    /// *What becomes a surrogate.* None but the unreadable.
    FutureIterator ["_asyncio.FutureIter"] "the future" => |target, sink| {
        target.attribute(sink, "future", known(target.layouts().future_iterator)?.future)
    };

    /// *What it holds.* A task that is to take its next step.
    /// *What is saved.* `__self__`, the task, and what is thrown into it.
    /// *What becomes a surrogate.* None but the unreadable.
    TaskStep ["TaskStepMethWrapper", "_asyncio.TaskStepMethWrapper"] "the task" => |target, sink| {
        let layout = known(target.layouts().task_step)?;
        target.attributes(sink, &[("__self__", layout.sw_task), ("argument", layout.sw_arg)])
    };
}

/// The fields that both have.
struct Common {
    state: Field<u32>,
    log_traceback: Field<Bits>,
    blocking: Field<Bits>,
    attributes: [(&'static str, Field<Address>); 5],
    internals: [(&'static str, Field<Address>); 2],
    optional: [(&'static str, Option<Field<Address>>); 4],
    /// Up to 3.10 an item of the stack of handled exceptions.
    cancelled: Option<Field<Inline>>,
}

fn tell_common(target: &Target<'_>, sink: &mut dyn Sink, common: &Common) -> Result<(), Failure> {
    target.attributes(sink, &common.attributes)?;
    for (name, field) in &common.internals {
        target.internal(sink, name, *field)?;
    }
    for (name, field) in &common.optional {
        if let Some(field) = field {
            target.attribute(sink, name, *field)?;
        }
    }
    if let Some(cancelled) = common.cancelled {
        let (item, layout) = (cancelled.at(target.address()), target.layouts().exception_item);
        let fields = [
            (EdgeKind::Internal, "_cancelled_exc_type", layout.exc_type),
            (EdgeKind::Attribute, "_cancelled_exc", Some(layout.exc_value)),
            (EdgeKind::Internal, "_cancelled_exc_tb", layout.exc_traceback),
        ];
        for (kind, name, field) in fields {
            let held = field.map_or(Ok(Address::NULL), |field| target.field_of(field, item))?;
            if !held.is_null() {
                sink.edge(kind, Name::Text(name), held);
            }
        }
    }
    let state = match target.field(common.state)? {
        0 => "PENDING".to_owned(),
        1 => "CANCELLED".to_owned(),
        2 => "FINISHED".to_owned(),
        other => format!("unknown ({other})"),
    };
    facts!(target,
        "_state": state,
        "_log_traceback": target.field(common.log_traceback)? != 0,
        "_asyncio_future_blocking": target.field(common.blocking)? != 0,
    );
    Ok(())
}

fn future(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().future)?;
    tell_common(
        target,
        sink,
        &Common {
            state: layout.fut_state,
            log_traceback: layout.fut_log_tb,
            blocking: layout.fut_blocking,
            attributes: [
                ("_loop", layout.fut_loop),
                ("_result", layout.fut_result),
                ("_exception", layout.fut_exception),
                ("_callbacks", layout.fut_callbacks),
                ("_source_traceback", layout.fut_source_tb),
            ],
            internals: [("callback0", layout.fut_callback0), ("context0", layout.fut_context0)],
            optional: [
                ("_cancel_message", layout.fut_cancel_msg),
                ("_cancelled_exc", layout.fut_cancelled_exc),
                ("_exception_tb", layout.fut_exception_tb),
                ("_asyncio_awaited_by", layout.fut_awaited_by),
            ],
            cancelled: layout.fut_cancelled_exc_state,
        },
    )
}

fn task(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().task)?;
    tell_common(
        target,
        sink,
        &Common {
            state: layout.task_state,
            log_traceback: layout.task_log_tb,
            blocking: layout.task_blocking,
            attributes: [
                ("_loop", layout.task_loop),
                ("_result", layout.task_result),
                ("_exception", layout.task_exception),
                ("_callbacks", layout.task_callbacks),
                ("_source_traceback", layout.task_source_tb),
            ],
            internals: [("callback0", layout.task_callback0), ("context0", layout.task_context0)],
            optional: [
                ("_cancel_message", layout.task_cancel_msg),
                ("_cancelled_exc", layout.task_cancelled_exc),
                ("_exception_tb", layout.task_exception_tb),
                ("_asyncio_awaited_by", layout.task_awaited_by),
            ],
            cancelled: layout.task_cancelled_exc_state,
        },
    )?;
    target.attributes(
        sink,
        &[("_coro", layout.task_coro), ("_context", layout.task_context), ("_fut_waiter", layout.task_fut_waiter)],
    )?;
    if let Some(name) = layout.task_name {
        tell_name(target, sink, name)?;
    }
    facts!(target,
        "_must_cancel": target.field(layout.task_must_cancel)? != 0,
        "_log_destroy_pending": target.field(layout.task_log_destroy_pending)? != 0,
    );
    if let Some(asked) = target.optional(layout.task_num_cancels_requested)? {
        facts!(target, "_num_cancels_requested": asked);
    }
    Ok(())
}

/// A number stands for the name `Task-<number>` until somebody asks for it (3.13 and later).
fn tell_name(target: &Target<'_>, sink: &mut dyn Sink, field: Field<Address>) -> Result<(), Failure> {
    let name = target.field(field)?;
    if name.is_null() {
        return Ok(());
    }
    if target.is_of_type(name, "int") {
        sink.edge(EdgeKind::Internal, Name::Text("task_name"), name);
        if let Some(number) = target.integer(name)? {
            facts!(target, "_name": Fact::Text(format!("Task-{number}")));
        }
    } else {
        sink.edge(EdgeKind::Attribute, Name::Text("_name"), name);
    }
    Ok(())
}

#[cfg(test)]
#[path = "asyncio_tests.rs"]
mod tests;
