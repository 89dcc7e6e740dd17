//! Cores that are written here, byte by byte, and one that the kernel wrote of this very program.

use super::*;
use std::io::Write;

/// A core file of `segments`, each with its flags, address, bytes and size in memory, and of `files`.
fn core(segments: &[(u32, u64, &[u8], u64)], files: &[(u64, u64, u64, &str)]) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [files.len() as u64, PAGE] {
        note.extend(word.to_le_bytes());
    }
    for (start, end, pages, _) in files {
        for word in [start, end, pages] {
            note.extend(word.to_le_bytes());
        }
    }
    for (.., path) in files {
        note.extend(path.as_bytes());
        note.push(0);
    }
    let mut notes = Vec::new();
    for number in [5, note.len() as u32, 0x4649_4c45] {
        notes.extend(number.to_le_bytes());
    }
    notes.extend(b"CORE\0\0\0\0");
    notes.extend(&note);
    notes.resize(notes.len().next_multiple_of(4), 0);
    let mut bytes = vec![0; 64];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[16..20].copy_from_slice(&[4, 0, 62, 0]);
    bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
    bytes[56..58].copy_from_slice(&(segments.len() as u16 + 1).to_le_bytes());
    let begin = 64 + 56 * (segments.len() as u64 + 1);
    let mut next = (begin + notes.len() as u64).next_multiple_of(PAGE);
    let mut header = |kind: u32, flags: u32, offset: u64, address: u64, size: u64, memory: u64| {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        for word in [offset, address, 0, size, memory, PAGE] {
            bytes.extend(word.to_le_bytes());
        }
    };
    header(4, 0, begin, 0, notes.len() as u64, 0);
    for (flags, address, content, size) in segments {
        header(1, *flags, next, *address, content.len() as u64, *size);
        next += content.len() as u64;
    }
    bytes.extend(&notes);
    bytes.resize((begin + notes.len() as u64).next_multiple_of(PAGE) as usize, 0);
    for (_, _, content, _) in segments {
        bytes.extend(*content);
    }
    bytes
}

fn opened(bytes: &[u8]) -> Core {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("core");
    std::fs::write(&path, bytes).expect("a file");
    Core::open(&path, &Search::default(), folder.path()).expect("a core")
}

fn pages(count: usize, first: u8) -> Vec<u8> {
    (0..count).flat_map(|page| vec![first + page as u8; PAGE as usize]).collect()
}

#[test]
fn reads_what_it_has_and_nothing_else() {
    let (one, two) = (pages(2, 10), pages(1, 20));
    // The second segment follows the first in memory, but another stands between them in the file; of the last only a page
    // was written.
    let other = pages(1, 30);
    let segments: [(u32, u64, &[u8], u64); 4] =
        [(6, 0x10000, &one, 0x2000), (6, 0x40000, &other, 0x1000), (6, 0x12000, &two, 0x1000), (6, 0x13000, &[], 0x3000)];
    let whole = core(&segments, &[]);
    let core = opened(&whole);
    let at = |address: u64| core.read_u8(Address(address));
    assert_eq!(
        [at(0xffff), at(0x10000), at(0x11fff), at(0x12000), at(0x12fff), at(0x13000), at(0x40000)],
        [None, Some(10), Some(11), Some(20), Some(20), None, Some(30)]
    );
    // Across the seam.
    assert_eq!(core.word(Address(0x11ffc)), Some(u64::from_le_bytes([11, 11, 11, 11, 20, 20, 20, 20])));
    assert_eq!(core.read_vec(Address(0x11000), 0x2000, usize::MAX).map(|bytes| bytes.len()), Ok(0x2000));
    assert!(core.read_vec(Address(0x12000), 0x2000, usize::MAX).is_err());
    assert_eq!(core.writable().iter().map(|span| span.len()).sum::<u64>(), 0x4000);
    let faults = core.faults().join("\n");
    assert!(faults.contains("12.3 kB of writable memory are not in the core"), "{faults}");
    // Cut in any page: what is before the cut is there, and it is said.
    for length in (whole.len() - 0x3800..whole.len()).step_by(0x400) {
        let core = opened(&whole[..length]);
        assert!(core.faults().join("\n").contains("the core file is cut"), "{:?}", core.faults());
        assert_eq!(core.read_u8(Address(0x12000)), None);
    }
}

#[test]
fn segments_that_contradict_each_other() {
    let (one, two) = (pages(2, 1), pages(2, 5));
    // They overlap, one lies in the kernel's half, one ends beyond all memory, one is larger in the file than in memory.
    let segments: [(u32, u64, &[u8], u64); 5] = [
        (6, 0x10000, &one, 0x2000),
        (6, 0x11000, &two, 0x2000),
        (6, 0xffff_ffff_ff60_0000, &two, 0x1000),
        (6, 0x7fff_ffff_f000, &two, u64::MAX),
        (6, 0x20000, &two, 0x1000),
    ];
    let core = opened(&core(&segments, &[]));
    let at = |address: u64| core.read_u8(Address(address));
    assert_eq!(
        [at(0x10000), at(0x11000), at(0x12000), at(0x13000), at(0x20000), at(0x21000)],
        [Some(1), Some(2), Some(6), None, Some(5), None]
    );
    assert_eq!((at(0xffff_ffff_ff60_0000), at(0x7fff_ffff_f000)), (None, Some(5)));
}

