//! What a tasklet of Stackless Python waits for, as its own state says.

use heapsake_core::format::records::Thread;
use heapsake_loader::Object;

use super::scene::Scene;
use super::state::{member, number, text};
use super::words::shown;
use super::{Wait, WaitKind};

/// What tasklets are called among threads.
pub(super) const KIND: &str = "tasklet";

/// What a tasklet that does not run waits for.
pub(super) fn wait_of(scene: &Scene<'_>, thread: &Thread) -> Option<Wait> {
    let tasklet = scene.dump.referenced(thread.object)?;
    match text(&tasklet, "state")?.as_str() {
        "blocked receiving" => Some(on_channel(&tasklet, "a value: receive on")),
        "blocked sending" => Some(on_channel(&tasklet, "a receiver: send on")),
        "in run" => Some(in_scheduler("the end of those that it watches, in stackless.run".to_owned())),
        "scheduled" => Some(in_scheduler(turn(&tasklet))),
        "not yet run" if number(&tasklet, "place").is_none() => {
            Some(in_scheduler("its first turn: it is in no queue".to_owned()))
        }
        "not yet run" => {
            let function = member(&tasklet, "function").and_then(|function| text(&function, "__name__"));
            Some(in_scheduler(format!("{}, to begin with {}", turn(&tasklet), function.as_deref().unwrap_or("its function"))))
        }
        "paused" => Some(in_scheduler("somebody to insert it: it is in no queue".to_owned())),
        _ => None,
    }
}

/// Whether it runs in a thread that waits itself, so that its frames say for what.
pub(super) fn is_in_waiting_thread(scene: &Scene<'_>, thread: &Thread) -> bool {
    let state = scene.dump.referenced(thread.object).and_then(|tasklet| text(&tasklet, "state"));
    let runs = |other: &&Thread| Some(other.ident) == thread.carrier && other.kind.is_empty();
    state.as_deref() == Some("current") && scene.dump.threads().iter().find(runs).is_some_and(|carrier| !carrier.current)
}

fn turn(tasklet: &Object<'_>) -> String {
    match number(tasklet, "place") {
        Some(place) => format!("its turn, place {place} after the one that runs"),
        None => "its turn".to_owned(),
    }
}

fn in_scheduler(words: String) -> Wait {
    Wait::new(WaitKind::Scheduler, words, None)
}

fn on_channel(tasklet: &Object<'_>, what: &str) -> Wait {
    let channel = member(tasklet, "_channel");
    let words = channel.as_ref().map_or_else(|| "an unknown channel".to_owned(), shown);
    Wait::new(WaitKind::Channel, format!("{what} {words}"), channel.map(|channel| channel.id()))
}
