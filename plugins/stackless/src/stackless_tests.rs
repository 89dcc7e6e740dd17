//! Tasklets, channels and schedulers of every kind, in a process that is written by hand (`testing.rs`). Tests are named by
//! the acceptance cases that they stand for.

use crate::testing::{World, at, flag};

/// A thread that waits in `wait`, called by `main`.
fn thread(world: &mut World, ident: u64) -> (u64, u64) {
    let outer = world.frame("main", &[], 0, Some(1));
    let inner = world.frame("wait", &[], outer, None);
    world.thread(ident, inner)
}

#[test]
fn s1_scheduled_tasklets_are_found_in_the_order_of_their_ring() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let mut ring = vec![main];
    for number in 0..4 {
        let value = world.number(100 + number);
        let outer = world.frame("begin", &[("number", value)], 0, Some(0));
        let inner = world.frame("step", &[("value", value)], outer, Some(1));
        ring.push(world.tasklet(state, inner));
    }
    // By address the order is another one.
    ring.swap(1, 4);
    world.ring(&ring);
    world.half(state + at::TS_RUNCOUNT, 5);
    // One of them is held by a list; nothing leads to the others but the ring.
    world.list(&ring[2..3]);
    let told = world.told();
    let shown: Vec<u64> = told.tasklets.iter().map(|thread| thread.ident).collect();
    assert_eq!(shown, ring, "the one that runs, then the ring");
    for (place, tasklet) in ring.iter().enumerate() {
        assert_eq!(told.of(*tasklet).number("place"), Some(place as i128));
        assert!(told.of(*tasklet).is("scheduled") && told.of(*tasklet).is("alive"));
    }
    for tasklet in &ring[1..] {
        assert_eq!(told.functions(*tasklet), ["begin", "step"]);
        assert_eq!((told.of(*tasklet).word("state"), told.of(*tasklet).word("switched")), ("scheduled", "soft"));
        let frames = &told.shown(*tasklet).unwrap().frames;
        let named: Vec<&str> = frames.iter().flat_map(|frame| &frame.variables).map(|one| one.name.as_str()).collect();
        assert_eq!(named, ["number", "value"]);
        assert!(told.of(frames[1].object.0).failure.is_none());
    }
    assert_eq!(told.of(main).number("run_count"), Some(5));
    assert!(told.caught.is_empty());
}

#[test]
fn s2_blocked_tasklets_say_their_channel_direction_and_value() {
    let mut world = World::new();
    let (state, _) = thread(&mut world, 0x7001);
    let value = world.text("the value");
    let blocked = |world: &mut World, name| {
        let frame = world.frame(name, &[], 0, Some(1));
        world.tasklet(state, frame)
    };
    let receiving = [blocked(&mut world, "receives"), blocked(&mut world, "receives")];
    let sending = [blocked(&mut world, "sends")];
    world.put(sending[0] + at::TEMPVAL, value);
    // Nothing leads to these channels but the tasklets that wait at them, and nothing leads to those.
    let from = world.channel(&receiving, flag::RECEIVING, 6);
    let to = world.channel(&sending, flag::SENDING, 6);
    let told = world.told();
    for (place, tasklet) in receiving.iter().enumerate() {
        let heard = told.of(*tasklet);
        assert_eq!((heard.word("state"), heard.is("blocked")), ("blocked receiving", true));
        assert_eq!((heard.edge("_channel"), heard.number("place")), (Some(from), Some(place as i128)));
        assert_eq!(told.functions(*tasklet), ["receives"]);
    }
    let heard = told.of(sending[0]);
    assert_eq!((heard.word("state"), heard.is("blocked")), ("blocked sending", true));
    assert_eq!((heard.edge("_channel"), heard.edge("tempval")), (Some(to), Some(value)));
    assert_eq!(told.of(from).elements(), receiving);
    assert_eq!((told.of(from).number("balance"), told.of(to).number("balance")), (Some(-2), Some(1)));
}

