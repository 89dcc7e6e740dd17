//! The memory of a process by what it is for, from outside, from inside and of a core, against what Python's allocator and the
//! kernel say of it.

use std::path::Path;

use heapsake_core::Address;
use heapsake_loader::open;
use heapsake_tests::cores::{kernel_core, kernel_writes_cores, with_core};
use heapsake_tests::{Environment, Waiting, every, file, in_parallel, no_problems, run};
use serde_json::Value;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn address(value: &Value) -> u64 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).expect("an address");
    u64::from_str_radix(digits, 16).expect("hexadecimal")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("what the program said")
}

/// The bytes in blocks that are given out, of what `sys._debugmallocstats` printed; mimalloc's statistics have no such line.
fn in_allocated_blocks(printed: &str) -> Option<u64> {
    let line = printed.lines().find(|line| line.starts_with("# bytes in allocated blocks"))?;
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Whether two numbers are apart by more than so many thousandths.
fn differs(one: u64, other: u64, thousandths: u64) -> bool {
    one.abs_diff(other) > one.max(other) / 1000 * thousandths
}

/// A dump, and what the process said.
struct Looked<'a> {
    environment: &'a Environment,
    what: &'a str,
    dump: &'a Path,
    said: &'a Value,
    given_out: Option<u64>,
}

impl Looked<'_> {
    fn shown(&self, command: &str) -> Value {
        let shown = run(self.environment.heapsake().arg(command).arg(self.dump).arg("--json")).success(command);
        serde_json::from_str(&shown).expect("JSON")
    }

    /// What is wrong about the memory of the dump.
    fn problems(&self) -> Vec<String> {
        let (told, checked) = (self.shown("memory"), self.shown("check"));
        let regions = list(&told["regions"]);
        let mut bad = Vec::new();
        let mut check = |is_right: bool, problem: String| {
            if !is_right {
                bad.push(format!("{}, {}: {problem}", self.environment.version, self.what));
            }
        };
        let sum = |field: &str| regions.iter().map(|region| number(&region[field])).sum::<u64>();
        check(told["faults"] == 0, told["faults"].to_string());
        check(sum("objects") == number(&checked["objects"]), format!("{} objects of {}", sum("objects"), checked["objects"]));
        check(sum("object_bytes") == number(&told["whole"]["object_bytes"]), format!("{} bytes", sum("object_bytes")));
        let apart = regions.windows(2).all(|pair| address(&pair[0]["end"]) <= address(&pair[1]["start"]));
        check(apart, "regions overlap".to_owned());
        let arenas = list(&told["kinds"]).iter().find(|one| one["kind"] == "arenas").cloned().unwrap_or_default();
        let (in_use, explained) = (number(&arenas["in_use"]), number(&arenas["object_bytes"]));
        if let Some(given_out) = self.given_out {
            check(!differs(in_use, given_out, 5), format!("{in_use} bytes in use of {given_out}"));
        }
        // Blocks are multiples of 16 bytes, or of 8.
        check(explained <= in_use && explained > in_use / 4 * 3, format!("{explained} bytes explained of {in_use}"));
        let resident = &told["whole"]["resident"];
        if self.what == "core" {
            check(resident.is_null(), format!("a core says that {resident} bytes were in memory"));
        } else {
            let in_memory = number(&arenas["resident"]);
            check(in_use <= in_memory, format!("{in_use} bytes in use of {in_memory} in memory"));
            // The program itself changes little between the two looks.
            check(
                !differs(number(resident), number(&self.said["resident"]), 50),
                format!("{resident} of {}", self.said["resident"]),
            );
        }
        let region_of =
            |at: &Value| regions.iter().find(|region| (address(&region["start"])..address(&region["end"])).contains(&number(at)));
        for place in list(&self.said["places"]) {
            let region = region_of(&place[0]);
            check(region.is_some_and(|region| region["kind"] == place[1]), format!("{place} in {region:?}"));
        }
        for block in list(&self.said["blocks"]) {
            let region = region_of(&block[0]);
            check(
                region.is_some_and(|region| number(&region["object_bytes"]) >= number(&block[1])),
                format!("{block} in {region:?}"),
            );
        }
        // What objects own is of their size, as `sys.getsizeof` has it.
        let dump = open(self.dump).expect("a dump");
        for sized in list(&self.said["sizes"]) {
            let size = dump.object_at(Address(number(&sized[0]))).map(|object| object.size());
            check(size == sized[1].as_u64(), format!("{sized} has the size {size:?}"));
        }
        bad
    }
}

#[test]
fn memory_is_what_the_allocator_and_the_kernel_say() {
    kernel_writes_cores().expect("cores of the kernel are part of this test");
    let folder = tempfile::tempdir().expect("a folder");
    let results = in_parallel(&every(), |environment| {
        let place = folder.path().join(&environment.version);
        std::fs::create_dir(&place).expect("a folder");
        let name = |what: &str| place.join(what);
        let mut command = environment.python();
        command.arg(file("programs/memory.py")).args([name("said.json"), name("blocks.txt"), name("inside.heapsake")]);
        let waiting = Waiting::start(&mut with_core(&command, &place));
        let mut command = environment.heapsake();
        run(command.args(["dump", &waiting.pid(), "-o"]).arg(name("outside.heapsake"))).success("heapsake dump");
        waiting.die("ABRT");
        let mut command = environment.heapsake();
        run(command.arg("core").arg(kernel_core(&place)).arg("-o").arg(name("core.heapsake"))).success("heapsake core");
        let said: Value = serde_json::from_str(&read(&name("said.json"))).expect("JSON");
        let given_out = in_allocated_blocks(&read(&name("blocks.txt")));
        if given_out.is_none() {
            println!("{}: its allocator has no statistics of blocks", environment.version);
        }
        let mut ways = vec!["outside", "core"];
        if environment.has_package {
            ways.push("inside");
        } else {
            println!("{}: there is no package, so nothing is dumped from inside", environment.version);
        }
        let of = |what: &&str| {
            let dump = name(&format!("{what}.heapsake"));
            Looked { environment, what, dump: &dump, said: &said, given_out }.problems()
        };
        let bad: Vec<String> = ways.iter().flat_map(of).collect();
        // The text says the same.
        let text = run(environment.heapsake().arg("memory").arg(name("outside.heapsake"))).success("heapsake memory");
        let words = ["objects explain", "arenas", "in use", "shared  /dev/zero"];
        let unsaid = words.into_iter().filter(|word| !text.contains(word)).map(|word| format!("no {word:?} in {text}"));
        std::fs::remove_dir_all(&place).expect("the folder goes");
        bad.into_iter().chain(unsaid).collect::<Vec<_>>()
    });
    no_problems(&results.concat());
}
