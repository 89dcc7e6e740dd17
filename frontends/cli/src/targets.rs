//! Which processes are meant: one by its number, the tree that it begins, those of a name, those of a control group.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Which processes to dump.
#[derive(clap::Args, Clone, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct Targets {
    /// The process.
    #[arg(value_name = "PID", conflicts_with_all = ["name", "cgroup"])]
    pub(crate) pid: Option<i32>,
    /// The process and all that it started, and they, and so on: every Python among them, a file each.
    #[arg(long, requires = "pid")]
    tree: bool,
    /// Every Python of this name: of the program that runs, or of the script or module that it was started with.
    #[arg(long, value_name = "NAME", conflicts_with = "cgroup")]
    name: Option<String>,
    /// Every Python of this control group and those in it: a path below /sys/fs/cgroup, or as /proc/PID/cgroup has it.
    #[arg(long, value_name = "PATH")]
    cgroup: Option<PathBuf>,
}

impl Targets {
    /// Whether any number of processes may be meant; what is no Python is then passed over.
    pub(crate) fn are_many(&self) -> bool {
        self.tree || self.name.is_some() || self.cgroup.is_some()
    }

    /// The processes, ascending; never this one.
    pub(crate) fn find(&self) -> anyhow::Result<Vec<i32>> {
        let found = match (self.pid, &self.name, &self.cgroup) {
            (Some(pid), ..) if self.tree => {
                let processes = processes()?;
                if !processes.contains_key(&pid) {
                    bail!("there is no process {pid}\nhint: `ps -ef --forest` shows what runs");
                }
                tree(&processes, pid)
            }
            (Some(pid), ..) => return Ok(vec![pid]),
            (None, Some(name), _) => {
                let found: Vec<i32> = processes()?.into_keys().filter(|pid| is_called(*pid, name)).collect();
                if found.is_empty() {
                    bail!("no process is called {name}\nhint: `ps -ef` shows their names");
                }
                found
            }
            (None, None, Some(path)) => {
                let mut found = Vec::new();
                members(&group(path)?, &mut found)?;
                if found.is_empty() {
                    bail!("no process is in the control group {}", path.display());
                }
                found
            }
            (None, None, None) => Vec::new(),
        };
        let own = std::process::id() as i32;
        let mut found: Vec<i32> = found.into_iter().filter(|pid| *pid != own).collect();
        found.sort_unstable();
        Ok(found)
    }
}

/// Every process, and its parent.
fn processes() -> anyhow::Result<BTreeMap<i32, i32>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").context("/proc cannot be read\nhint: mount -t proc proc /proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // It may have ended since.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name in brackets may hold anything.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        found.insert(pid, parent.unwrap_or(0));
    }
    Ok(found)
}

/// A process and its descendants.
fn tree(processes: &BTreeMap<i32, i32>, root: i32) -> Vec<i32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        for (pid, of) in processes {
            if *of == parent && !found.contains(pid) {
                found.push(*pid);
            }
        }
    }
    found
}

/// Whether a process is called so: by the file that runs, as it is called and as it is, by the kernel's name, or by the first word
/// that is no option of what an interpreter was given, or by the word after `-m`; all without folders and `.py`. A path is that of
/// the file that runs, or a word of the command line.
fn is_called(pid: i32, wanted: &str) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<String> = words
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let kernel = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let file = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    if wanted.contains('/') {
        let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let is_it = |word: &String| word == wanted || folder.join(word) == Path::new(wanted);
        return words.iter().any(is_it) || file.is_some_and(|file| file == Path::new(wanted));
    }
    let file = file.map(|file| plain(file.to_string_lossy().trim_end_matches(" (deleted)")));
    let plainly = plain(wanted);
    kernel.trim_end() == wanted || names(&words).into_iter().chain(file).any(|name| name == wanted || name == plainly)
}

/// A name without folders and `.py`.
fn plain(word: &str) -> String {
    let name = Path::new(word).file_name().map_or_else(|| word.to_owned(), |name| name.to_string_lossy().into_owned());
    name.strip_suffix(".py").map_or(name.clone(), str::to_owned)
}

/// The names that a command line gives a process.
fn names(words: &[String]) -> Vec<String> {
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    let mut found = vec![plain(first)];
    // As Python reads them: the script ends the options, and so does what `-m` or `-c` names.
    let rest: Vec<OsString> = rest.iter().map(OsString::from).collect();
    let (_, program) = crate::run::split(&rest).unwrap_or_default();
    let named = match program.first().and_then(|word| word.to_str()) {
        Some("-m") => program.get(1),
        Some("-c" | "-") => None,
        _ => program.first(),
    };
    found.extend(named.map(|word| plain(&word.to_string_lossy())));
    found
}

/// The folder of a control group.
fn group(path: &Path) -> anyhow::Result<PathBuf> {
    let inside = path.strip_prefix("/sys/fs/cgroup").or_else(|_| path.strip_prefix("/")).unwrap_or(path);
    // In the first version each controller has a hierarchy of its own; any lists the processes.
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"];
    let found = roots.iter().map(|root| Path::new(root).join(inside)).find(|folder| folder.join("cgroup.procs").is_file());
    found.with_context(|| {
        format!("there is no control group {}\nhint: /proc/PID/cgroup says which one a process is in", path.display())
    })
}

/// The processes of a control group and of those in it.
fn members(folder: &Path, found: &mut Vec<i32>) -> anyhow::Result<()> {
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let listed = std::fs::read_to_string(folder.join("cgroup.procs"));
        let listed = listed.with_context(|| format!("the control group {} cannot be read", folder.display()))?;
        found.extend(listed.lines().filter_map(|line| line.parse::<i32>().ok()));
        let inner = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        left.extend(inner.filter(|path| path.join("cgroup.procs").is_file()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_all_descendants() {
        let processes = BTreeMap::from([(1, 0), (2, 1), (3, 2), (4, 2), (5, 4), (6, 1)]);
        assert_eq!((tree(&processes, 2), tree(&processes, 6)), (vec![2, 3, 4, 5], vec![6]));
        // A parent that is its own child ends.
        assert_eq!(tree(&BTreeMap::from([(7, 7)]), 7), [7]);
    }

    #[test]
    fn names_of_a_command_line() {
        let names = |line: &str| names(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(names("/usr/bin/python3.11 -u /srv/app.py --port 80"), ["python3.11", "app"]);
        assert_eq!(names("python -m celery worker"), ["python", "celery"]);
        assert_eq!(names("python app.py -m resnet"), ["python", "app"]);
        assert_eq!(names("python -X dev -Wignore -W error app.py"), ["python", "app"]);
        assert_eq!(names("python -Im app.tool x"), ["python", "app.tool"]);
        assert_eq!(names("python -c pass app.py"), ["python"]);
        assert_eq!(names("/srv/venv/bin/gunicorn app:app"), ["gunicorn", "app:app"]);
        assert_eq!(names("gunicorn: master"), ["gunicorn:", "master"]);
        assert_eq!(names("uwsgi"), ["uwsgi"]);
    }
}
