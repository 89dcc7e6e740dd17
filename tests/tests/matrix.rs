//! Every version's dump opened by every version: values, identity, rebuilt objects, exceptions, tasks and a session of pdb.

use std::path::PathBuf;
use std::time::Instant;

use heapsake_tests::rich::{dumps, opened};
use heapsake_tests::{Environment, environments, in_parallel, minors, no_problems};

#[test]
fn l8_every_version_opens_the_dumps_of_every_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = minors();
    let made = in_parallel(&environments, |environment| dumps(environment, folder.path()));
    let pairs: Vec<(&Environment, &Vec<(&str, PathBuf)>)> =
        environments.iter().flat_map(|opener| made.iter().map(move |dumps| (opener, dumps))).collect();
    let started = Instant::now();
    let results = in_parallel(&pairs, |(opener, dumps)| {
        // Nothing of the program is there, and nothing of it is looked for.
        opened(opener, dumps)
    });
    let checked: u64 = results.iter().map(|(checked, _)| checked).sum();
    println!("{} pairs, {checked} facts checked in {:?}", pairs.len(), started.elapsed());
    assert!(checked > 400 * pairs.len() as u64, "only {checked} facts were checked");
    no_problems(&results.into_iter().flat_map(|(_, found)| found).collect::<Vec<_>>());
}

#[test]
fn t99_a_dump_of_another_patch_release_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let environments = environments();
    let pairs: Vec<(&Environment, &Environment)> = environments
        .iter()
        .flat_map(|maker| environments.iter().map(move |opener| (maker, opener)))
        .filter(|(maker, opener)| maker.minor == opener.minor && maker.version != opener.version)
        .collect();
    if pairs.is_empty() {
        println!("not tested: no two patch releases of one version were found");
    }
    let mut found = Vec::new();
    for (maker, opener) in pairs {
        let (checked, problems) = opened(opener, &dumps(maker, folder.path()));
        println!("{} opened by {}: {checked} facts", maker.version, opener.version);
        assert!(checked > 400, "only {checked} facts were checked");
        found.extend(problems);
    }
    no_problems(&found);
}
