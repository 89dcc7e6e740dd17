//! Real programs stopped, copied and let go, on every interpreter found.

use super::*;
use crate::live::{Program, interpreters, wait_until};
use crate::memory::process::Status;
use crate::symbols::Which;

/// A program that holds a marked bytes object and a big list, and has four threads that count.
const BUSY: &str = r#"
import sys, threading, time
marker = b"heapsake " * 1000
counts = [0, 0, 0, 0]
def work(number):
    while True:
        counts[number] += 1
        if counts[number] % 1000 == 0:
            [str(i) for i in range(100)]
for number in range(4):
    threading.Thread(target=work, args=(number,), daemon=True).start()
data = bytearray(range(256)) * (4096 * int(MEGABYTES))
print(id(marker), sys.getsizeof(marker), bytes.__basicsize__ - 1)
for line in sys.stdin:
    print(*counts)
"#;

fn busy(megabytes: u32) -> String {
    BUSY.replace("MEGABYTES", &megabytes.to_string())
}

/// Each system-visible thread's state, without the main one.
fn states(pid: i32) -> Vec<char> {
    let threads = crate::memory::process::threads(pid).unwrap();
    threads.iter().filter_map(|&thread| Some(Status::of(thread).ok()?.state)).collect()
}

#[test]
fn copies_a_busy_program_and_leaves_it_unharmed() {
    for (minor, interpreter) in interpreters() {
        let mut program = Program::start(&interpreter, &busy(8));
        let numbers = program.numbers();
        let [id, size, header] = numbers[..] else { panic!("{numbers:?}") };
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        assert_eq!(snapshot.threads().len(), 5, "3.{minor}");
        assert!(snapshot.pause() > Duration::ZERO && snapshot.pause() < Duration::from_secs(5));
        assert!(snapshot.copied_bytes() > 8 << 20);
        let bytes = snapshot.slice(Address(id), size as usize).unwrap();
        assert_eq!(&bytes[header as usize..size as usize - 1], b"heapsake ".repeat(1000));
        assert_eq!(snapshot.read_vec(Address(id), size, usize::MAX).unwrap(), bytes);
        program.say("count");
        let before = program.numbers();
        wait_until("all four threads to go on", || {
            program.say("count");
            let after = program.numbers();
            before.iter().zip(&after).all(|(before, after)| before < after)
        });
    }
}

/// Reserves 4 TiB, of which it touches a page in the middle.
const RESERVED: &str = "
import mmap, sys
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000
reserved = mmap.mmap(-1, 4 << 40, flags=flags)
reserved[1 << 40] = 7
with open('/proc/self/maps') as maps:
    spans = [[int(n, 16) for n in line.split()[0].split('-')] for line in maps]
print(next(start for start, end in spans if end - start >= 4 << 40))
sys.stdin.readline()
";

#[test]
fn terabytes_that_were_only_reserved_cost_nothing() {
    let (_, interpreter) = interpreters().pop().unwrap();
    let mut program = Program::start(&interpreter, RESERVED);
    let touched = Address(program.numbers()[0] + (1 << 40));
    let check = |source: &dyn Source| {
        let writable = source.writable();
        assert!(writable.iter().any(|span| span.contains(touched)));
        assert!(writable.iter().map(|span| span.len()).sum::<u64>() < 4 << 30, "{writable:?}");
        assert_eq!(source.word(touched), Some(7));
        assert_eq!(source.word(touched.offset(1 << 30)), Some(0), "what was never touched reads as zeros");
    };
    let snapshot = Snapshot::of_process(program.pid()).unwrap();
    check(&snapshot);
    assert!(snapshot.copied_bytes() < 1 << 30);
    let windows = crate::memory::Windows::of_process(program.pid()).unwrap();
    check(&windows);
    drop(windows);
    let mut bytes = Vec::new();
    let options = crate::pystate::CaptureOptions::default();
    let taken = crate::Taken::of_process(program.pid(), &Which::Running).unwrap();
    let registry = heapsake_core::reduce::Registry::default();
    let (summary, _) = taken.capture(options, registry, &mut bytes, heapsake_core::DumpOptions::default()).unwrap();
    assert!(summary.objects > 10_000, "{summary:?}");
}

#[test]
fn the_pause_is_that_of_all_stops() {
    let (_, interpreter) = interpreters().pop().unwrap();
    let mut program = Program::start(&interpreter, "import time; print(1); time.sleep(60)");
    program.numbers();
    let mut each = Duration::ZERO;
    let (snapshot, ()) = Snapshot::settled(program.pid(), |frozen| {
        for _ in 0..3 {
            let stood = frozen.stood();
            wait_until("a millisecond", || frozen.stood() > stood + Duration::from_millis(1));
            each += Duration::from_millis(1);
            frozen.again(Duration::from_millis(1))?;
        }
        Ok(())
    })
    .unwrap();
    assert!(snapshot.pause() > each, "{:?}", snapshot.pause());
    let (windows, before) = crate::memory::Windows::settled(program.pid(), |frozen| {
        let stood = frozen.stood();
        wait_until("a millisecond", || frozen.stood() > stood + Duration::from_millis(1));
        let before = frozen.stood();
        frozen.again(Duration::from_millis(1))?;
        Ok(before)
    })
    .unwrap();
    assert!(windows.stood() >= before && windows.release() > before);
}

