//! What looks like a secret: by the name it stands under, and by the value itself.

/// Words that make a name secret when they are one of its words, or when the name without its separators has them.
const SECRET_WORDS: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "passcode",
    "secret",
    "secrets",
    "token",
    "apikey",
    "authorization",
    "credential",
    "credentials",
    "privatekey",
    "accesskey",
    "secretkey",
    "sessionkey",
    "sessionid",
    "cookie",
    "cookies",
    "bearer",
];
/// Last words of names that tell something about a secret and are none.
const HARMLESS_LAST_WORDS: [&str; 22] = [
    "name", "type", "url", "uri", "file", "path", "dir", "field", "header", "count", "length", "len", "re", "regex", "pattern",
    "id", "class", "policy", "kind", "format", "expires", "size",
];
/// Longest name that is looked at.
const LONGEST_NAME: usize = 80;

/// Whether the name of a variable, attribute, key or option says that what it stands for is secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    if name.len() < 3 || name.len() > LONGEST_NAME || !has_secret_word(name) {
        return false;
    }
    let mut words: Vec<String> = Vec::new();
    let mut previous_lower = false;
    for part in name.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        let mut word = String::new();
        for letter in part.chars() {
            if letter.is_ascii_uppercase() && previous_lower && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            previous_lower = letter.is_ascii_lowercase();
            word.push(letter.to_ascii_lowercase());
        }
        previous_lower = false;
        if !word.is_empty() {
            words.push(word);
        }
    }
    let known = |word: &str| SECRET_WORDS.contains(&word);
    match words.last() {
        None => return false,
        Some(last) if words.len() > 1 && HARMLESS_LAST_WORDS.contains(&last.as_str()) => {
            return words.len() > 1 && last == "id" && words[words.len() - 2] == "session";
        }
        Some(_) => {}
    }
    words.iter().any(|word| known(word)) || words.windows(2).any(|pair| known(&format!("{}{}", pair[0], pair[1])))
}

/// Whether a secret word is in the name, wherever its words begin: what nearly every name fails, at no allocation.
fn has_secret_word(name: &str) -> bool {
    let mut letters = [0; LONGEST_NAME];
    let mut count = 0;
    for byte in name.bytes().filter(u8::is_ascii_alphanumeric) {
        letters[count] = byte.to_ascii_lowercase();
        count += 1;
    }
    let letters = &letters[..count];
    let begins = |at: usize| SECRET_WORDS.iter().any(|word| letters[at..].starts_with(word.as_bytes()));
    letters.iter().enumerate().any(|(at, letter)| b"pstacb".contains(letter) && begins(at))
}

/// Starts of tokens that their issuers made recognisable, and how long such a token is at least.
const ISSUED: [(&str, usize); 16] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("sk-", 32),
    ("sk_live_", 24),
    ("rk_live_", 24),
    ("xoxb-", 24),
    ("xoxp-", 24),
    ("AIza", 35),
    ("ya29.", 24),
    ("eyJ", 40),
    ("npm_", 36),
];

/// Whether a text or printable bytes look like a key: issued tokens, private keys, credentials in URLs, and one long word of
/// letters and digits without pattern.
pub(crate) fn is_secret_value(value: &[u8]) -> bool {
    if value.len() < 20 {
        return value.len() >= 10 && credentials_in_url(value);
    }
    if value.len() > 16 << 10 {
        return value.starts_with(b"-----BEGIN") && contains(&value[..64], b"PRIVATE KEY");
    }
    if value.starts_with(b"-----BEGIN") {
        return contains(&value[..value.len().min(64)], b"PRIVATE KEY");
    }
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/=.".contains(byte);
    if value.iter().all(token) {
        return issued(value) || patternless(value);
    }
    if let Some(rest) = value.strip_prefix(b"Bearer ").or_else(|| value.strip_prefix(b"Basic ")) {
        return rest.len() >= 16 && rest.iter().all(token);
    }
    credentials_in_url(value)
}

fn issued(value: &[u8]) -> bool {
    ISSUED.iter().any(|(start, length)| value.len() >= *length && value.starts_with(start.as_bytes()))
}

/// 32 to 512 letters and digits of all three classes with the entropy of a random word.
fn patternless(value: &[u8]) -> bool {
    if !(32..=512).contains(&value.len()) {
        return false;
    }
    let (mut digits, mut upper, mut lower, mut other, mut steps) = (0usize, 0usize, 0usize, 0usize, 0usize);
    let mut counts = [0u16; 256];
    for (index, byte) in value.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'A'..=b'Z' => upper += 1,
            b'a'..=b'z' => lower += 1,
            _ => other += 1,
        }
        counts[usize::from(*byte)] += 1;
        steps += usize::from(index > 0 && value[index - 1].abs_diff(*byte) <= 1);
    }
    let hex = value.iter().all(u8::is_ascii_hexdigit) && (upper == 0 || lower == 0);
    if other * 8 > value.len() || steps * 4 > value.len() || digits == 0 {
        return false;
    }
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / value.len() as f64;
            -share * share.log2()
        })
        .sum();
    // Names in CamelCase have a digit or two and half a bit less than random words.
    let random = if digits >= 4 { entropy > 4.0 } else { entropy > 4.5 && upper >= 8 };
    if hex { entropy > 3.0 && digits * 4 > value.len() } else { upper >= 4 && lower >= 4 && random }
}

fn credentials_in_url(value: &[u8]) -> bool {
    let Some(at) = value.windows(3).position(|three| three == b"://") else { return false };
    let rest = &value[at + 3..];
    let authority = &rest[..rest.iter().position(|byte| b"/?# \n".contains(byte)).unwrap_or(rest.len())];
    let Some(end) = authority.iter().position(|byte| *byte == b'@') else { return false };
    authority[..end].iter().position(|byte| *byte == b':').is_some_and(|colon| colon + 1 < end)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for secret in [
            "password",
            "db_password",
            "PASSWORD",
            "apiKey",
            "API_KEY",
            "aws_secret_access_key",
            "authToken",
            "--token",
            "session_id",
            "X-Api-Key",
            "client_secret",
            "MYSQL_PWD",
            "set-cookie",
        ] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for harmless in [
            "author",
            "tokens",
            "tokenize",
            "token_type",
            "password_file",
            "key",
            "keys",
            "secretary",
            "monkey",
            "id",
            "",
            "passed",
        ] {
            assert!(!is_secret_name(harmless), "{harmless}");
        }
    }

    #[test]
    fn values() {
        for secret in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "postgres://user:hunter2@db/prod",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "Bearer abcdefghijklmnop1234",
        ] {
            assert!(is_secret_value(secret.as_bytes()), "{secret}");
        }
        for harmless in [
            "value-123456",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "http://example.org/path?x=1&y=a@b",
            "a sentence of several words, which has spaces and thus is no token",
            "very_long_identifier_with_many_words_in_it",
            "/usr/lib/python3.11/site-packages/package/module.py",
            "00000000000000000000000000000000000000000000000000",
        ] {
            assert!(!is_secret_value(harmless.as_bytes()), "{harmless}");
        }
    }
}
