//! Tests of redaction: what is looked at in a hurry is not let through, and copies of secrets of every length are found.

use ciborium::Value;
use proptest::prelude::*;

use super::*;

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// A redactor that withheld these.
fn withholding(secrets: &[&[u8]]) -> Redactor {
    let mut redactor = Redactor::new(Redaction::Names);
    for (number, secret) in secrets.iter().enumerate() {
        redactor.withhold(Address(number as u64 * 16), secret);
    }
    redactor.decide(&mut Nothing);
    redactor
}

struct Nothing;

impl Heap for Nothing {
    fn outline(&mut self) -> crate::heap::Outline {
        crate::heap::Outline::default()
    }

    fn reduce<S: Sink>(&mut self, _: Address, _: &mut S) -> Result<(), crate::reduce::Failure> {
        Ok(())
    }
}

#[test]
fn what_facts_withhold_is_withheld_of_objects() {
    let array = |words: &[&str]| Value::Array(words.iter().map(|word| Value::Text((*word).to_owned())).collect());
    let facts = [
        (
            "argv".to_owned(),
            array(&[
                "app.py",
                "--password",
                "Tr0ub4dor",
                "--api-key=correct-horse-battery",
                "-v=short",
                "--pin=9",
                "--token",
                "swordfish",
                "--secret",
                "--verbose-mode",
                "--no-password",
                "prod-database-7",
                "--cookie-jar",
                "/tmp/jar/of/cookies",
            ]),
        ),
        (
            "environ".to_owned(),
            Value::Map(vec![
                ("DB_PASSWORD".into(), "Zqenvvalue77".into()),
                ("HOME".into(), "/home/grace".into()),
                ("PWD".into(), "/home/grace/work".into()),
            ]),
        ),
    ];
    let mut redactor = Redactor::new(Redaction::Names);
    redactor.learn(&facts);
    redactor.value(Address(16), &crate::heap::Value::Bytes(b"--token=abc"));
    redactor.value(Address(32), &crate::heap::Value::Bytes(b"--name=abc"));
    redactor.value(Address(48), &crate::heap::Value::Bytes(b"swordfish"));
    redactor.value(Address(64), &crate::heap::Value::Bytes(b"-- reset password: run daily\nSELECT x FROM y WHERE z = 'alpha'"));
    redactor.decide(&mut Nothing);
    for secret in ["Tr0ub4dor", "x correct-horse-battery y", "Zqenvvalue77"] {
        assert!(redactor.copies(secret.as_bytes()), "{secret}");
    }
    for other in
        ["/home/grace/work/x", "app.py", "short", "9", "swordfish-2", "--verbose-mode", "prod-database-7", "/tmp/jar/of/cookies"]
    {
        assert!(!redactor.copies(other.as_bytes()), "{other}");
    }
    let withheld = [16, 32, 48, 64].map(|address| redactor.withheld(Address(address)));
    assert_eq!(withheld, [true, false, true, false]);
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,8}",
        "--[a-z-]{0,12}",
        "(password|token|api_key|db-password|name|TokenType|session_id)",
        "--(token|password|db-password|name)=[A-Za-z0-9. _-]{0,120}",
        "(AKIA|ghp_|eyJ)[A-Za-z0-9]{0,60}",
        "[A-Za-z0-9/]{30,50}",
        "https?://[a-z]{1,5}(:[a-z]{1,5})?@[a-z]{1,8}/[a-z]{0,5}",
        ".{0,20}kept-in-the-safe.{0,20}",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        texts().prop_map(Value::Text),
        texts().prop_map(|text| Value::Bytes(text.into_bytes())),
        any::<i64>().prop_map(|number| Value::Integer(number.into())),
        any::<f64>().prop_map(Value::Float),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((texts().prop_map(Value::Text), inner), 0..6).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_no_suspect_has_nothing_to_scrub(value in values()) {
        let redactor = withholding(&[b"kept-in-the-safe"]);
        if !redactor.suspects(&encoded(&value)) {
            let mut scrubbed = value.clone();
            redactor.scrub(&mut scrubbed);
            prop_assert_eq!(encoded(&scrubbed), encoded(&value));
        }
    }

    #[test]
    fn bytes_that_are_no_cbor_are_suspects_or_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        withholding(&[]).suspects(&bytes);
    }
}

