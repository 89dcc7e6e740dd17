//! Dates and spans of time as text, from ticks and a unit: ISO 8601, as NumPy writes them.

/// Units: name, of a span, and for what is not longer than a day how many are in a day.
const UNITS: [(&str, &str, i128); 13] = [
    ("Y", "years", 0),
    ("M", "months", 0),
    ("W", "weeks", 0),
    ("D", "days", 1),
    ("h", "hours", 24),
    ("m", "minutes", 1440),
    ("s", "seconds", 86_400),
    ("ms", "milliseconds", 86_400_000),
    ("us", "microseconds", 86_400_000_000),
    ("ns", "nanoseconds", 86_400_000_000_000),
    ("ps", "picoseconds", 86_400_000_000_000_000),
    ("fs", "femtoseconds", 86_400_000_000_000_000_000),
    ("as", "attoseconds", 86_400_000_000_000_000_000_000),
];
/// No time.
const NOT_A_TIME: &str = "NaT";

/// The unit's name, and how many of it a tick is: `25s` is 25 seconds.
fn unit(unit: &str) -> Option<(i128, (&'static str, &'static str, i128))> {
    let letters = unit.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let digits = &unit[..unit.len() - letters.len()];
    let multiple = if digits.is_empty() { 1 } else { i128::from(digits.parse::<i32>().ok()?) };
    Some((multiple, *UNITS.iter().find(|(name, ..)| *name == letters)?))
}

/// A date; none of a unit that is not known.
pub(super) fn date(ticks: i64, of: &str) -> Option<String> {
    if ticks == i64::MIN {
        return Some(NOT_A_TIME.to_owned());
    }
    let (multiple, (name, _, a_day)) = unit(of)?;
    let ticks = i128::from(ticks) * multiple;
    Some(match name {
        "Y" => format!("{}", 1970 + ticks),
        "M" => format!("{}-{:02}", 1970 + ticks.div_euclid(12), ticks.rem_euclid(12) + 1),
        "W" => day(ticks * 7),
        "D" => day(ticks),
        _ => {
            let (days, rest) = (ticks.div_euclid(a_day), ticks.rem_euclid(a_day));
            let hour = rest * 24 / a_day;
            let minute = rest * 1440 / a_day % 60;
            let mut text = format!("{}T{hour:02}", day(days));
            if name != "h" {
                text.push_str(&format!(":{minute:02}"));
            }
            if !matches!(name, "h" | "m") {
                let a_second = a_day / 86_400;
                text.push_str(&format!(":{:02}", rest / a_second % 60));
                let digits = a_second.ilog10() as usize;
                if digits > 0 {
                    text.push_str(&format!(".{:0digits$}", rest % a_second));
                }
            }
            text
        }
    })
}

/// A span of time; of no unit, a number.
pub(super) fn span(ticks: i64, of: &str) -> Option<String> {
    if ticks == i64::MIN {
        return Some(NOT_A_TIME.to_owned());
    }
    if of == "generic" {
        return Some(ticks.to_string());
    }
    let (multiple, (_, name, _)) = unit(of)?;
    Some(format!("{} {name}", i128::from(ticks) * multiple))
}

/// A day of the Gregorian calendar, from the number of days since 1970 (Howard Hinnant's algorithm).
fn day(days: i128) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_numpy_writes_them() {
        for (ticks, unit, text) in [
            (50, "Y", "2020"),
            (601, "M", "2020-02"),
            (2609, "W", "2020-01-02"),
            (18321, "D", "2020-02-29"),
            (-1, "D", "1969-12-31"),
            (-1, "s", "1969-12-31T23:59:59"),
            (1_577_836_800_123, "ms", "2020-01-01T00:00:00.123"),
            (1_577_836_800_000_000_001, "ns", "2020-01-01T00:00:00.000000001"),
            (26_297_280, "m", "2020-01-01T00:00"),
            (4, "25s", "1970-01-01T00:01:40"),
            (i64::MIN, "ns", "NaT"),
        ] {
            assert_eq!(date(ticks, unit).as_deref(), Some(text), "{ticks} {unit}");
        }
        assert_eq!(date(1, "x"), None);
        assert!(date(i64::MAX, "W").is_some() && date(i64::MIN + 1, "as").is_some());
        assert_eq!(span(90, "s").as_deref(), Some("90 seconds"));
    }
}
