//! What characters are, as Python's `str` methods ask.

use unicode_general_category::{GeneralCategory as G, get_general_category};

fn category(code: u32) -> G {
    char::from_u32(code).map_or(G::Surrogate, get_general_category)
}

/// Whether `repr` shows it as it is.
pub(crate) fn is_printable(code: u32) -> bool {
    if (0x20..0x7f).contains(&code) {
        return true;
    }
    !matches!(
        category(code),
        G::Control
            | G::Format
            | G::Surrogate
            | G::PrivateUse
            | G::Unassigned
            | G::LineSeparator
            | G::ParagraphSeparator
            | G::SpaceSeparator
    )
}

/// Whether `str.split` splits at it.
pub(crate) fn is_space(code: u32) -> bool {
    matches!(
        code,
        0x09..=0x0d | 0x1c..=0x20 | 0x85 | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000
    )
}

/// Whether a line ends with it.
pub(super) fn ends_line(code: u32) -> bool {
    matches!(code, 0x0a..=0x0d | 0x1c..=0x1e | 0x85 | 0x2028 | 0x2029)
}

pub(super) fn is_alphabetic(code: u32) -> bool {
    matches!(category(code), G::UppercaseLetter | G::LowercaseLetter | G::TitlecaseLetter | G::ModifierLetter | G::OtherLetter)
}

pub(super) fn is_decimal(code: u32) -> bool {
    category(code) == G::DecimalNumber
}

pub(super) fn is_digit(code: u32) -> bool {
    is_decimal(code)
        || matches!(
            code,
            0xb2 | 0xb3 | 0xb9 | 0x1369..=0x1371 | 0x19da | 0x2070 | 0x2074..=0x2079 | 0x2080..=0x2089 | 0x2460..=0x2468
                | 0x2474..=0x247c | 0x2488..=0x2490 | 0x24ea | 0x24f5..=0x24fd | 0x24ff | 0x2776..=0x277e | 0x2780..=0x2788
                | 0x278a..=0x2792 | 0x10a40..=0x10a43 | 0x10e60..=0x10e68 | 0x11052..=0x1105a | 0x1f100..=0x1f10a
        )
}

pub(super) fn is_numeric(code: u32) -> bool {
    is_digit(code)
        || matches!(category(code), G::LetterNumber | G::OtherNumber)
        || matches!(
            code,
            0x3007
                | 0x4e00
                | 0x4e8c
                | 0x4e09
                | 0x56db
                | 0x4e94
                | 0x516d
                | 0x4e03
                | 0x516b
                | 0x4e5d
                | 0x5341
                | 0x767e
                | 0x5343
                | 0x4e07
        )
}

pub(super) fn is_upper(code: u32) -> bool {
    char::from_u32(code).is_some_and(char::is_uppercase)
}

pub(super) fn is_lower(code: u32) -> bool {
    char::from_u32(code).is_some_and(char::is_lowercase)
}

pub(super) fn is_title(code: u32) -> bool {
    category(code) == G::TitlecaseLetter
}

pub(super) fn upper(code: u32, out: &mut Vec<u32>) {
    match char::from_u32(code) {
        Some(letter) => out.extend(letter.to_uppercase().map(u32::from)),
        None => out.push(code),
    }
}

/// Lower case of the letter at a position: a sigma at the end of a word is another letter.
pub(super) fn lower(codes: &[u32], at: usize, out: &mut Vec<u32>) {
    const SIGMA: u32 = 0x3a3;
    let code = codes[at];
    if code == SIGMA {
        let cased = |code: &u32| is_upper(*code) || is_lower(*code) || is_title(*code);
        let ignored = |code: &&u32| {
            matches!(category(**code), G::NonspacingMark | G::EnclosingMark | G::Format | G::ModifierLetter | G::ModifierSymbol)
                || matches!(**code, 0x27 | 0x2e | 0x3a | 0xb7 | 0x2019)
        };
        let before = codes[..at].iter().rev().find(|code| !ignored(code)).is_some_and(cased);
        let after = codes[at + 1..].iter().find(|code| !ignored(code)).is_some_and(cased);
        out.push(if before && !after { 0x3c2 } else { 0x3c3 });
        return;
    }
    match char::from_u32(code) {
        Some(letter) => out.extend(letter.to_lowercase().map(u32::from)),
        None => out.push(code),
    }
}

/// The letter as a title begins with it.
pub(super) fn title(code: u32, out: &mut Vec<u32>) {
    match code {
        0x1c4..=0x1c6 => out.push(0x1c5),
        0x1c7..=0x1c9 => out.push(0x1c8),
        0x1ca..=0x1cc => out.push(0x1cb),
        0x1f1..=0x1f3 => out.push(0x1f2),
        0xdf => out.extend([0x53, 0x73]),
        0xfb00 => out.extend([0x46, 0x66]),
        0xfb01 => out.extend([0x46, 0x69]),
        0xfb02 => out.extend([0x46, 0x6c]),
        0xfb03 => out.extend([0x46, 0x66, 0x69]),
        0xfb04 => out.extend([0x46, 0x66, 0x6c]),
        0xfb05 | 0xfb06 => out.extend([0x53, 0x74]),
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => out.push(code + 8),
        0x1fb3 | 0x1fc3 | 0x1ff3 => out.push(code + 9),
        code if is_title(code) => out.push(code),
        0x10d0..=0x10fa | 0x10fd..=0x10ff => out.push(code),
        _ => upper(code, out),
    }
}