#[test]
fn s3_a_hard_switched_tasklet_has_its_whole_chain() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let value = world.number(5);
    // The key function of `sorted`, called by C: both frames stand in the evaluator.
    let outer = world.frame("begin", &[("number", value)], 0, None);
    let key = world.frame("<lambda>", &[("item", value)], outer, None);
    // One that C does not hold has left softly.
    let inner = world.frame("spin", &[("word", value)], key, Some(2));
    let hard = world.hard(state, inner);
    world.ring(&[main, hard]);
    let told = world.told();
    assert_eq!(told.functions(hard), ["begin", "<lambda>", "spin"]);
    let heard = told.of(hard);
    assert_eq!((heard.word("state"), heard.word("switched"), heard.number("nesting_level")), ("scheduled", "hard", Some(1)));
    assert!(!heard.is("restorable"));
    let cstack = heard.edge("cstate").unwrap();
    assert_eq!((told.of(cstack).edge("task"), told.of(cstack).number("thread_id")), (Some(hard), Some(0x7001)));
    assert_eq!(told.of(outer).word("operand_stack"), "unknown");
    assert_eq!(told.of(key).word("operand_stack"), "unknown");
    assert_eq!(told.of(inner).word("operand_stack"), "");
}

#[test]
fn s4_every_state_and_flag_of_a_tasklet() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let function = world.object("function", 112);
    let argument = world.number(7);
    let arguments = world.tuple(&[argument]);
    let frame = |world: &mut World| world.frame("step", &[], 0, Some(0));
    let begun = world.cframe(0, [function, arguments, 0]);
    let begun_elsewhere = world.cframe(0, [function, arguments, 0]);
    let new = world.tasklet(state, begun);
    let removed = world.tasklet(state, begun_elsewhere);
    let at_rest = frame(&mut world);
    let paused = world.tasklet(state, at_rest);
    let at_rest = frame(&mut world);
    let paused_hard = world.hard(state, at_rest);
    let bound = world.tasklet(state, 0);
    world.put(bound + at::TEMPVAL, function);
    let ended = world.tasklet(state, 0);
    let at_rest = frame(&mut world);
    let gone = world.tasklet(0, at_rest);
    let at_rest = frame(&mut world);
    let mine = world.tasklet_of("app.Mine", state, at_rest);
    world.ring(&[main, new, mine]);
    for (tasklet, flags) in [
        (new, flag::ATOMIC),
        (paused, flag::BLOCK_TRAP | flag::IGNORE_NESTING),
        (paused_hard, flag::ZOMBIE),
        (mine, flag::AUTOSCHEDULE | flag::PENDING),
    ] {
        world.half(tasklet + at::FLAGS, flags);
    }
    let globals = world.dict(&[]);
    world.put(paused + at::DEF_GLOBALS, globals);
    world.list(&[removed, bound, ended]);
    let told = world.told();
    let expected = [
        // alive, paused, scheduled, restorable
        (main, "current", [true, false, true, true]),
        (new, "not yet run", [true, false, true, true]),
        (removed, "not yet run", [true, true, false, true]),
        (paused, "paused", [true, true, false, true]),
        (paused_hard, "paused", [true, true, false, false]),
        (bound, "bound", [false, false, false, true]),
        (ended, "ended", [false, false, false, true]),
        (gone, "thread gone", [false, false, false, true]),
        (mine, "scheduled", [true, false, true, true]),
    ];
    for (tasklet, state, words) in expected {
        let heard = told.of(tasklet);
        assert_eq!(heard.word("state"), state);
        assert_eq!(["alive", "paused", "scheduled", "restorable"].map(|name| heard.is(name)), words, "{state}");
        assert_eq!(told.shown(tasklet).is_some(), words[0], "{state}: shown while it lives");
        assert!(heard.failure.is_none(), "{state}: {:?}", heard.failure);
    }
    for (tasklet, set) in [
        (new, &["atomic"][..]),
        (paused, &["ignore_nesting", "block_trap"]),
        (paused_hard, &["is_zombie"]),
        (mine, &["autoschedule", "pending_irq"]),
        (ended, &[]),
    ] {
        let flags = ["atomic", "ignore_nesting", "autoschedule", "block_trap", "is_zombie", "pending_irq"];
        let found: Vec<&str> = flags.into_iter().filter(|name| told.of(tasklet).is(name)).collect();
        assert_eq!(found, set);
    }
    for tasklet in [new, removed] {
        assert_eq!((told.of(tasklet).edge("function"), told.of(tasklet).edge("arguments")), (Some(function), Some(arguments)));
        assert!(told.functions(tasklet).is_empty());
    }
    assert_eq!(told.of(bound).edge("tempval"), Some(function));
    assert_eq!(told.of(paused).edge("def_globals"), Some(globals));
    assert_eq!((told.of(paused).word("switched"), told.of(paused_hard).word("switched")), ("soft", "hard"));
    assert_eq!(told.of(mine).edge("next"), Some(main));
}

