//! Hostile expressions: over a small dump, and over what damage leaves of it.

use std::sync::LazyLock;
use std::time::Duration;

use heapsake_analysis::expression::{Limits, Scope, complete, execute};
use heapsake_loader::Dump;

/// Small enough that every input ends at once.
const LIMITS: Limits = Limits { steps: 20_000, elements: 20_000, bytes: 1 << 20, time: Duration::from_secs(2), watch: None };

/// A value or an error whose column lies in the text; what is shown is bounded and on one line. The first byte says whether the
/// dump is damaged, and how.
pub(super) fn expressions(bytes: &[u8]) {
    static WHOLE: LazyLock<Vec<u8>> =
        LazyLock::new(|| std::fs::read(crate::file("golden/3.12.heapsake")).expect("the golden dump"));
    static DUMP: LazyLock<Dump> = LazyLock::new(|| Dump::from_bytes(WHOLE.clone()).expect("the golden dump"));
    let Some((damage, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let damaged;
    let dump = if *damage < 128 {
        &DUMP
    } else {
        let mut bytes = WHOLE.clone();
        let step = bytes.len() / 128;
        let at = usize::from(*damage - 128) * step;
        let end = (at + 16).min(bytes.len());
        bytes[at..end].fill(*damage);
        let Ok(dump) = Dump::from_bytes(bytes) else { return };
        damaged = dump;
        &damaged
    };
    let frames = dump.threads().first().map_or(0, |thread| thread.frames.len());
    let mut scope = Scope::of_frame(dump, 0, frames.saturating_sub(1));
    for line in text.split('\n').take(8) {
        match execute(&mut scope, line, &LIMITS) {
            Ok(value) => {
                let value = value.unwrap_or(heapsake_analysis::expression::Value::None);
                let shown = value.show(dump, 200);
                assert!(shown.chars().count() <= 401 && !shown.contains('\n'), "{shown:?}");
                let children = value.children(dump, 0, 10);
                assert!(children.len() <= 10);
                let _ = (value.type_name(dump), value.length(dump));
            }
            Err(problem) => {
                assert!(problem.column <= line.chars().count(), "{problem:?} in {line:?}");
                assert!(!problem.to_string().is_empty());
            }
        }
        let end = line.chars().count();
        for completion in complete(&scope, line, end) {
            assert!(completion.from <= end, "{completion:?} in {line:?}");
        }
    }
}

pub(super) fn expression_seeds() -> Vec<Vec<u8>> {
    const SEEDS: [&str; 24] = [
        "fleet['Aurore'].cargo[1].weight + 1",
        "[ship.name for ship in fleet.values() if ship.cargo]",
        "ring[-1] is ring, repr(ring), ring == ring",
        "sum(n for n in ring if isinstance(n, (int, float)))",
        "f\"{fleet!r:>{40}} {ring[2]:.2f} {ring[0]:#06x} {ports=}\"",
        "'%s %-5d|%(a)s' % (1, 2), '{0[0]!r:>{1}}'.format(ring, 9)",
        "2 ** 70 // -3 % 7, -7 // 2, 1 << 65 >> 3, ~5, 1e300 * 10, 3j ** 2",
        "sorted(ring, key=str)[::-1][1:-1:2]",
        "x = [y := 5, *ports]\nx + [_]\nx[0] if x else None",
        "{**fleet, 1: {2, 3} | {4}, (1, 2): b'\\x00\\xff'}",
        "refs(ring), path(ring), size(ring), at(id(ring)) is ring, objects('Ship')",
        "dict(zip('abc', range(3))), list(enumerate(map(str, ring), 1))",
        "not 1 < 2 <= 3 != 4 in ring is None or True and ...",
        "counting.gi_frame, type(counting), vars(fleet['Aurore']), dir(fleet)",
        "'\\N{DASH} \\u00e9 \\U0001d11e \\101' rb'\\x' \"\"\"a\"\"\"",
        "(lambda: 0)()",
        "((((((((((((((((((((1))))))))))))))))))))",
        "----------------------1",
        "[[[[[[x for x in y] for y in z] for z in w]]]]",
        "deep.a.b[1](2, *c, **d, e=f)",
        "'a' 'b' if 0x1F else 0b101 + 0o17 + 1_000.5e-3j",
        "str.join(',', 'x'.split('y', 1)).encode('utf-8').decode(errors='replace').upper().center(20, '*')",
        "int('ff', 16).to_bytes(4, 'big'), round(2.675, 2), divmod(-7, 2), pow(3, -1, 7), max([], default=1)",
        "fleet['Au",
    ];
    SEEDS.iter().flat_map(|seed| [0u8, 200].map(|damage| [&[damage], seed.as_bytes()].concat())).collect()
}
