//! How much memory this process may still use: what the machine has, and what the control groups that it is in allow.
//!
//! Mirrors the kernel's `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst`.

use std::fs;
use std::path::{Path, PathBuf};

const GROUPS: &str = "/sys/fs/cgroup";

/// How many bytes can be allocated before the kernel has to end a process; `None` if it does not say.
pub(super) fn memory() -> Option<u64> {
    let information = fs::read_to_string("/proc/meminfo").ok()?;
    let line = information.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(in_groups(&groups, Path::new(GROUPS)).map_or(machine, |groups| groups.min(machine)))
}

/// What the tightest of the control groups in the text of `/proc/PID/cgroup` leaves, and those around them.
fn in_groups(groups: &str, root: &Path) -> Option<u64> {
    let mut left = Vec::new();
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
        left.extend(folders.iter().filter_map(|folder| in_group(folder, names)));
    }
    left.into_iter().min()
}

fn in_group(folder: &Path, [limit, usage, cache, shared]: [&str; 4]) -> Option<u64> {
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let statistic =
        |name: &str| statistics.lines().find_map(|line| line.strip_prefix(name)).and_then(|number| number.parse::<u64>().ok());
    // Cached files count as used, and make room when it is needed; shared memory is counted among them, and does not.
    let files = statistic(cache).unwrap_or(0).saturating_sub(statistic(shared).unwrap_or(0));
    Some(number(limit)?.saturating_add(files).saturating_sub(number(usage)?))
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
    }
}
