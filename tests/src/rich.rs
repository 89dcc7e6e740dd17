//! Dumps of the program of everything, `programs/rich.py`, made in each way, and opened where nothing of it is known.

use std::path::{Path, PathBuf};

use crate::{Environment, Waiting, file, problems, run};

/// The dumps of one interpreter, each with how it was made.
pub fn dumps(environment: &Environment, folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let name = |how: &str| folder.join(format!("{}-{how}.heapsake", environment.version));
    let program = file("programs/rich.py");
    let (inside, outside, crash) = (name("inside"), name("outside"), name("run"));

    let ended = run(environment.python().arg(&program).arg("inside").arg(&inside));
    ended.success("the program that dumps itself");

    let waiting = Waiting::start(environment.python().arg(&program).arg("wait"));
    let ended = run(environment.heapsake().args(["dump", &waiting.pid(), "-o"]).arg(&outside));
    ended.success("heapsake dump");
    waiting.release();

    let ended = run(environment.heapsake().args(["run", "-o"]).arg(&crash).arg(&program).arg("crash"));
    assert_eq!(ended.status.code(), Some(1), "{}", ended.err);
    assert!(ended.err.contains("LedgerError: ('order cannot be booked', 17)"), "{}", ended.err);
    vec![("inside", inside), ("outside", outside), ("run", crash)]
}

/// Opens dumps in a Python that has nothing of the program; what was checked, and the problems.
pub fn opened(opener: &Environment, dumps: &[(&str, PathBuf)]) -> (u64, Vec<String>) {
    let mut command = opener.python();
    command.arg(file("programs/open_rich.py"));
    for (how, path) in dumps {
        command.arg(how).arg(path);
    }
    let out = run(command.current_dir("/")).success("the opener");
    let checked = out.lines().find_map(|line| line.strip_prefix("checked ")?.parse::<u64>().ok());
    let found = problems(&out).into_iter().map(|problem| format!("opened by {}: {problem}", opener.version));
    (checked.expect("how much was checked"), found.collect())
}