#[test]
fn s5_the_first_tasklet_waits_in_run() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let module = world.frame("<module>", &[], 0, None);
    let caller = world.frame("schedules", &[], module, None);
    let (outer, inner) = (world.frame("nested", &[], 0, None), world.frame("works", &[], 0, None));
    // The first one is in `run()`, one that it began is in a second `run()`, and a third one runs.
    let nested = world.hard(state, outer);
    let works = world.tasklet(state, 0);
    let cstate = world.cstack(state, main, 1);
    for (address, word) in [
        (main + at::F, caller),
        (main + at::CSTATE, cstate),
        (main + at::NEXT, 0),
        (main + at::PREV, 0),
        (main + at::EXC_INFO, main + at::EXC_STATE),
        (state + at::TS_CURRENT, works),
        (state + at::TS_FRAME, inner),
        (state + at::TS_EXC_INFO, works + at::EXC_STATE),
        (works + at::EXC_INFO, state + at::TS_EXC_STATE),
    ] {
        world.put(address, word);
    }
    world.half(state + at::TS_NESTING_LEVEL, 2);
    world.ring(&[works]);
    let watchdogs = world.list(&[main, main, nested]);
    world.put(state + at::TS_WATCHDOGS, watchdogs);
    let told = world.told();
    assert_eq!((told.of(main).word("state"), told.of(nested).word("state")), ("in run", "in run"));
    assert_eq!(told.functions(main), ["<module>", "schedules"]);
    assert_eq!((told.of(works).word("state"), told.of(works).number("nesting_level")), ("current", Some(2)));
    assert_eq!(told.functions(works), ["works"]);
    let names: Vec<&str> = told.tasklets.iter().filter_map(|thread| thread.name.as_deref()).collect();
    assert!(names[0].starts_with("Main-Tasklet of ") && names[1].starts_with("Current-Tasklet-"), "{names:?}");
    assert_eq!(told.of(works).edge("frame"), Some(inner));
}

#[test]
fn s6_balance_order_and_flags_of_channels() {
    let mut world = World::new();
    let (state, _) = thread(&mut world, 0x7001);
    let waiting: Vec<u64> = (0..5)
        .map(|_| {
            let frame = world.frame("receives", &[], 0, Some(0));
            world.tasklet(state, frame)
        })
        .collect();
    let order = [waiting[3], waiting[0], waiting[4], waiting[1], waiting[2]];
    let five = world.channel(&order, flag::RECEIVING, 6);
    let empty = world.channel(&[], flag::RECEIVING, 6);
    let closing = world.channel(&[], flag::RECEIVING, 1 | 2);
    let eager = world.channel(&[], flag::RECEIVING, 8);
    world.list(&[empty, closing, eager]);
    let told = world.told();
    let heard = told.of(five);
    assert_eq!((heard.elements(), heard.edge("queue")), (order.to_vec(), Some(order[0])));
    assert_eq!((heard.number("balance"), heard.number("waiting"), heard.word("direction")), (Some(-5), Some(5), "receiving"));
    assert_eq!(heard.word("ring"), "");
    for (channel, closed, preference, all) in
        [(five, false, -1, false), (empty, false, -1, false), (closing, true, 1, false), (eager, false, 0, true)]
    {
        let heard = told.of(channel);
        assert_eq!((heard.is("closing"), heard.is("closed"), heard.is("schedule_all")), (closed, closed, all));
        assert_eq!(heard.number("preference"), Some(preference));
    }
    assert_eq!((told.of(empty).number("balance"), told.of(empty).edge("queue")), (Some(0), None));
    // A channel that is closing while somebody waits is not closed yet.
    let mut world = World::new();
    let (state, _) = thread(&mut world, 0x7001);
    let frame = world.frame("receives", &[], 0, Some(0));
    let one = world.tasklet(state, frame);
    let channel = world.channel(&[one], flag::RECEIVING, 1);
    let told = world.told();
    assert_eq!((told.of(channel).is("closing"), told.of(channel).is("closed")), (true, false));
}