#[test]
fn files_come_from_where_they_lie() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data.bin");
    std::fs::write(&path, pages(4, 40)).expect("a file");
    let name = path.to_str().expect("a name");
    let one = pages(1, 1);
    // Its second page is in the core as another, its third can be written to, its fourth is told by the list of files alone.
    let segments: [(u32, u64, &[u8], u64); 3] =
        [(4, 0x10000, &[], 0x1000), (4, 0x11000, &one, 0x1000), (6, 0x12000, &[], 0x1000)];
    let bytes = core(&segments, &[(0x10000, 0x14000, 0, name)]);
    let core = opened(&bytes);
    let spans: Vec<_> = core.mappings().iter().map(|mapping| (mapping.span.start.0, mapping.offset.0)).collect();
    assert_eq!(spans, [(0x10000, 0), (0x11000, 0x1000), (0x12000, 0x2000), (0x13000, 0x3000)]);
    let at = |core: &Core, address: u64| core.read_u8(Address(address));
    let all = |core: &Core| [at(core, 0x10000), at(core, 0x11000), at(core, 0x12000), at(core, 0x13000)];
    assert_eq!(all(&core), [Some(40), Some(1), None, Some(43)]);
    // Newer than the core, it is not what the process had.
    let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
    std::fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(later)).expect("a time");
    assert_eq!(all(&opened(&bytes)), [None, Some(1), None, None]);
}

#[test]
fn packed_as_systemd_packs_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = pages(64, 0);
    let segments: [(u32, u64, &[u8], u64); 1] = [(6, 0x10000, &content, 64 * PAGE)];
    let whole = core(&segments, &[]);
    let gzip = {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&whole).and_then(|()| writer.finish()).expect("gzip")
    };
    let lz4 = {
        let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
        writer.write_all(&whole).expect("lz4");
        writer.finish().expect("lz4")
    };
    let zstd = zstd::encode_all(&whole[..], 1).expect("zstd");
    // It tells neither threads nor files.
    let faults = 2;
    for (name, packed) in [("core.gz", gzip), ("core.lz4", lz4), ("core.zst", zstd), ("core", whole.clone())] {
        let path = folder.path().join(name);
        std::fs::write(&path, &packed).expect("a file");
        let core = Core::open(&path, &Search::default(), folder.path()).expect("a core");
        assert_eq!(core.read_u8(Address(0x10000 + 63 * PAGE)), Some(63), "{name}");
        assert_eq!((core.length(), core.faults().len()), (whole.len() as u64, faults), "{name}: {:?}", core.faults());
        let piped = spool(std::io::Cursor::new(packed.clone()), Path::new("-"), folder.path()).expect("a stream");
        assert_eq!(Core::of(piped, &Search::default()).expect("a core").length(), whole.len() as u64, "{name}");
        // Cut in the middle of the stream.
        std::fs::write(&path, &packed[..packed.len() - 20]).expect("a file");
        match Core::open(&path, &Search::default(), folder.path()) {
            Ok(core) => assert!(core.faults().len() > faults || name == "core", "{name}: {:?}", core.faults()),
            Err(error) => assert!(name != "core", "{name}: {error}"),
        }
    }
}

#[test]
fn the_head_of_a_stream_is_its_notes() {
    let content = pages(4, 7);
    let segments: [(u32, u64, &[u8], u64); 1] = [(6, 0x10000, &content, 4 * PAGE)];
    let whole = core(&segments, &[(0x10000, 0x14000, 0, "/some/file")]);
    let mut rest = &whole[..];
    let (notes, read) = head(&mut rest).expect("notes");
    assert_eq!(notes.files.len(), 1);
    assert!(read.len() < whole.len() - content.len() && [&read[..], rest].concat() == whole);
    let at = |start, offset| Mapping {
        offset: FileOffset(offset),
        ..Mapping::anonymous(Span::new(Address(start), PAGE), Permissions::default())
    };
    assert!(notes.is_of(&[at(0x10000, 0)]) && !notes.is_of(&[at(0x10000, 0x1000)]) && !notes.is_of(&[]));
    assert!(head(&mut &whole[..70]).is_err() && head(&mut &b"\x7fELF"[..]).is_err());
}

#[test]
fn what_a_sparse_file_has_is_found_without_looking_at_its_holes() {
    use std::os::unix::fs::FileExt;

    let file = tempfile::tempfile().unwrap();
    let length = 8 << 30;
    file.set_len(length).unwrap();
    // As gdb writes them: what is a page in memory is none in the file.
    let copies = [
        Copy { span: Span::new(Address(0x10_0000_0000), 4 << 30), offset: 0x238 },
        Copy { span: Span::new(Address(0x20_0000_0000), 1 << 30), offset: 5 << 30 },
    ];
    let places = [0x238, (3 << 30) + 5, (5 << 30) + 0xfff, (6 << 30) - 1];
    for place in places {
        file.write_all_at(b"x", place).unwrap();
    }
    file.write_all_at(b"x", 7 << 30).unwrap();
    let filled = filled(&file, length, &copies);
    for place in places {
        let copy = copies.iter().rfind(|copy| copy.offset <= place).unwrap();
        let address = copy.span.start.offset((place - copy.offset) as i64);
        assert!(filled.iter().any(|span| span.contains(address)), "{address:?} in {filled:?}");
    }
    assert!(filled.iter().all(|span| span.start.0 % PAGE == 0 && span.end.0 % PAGE == 0), "{filled:?}");
    assert!(filled.windows(2).all(|pair| pair[0].end < pair[1].start), "{filled:?}");
    assert!(filled.iter().map(|span| span.len()).sum::<u64>() <= 16 << 20, "{filled:?}");
    let end = Copy { span: Span::new(Address(0x1000), 0x3000), offset: length - 0x1000 };
    assert_eq!(super::filled(&file, length, &[end]), []);
}