#[test]
fn every_region_reads_as_the_process_says() {
    let (_, interpreter) = interpreters().pop().unwrap();
    let mut program = Program::start(&interpreter, "import json, ssl, decimal, time; print(1); time.sleep(60)");
    program.numbers();
    wait_until("the program to sleep", || states(program.pid()) == ['S']);
    let snapshot = Snapshot::of_process(program.pid()).unwrap();
    let live = Process::open(program.pid()).unwrap();
    let (mut pages, mut differing, mut copied) = (0u64, 0, 0u64);
    for region in snapshot.regions().regions() {
        let mut address = region.start;
        while address < region.end {
            let mut expected = [0; 4096];
            let mut found = [0; 4096];
            assert!(live.read_at(address, &mut expected).is_ok(), "{address} of {region:?}");
            assert!(snapshot.read_at(address, &mut found).is_ok(), "{address} of {region:?}");
            assert_eq!(snapshot.word(address), Some(u64::from_le_bytes(expected[..8].try_into().unwrap())));
            pages += 1;
            differing += u64::from(expected != found);
            copied += u64::from(snapshot.pieces.held_regions().find(address).is_some());
            address = address.offset(4096);
        }
        assert_eq!(snapshot.word(region.end.offset(-4)), None);
    }
    // The thread's own stack may change between the copy and now.
    assert!(pages > 1000 && copied > 100 && copied < pages, "{copied} of {pages}");
    assert!(differing <= 2, "{differing} of {pages} pages differ");
    // Whatever the process has mapped readable is there.
    for mapping in live.mappings().unwrap().iter().filter(|mapping| mapping.is_readable()) {
        let mut byte = [0];
        if live.read_at(mapping.span.start, &mut byte).is_ok() {
            assert_eq!(snapshot.read_u8(mapping.span.start), Some(byte[0]), "{mapping:?}");
        }
    }
}

#[test]
fn a_sleep_goes_on_with_the_time_that_was_left() {
    let code = "import time\nprint(1)\nt = time.monotonic()\ntime.sleep(1.0)\nprint(int(1000 * (time.monotonic() - t)))";
    let (_, interpreter) = interpreters().remove(0);
    let mut program = Program::start(&interpreter, code);
    program.numbers();
    wait_until("the program to sleep", || states(program.pid()) == ['S']);
    for _ in 0..3 {
        Snapshot::of_process(program.pid()).unwrap();
    }
    let slept = program.numbers()[0];
    assert!((1000..5000).contains(&slept), "slept {slept} ms");
}

#[test]
fn a_stopped_program_stays_stopped() {
    let (_, interpreter) = interpreters().pop().unwrap();
    let code = "import os, signal\nprint(1)\nos.kill(os.getpid(), signal.SIGSTOP)\nprint(2)";
    let mut program = Program::start(&interpreter, code);
    program.numbers();
    wait_until("the program to be stopped", || states(program.pid()) == ['T']);
    let snapshot = Snapshot::of_process(program.pid()).unwrap();
    assert_eq!(snapshot.threads(), [program.pid()]);
    wait_until("the program to be stopped again", || states(program.pid()) == ['T']);
    let signalled = std::process::Command::new("kill").args(["-CONT", &program.pid().to_string()]).status().unwrap();
    assert!(signalled.success());
    assert_eq!(program.numbers(), [2]);
}

#[test]
fn signals_that_arrive_meanwhile_are_delivered() {
    let (_, interpreter) = interpreters().pop().unwrap();
    let code = "import signal, time, sys\ncount = 0\ndef on(*_):\n    global count\n    count += 1\n\
                signal.signal(signal.SIGUSR1, on)\nprint(1)\nfor line in sys.stdin:\n    print(count)";
    let mut program = Program::start(&interpreter, code);
    program.numbers();
    let frozen = Process::freeze(program.pid()).unwrap();
    let pid = program.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-USR1", &pid]).status().unwrap().success());
    assert_eq!(frozen.threads().count(), 1);
    assert_eq!(states(program.pid()), ['t']);
    let snapshot = frozen.copy().unwrap();
    assert!(snapshot.copied_bytes() > 0);
    wait_until("the signal to arrive", || {
        program.say("count");
        program.numbers() == [1]
    });
}

