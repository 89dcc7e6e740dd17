//! Tests of what is appended to a dump: it is read, it replaces nothing, and a broken update leaves the dump before it.

use std::fs;
use std::path::PathBuf;

use ciborium::Value;
use heapsake_core::format::records::{Annotations, REFERENCE_TAG, Reduction};
use heapsake_core::format::{ChunkKind, Compressor, END_MARK, append};

use crate::loader_tests::bytes;
use crate::{AttributeValue, Dump, FaultKind, Limits, ObjectId, Target, render};

/// A dump in a file that goes away with the value.
struct InFile(PathBuf);

impl InFile {
    fn new(name: &str, bytes: &[u8]) -> InFile {
        let path = std::env::temp_dir().join(format!("heapsake-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        InFile(path)
    }

    fn append(&self, compressor: Compressor, reductions: Vec<Reduction>, notes: &[&str]) {
        let notes = notes.iter().map(|note| (*note).to_owned()).collect();
        let record = Annotations { reductions, notes };
        let length = append(&self.0, compressor, |writer| writer.record(ChunkKind::Annotations, 0, 1, &record)).unwrap();
        assert_eq!(length, fs::metadata(&self.0).unwrap().len());
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.0).unwrap()
    }
}

impl Drop for InFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn reduction(object: u32, origin: &str) -> Reduction {
    let reference = Value::Tag(REFERENCE_TAG, Box::new(Value::from(2)));
    let state =
        Value::Map(vec![("where".into(), "here".into()), ("peer".into(), reference), ("number".into(), "shadowed".into())]);
    Reduction {
        object,
        origin: origin.into(),
        state: Some(state),
        edges: vec![("own".into(), 3)],
        summary: (object == 1).then(|| "a node\n\u{202e}of two lines".into()),
        ..Reduction::default()
    }
}

fn failure(object: u32) -> Reduction {
    Reduction { object, origin: "app.broken".into(), failure: Some("ValueError: no".into()), ..Reduction::default() }
}

#[test]
fn reductions_are_read_and_show() {
    for compressor in [Compressor::new(), Compressor::zlib()] {
        let file = InFile::new("reductions", &bytes(40, 1));
        let notes = vec!["12 objects of app.Live were not given to their reducer"];
        file.append(compressor, (0..40).map(|object| reduction(object, "app.reduce")).collect(), &notes);
        let dump = crate::open(&file.0).unwrap();
        assert_eq!((dump.annotated().reductions().len(), dump.annotated().notes()), (40, &[notes[0].to_owned()][..]));
        let object = dump.object(ObjectId(1));
        assert_eq!(object.reduction().unwrap().origin, "app.reduce");
        assert_eq!(object.attribute("where"), Some(AttributeValue::Plain("here".into())));
        assert_eq!(object.attribute("peer"), Some(AttributeValue::Target(Target::Object(2))));
        assert_eq!(object.attribute("own"), Some(AttributeValue::Target(Target::Object(3))));
        // What was captured wins over what a reducer says under the same name.
        assert!(matches!(object.attribute("number"), Some(AttributeValue::Plain(Value::Integer(_)))));
        for one in object.attributes() {
            assert_eq!(object.attribute(&one.name), Some(one.value), "{}", one.name);
        }
        assert_eq!(render(&object, Limits::default()), "<test.Node: a node  of two lines>");
        assert!(render(&dump.object(ObjectId(4)), Limits::default()).contains("where='here'"));
        assert_eq!(dump.faults(), []);
    }
}

#[test]
fn the_last_counts_but_no_failure_hides_a_success() {
    let file = InFile::new("last", &bytes(10, 1));
    file.append(Compressor::zlib(), vec![reduction(1, "first"), reduction(2, "first"), failure(3)], &["one"]);
    file.append(Compressor::zlib(), vec![failure(1), reduction(2, "second"), reduction(3, "second"), failure(4)], &["two"]);
    let dump = crate::open(&file.0).unwrap();
    let origin = |id| dump.object(ObjectId(id)).reduction().map(|reduction| reduction.origin.clone());
    assert_eq!(
        [origin(1), origin(2), origin(3), origin(4)],
        [Some("first".into()), Some("second".into()), Some("second".into()), None]
    );
    assert_eq!(dump.object(ObjectId(4)).reducer_failure(), Some(("app.broken", "ValueError: no")));
    assert_eq!(dump.annotated().failures(), [("app.broken", "ValueError: no", 1)]);
    assert_eq!(dump.annotated().notes(), ["one", "two"]);
    assert_eq!(dump.faults(), []);
}

#[test]
fn an_update_that_breaks_off_leaves_the_dump() {
    let before = bytes(30, 2);
    let file = InFile::new("cut", &before);
    file.append(Compressor::zlib(), vec![reduction(1, "app.reduce")], &[]);
    let after = file.bytes();
    assert_eq!(after[..before.len()], before[..], "an update changes nothing that is there");
    assert_eq!(after[after.len() - 16..][..8], END_MARK[..]);
    let (whole, old) = (Dump::from_bytes(after.clone()).unwrap(), Dump::from_bytes(before.clone()).unwrap());
    assert_eq!(whole.faults(), []);
    for cut in before.len() + 1..after.len() {
        let dump = Dump::from_bytes(after[..cut].to_vec()).unwrap();
        assert_eq!(dump.objects().count(), old.objects().count(), "cut at {cut}");
        assert_eq!(dump.trailer().map(|trailer| trailer.objects), old.trailer().map(|trailer| trailer.objects), "cut at {cut}");
        assert_eq!(dump.roots(), old.roots(), "cut at {cut}");
        let faults = dump.faults();
        assert!(faults.iter().all(|fault| matches!(fault.kind, FaultKind::Truncated | FaultKind::Gap)), "{cut}: {faults:?}");
        assert!(faults.iter().any(|fault| fault.consequence.contains("the dump itself is")), "{cut}: {faults:?}");
    }
    for at in before.len()..after.len() {
        let mut wrong = after.clone();
        wrong[at] ^= 0x20;
        let dump = Dump::from_bytes(wrong).unwrap();
        assert_eq!(dump.objects().count(), old.objects().count(), "wrong at {at}");
        let reduced = dump.object(ObjectId(1)).reduction().is_some();
        assert!(reduced || !dump.faults().is_empty(), "wrong at {at}: lost without a fault");
    }
}

#[test]
fn only_a_complete_dump_is_appended_to() {
    let whole = bytes(5, 1);
    let nothing =
        |file: &InFile| append(&file.0, Compressor::zlib(), |writer| writer.chunk(ChunkKind::Annotations, 0, 0, &[0xa0]));
    for (name, bytes) in [("end", &whole[..whole.len() - 1]), ("text", b"heapsake dump?".as_slice()), ("empty", b"".as_slice())] {
        let file = InFile::new(name, bytes);
        let problem = nothing(&file).unwrap_err();
        assert!(problem.to_string().contains("it is no complete dump"), "{problem}");
        assert_eq!(file.bytes(), bytes);
    }
    let file = InFile::new("held", &whole);
    let held = fs::File::open(&file.0).unwrap();
    held.lock().unwrap();
    assert!(nothing(&file).is_err());
    assert_eq!(file.bytes(), whole);
    drop(held);
    nothing(&file).unwrap();
}

#[test]
fn objects_of_types_are_those_of_a_walk() {
    let file = bytes(500, 3);
    let dump = Dump::from_bytes(file).unwrap();
    for wanted in [vec![], vec![true], vec![false, true], vec![true; 5], vec![false; 5]] {
        let naive: Vec<(ObjectId, u32)> = (0..dump.object_count())
            .filter_map(|id| Some((ObjectId(id), dump.object(ObjectId(id)).decoded()?.shape().type_id)))
            .filter(|(_, type_id)| wanted.get(*type_id as usize).copied().unwrap_or(false))
            .collect();
        assert_eq!(dump.objects_of_types(&wanted).collect::<Vec<_>>(), naive, "{wanted:?}");
    }
}