#[test]
fn s7_each_thread_has_its_ring() {
    let mut world = World::new();
    let mut rings = Vec::new();
    for (ident, count) in [(0x7001, 2), (0x7002, 3), (0x7003, 0)] {
        let (state, main) = thread(&mut world, ident);
        let mut ring = vec![main];
        for _ in 0..count {
            let frame = world.frame("step", &[], 0, Some(0));
            ring.push(world.tasklet(state, frame));
        }
        world.ring(&ring);
        rings.push((ident, ring));
    }
    let told = world.told();
    assert_eq!(told.threads.len(), 3);
    for (ident, ring) in &rings {
        let shown: Vec<u64> =
            told.tasklets.iter().filter(|thread| thread.carrier == Some(*ident)).map(|thread| thread.ident).collect();
        // The thread without tasklets of its own is itself its only one.
        let expected: &[u64] = if ring.len() == 1 { &[] } else { ring };
        assert_eq!(shown, expected, "thread {ident:#x}");
        assert!(told.of(ring[0]).is("is_main") && told.of(ring[0]).is("is_current"));
        for (place, tasklet) in ring.iter().enumerate() {
            let heard = told.of(*tasklet);
            assert_eq!(heard.number("thread_id"), Some(i128::from(*ident)));
            assert_eq!((heard.number("place"), heard.is("is_main")), (Some(place as i128), place == 0));
        }
    }
    let names: Vec<&str> = told.tasklets.iter().filter_map(|thread| thread.name.as_deref()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("Main-Current-Tasklet of ")).count(), 2);
    assert_eq!(names.len(), 7);
}

#[test]
fn s8_frames_of_c_functions_are_no_callers() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let value = world.number(3);
    // A generator that a tasklet consumes: its frame, a frame of a C function, the consumer.
    let consumer = world.frame("consumes", &[("number", value)], 0, Some(1));
    let running = world.object("generator", 96);
    let between = world.cframe(consumer, [running, 0, 0]);
    let yields = world.frame("numbers", &[("at", value)], between, Some(1));
    world.put(running + 16, yields);
    world.write(running + 24, &[1]);
    // What a tasklet was left at may itself be one.
    let restores = world.cframe(yields, [0, 0, 0]);
    let tasklet = world.tasklet(state, restores);
    world.ring(&[main, tasklet]);
    // One that is suspended outside of any tasklet keeps a frame of a C function that leads nowhere.
    let suspended = world.object("generator", 96);
    let nowhere = world.cframe(0, [0, 0, 0]);
    let alone = world.frame("alone", &[], nowhere, Some(1));
    world.put(suspended + 16, alone);
    world.keep(running);
    let holder = world.frame("holds", &[("suspended", suspended)], consumer, Some(0));
    let other = world.tasklet(state, holder);
    let told = world.told();
    assert_eq!(told.functions(tasklet), ["consumes", "numbers"]);
    assert_eq!(told.of(tasklet).word("state"), "scheduled");
    assert_eq!((told.of(tasklet).edge("frame"), told.of(tasklet).edge("f")), (Some(yields), Some(restores)));
    let back = |frame: u64| {
        let heard = told.of(frame);
        let callers = heard.edges.iter().filter(|edge| edge.1 == "f_back" && edge.0 == heapsake_core::heap::EdgeKind::Attribute);
        callers.map(|edge| edge.2).collect::<Vec<_>>()
    };
    assert_eq!((back(yields), back(alone), back(holder)), (vec![consumer], vec![0], vec![consumer]));
    assert_eq!((told.of(between).edge("ob1"), told.of(between).edge("f_back")), (Some(running), Some(consumer)));
    assert_eq!((told.of(between).number("i"), told.of(between).number("n")), (Some(7), Some(9)));
    assert_eq!(told.of(suspended).edge("gi_frame"), Some(alone));
    assert_eq!(told.functions(other), ["consumes", "holds"]);
}