#[test]
fn refuses_what_it_cannot_read() {
    let kind = |pid: i32| Snapshot::of_process(pid).unwrap_err().kind();
    assert_eq!(kind(0), ErrorKind::NoSuchProcess);
    assert_eq!(kind(-1), ErrorKind::NoSuchProcess);
    assert_eq!(kind(i32::MAX), ErrorKind::NoSuchProcess);
    assert_eq!(kind(std::process::id() as i32), ErrorKind::OwnProcess);
    if Status::of(2).is_ok_and(|status| status.name == "kthreadd") {
        assert_eq!(kind(2), ErrorKind::KernelThread);
    }
    let (_, interpreter) = interpreters().pop().unwrap();
    let mut zombie = std::process::Command::new(&interpreter).args(["-c", ""]).spawn().unwrap();
    let pid = zombie.id() as i32;
    wait_until("the program to end", || Status::of(pid).is_ok_and(|status| status.is_dead()));
    assert_eq!(kind(pid), ErrorKind::Zombie);
    zombie.wait().unwrap();
    assert_eq!(kind(pid), ErrorKind::NoSuchProcess);

    let mut program = Program::start(&interpreter, "import time; print(1); time.sleep(60)");
    program.numbers();
    let frozen = Process::freeze(program.pid()).unwrap();
    let traced = kind(program.pid());
    drop(frozen);
    assert_eq!(traced, ErrorKind::AlreadyTraced);
    assert!(Snapshot::of_process(program.pid()).is_ok());
}

/// Run by the next test, as another user.
#[test]
#[ignore = "a part of another test"]
fn of_another_user() {
    let pid = std::env::var("HEAPSAKE_TEST_PID").unwrap().parse().unwrap();
    let error = Snapshot::of_process(pid).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted, "{error}");
    let own = std::env::var("HEAPSAKE_TEST_WORD").unwrap();
    for word in [&own, "this is uid 65534", "/proc/sys/kernel/yama/ptrace_scope", "CAP_SYS_PTRACE"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn names_the_users_when_it_is_not_permitted() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let (_, interpreter) = interpreters().pop().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = folder.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    // A process that takes another user is undumpable from then on.
    for (start, word) in [("", "belongs to uid 0"), ("os.setresuid(65534, 65534, 65534)", "undumpable")] {
        let mut program = Program::start(&interpreter, &format!("import os, time\n{start}\nprint(1); time.sleep(60)"));
        program.numbers();
        let output = std::process::Command::new(&copy)
            .args(["--ignored", "--exact", "memory::snapshot::tests::of_another_user"])
            .env("HEAPSAKE_TEST_PID", program.pid().to_string())
            .env("HEAPSAKE_TEST_WORD", word)
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_process_that_dies_while_frozen_is_an_error() {
    let (_, interpreter) = interpreters().pop().unwrap();
    let mut program = Program::start(&interpreter, "import time; print(1); time.sleep(60)");
    program.numbers();
    let frozen = Process::freeze(program.pid()).unwrap();
    let pid = program.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    wait_until("the program to die", || Status::of(program.pid()).is_ok_and(|status| status.is_dead()));
    assert_eq!(frozen.copy().unwrap_err().kind(), ErrorKind::ProcessDied);
}

/// `cargo test --release -p heapsake-cpython -- --ignored --nocapture measures_a_read`
#[test]
#[ignore = "a measurement"]
fn measures_a_read() {
    let (_, interpreter) = interpreters().pop().unwrap();
    let mut program = Program::start(&interpreter, &busy(500));
    program.numbers();
    let snapshot = Snapshot::of_process(program.pid()).unwrap();
    drop(program);
    let largest = *snapshot.pieces.held_regions().regions().iter().max_by_key(|region| region.len()).unwrap();
    for (name, mask) in [("64 KiB", 0xffff), ("256 MiB", 0xfff_ffff)] {
        let addresses: Vec<Address> = (0..1u64 << 20)
            .map(|index| largest.start.offset((index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20 & mask & !7) as i64))
            .collect();
        let started = std::time::Instant::now();
        let mut sum = 0u64;
        for _ in 0..20 {
            for &address in &addresses {
                sum = sum.wrapping_add(snapshot.word(address).unwrap());
            }
        }
        let nanoseconds = started.elapsed().as_nanos() as f64 / (20.0 * addresses.len() as f64);
        println!("a word at random within {name}: {nanoseconds:.2} ns ({sum:x})");
    }
}

/// `cargo test --release -p heapsake-cpython -- --ignored --nocapture measures_the_pause`
#[test]
#[ignore = "a measurement"]
fn measures_the_pause() {
    let (_, interpreter) = interpreters().pop().unwrap();
    for megabytes in [1, 100, 500, 2000] {
        let mut program = Program::start(&interpreter, &busy(megabytes));
        program.numbers();
        for _ in 0..3 {
            let started = std::time::Instant::now();
            let snapshot = Snapshot::of_process(program.pid()).unwrap();
            let gigabytes = snapshot.copied_bytes() as f64 / 1e9;
            println!(
                "{megabytes} MiB: copied {gigabytes:.3} GB, pause {:.1} ms ({:.2} GB/s), all {:.1} ms",
                snapshot.pause().as_secs_f64() * 1e3,
                gigabytes / snapshot.pause().as_secs_f64(),
                started.elapsed().as_secs_f64() * 1e3
            );
        }
    }
}
