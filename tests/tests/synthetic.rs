//! Random heaps, dumped and loaded: what is in the dump is what the heap says of itself, and two dumps of one heap are
//! near-isomorphic, two of different heaps are not.

use heapsake_loader::{Dump, FaultKind, isomorphism, open};
use heapsake_tests::file;
use heapsake_tests::model::{
    Aim, Content, Label, Model, Whole, any_model, differences, dumped_again, large_model, written_later,
};
use proptest::prelude::{ProptestConfig, any};
use proptest::test_runner::FileFailurePersistence;
use proptest::{prop_assert, prop_assert_eq, proptest};

fn loaded(model: &Model) -> Dump {
    Dump::from_bytes(model.dump()).expect("a dump")
}

/// As many cases as the environment asks for, a share of them for what takes longer.
fn cases(share: u32) -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    };
    ProptestConfig { cases: config.cases.div_ceil(share), ..config }
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn a_dump_has_what_its_heap_says(model in any_model()) {
        let dump = loaded(&model);
        prop_assert_eq!(dump.faults(), []);
        let (differences, _) = differences(&model, &dump, Whole::Yes);
        prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    #[test]
    fn a_loaded_dump_that_is_dumped_again_is_the_same(model in any_model()) {
        let dump = loaded(&model);
        let again = Dump::from_bytes(dumped_again(&dump)).expect("a dump");
        let report = isomorphism::compare(&dump, &again);
        prop_assert!(report.is_isomorphic() && report.guesses_that_differ == 0, "{report}");
        prop_assert_eq!(report.matched, u64::from(dump.object_count()));
        let (differences, _) = differences(&model, &again, Whole::Yes);
        prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    #[test]
    fn a_dump_of_a_later_version_has_what_its_heap_says_and_a_fault_for_each_new_chunk(model in any_model()) {
        let (bytes, added) = written_later(&model.dump());
        let dump = Dump::from_bytes(bytes).expect("a dump");
        let (differences, _) = differences(&model, &dump, Whole::Yes);
        prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
        let faults = dump.faults();
        prop_assert!(faults.iter().all(|fault| fault.kind == FaultKind::UnknownChunk), "{:?}", faults);
        prop_assert_eq!(faults.len(), added);
    }

    #[test]
    fn two_dumps_of_a_heap_are_near_isomorphic_wherever_it_lies(model in any_model(), scatter in any::<u32>()) {
        let one = loaded(&model);
        let other = loaded(&Model { scatter, ..model });
        let report = isomorphism::compare(&one, &other);
        prop_assert!(report.is_isomorphic(), "{report}");
        prop_assert_eq!(report.matched, u64::from(one.object_count()));
    }

    #[test]
    fn a_heap_with_one_change_is_another(model in any_model(), at in any::<u32>(), change in 0u8..4) {
        let mut changed = model.clone();
        let at = at as usize % model.nodes.len();
        let node = &mut changed.nodes[at];
        match change {
            0 => node.type_number = node.type_number.wrapping_add(1),
            1 => node.content = Content::Text("changed".chars().map(u32::from).collect()),
            2 => node.edges.iter_mut().for_each(|edge| edge.label = Label::Text("changed".to_owned())),
            _ => node.edges.iter_mut().for_each(|edge| edge.aim = Aim::Nothing),
        }
        // Whether the change can be seen is what the description says, of either heap.
        let (one, other) = (loaded(&model), loaded(&changed));
        let (seen, _) = differences(&changed, &one, Whole::Yes);
        let report = isomorphism::compare(&one, &other);
        let is_same = report.is_isomorphic() && report.guesses_that_differ == 0;
        prop_assert_eq!(is_same, seen.is_empty(), "{}\n{}", report, seen.join("\n"));
    }
}

/// Dumps of real programs, of every version of Python.
#[test]
fn a_golden_dump_that_is_dumped_again_is_the_same() {
    let golden = std::fs::read_dir(file("golden")).expect("the folder").map(|entry| entry.expect("an entry").path());
    let golden: Vec<_> = golden.filter(|path| path.extension().is_some_and(|ending| ending == "heapsake")).collect();
    assert!(golden.len() >= 6, "{golden:?}");
    for path in golden {
        let dump = open(&path).expect("a dump");
        let again = Dump::from_bytes(dumped_again(&dump)).expect("a dump");
        let report = isomorphism::compare(&dump, &again);
        assert!(report.is_isomorphic() && report.guesses_that_differ == 0, "{}: {report}", path.display());
        assert_eq!(report.matched, u64::from(dump.object_count()), "{}", path.display());
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a_dump_has_what_a_large_heap_says(model in large_model(), scatter in any::<u32>()) {
        let dump = loaded(&model);
        prop_assert_eq!(dump.faults(), []);
        let (differences, _) = differences(&model, &dump, Whole::Yes);
        prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
        let report = isomorphism::compare(&dump, &loaded(&Model { scatter, ..model }));
        prop_assert!(report.is_isomorphic(), "{report}");
    }
}
