//! The reducers of `asyncio`: objects laid out by hand for several CPythons, and hostile ones.

use crate::framework::testing::{Process, VERSIONS};

const TASK: u64 = 0x10_0000;
const NAME: u64 = 0x20_0000;

/// Offsets of `task_state`, `task_fut_waiter`, `task_coro`, `task_name` by version.
const PLACES: [[u64; 4]; 6] = [
    [72, 104, 112, 120],
    [80, 144, 152, 160],
    [88, 152, 160, 168],
    [88, 128, 136, 144],
    [88, 128, 136, 144],
    [96, 112, 120, 128],
];

fn task(index: usize, state: u8, name_type: &'static str) -> Process {
    let [state_at, waiter, coroutine, name] = PLACES[index];
    Process::new(VERSIONS[index])
        .object(TASK, "_asyncio.Task", 200)
        .words(TASK + 16, &[71, 72, 73, 74, 75])
        .bytes(TASK + state_at, &[state, 0, 0, 0])
        .words(TASK + waiter, &[81])
        .words(TASK + coroutine, &[82])
        .words(TASK + name, &[NAME])
        .object(NAME, name_type, 64)
}

#[test]
fn a_task_tells_what_it_waits_for() {
    for index in 0..VERSIONS.len() {
        let told = task(index, 0, "str").reduce(TASK);
        assert_eq!(told.reason(), None);
        let edges = ["_loop", "callback0", "context0", "_callbacks", "_exception", "_fut_waiter", "_coro", "_name"];
        assert_eq!(edges.map(|name| told.edge(name)), [71, 72, 73, 74, 75, 81, 82, NAME]);
        assert_eq!((told.fact("_state"), told.fact("_must_cancel")), ("PENDING".into(), "false".into()));
        assert_eq!(task(index, 2, "str").reduce(TASK).fact("_state"), "FINISHED");
        assert_eq!(task(index, 9, "str").reduce(TASK).fact("_state"), "unknown (9)");
    }
}

#[test]
fn a_number_stands_for_a_name() {
    // An int of 3.13: a tag of one digit at 16, the digit at 24.
    let told = task(5, 0, "int").words(NAME + 16, &[1 << 3, 17]).reduce(TASK);
    assert_eq!(told.fact("_name"), "Task-17");
    assert!(told.edges.iter().all(|(_, name, _)| name != "_name"));
}

#[test]
fn a_future_has_the_same_head() {
    for (version, state_at) in [(VERSIONS[0], 72), (VERSIONS[5], 96)] {
        let told = Process::new(version)
            .object(TASK, "_asyncio.Future", 144)
            .words(TASK + 16, &[71, 0, 0, 0, 75])
            .bytes(TASK + state_at, &[1])
            .reduce(TASK);
        assert_eq!((told.edge("_loop"), told.edge("_exception"), told.edges.len()), (71, 75, 2));
        assert_eq!(told.fact("_state"), "CANCELLED");
    }
}
