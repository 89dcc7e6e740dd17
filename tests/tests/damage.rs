//! Dumps of random heaps, damaged in every way: they open, in bounded time and memory; what is missing is a fault, what is
//! there is right, and what lies in chunks that were not touched is there.

use heapsake_core::format::{ChunkKind, FIRST_LINE};
use heapsake_loader::Dump;
use heapsake_tests::damage::{Damage, any_damage, chunks, look, opened};
use heapsake_tests::model::{Model, Whole, any_model, differences, large_model};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any};
use proptest::test_runner::FileFailurePersistence;
use proptest::{prop_assert, proptest};

/// What is left of a dump to which all this has happened, looked at as a whole.
fn damaged(whole: &[u8], damages: &[Damage]) -> Option<Dump> {
    let mut bytes = whole.to_vec();
    for damage in damages {
        damage.apply(&mut bytes, whole);
    }
    let dump = opened(&bytes)?;
    look(&dump);
    Some(dump)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_to_a_file_what_is_there_is_right(model in any_model(), damages in vec(any_damage(), 1..4)) {
        let whole = model.dump();
        if let Some(dump) = damaged(&whole, &damages) {
            let (differences, found) = differences(&model, &dump, Whole::Damaged);
            prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
            let (_, intact) = differences_of(&model, &whole);
            prop_assert!(found == intact || !dump.faults().is_empty(), "{} of {} objects, and no fault", found, intact);
        }
    }

    #[test]
    fn one_damaged_chunk_costs_itself_alone(model in any_model(), at in any::<u32>(), bit in 0u8..8) {
        let whole = model.dump();
        let chunks = chunks(&whole);
        let mut bytes = whole.clone();
        let at = FIRST_LINE.len() + at as usize % (chunks.last().expect("chunks").0.end - FIRST_LINE.len());
        bytes[at] ^= 1 << bit;
        let (_, hit) = chunks.iter().find(|(range, _)| range.contains(&at)).expect("a chunk");
        let dump = opened(&bytes).expect("a dump");
        look(&dump);
        prop_assert!(!dump.faults().is_empty());
        let (differences, found) = differences(&model, &dump, Whole::Damaged);
        prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
        let (_, intact) = differences_of(&model, &whole);
        let lost = if hit.kind == ChunkKind::Objects { hit.count as usize } else { 0 };
        prop_assert!(found + lost >= intact, "{} of {} objects, where a chunk of {:?} with {} was hit", found, intact, hit.kind, lost);
        if hit.kind != ChunkKind::Stacks {
            prop_assert!(dump.threads().len() == model.threads.len(), "{:?}", hit.kind);
        }
        if hit.kind != ChunkKind::Roots {
            prop_assert!(dump.roots().len() == model.roots.len(), "{:?}", hit.kind);
        }
    }
}

fn differences_of(model: &Model, whole: &[u8]) -> (Vec<String>, usize) {
    differences(model, &Dump::from_bytes(whole.to_vec()).expect("a dump"), Whole::Yes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases.div_ceil(32), ..config() })]

    #[test]
    fn whatever_happens_to_a_large_file_what_is_there_is_right(model in large_model(), damages in vec(any_damage(), 1..4)) {
        if let Some(dump) = damaged(&model.dump(), &damages) {
            let (differences, _) = differences(&model, &dump, Whole::Damaged);
            prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
        }
    }

    #[test]
    fn a_file_that_is_cut_anywhere_opens(model in any_model()) {
        let whole = model.dump();
        for length in 0..whole.len() {
            if let Some(dump) = opened(&whole[..length]) {
                prop_assert!(!dump.faults().is_empty(), "cut at {}", length);
                let (differences, _) = differences(&model, &dump, Whole::Damaged);
                prop_assert!(differences.is_empty(), "cut at {}: {}", length, differences.join("\n"));
            }
        }
    }
}