#[test]
fn s9_the_exception_that_each_handles() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let exceptions: Vec<u64> = (0..3).map(|number| world.exception(number)).collect();
    let handle = |world: &mut World, item: u64, exception: u64, before: u64| {
        let class = world.word(exception + 8);
        for (offset, word) in [(0, class), (8, exception), (16, 0), (24, before)] {
            world.put(item + offset, word);
        }
    };
    // Inside of `except`.
    let frame = world.frame("handles", &[], 0, Some(0));
    let plain = world.tasklet(state, frame);
    handle(&mut world, plain + at::EXC_STATE, exceptions[0], 0);
    // Inside of a generator's `except`, inside of `except`: the generator's comes first.
    let frame = world.frame("consumes", &[], 0, Some(0));
    let nested = world.tasklet(state, frame);
    let generator = world.object("generator", 96);
    handle(&mut world, nested + at::EXC_STATE, exceptions[0], 0);
    handle(&mut world, generator + 64, exceptions[1], nested + at::EXC_STATE);
    world.put(nested + at::EXC_INFO, generator + 64);
    // The one that runs has its own where the thread looks, and the thread's where it looks itself.
    handle(&mut world, main + at::EXC_STATE, exceptions[2], 0);
    handle(&mut world, state + at::TS_EXC_STATE, exceptions[0], 0);
    let none = world.none;
    let idle = {
        let frame = world.frame("idles", &[], 0, Some(0));
        world.tasklet(state, frame)
    };
    handle(&mut world, idle + at::EXC_STATE, none, 0);
    world.ring(&[main, plain, nested, idle]);
    let told = world.told();
    let handled = |tasklet: u64| told.shown(tasklet).unwrap().exception.map(|exception| exception.0);
    assert_eq!(handled(plain), Some(exceptions[0]));
    assert_eq!(handled(nested), Some(exceptions[1]));
    assert_eq!(handled(main), Some(exceptions[2]));
    assert_eq!(handled(idle), None);
    assert_eq!(told.threads[0].exception.map(|exception| exception.0), Some(exceptions[2]));
    assert_eq!(told.of(nested).edge("exc_value"), Some(exceptions[0]), "its own is kept as well");
}

#[test]
fn a_bomb_is_on_its_way() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let exception = world.exception(1);
    let bomb = world.object("_stackless.bomb", 40);
    let class = world.word(exception + 8);
    world.put(bomb + 16, class);
    world.put(bomb + 24, exception);
    let frame = world.frame("step", &[], 0, Some(0));
    let tasklet = world.tasklet(state, frame);
    world.put(tasklet + at::TEMPVAL, bomb);
    world.ring(&[main, tasklet]);
    let told = world.told();
    assert_eq!(told.of(tasklet).edge("tempval"), Some(bomb));
    let heard = told.of(bomb);
    assert_eq!((heard.edge("type"), heard.edge("value"), heard.edge("traceback")), (Some(class), Some(exception), None));
}

#[test]
fn a_thread_that_is_blocked_has_no_current_tasklet() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let frame = world.word(state + at::TS_FRAME);
    let channel = world.channel(&[main], flag::RECEIVING, 6);
    world.put(state + at::TS_CURRENT, 0);
    world.put(main + at::F, frame);
    world.half(state + at::TS_RUNCOUNT, 0);
    world.half(state + at::TS_IS_BLOCKED, 1);
    let told = world.told();
    let heard = told.of(main);
    assert_eq!((heard.word("state"), heard.edge("_channel")), ("blocked receiving", Some(channel)));
    assert!(heard.is("thread_blocked") && heard.is("is_main") && !heard.is("is_current"));
    assert_eq!(told.functions(main), ["main", "wait"]);
}

