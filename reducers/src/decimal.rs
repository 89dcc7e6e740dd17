//! `decimal`: numbers and contexts of libmpdec, by `Modules/_decimal/`.
//!
//! The coefficient lies in words of 19 decimal digits, the least significant first.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Reason};

use crate::framework::{Target, facts, known, reducers};

/// Decimal digits of a word (`MPD_RDIGITS` of a 64-bit libmpdec).
const WORD_DIGITS: usize = 19;
/// The most words of a coefficient that are saved.
const WORD_LIMIT: usize = 4096;

// Flags of `mpd_t`, `Modules/_decimal/libmpdec/mpdecimal.h`.
const NEGATIVE: u8 = 1;
const INFINITE: u8 = 2;
const QUIET_NAN: u8 = 4;
const SIGNALLING_NAN: u8 = 8;

reducers! {
    /// *What it holds.* A sign, decimal digits and an exponent, or an infinity, or no number.
    /// *What is saved.* `text`, as `str` gives it; `sign`, `digits` and `exponent`. A coefficient of more than 77,824 digits
    /// keeps its highest ones.
    /// *What becomes a surrogate.* One whose words are not readable or exceed 19 digits.
    Decimal ["decimal.Decimal"] "`text`, `sign`, `digits`, `exponent`" => decimal;

    /// *What it holds.* How decimal arithmetic is done.
    /// *What is saved.* `prec`, `Emin`, `Emax`, `rounding`, `capitals`, `clamp`, `traps` and `flags`.
    /// *What becomes a surrogate.* None but the unreadable.
    Context ["decimal.Context"] "precision, limits, rounding, traps and flags" => context;
}

fn decimal(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().decimal)?;
    let flags = target.field(layout.flags)?;
    let exponent = target.field(layout.exponent)?;
    let length = target.field(layout.length)?;
    let negative = flags & NEGATIVE != 0;
    let skipped = length.saturating_sub(WORD_LIMIT as i64).max(0);
    let words = target.numbers(target.field(layout.words)?.offset(skipped.saturating_mul(8)), length - skipped, WORD_LIMIT)?;
    let mut digits = String::new();
    for word in words.iter().rev() {
        let text = format!("{:0WORD_DIGITS$}", *word as u64);
        if text.len() > WORD_DIGITS {
            return Err(Failure::new(Reason::Corrupt, "a word of more than 19 digits"));
        }
        digits += &text;
    }
    let digits = digits.trim_start_matches('0');
    let exponent = exponent.saturating_add(skipped.saturating_mul(WORD_DIGITS as i64));
    let special = match flags & (INFINITE | QUIET_NAN | SIGNALLING_NAN) {
        0 => None,
        INFINITE => Some(("F", "Infinity".to_owned())),
        QUIET_NAN => Some(("n", format!("NaN{digits}"))),
        SIGNALLING_NAN => Some(("N", format!("sNaN{digits}"))),
        _ => return Err(Failure::new(Reason::Corrupt, format!("flags of {flags:#x}"))),
    };
    let minus = if negative { "-" } else { "" };
    if let Some((exponent, name)) = special {
        facts!(target, "text": format!("{minus}{name}"), "sign": u8::from(negative), "digits": digits, "exponent": exponent);
    } else {
        let digits = if digits.is_empty() { "0" } else { digits };
        let text = format!("{minus}{}", number(digits, exponent));
        facts!(target, "text": text, "sign": u8::from(negative), "digits": digits, "exponent": exponent);
    }
    if skipped > 0 {
        facts!(target, "truncated": true);
    }
    Ok(())
}

/// `to-scientific-string` of the General Decimal Arithmetic specification, as `str` uses it.
fn number(digits: &str, exponent: i64) -> String {
    let count = digits.len() as i64;
    let adjusted = exponent.saturating_add(count - 1);
    if exponent <= 0 && adjusted >= -6 {
        let point = count + exponent;
        if exponent == 0 {
            digits.to_owned()
        } else if point > 0 {
            let (whole, part) = digits.split_at(point as usize);
            format!("{whole}.{part}")
        } else {
            format!("0.{}{digits}", "0".repeat(-point as usize))
        }
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{first}{point}{rest}E{adjusted:+}")
    }
}

fn context(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    const ROUNDINGS: [&str; 8] = [
        "ROUND_UP",
        "ROUND_DOWN",
        "ROUND_CEILING",
        "ROUND_FLOOR",
        "ROUND_HALF_UP",
        "ROUND_HALF_DOWN",
        "ROUND_HALF_EVEN",
        "ROUND_05UP",
    ];
    let layout = known(target.layouts().decimal_context)?;
    target.attributes(sink, &[("traps", layout.traps), ("flags", layout.flags)])?;
    let round = target.field(layout.round)?;
    facts!(target,
        "prec": target.field(layout.precision)?,
        "Emax": target.field(layout.maximum_exponent)?,
        "Emin": target.field(layout.minimum_exponent)?,
        "rounding": usize::try_from(round).ok().and_then(|round| ROUNDINGS.get(round).copied()),
        "capitals": target.field(layout.capitals)?,
        "clamp": target.field(layout.clamp)?,
        "traps_mask": target.field(layout.traps_mask)?,
        "status": target.field(layout.status)?,
    );
    Ok(())
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;
