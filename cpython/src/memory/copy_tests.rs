//! Runs of a real process's memory, filled by several threads; what cannot be read is told, to the page.

use super::*;
use crate::live::{Program, interpreters};

/// Says where a large part of memory lies whose pages each begin with their number, and waits.
const PAGES: &str = "import ctypes, mmap, struct, time\n\
                     held = mmap.mmap(-1, 72 << 20)\n\
                     for page in range(18432): held[4096 * page:4096 * page + 8] = struct.pack('<Q', page)\n\
                     print(ctypes.addressof(ctypes.c_char.from_buffer(held)), 18432)\n\
                     time.sleep(60)";

#[test]
fn runs_are_filled_by_several_threads_and_what_they_lack_is_told() {
    let Some((_, interpreter)) = interpreters().into_iter().next_back() else { panic!("no interpreter") };
    let mut program = Program::start(&interpreter, PAGES);
    let told = program.numbers();
    let (start, pages) = (Address(told[0]), told[1]);
    let process = Process::open(program.pid()).expect("a process");
    let length = pages * PAGE;
    // The first page of memory is nobody's; between the runs the arena stays as it is.
    let lowest = Span::new(Address(0), 3 * PAGE);
    let runs = [Copy { span: lowest, offset: PAGE }, Copy { span: Span::new(start, length), offset: 8 * PAGE }];
    let mut arena = vec![0xaa; (8 * PAGE + length + PAGE) as usize];
    let (bytes, holes) = copy_runs(&process, &runs, &mut arena).expect("a copy");
    assert_eq!(bytes, length);
    let page = |index: u64| Span::new(Address(index * PAGE), PAGE);
    assert_eq!(holes, [page(0), page(1), page(2)]);
    for index in 0..pages {
        let at = (8 * PAGE + index * PAGE) as usize;
        assert_eq!(arena[at..at + 8], index.to_le_bytes(), "page {index}");
    }
    assert!(arena[..PAGE as usize].iter().chain(&arena[(8 * PAGE + length) as usize..]).all(|byte| *byte == 0xaa));
    // Runs that are not one behind the other, or go beyond the arena, are a defect that is told.
    for wrong in [[runs[1], runs[0]], [runs[0], Copy { offset: u64::MAX - PAGE, ..runs[1] }]] {
        assert!(copy_runs(&process, &wrong, &mut arena).is_err());
    }
}