#[test]
fn copies_of_secrets_of_every_length_are_found_and_taken_out() {
    for length in [12, LONGEST_COPY, LONGEST_COPY + 1, 5000, LONGEST_KEPT, LONGEST_KEPT + 1, 1 << 20] {
        let secret: String = (0..length).map(|at| char::from(b'!' + (at * at % 89) as u8)).collect();
        let redactor = withholding(&[secret.as_bytes(), b"another-one-of-them"]);
        let mut text = format!("before {secret} after, another-one-of-them, é{secret}é");
        assert!(redactor.copies(text.as_bytes()), "{length}");
        redactor.scrub_text(&mut text);
        assert!(!redactor.copies(text.as_bytes()), "{length}");
        assert!(text.starts_with("before <redacted:"), "{length}: {}", &text[..40]);
        if length < LONGEST_KEPT {
            assert!(text.contains("> after, <redacted:") && text.ends_with(">é"), "{length}");
        } else {
            assert!(text.len() < 40, "nobody knows where it ends");
        }
    }
}

#[test]
fn names_that_hold_more_than_a_name_are_not_told() {
    let mut redactor = withholding(&[b"Hunter2-Secret"]);
    for name in ["api_key", "X-Api-Key", "token:4711", "user password Hunter2-Secret", "password.Hunter2-Secret"] {
        redactor.secret(name, Address(64));
    }
    let told = redactor.told_names();
    assert_eq!(told, ["X-Api-Key", "api_key", "password.<redacted:1>", "<keys that are more than a name>"]);
}

#[test]
fn secrets_beyond_ascii_are_compared_as_they_are_written() {
    let mut redactor = Redactor::new(Redaction::Names);
    let url = "postgres://root:pä55wörd@db/prod";
    let latin: Vec<u8> = url.chars().map(|letter| letter as u8).collect();
    redactor.value(Address(16), &crate::heap::Value::Text(Text::Latin1(&latin)));
    redactor.decide(&mut Nothing);
    assert!(redactor.withheld(Address(16)) && redactor.copies(format!("see {url}").as_bytes()));
}

/// Texts, and one container of all of them, each at the address of its number times 16 from 16 on; `keys` are interned.
struct Texts16 {
    texts: Vec<&'static str>,
    interned: bool,
}

impl Heap for Texts16 {
    fn outline(&mut self) -> crate::heap::Outline {
        crate::heap::Outline::default()
    }

    fn reduce<S: Sink>(&mut self, object: Address, sink: &mut S) -> Result<(), crate::reduce::Failure> {
        match self.texts.get((object.0 / 16) as usize - 1) {
            Some(text) => sink.value(crate::heap::Value::Text(Text::Ascii(text.as_bytes()))),
            None => (1..=self.texts.len()).for_each(|number| sink.element(Address(number as u64 * 16))),
        }
        Ok(())
    }

    fn text(&self, object: Address, read: &mut dyn FnMut(&str)) {
        if let Some(text) = self.texts.get((object.0 / 16) as usize - 1) {
            read(text);
        }
    }

    fn is_interned(&self, _: Address) -> bool {
        self.interned
    }
}

/// Whether each text is withheld when all of them are items of one thing under a secret name, and keys before that.
fn withheld_of(texts: &[&'static str], interned: bool) -> Vec<bool> {
    let mut heap = Texts16 { texts: texts.to_vec(), interned };
    let mut redactor = Redactor::new(Redaction::Names);
    let addresses: Vec<Address> = (1..=texts.len()).map(|number| Address(number as u64 * 16)).collect();
    for key in &addresses {
        redactor.entry(*key, Address(4096));
    }
    redactor.resolve(&heap);
    redactor.named("password", Address((texts.len() as u64 + 1) * 16));
    redactor.decide(&mut heap);
    addresses.into_iter().map(|address| redactor.withheld(address)).collect()
}

#[test]
fn words_that_are_keys_are_no_secrets_and_letters_are_where_they_spell_one() {
    assert_eq!(withheld_of(&["name", "first_name", "Kept-9", "abc1"], true), [false, false, true, true]);
    assert_eq!(withheld_of(&["name", "first_name"], false), [true, true]);
    assert_eq!(withheld_of(&[",", ":", "/", "=", "x"], true), [false; 5]);
    assert_eq!(withheld_of(&["h", "u", "n", "2"], true), [true; 4]);
    assert_eq!(withheld_of(&["h", "u"], true), [false; 2]);
}
