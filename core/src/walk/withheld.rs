//! What a dump withheld, for what is appended to it: a reducer that runs after the capture may meet the same secrets again.

use std::fmt;

use super::redaction::{Redaction, Redactor};
use super::secrets::{is_secret_name, is_secret_value};
use crate::format::records::Reduction;

/// What stands for a withheld value.
const PLACEHOLDER: &str = "<redacted>";

/// The level of a dump and the values that it withheld, which never reach the file.
#[derive(Clone, Default)]
pub struct Withheld {
    level: Redaction,
    secrets: Vec<Vec<u8>>,
}

impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Withheld").field("level", &self.level).field("secrets", &self.secrets.len()).finish()
    }
}

impl Withheld {
    /// What is known of a dump whose values are not: its level.
    pub fn of_level(level: Redaction) -> Withheld {
        Withheld { level, secrets: Vec::new() }
    }

    pub(crate) fn of(redactor: &Redactor) -> Withheld {
        Withheld { level: redactor.level, secrets: redactor.secrets().to_vec() }
    }

    /// Takes out of reductions what the dump withholds: values under secret names, values that look like keys, copies; at
    /// level `all-values` every value. Likewise out of sentences.
    pub fn scrub(&self, reductions: &mut [Reduction], sentences: &mut [String]) {
        match self.level {
            Redaction::None => return,
            Redaction::AllValues => reductions.iter_mut().for_each(withhold_all),
            Redaction::Names => {
                let redactor = self.redactor();
                for reduction in reductions {
                    scrub_reduction(&redactor, reduction);
                }
            }
        }
        let redactor = self.redactor();
        for sentence in sentences {
            scrub_sentence(&redactor, sentence);
        }
    }

    fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::new(self.level);
        redactor.know(self.secrets.clone());
        redactor
    }
}

fn withhold_all(reduction: &mut Reduction) {
    reduction.args.clear();
    reduction.state = None;
    reduction.list_items.clear();
    reduction.dict_items.clear();
    reduction.summary = None;
    // What an exception says may be any value; of which type it is, is none.
    if let Some(failure) = &mut reduction.failure {
        failure.truncate(failure.find(':').unwrap_or(failure.len()));
    }
}

fn scrub_reduction(redactor: &Redactor, reduction: &mut Reduction) {
    let values = reduction.args.iter_mut().chain(&mut reduction.list_items).chain(&mut reduction.state);
    values.for_each(|value| scrub(redactor, value, false));
    for (key, value) in &mut reduction.dict_items {
        let secret = key.as_text().is_some_and(is_secret_name);
        scrub(redactor, key, false);
        scrub(redactor, value, secret);
    }
    for text in reduction.summary.iter_mut().chain(&mut reduction.failure) {
        scrub_sentence(redactor, text);
    }
}

/// Takes secrets out of a value. `secret` says that it stands under a secret name: then no leaf of it stays, but for
/// references, which lead to objects about which the capture has decided.
fn scrub(redactor: &Redactor, value: &mut ciborium::Value, secret: bool) {
    match value {
        ciborium::Value::Map(entries) => {
            for (key, value) in entries {
                let named = key.as_text().is_some_and(is_secret_name);
                scrub(redactor, key, false);
                scrub(redactor, value, secret || named);
            }
        }
        ciborium::Value::Array(items) if secret => items.iter_mut().for_each(|item| scrub(redactor, item, true)),
        ciborium::Value::Text(_) | ciborium::Value::Bytes(_) | ciborium::Value::Float(_) if secret => {
            *value = ciborium::Value::Text(PLACEHOLDER.into());
        }
        // Flags, counts and small numbers tell nothing.
        ciborium::Value::Integer(number) if secret && !(-255..=255).contains(&i128::from(*number)) => {
            *value = ciborium::Value::Text(PLACEHOLDER.into());
        }
        ciborium::Value::Tag(tag, _) if *tag == crate::format::records::REFERENCE_TAG => {}
        ciborium::Value::Tag(_, inner) => {
            scrub(redactor, inner, secret);
        }
        // Options of a command line among the items decide about the item after them.
        ciborium::Value::Array(items) => {
            items.iter_mut().filter(|item| !item.is_text()).for_each(|item| scrub(redactor, item, false));
            let mut texts = ciborium::Value::Array(items.iter().filter(|item| item.is_text()).cloned().collect());
            redactor.scrub(&mut texts);
            let places = items.iter_mut().filter(|item| item.is_text());
            places.zip(texts.into_array().unwrap_or_default()).for_each(|(place, text)| *place = text);
        }
        _ => redactor.scrub(value),
    }
}

/// A sentence whose words may be secrets.
fn scrub_sentence(redactor: &Redactor, text: &mut String) {
    redactor.scrub_text(text);
    let words: Vec<&str> = text.split_whitespace().filter(|word| is_secret_value(word.as_bytes())).collect();
    if words.is_empty() {
        return;
    }
    let mut scrubbed = text.clone();
    for word in words {
        scrubbed = scrubbed.replace(word, PLACEHOLDER);
    }
    *text = scrubbed;
}

#[cfg(test)]
mod tests {
    use ciborium::Value;

    use super::*;
    use crate::format::records::REFERENCE_TAG;

    fn reduction() -> Reduction {
        let reference = Value::Tag(REFERENCE_TAG, Box::new(Value::from(7)));
        let state = Value::Map(vec![
            ("password".into(), Value::Array(vec!["hunter2".into(), Value::from(123_456), Value::from(1), reference.clone()])),
            ("host".into(), "db".into()),
            ("copy".into(), "see hunter2-original here".into()),
            ("plain".into(), Value::Array(vec!["--token".into(), "abc".into(), Value::from(9), "x".into()])),
            ("other".into(), reference),
        ]);
        Reduction {
            state: Some(state),
            dict_items: vec![("api_key".into(), Value::Float(1.5)), ("x".into(), Value::Float(2.5))],
            summary: Some("at postgres://user:hunter2@db/prod for 5 s".into()),
            failure: Some("ValueError: AKIAIOSFODNN7EXAMPLE is no key".into()),
            ..Reduction::default()
        }
    }

    #[test]
    fn names_values_and_copies() {
        let withheld = Withheld { level: Redaction::Names, secrets: vec![b"hunter2-original".to_vec()] };
        let mut scrubbed = [reduction()];
        let mut sentences = ["of hunter2-original and AKIAIOSFODNN7EXAMPLE".to_owned()];
        withheld.scrub(&mut scrubbed, &mut sentences);
        assert_eq!(sentences, ["of <redacted:1> and <redacted>"]);
        let shown = format!("{scrubbed:?}");
        for secret in ["hunter2", "123456", "AKIAIOSFODNN7EXAMPLE", "\"abc\"", "1.5"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("<redacted:1>") && shown.contains("\"db\"") && shown.contains("2.5"), "{shown}");
        assert_eq!(shown.matches(&format!("Tag({REFERENCE_TAG}")).count(), 2, "{shown}");
    }

    #[test]
    fn all_values_and_none() {
        let mut scrubbed = [reduction()];
        Withheld::of_level(Redaction::AllValues).scrub(&mut scrubbed, &mut []);
        assert_eq!(scrubbed[0], Reduction { failure: Some("ValueError".into()), ..Reduction::default() });
        let mut same = [reduction()];
        Withheld::of_level(Redaction::None).scrub(&mut same, &mut []);
        assert_eq!(same, [reduction()]);
    }
}
