//! Texts and bytes between quotes, as Python writes them.

use super::methods::is_printable;

/// Text in quotes, as Python writes it.
pub(crate) fn quoted(codes: &[u32], out: &mut Vec<u32>) {
    let quote = quote_of(codes);
    out.push(quote);
    for code in codes {
        escape(*code, quote, false, out);
    }
    out.push(quote);
}

/// The quote that a text, or the codes of bytes, stands in.
pub(super) fn quote_of<T: Copy + Into<u32>>(codes: &[T]) -> u32 {
    let has = |wanted: char| codes.iter().any(|code| (*code).into() == u32::from(wanted));
    u32::from(if has('\'') && !has('"') { '"' } else { '\'' })
}

/// One letter, or byte, of what stands in such quotes.
pub(super) fn escape(code: u32, quote: u32, bytes: bool, out: &mut Vec<u32>) {
    let mut push = |text: &str| out.extend(text.chars().map(u32::from));
    match code {
        0x0a => push("\\n"),
        0x0d => push("\\r"),
        0x09 => push("\\t"),
        0x5c => push("\\\\"),
        code if code == quote => {
            push("\\");
            out.push(code);
        }
        0x20..=0x7e => out.push(code),
        code if bytes || (code < 0x100 && !is_printable(code)) => push(&format!("\\x{code:02x}")),
        code if is_printable(code) => out.push(code),
        code if code < 0x1_0000 => push(&format!("\\u{code:04x}")),
        code => push(&format!("\\U{code:08x}")),
    }
}

/// Bytes in quotes.
pub(crate) fn quoted_bytes(bytes: &[u8], out: &mut Vec<u32>) {
    let quote = quote_of(bytes);
    out.extend([u32::from('b'), quote]);
    for byte in bytes {
        escape(u32::from(*byte), quote, true, out);
    }
    out.push(quote);
}
