//! The text of dates, times and spans, subclasses included, from the facts that their reducer tells.

use crate::Object;

/// What it says, without its time zone; none for anything else, and for numbers that no calendar has.
pub(crate) fn text(object: &Object<'_>) -> Option<String> {
    let known = object.type_description()?;
    if known.name.ends_with(".NaTType") {
        // A date by its base alone.
        return Some("NaT".to_owned());
    }
    let base = known.mro.iter().find_map(|base| base.strip_prefix("datetime."))?;
    let facts = object.state();
    let fact = |wanted: &str| {
        let (_, value) = facts.iter().find(|(name, _)| name == wanted)?;
        value.as_integer().and_then(|number| i64::try_from(i128::from(number)).ok())
    };
    let part = |wanted: &str, most: i64| fact(wanted).filter(|number| (0..=most).contains(number));
    let fraction = |micro: i64| if micro == 0 { String::new() } else { format!(".{micro:06}") };
    let date = || Some(format!("{:04}-{:02}-{:02}", part("year", 9999)?, part("month", 12)?, part("day", 31)?));
    let time = || {
        let clock = [part("hour", 23)?, part("minute", 59)?, part("second", 59)?];
        Some(format!("{:02}:{:02}:{:02}{}", clock[0], clock[1], clock[2], fraction(part("microsecond", 999_999)?)))
    };
    match base {
        "datetime" => Some(format!("{} {}", date()?, time()?)),
        "date" => date(),
        "time" => time(),
        "timedelta" => {
            let (days, seconds) = (fact("days")?, part("seconds", 86_399)?);
            let words = match days {
                0 => String::new(),
                1 | -1 => format!("{days} day, "),
                days => format!("{days} days, "),
            };
            let rest = fraction(part("microseconds", 999_999)?);
            Some(format!("{words}{}:{:02}:{:02}{rest}", seconds / 3600, seconds / 60 % 60, seconds % 60))
        }
        _ => None,
    }
}
