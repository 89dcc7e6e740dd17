//! Programs that are nearly always at a bad moment, that have good ones in between, and that have no bad one.

use super::*;
use crate::live::{Program, has_section, interpreters, wait_until};
use crate::memory::Snapshot;
use crate::taken::Taken;

/// What the registers of the stopped program were judged as, many times.
fn judged(pid: i32, times: usize) -> Vec<Vec<String>> {
    let watch = Watch::of_process(pid, Which::Running).unwrap();
    let look = |_| {
        let judge = |frozen: &mut Frozen| Ok(watch.judge(frozen.process(), &frozen.registers()));
        Snapshot::settled(pid, judge).unwrap().1
    };
    (0..times).map(look).collect()
}

#[test]
fn a_program_that_waits_is_taken_at_once() {
    for (minor, interpreter) in interpreters() {
        let code = "import gc, sys\nheld = [[{1: 2}] for _ in range(100)]\nprint(1)\nsys.stdin.readline()";
        let mut program = Program::start(&interpreter, code);
        program.line();
        let asleep = || std::fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap().contains(") S ");
        wait_until("the program to wait", asleep);
        for _ in 0..3 {
            let moment = Taken::of_process(program.pid(), &Which::Running).unwrap().moment().clone();
            assert_eq!(moment, Moment { stops: 1, caught: Vec::new() }, "3.{minor}");
        }
    }
}

#[test]
fn a_collection_is_waited_for() {
    for (minor, interpreter) in interpreters() {
        // A collection of some tens of milliseconds, and a pause thrice as long: a quarter of all moments are bad.
        let code = "import gc, time\ngc.disable()\nheld = [[{}] for _ in range(150_000)]\nprint(1)\n\
                    while True:\n    t = time.monotonic()\n    gc.collect()\n    time.sleep(3 * (time.monotonic() - t))";
        let mut program = Program::start(&interpreter, code);
        program.line();
        let bad = judged(program.pid(), 40).iter().filter(|caught| !caught.is_empty()).count();
        assert!((1..40).contains(&bad), "3.{minor}: {bad} of 40 moments were bad");
        for _ in 0..4 {
            let moment = Taken::of_process(program.pid(), &Which::Running).unwrap().moment().clone();
            assert_eq!(moment.caught, Vec::<String>::new(), "3.{minor}");
        }
    }
}

#[test]
fn what_never_has_a_good_moment_is_taken_as_it_is() {
    for (minor, interpreter) in interpreters() {
        // A collection that does not end, for it waits in a callback.
        let code = "import gc, sys\ngc.callbacks.append(lambda *_: (print(1, flush=True), sys.stdin.readline()))\ngc.collect()";
        let mut program = Program::start(&interpreter, code);
        program.line();
        let moment = Taken::of_process(program.pid(), &Which::Running).unwrap().moment().clone();
        assert_eq!(moment.caught, ["a garbage collection was at work"], "3.{minor}");
        assert_eq!(moment.stops, MAXIMUM_STOPS);

        if !has_section(&interpreter, ".symtab") {
            println!("3.{minor}: not judged while a dict is filled, for it names no static functions");
            continue;
        }
        // A dict that is filled by C code, without a bytecode in between, by one of three threads.
        let code = "import threading\nlarge = {str(i): i for i in range(100_000)}\ndef idle():\n    while True: pass\n\
                    for _ in range(2): threading.Thread(target=idle, daemon=True).start()\nprint(threading.get_ident())\n\
                    while True: {}.update(large, x=1)";
        let mut program = Program::start(&interpreter, code);
        let ident = program.numbers()[0];
        // On a busy machine one thread may have the processor for long.
        let (mut bad, mut good) = (Vec::new(), Vec::new());
        for _ in 0..50 {
            let (more_bad, more_good): (Vec<_>, Vec<_>) =
                judged(program.pid(), 40).into_iter().partition(|caught| !caught.is_empty());
            bad.extend(more_bad);
            good.extend(more_good);
            if !bad.is_empty() && !good.is_empty() {
                break;
            }
        }
        assert!(!bad.is_empty() && !good.is_empty(), "3.{minor}: {} bad, {} good", bad.len(), good.len());
        for line in bad.iter().flatten() {
            let rest = line.strip_prefix(&format!("thread {ident} was in ")).unwrap_or_else(|| panic!("3.{minor}: {line}"));
            assert!(CHANGING.split_whitespace().any(|name| rest.split(',').next() == Some(name)), "{line}");
        }
        let moment = Taken::of_process(program.pid(), &Which::Running).unwrap().moment().clone();
        assert!(moment.caught.is_empty(), "3.{minor}: the idle threads run, too: {moment:?}");
    }
}

#[test]
fn a_dict_and_a_set_that_grow_are_caught_without_the_names_of_functions() {
    for (minor, interpreter) in interpreters() {
        // From 3.13 on a dict is given its new table when that is whole; for 3.15 this holds of sets.
        let is_whole = |container: &str| if container == "dict" { minor >= 13 } else { minor >= 15 };
        for (container, code, number) in [("dict", "grow.setdefault(i)", 40_000), ("set", "grow.add(i)", 8_000)] {
            // Half of the time goes into tables that are made anew.
            let code = format!(
                "import threading\nprint(threading.get_ident())\ngrow = {container}()\n\
                 while True:\n    for i in range({number}): {code}\n    grow.clear()"
            );
            let mut program = Program::start(&interpreter, &code);
            let ident = program.numbers()[0];
            let mut watch = Watch::of_process(program.pid(), Which::Running).unwrap();
            watch.changing.clear();
            let mut caught = Vec::new();
            for _ in 0..5000 {
                let judge = |frozen: &mut Frozen| Ok(watch.judge(frozen.process(), &frozen.registers()));
                caught = Snapshot::settled(program.pid(), judge).unwrap().1;
                if !caught.is_empty() {
                    break;
                }
            }
            let said = format!("thread {ident} was changing the {container} at 0x");
            let none_is_right = is_whole(container) && caught.is_empty();
            assert!(none_is_right || caught.len() == 1 && caught[0].starts_with(&said), "3.{minor}: {container}: {caught:?}");
        }
    }
}

#[test]
fn a_program_that_changes_no_container_is_never_caught_changing_one() {
    for (minor, interpreter) in interpreters() {
        // Calls, dicts and iterators that come and go, by way of lists of free objects.
        let code = "def called(i):\n    return {i: i}\nprint(1)\nwhile True:\n    for i in range(100):\n        \
                    called(i)\n        all(map(called, (i, i)))";
        let mut program = Program::start(&interpreter, code);
        program.line();
        let mut watch = Watch::of_process(program.pid(), Which::Running).unwrap();
        watch.changing.clear();
        let mut often = 0;
        for _ in 0..300 {
            let judge = |frozen: &mut Frozen| Ok(watch.judge(frozen.process(), &frozen.registers()));
            let caught = Snapshot::settled(program.pid(), judge).unwrap().1;
            // A dict of one entry is being filled for an instant.
            often += u32::from(caught.iter().any(|line| line.contains("was changing the")));
        }
        assert!(often < 30, "3.{minor}: caught in {often} of 300 moments");
    }
}
