//! Work of which much is waiting, done side by side; what each part says is shown whole, when it ends.

use std::io::{Read, Seek};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};

/// Does `work` for each item, with a name, `at_once` at a time: all of it, even if some fails. What failed is named.
pub(crate) fn each<T: Sync>(at_once: usize, items: &[(String, T)], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(items.len()) {
            scope.spawn(|| {
                while let Some((name, item)) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(problem) = work(item) {
                        failed.lock().expect("nobody panics with it").push(format!("{name}: {problem:#}"));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("nobody panics with it");
    failed.sort();
    if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join("\n")) }
}

/// Runs a command to its end; shows what it said, both outputs in their order, below `header`.
pub(crate) fn shown_whole(header: &str, command: &mut Command) -> Result<()> {
    // No pipe, which what the command has left running would keep open.
    let mut said = tempfile::tempfile()?;
    println!("-- {header} begins");
    command.stdout(said.try_clone()?).stderr(said.try_clone()?);
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let mut text = Vec::new();
    said.rewind()?;
    said.read_to_end(&mut text)?;
    println!("-- {header}\n{}", String::from_utf8_lossy(&text).trim_end());
    if !status.success() {
        bail!("{header} ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{each, shown_whole};

    #[test]
    fn all_is_done_and_what_failed_is_named() {
        let items: Vec<(String, usize)> = (0..7).map(|number| (format!("number {number}"), number)).collect();
        let done = std::sync::Mutex::new(Vec::new());
        let ended = each(2, &items, |number| {
            done.lock().expect("nobody panics with it").push(*number);
            if number % 3 == 1 { shown_whole("three", Command::new("sh").args(["-c", "echo no >&2; exit 3"])) } else { Ok(()) }
        });
        let mut done = done.into_inner().expect("nobody panics with it");
        done.sort_unstable();
        assert_eq!(done, (0..7).collect::<Vec<_>>());
        let told = format!("{:#}", ended.expect_err("two fail"));
        assert_eq!(told, "number 1: three ended with exit status: 3\nnumber 4: three ended with exit status: 3");
        assert!(each(2, &items[..1], |_| shown_whole("fine", &mut Command::new("true"))).is_ok());
        assert!(each::<usize>(2, &[], |_| Ok(())).is_ok());
        assert!(shown_whole("none", &mut Command::new("/no/such/program")).is_err());
    }
}