#[test]
fn s16_a_switch_that_is_under_way_is_marked() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let frame = world.frame("step", &[], 0, None);
    let target = world.hard(state, frame);
    let cstack = world.word(target + at::CSTATE);
    // The target is the current one already, and its stack still belongs to it.
    world.put(world.runtime + at::TRANSFER, cstack);
    world.put(state + at::TS_CURRENT, target);
    world.put(target + at::F, 0);
    world.put(state + at::TS_FRAME, frame);
    world.ring(&[target, main]);
    let old = world.frame("main", &[], 0, Some(0));
    world.put(main + at::F, old);
    let told = world.told();
    assert_eq!(told.caught, [format!("thread {} was switching to the tasklet at {:#x}", 0x7001, target)]);
    assert_eq!((told.functions(target), told.functions(main)), (vec!["step"], vec!["main"]));

    // What an earlier switch has left marks nothing.
    let mut world = World::new();
    let (state, _) = thread(&mut world, 0x7001);
    let left = world.cstack(state, 0, 0);
    world.put(world.runtime + at::TRANSFER, left);
    assert!(world.told().caught.is_empty());

    // A callback of the scheduler, and a thread that may not switch.
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    world.write(state + at::TS_SCHEDLOCK, &[1]);
    let (trapped, other) = thread(&mut world, 0x7002);
    world.half(trapped + at::TS_SWITCH_TRAP, 1);
    let told = world.told();
    assert_eq!(told.caught.len(), 1);
    assert!(told.caught[0].contains("callback of the scheduler"), "{:?}", told.caught);
    assert!(told.of(main).word("scheduler").contains("switch") && told.of(other).word("scheduler").contains("switch"));
}

#[test]
fn s16_broken_rings_end_and_are_said_to_be_broken() {
    let mut world = World::new();
    let (state, main) = thread(&mut world, 0x7001);
    let mut one = || {
        let frame = world.frame("step", &[], 0, Some(0));
        world.tasklet(state, frame)
    };
    let (first, second, third) = (one(), one(), one());
    // The ring leads into a circle that does not come back.
    world.put(main + at::NEXT, first);
    world.put(first + at::NEXT, second);
    world.put(second + at::NEXT, first);
    // A queue that leads out of memory, one that never comes back, and one of frames of C functions that bite their tail.
    let channel = world.channel(&[third], flag::RECEIVING, 6);
    world.put(third + at::NEXT, 0xdead_0000);
    let frame = world.frame("step", &[], 0, Some(0));
    let lost = world.tasklet(state, frame);
    world.half(lost + at::FLAGS, flag::SENDING);
    world.put(lost + at::NEXT, lost);
    let circle = world.cframe(0, [0, 0, 0]);
    world.put(circle + 24, circle);
    let turning = world.tasklet(state, circle);
    world.put(turning + at::EXC_INFO, turning + at::EXC_STATE);
    world.put(turning + at::EXC_STATE + 24, turning + at::EXC_STATE);
    // A tasklet whose C stack and frame are nothing that can be read.
    let wild = world.tasklet(state, 0x6666_0000);
    world.put(wild + at::CSTATE, 0x7777_0001);
    let told = world.told();
    assert_eq!(told.of(main).word("ring"), "broken");
    assert_eq!(told.of(channel).word("ring"), "broken");
    assert_eq!(told.of(lost).edge("_channel"), None);
    assert_eq!(told.of(lost).word("state"), "blocked sending");
    assert_eq!(told.of(wild).word("state"), "thread gone");
    assert!(told.shown(wild).is_none() && told.functions(turning).is_empty());
    for tasklet in [first, second, third, lost, turning, wild] {
        assert!(told.of(tasklet).failure.is_none());
    }
}
