//! `str` of exceptions, as the built-in ones write it.

use heapsake_loader::{AttributeValue, Object, ObjectId, Target};

use super::attributes::short;
use super::error::{Evaluated, refused};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::values::Value;

/// Built-in exceptions that have a text of their own.
const OWN: [&str; 8] = [
    "KeyError",
    "OSError",
    "SyntaxError",
    "ImportError",
    "UnicodeEncodeError",
    "UnicodeDecodeError",
    "UnicodeTranslateError",
    "BaseExceptionGroup",
];

/// Classes whose text is that of their arguments; the last two say so themselves.
const PLAIN: [&str; 5] = ["object", "BaseException", "Exception", "AttributeError", "NameError"];

impl<'s> Evaluator<'s> {
    /// The text of an exception that was made with some arguments.
    pub(super) fn text_of_exception(&mut self, value: &Value, object: &Object<'s>, given: &[Value]) -> Evaluated<Vec<u32>> {
        if let Some((class, _)) = self.class_attribute(value, "__str__") {
            let class = self.class_name(&Value::Object(class));
            let class = short(&class);
            if !OWN.contains(&class) && !PLAIN.contains(&class) {
                return Err(refused(format!("str() of a {} is C code, which is not run", self.type_name(value))));
            }
        }
        let mro = object.type_description().map_or(&[][..], |description| &description.mro[..]);
        let own = mro.iter().find_map(|class| OWN.into_iter().find(|own| *own == short(class)));
        match (own, given) {
            (Some("KeyError"), [one]) => return self.repr(one),
            (Some("OSError"), [number, message]) => return self.text_of_system_error(object, number, message),
            (Some("BaseExceptionGroup"), [message, inner]) => {
                let form = self.form(inner)?;
                let count = self.length_of(&form).unwrap_or(0);
                let mut text = self.deeper(|evaluator| evaluator.str(message))?;
                let told = format!(" ({count} sub-exception{})", if count == 1 { "" } else { "s" });
                text.extend(told.chars().map(u32::from));
                return Ok(text);
            }
            (Some("SyntaxError"), [] | [_]) | (Some("KeyError" | "OSError" | "ImportError") | None, _) => {}
            _ => return Err(refused(format!("str() of a {} is C code, which is not run", self.type_name(value)))),
        }
        match given {
            [] => Ok(Vec::new()),
            [one] => self.deeper(|evaluator| evaluator.str(one)),
            several => self.repr(&Value::tuple(several.to_vec())),
        }
    }

    /// What an exception was made with beside its arguments, where its representation tells it: that of imports from 3.15 on.
    pub(super) fn named_arguments(&self, object: &Object<'s>) -> Vec<(&'static str, Value)> {
        let mro = object.type_description().map_or(&[][..], |description| &description.mro[..]);
        if self.version() < (3, 15) || !mro.iter().any(|class| short(class) == "ImportError") {
            return Vec::new();
        }
        let given = |name: &'static str| match object.attribute(name) {
            Some(AttributeValue::Target(Target::Object(id))) => Some((name, Value::Object(ObjectId(id)))),
            _ => None,
        };
        ["name", "path"].into_iter().filter_map(given).collect()
    }

    /// `[Errno 2] No such file or directory: 'a'`.
    fn text_of_system_error(&mut self, object: &Object<'s>, number: &Value, message: &Value) -> Evaluated<Vec<u32>> {
        let mut text: Vec<u32> = "[Errno ".chars().map(u32::from).collect();
        text.extend(self.deeper(|evaluator| evaluator.str(number))?);
        text.extend("] ".chars().map(u32::from));
        text.extend(self.deeper(|evaluator| evaluator.str(message))?);
        for (name, before) in [("filename", ": "), ("filename2", " -> ")] {
            let file = match object.attribute(name) {
                // Of a member that is not set Python says None.
                Some(AttributeValue::Target(Target::Nothing)) => break,
                Some(AttributeValue::Target(Target::Object(id))) => Value::Object(ObjectId(id)),
                _ => return Err(refused("the file of the exception is not in the dump: its args are")),
            };
            if matches!(self.form(&file)?, Form::None) {
                break;
            }
            text.extend(before.chars().map(u32::from));
            text.extend(self.deeper(|evaluator| evaluator.repr(&file))?);
        }
        Ok(text)
    }
}
