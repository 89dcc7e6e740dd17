//! Dumps against what the program says of itself just before: every object that it can reach, by address: type, value, items
//! in their order, and the references that `gc.get_referents` gives.

use heapsake_tests::{Waiting, compared, environments, file, in_parallel, no_problems, problems, run};

#[test]
fn a_dump_holds_what_the_program_says_of_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = environments();
    let jobs: Vec<(usize, bool)> = (0..environments.len()).flat_map(|at| [(at, true), (at, false)]).collect();
    let results = in_parallel(&jobs, |(at, inside)| {
        let target = &environments[*at];
        // Compared in another version than the one that made it.
        let opener = &environments[(at + 1) % environments.len()];
        let name = format!("{} {}", target.version, if *inside { "from inside" } else { "from outside" });
        let (dump, said) = (folder.path().join(format!("{name}.heapsake")), folder.path().join(format!("{name}.json")));
        let mut program = target.python();
        program.arg(file("programs/self_description.py")).arg(&said);
        if *inside {
            run(program.arg(&dump)).success("the program that dumps itself");
        } else {
            let waiting = Waiting::start(&mut program);
            let mut command = target.heapsake();
            run(command.args(["dump", &waiting.pid(), "--redact", "none", "-o"]).arg(&dump)).success("heapsake dump");
            waiting.release();
        }
        let out = run(opener.python().arg(file("programs/compare.py")).arg(&dump).arg(&said)).success("the comparison");
        let shares: Vec<&str> = out.lines().filter(|line| line.starts_with("SHARE ")).collect();
        let [objects, found, of] = compared(&out);
        println!("{name}: {objects} objects, {found} of {of} references\n{}", shares.join("\n"));
        let mut bad: Vec<String> = problems(&out).into_iter().map(|problem| format!("{name}: {problem}")).collect();
        if objects < 50_000 || found * 1000 < of * 999 {
            bad.push(format!("{name}: only {objects} objects and {found} of {of} references"));
        }
        bad
    });
    no_problems(&results.concat());
}
