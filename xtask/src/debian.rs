//! `cargo xtask interpreters`: CPython 3.14 and 3.15 from Debian's next release, into `target/debian`.
//!
//! Nothing is installed: an apt configuration of its own resolves every library, the C library included, and what was
//! fetched is started through its own dynamic loader. So needs no rights, runs on an older system, and gives processes whose
//! `/proc/PID/exe` is no Python. Nothing is pinned, as Debian keeps only the newest build.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::interpreters::Interpreter;
use crate::test::{finish, pip};
use crate::tidy;

/// The minor releases that are fetched.
pub(crate) const MINORS: [u8; 2] = [14, 15];
/// The release of Debian that has them.
const SUITE: &str = "forky";
/// Names a mirror of Debian, where apt's own configuration names none.
const MIRROR: &str = "HEAPSAKE_DEBIAN_MIRROR";
/// What installs the package for them.
const PIP: &str = "pip==26.3";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Options of `cargo xtask interpreters`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fetch them anew, in case Debian has a later build.
    #[arg(long)]
    fresh: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let root = tidy::root()?;
    if arguments.fresh && folder(&root).exists() {
        fs::remove_dir_all(folder(&root))?;
    }
    for python in provide(&root)? {
        println!("{}: {}", Interpreter::ask(&python)?.name(), python.display());
    }
    Ok(())
}

/// The interpreters that are there, and fetched if they are not. Where they cannot be had there are none, and it is said
/// why; that is an error in continuous integration.
pub(crate) fn provide(root: &Path) -> Result<Vec<PathBuf>> {
    if present(root).len() < MINORS.len()
        && let Err(problem) = fetch(root)
    {
        let names: Vec<String> = MINORS.iter().map(|minor| format!("3.{minor}")).collect();
        let names = names.join(" and ");
        if std::env::var_os("CI").is_some() {
            return Err(problem.context(format!("continuous integration needs CPython {names} from Debian")));
        }
        println!("not tested: CPython {names} from Debian, which cannot be had: {problem:#}");
    }
    Ok(present(root))
}

/// The interpreters that were fetched before.
pub(crate) fn present(root: &Path) -> Vec<PathBuf> {
    let programs = programs(root);
    let path = |minor: &u8| programs.join(format!("python3.{minor}"));
    // The launchers are what is made last.
    MINORS.iter().map(path).filter(|path| path.is_file() && program_of(path).is_file()).collect()
}

/// An environment of each of `pythons` with `wheel`. They come without pip: the packager's own installs it.
pub(crate) fn environments(root: &Path, pythons: &[PathBuf], wheel: &Path) -> Result<Vec<PathBuf>> {
    let base = root.join("target/environments");
    let packager = base.join("build/bin/python");
    // An older one does not run in a Python that is newer than itself.
    pip(&packager, ["install", "--quiet", PIP])?;
    let mut made = Vec::new();
    for python in pythons {
        let folder = base.join(Interpreter::ask(python)?.name());
        let inside = folder.join("bin/python");
        if !inside.is_file() {
            finish(Command::new(python).args(["-m", "venv", "--without-pip"]).arg(&folder))?;
        }
        let mut command = Command::new(&packager);
        command.args(["-m", "pip", "--disable-pip-version-check", "--python"]).arg(&inside);
        finish(command.args(["install", "--quiet", "--force-reinstall", "--no-deps"]).arg(wheel))?;
        made.push(inside);
    }
    Ok(made)
}

/// The folder of the interpreters that were fetched.
pub(crate) fn programs(root: &Path) -> PathBuf {
    system(root).join("usr/bin")
}

/// The debug information of what was fetched.
pub(crate) fn debug_files(root: &Path) -> PathBuf {
    system(root).join("usr/lib/debug")
}

fn folder(root: &Path) -> PathBuf {
    root.join("target/debian")
}

fn system(root: &Path) -> PathBuf {
    folder(root).join("system")
}

fn fetch(root: &Path) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        bail!("only the packages for x86-64 were tried");
    }
    let system = system(root);
    let _ = fs::remove_dir_all(folder(root));
    fs::create_dir_all(&system)?;
    let apt = Apt::new(&folder(root).join("apt"), SUITE, None)?;
    println!("fetching CPython 3.14 and 3.15 from Debian {SUITE}, about 240 MB");
    let command = |program: &str| apt.command(program);
    let archives = apt.archives();
    finish(command("apt-get").args(["-q", "update"]))?;
    let names = |pattern: &str| MINORS.map(|minor| pattern.replace('N', &minor.to_string()));
    let mut install = command("apt-get");
    install.args(["-q", "install", "--yes", "--no-install-recommends", "--download-only"]);
    finish(install.args(names("python3.N")).args(names("python3.N-dev")))?;
    for archive in archives_in(&archives)? {
        finish(command("dpkg-deb").arg("--extract").arg(&archive).arg(&system))?;
        fs::remove_file(archive)?;
    }
    // Debug builds come with the debug information of the release builds, which alone is wanted.
    finish(command("apt-get").args(["-q", "download"]).args(names("python3.N-dbg")))?;
    for archive in archives_in(&archives)? {
        let mut content = command("dpkg-deb").arg("--fsys-tarfile").arg(&archive).stdout(Stdio::piped()).spawn()?;
        let mut unpack = command("tar");
        unpack.stdin(content.stdout.take().context("no output")?).arg("--extract").arg("--directory").arg(&system);
        let unpacked = finish(unpack.arg("./usr/lib/debug"));
        if !content.wait()?.success() {
            bail!("{} cannot be unpacked", archive.display());
        }
        unpacked?;
        fs::remove_file(archive)?;
    }
    for minor in MINORS {
        launcher(&system, minor)?;
    }
    Ok(())
}

