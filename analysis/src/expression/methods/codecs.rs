//! Encodings: UTF-8, ASCII and Latin-1.

use super::super::error::{Evaluated, raised, refused, type_error};
use super::super::evaluate::Evaluator;
use super::super::values::Value;

impl Evaluator<'_> {
    /// The name of an encoding and what becomes of errors.
    fn codec(&mut self, encoding: Option<Value>, errors: Option<Value>) -> Evaluated<(String, String)> {
        let mut word = |value: Option<Value>, default: &str, which: &str| match value {
            None => Ok(default.to_owned()),
            Some(value) => match self.text_of(&value) {
                Some(text) => Ok(text),
                None => type_error(format!("{which} must be str, not {}", self.type_name(&value))),
            },
        };
        let encoding = word(encoding, "utf-8", "encoding")?.to_ascii_lowercase().replace(['_', ' '], "-");
        let errors = word(errors, "strict", "errors")?;
        if !matches!(errors.as_str(), "strict" | "ignore" | "replace") {
            return Err(refused(format!("errors={errors:?} is not known here: strict, ignore, replace are")));
        }
        let known = match encoding.as_str() {
            "utf-8" | "utf8" | "u8" => "utf-8",
            "ascii" | "us-ascii" => "ascii",
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1" => "latin-1",
            _ => return Err(refused(format!("the encoding {encoding:?} is not known here: utf-8, ascii and latin-1 are"))),
        };
        Ok((known.to_owned(), errors))
    }

    pub(crate) fn encoded(&mut self, codes: &[u32], encoding: Option<Value>, errors: Option<Value>) -> Evaluated<Value> {
        let (encoding, errors) = self.codec(encoding, errors)?;
        self.taken(codes.len() as u64)?;
        let mut bytes = Vec::with_capacity(codes.len());
        for (at, code) in codes.iter().enumerate() {
            let most = match encoding.as_str() {
                "ascii" => 0x7f,
                "latin-1" => 0xff,
                _ => 0x10_ffff,
            };
            match char::from_u32(*code) {
                Some(_) if encoding == "latin-1" && *code <= most => bytes.push(*code as u8),
                Some(letter) if *code <= most => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                _ if errors == "ignore" => {}
                _ if errors == "replace" => bytes.push(b'?'),
                _ => {
                    let message = format!("'{encoding}' codec can't encode character '\\u{code:04x}' in position {at}");
                    return Err(raised("UnicodeEncodeError", message));
                }
            }
        }
        self.taken(bytes.len().saturating_sub(codes.len()) as u64)?;
        Ok(Value::bytes(&bytes))
    }

    pub(crate) fn decoded(&mut self, bytes: &[u8], encoding: Option<Value>, errors: Option<Value>) -> Evaluated<Value> {
        let (encoding, errors) = self.codec(encoding, errors)?;
        let failed = |at: usize| {
            let byte = bytes.get(at).copied().unwrap_or(0);
            Err(raised("UnicodeDecodeError", format!("'{encoding}' codec can't decode byte 0x{byte:02x} in position {at}")))
        };
        self.taken(bytes.len() as u64 * 4)?;
        if encoding == "latin-1" {
            return Ok(Value::codes(&bytes.iter().map(|byte| u32::from(*byte)).collect::<Vec<u32>>()));
        }
        let mut codes = Vec::with_capacity(bytes.len());
        if encoding == "ascii" {
            for (at, byte) in bytes.iter().enumerate() {
                match (byte.is_ascii(), errors.as_str()) {
                    (true, _) => codes.push(u32::from(*byte)),
                    (false, "ignore") => {}
                    (false, "replace") => codes.push(0xfffd),
                    _ => return failed(at),
                }
            }
            return Ok(Value::codes(&codes));
        }
        let mut at = 0;
        while at < bytes.len() {
            match std::str::from_utf8(&bytes[at..]) {
                Ok(text) => {
                    codes.extend(text.chars().map(u32::from));
                    break;
                }
                Err(problem) => {
                    let upto = at + problem.valid_up_to();
                    codes.extend(String::from_utf8_lossy(&bytes[at..upto]).chars().map(u32::from));
                    match errors.as_str() {
                        "ignore" => {}
                        "replace" => codes.push(0xfffd),
                        _ => return failed(upto),
                    }
                    at = upto + problem.error_len().unwrap_or(bytes.len() - upto);
                }
            }
        }
        Ok(Value::codes(&codes))
    }
}
