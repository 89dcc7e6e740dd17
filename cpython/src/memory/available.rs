//! How much memory this process may still use: what the machine has, and what the control groups that it is in allow.
//!
//! Mirrors the kernel's `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst`.

use std::fs;
use std::path::{Path, PathBuf};

/// A limit of a process's memory, and what it uses of it by now; bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Use {
    /// What limits it, in words.
    pub what: &'static str,
    /// What is used, without what the kernel can take back at once.
    pub used: u64,
    /// What may be used.
    pub limit: u64,
}

impl Use {
    /// The share of the limit that is used.
    pub fn share(&self) -> f64 {
        self.used as f64 / self.limit.max(1) as f64
    }
}

/// The limits that process `pid` lives in: of its control groups, of its address space, of the machine.
pub fn limits(pid: i32) -> Vec<Use> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let mut found: Vec<Use> = groups(&read("cgroup"), Path::new(GROUPS))
        .into_iter()
        .map(|(used, limit)| Use { what: "the control group's limit", used, limit })
        .collect();
    found.extend(address_space(&read("limits"), &read("statm")));
    if let Some((all, left)) = machine() {
        found.push(Use { what: "the machine's memory", used: all.saturating_sub(left), limit: all });
    }
    found
}

/// What a process has in memory, in bytes.
pub fn resident(pid: i32) -> Option<u64> {
    pages(&fs::read_to_string(format!("/proc/{pid}/statm")).ok()?, 1)
}

/// Whether a process was stopped by a signal, as the key for it does, or stands still because it is traced.
pub fn is_stopped(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|fields| fields.trim_start().starts_with(['T', 't']))
}

fn pages(statm: &str, column: usize) -> Option<u64> {
    statm.split_whitespace().nth(column)?.parse::<u64>().ok()?.checked_mul(rustix::param::page_size() as u64)
}

fn address_space(limits: &str, statm: &str) -> Option<Use> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit = line.split_whitespace().next()?.parse().ok()?;
    Some(Use { what: "the limit of its address space", used: pages(statm, 0)?, limit })
}

const GROUPS: &str = "/sys/fs/cgroup";

/// How many bytes can be allocated before the kernel has to end a process; `None` if it does not say.
pub(super) fn memory() -> Option<u64> {
    let (_, machine) = machine()?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(in_groups(&groups, Path::new(GROUPS)).map_or(machine, |groups| groups.min(machine)))
}

/// What memory the machine has, and what of it is available, in bytes.
fn machine() -> Option<(u64, u64)> {
    let information = fs::read_to_string("/proc/meminfo").ok()?;
    let bytes = |name: &str| {
        let line = information.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((bytes("MemTotal:")?, bytes("MemAvailable:")?))
}

/// What the tightest of the control groups in the text of `/proc/PID/cgroup` leaves, and those around them.
fn in_groups(text: &str, root: &Path) -> Option<u64> {
    groups(text, root).into_iter().map(|(used, limit)| limit.saturating_sub(used)).min()
}

/// What is used, and the limit, of the control groups in the text of `/proc/PID/cgroup`, and of those around them.
fn groups(groups: &str, root: &Path) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, names) = match controllers {
            "" => (root.to_owned(), ["memory.max", "memory.current", "file ", "shmem "]),
            "memory" => (root.join("memory"), ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache ", "total_shmem "]),
            _ => continue,
        };
        // Inside of a container the path may be the host's, of which nothing but the root is to be seen.
        let inner = root.join(path.trim_start_matches('/'));
        let folders: Vec<PathBuf> =
            inner.ancestors().take_while(|folder| folder.starts_with(&root)).map(Path::to_owned).collect();
        found.extend(folders.iter().filter_map(|folder| in_group(folder, names)));
    }
    found
}

fn in_group(folder: &Path, [limit, usage, cache, shared]: [&str; 4]) -> Option<(u64, u64)> {
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let statistic =
        |name: &str| statistics.lines().find_map(|line| line.strip_prefix(name)).and_then(|number| number.parse::<u64>().ok());
    // Cached files count as used, and make room when it is needed; shared memory is counted among them, and does not.
    let files = statistic(cache).unwrap_or(0).saturating_sub(statistic(shared).unwrap_or(0));
    Some((number(usage)?.saturating_sub(files), number(limit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn the_tightest_group_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        group(root, &[("memory.stat", "file 1")]);
        group(
            &root.join("a"),
            &[("memory.max", "1000\n"), ("memory.current", "700\n"), ("memory.stat", "anon 5\nfile 230\nshmem 30\n")],
        );
        group(&root.join("a/b"), &[("memory.max", "max\n"), ("memory.current", "600\n")]);
        assert_eq!(in_groups("0::/a/b\n", root), Some(500), "the outer group has a limit");
        group(&root.join("a/b"), &[("memory.max", "640\n")]);
        assert_eq!(in_groups("0::/a/b\n", root), Some(40));
        assert_eq!(in_groups("0::/\n", root), None);
        assert_eq!(in_groups("0::/elsewhere/of/the/host\n", root), None);
        assert_eq!(in_groups("nonsense\n1:cpu:/a\n", root), None);
        let old = root.join("memory/c");
        group(
            &old,
            &[
                ("memory.limit_in_bytes", "90"),
                ("memory.usage_in_bytes", "100"),
                ("memory.stat", "cache 9\ntotal_cache 37\ntotal_shmem 7"),
            ],
        );
        assert_eq!(in_groups("4:memory:/c\n1:cpu:/\n", root), Some(20));
        assert!(memory().is_some_and(|bytes| bytes > 0));
        assert_eq!(groups("0::/a/b\n", root), [(600, 640), (500, 1000)]);
    }

    #[test]
    fn an_address_space_has_its_limit() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max address space         209715200            unlimited            bytes     \n";
        let found = address_space(limits, "25600 100 1 1 1 1 1").expect("a limit");
        assert_eq!((found.used, found.limit, found.share()), (104_857_600, 209_715_200, 0.5));
        assert_eq!(address_space(&limits.replace("209715200", "unlimited"), "1 1"), None);
        let own = std::process::id() as i32;
        assert!(limits_of_machine(own) && resident(own).is_some_and(|bytes| bytes > 1 << 20));
    }

    fn limits_of_machine(pid: i32) -> bool {
        super::limits(pid).iter().any(|known| known.what == "the machine's memory" && known.used > 0 && known.share() < 1.0)
    }
}