/// An apt that knows nothing of this system but where its mirror is: no package is installed, so none is left out.
pub(crate) struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// One for packages and sources of a release, of the system's own processor or of another one, with all that it keeps in
    /// `folder`.
    pub(crate) fn new(folder: &Path, suite: &str, architecture: Option<&str>) -> Result<Apt> {
        if !Path::new(KEYRING).is_file() {
            bail!("{KEYRING} is missing; the package debian-archive-keyring has it");
        }
        let apt = Apt { folder: folder.to_owned() };
        fs::create_dir_all(apt.archives().join("partial"))?;
        fs::create_dir_all(folder.join("state/lists/partial"))?;
        let mirror = mirror()?;
        let types = "Types: deb deb-src";
        let sources = format!("{types}\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n");
        fs::write(folder.join("debian.sources"), sources)?;
        fs::write(folder.join("state/status"), "")?;
        let at = folder.display();
        let configuration = format!(
            "Dir::Etc::sourcelist \"{at}/debian.sources\";\nDir::Etc::sourceparts \"-\";\nDir::State \"{at}/state\";\n\
             Dir::State::lists \"{at}/state/lists\";\nDir::State::status \"{at}/state/status\";\nDir::Cache \"{at}/cache\";\n\
             Acquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\n{}",
            architecture
                .map(|name| format!("APT::Architecture \"{name}\";\nAPT::Architectures {{ \"{name}\"; }};\n"))
                .unwrap_or_default(),
        );
        fs::write(folder.join("apt.conf"), configuration)?;
        Ok(apt)
    }

    /// A program of apt's, where it puts what it fetches.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.folder.join("apt.conf")).current_dir(self.archives());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// The folder of what was fetched.
    pub(crate) fn archives(&self) -> PathBuf {
        self.folder.join("cache/archives")
    }
}

fn mirror() -> Result<String> {
    if let Ok(named) = std::env::var(MIRROR) {
        return Ok(named);
    }
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.extend(fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path()));
    let found = files.iter().filter_map(|file| fs::read_to_string(file).ok()).find_map(|text| mirror_in(&text));
    found.with_context(|| format!("apt knows no mirror of Debian; {MIRROR} may name one"))
}

/// The first mirror of Debian's main archive in one of apt's lists of sources, of either form.
fn mirror_in(text: &str) -> Option<String> {
    let mut lines = text.lines().filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"));
    let found = lines.find_map(|line| {
        line.split_whitespace().find(|word| word.contains(":/") && word.trim_end_matches('/').ends_with("/debian"))
    });
    found.map(str::to_owned)
}

pub(crate) fn archives_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let found: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending == "deb")).collect();
    if found.is_empty() {
        bail!("apt fetched nothing");
    }
    Ok(found)
}

/// Puts what starts an interpreter by its own loader in the interpreter's place: `sys.executable` is then this script, so
/// that child processes and virtual environments work as well.
fn launcher(system: &Path, minor: u8) -> Result<()> {
    let script = system.join(format!("usr/bin/python3.{minor}"));
    let program = program_of(&script);
    fs::rename(&script, &program)?;
    let libraries = system.join("usr/lib/x86_64-linux-gnu");
    let loader = libraries.join("ld-linux-x86-64.so.2");
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let (loader, libraries, program) = (quoted(&loader), quoted(&libraries), quoted(&program));
    fs::write(&script, format!("#!/bin/sh\nexec {loader} --library-path {libraries} --argv0 \"$0\" {program} \"$@\"\n"))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// What a launcher starts.
pub(crate) fn program_of(launcher: &Path) -> PathBuf {
    launcher.with_added_extension("elf")
}

#[cfg(test)]
mod tests {
    use super::mirror_in;

    #[test]
    fn the_mirror_of_the_main_archive_is_found_in_either_form() {
        let one_line = "# deb http://comment/debian stable main\ndeb http://one/debian-security stable main\n\
                        deb [signed-by=/a/key] http://two/debian/ stable main\ndeb http://three/debian stable main\n";
        assert_eq!(mirror_in(one_line).as_deref(), Some("http://two/debian/"));
        let fields = "Types: deb\nURIs: http://one/debian-security mirror+file:/etc/debian\nSuites: stable\n";
        assert_eq!(mirror_in(fields).as_deref(), Some("mirror+file:/etc/debian"));
        assert_eq!(mirror_in("deb http://one/ubuntu noble main\n"), None);
    }
}
