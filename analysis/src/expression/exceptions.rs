//! `str` of exceptions, as the built-in ones write it.

use heapsake_loader::Object;

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

impl<'s> Evaluator<'s> {
    /// The text of an exception that was made with some arguments.
    pub(super) fn text_of_exception(&mut self, value: &Value, object: &Object<'s>, given: &[Value]) -> Evaluated<Vec<u32>> {
        if let Some((class, _)) = self.class_attribute(value, "__str__") {
            let class = self.class_name(&Value::Object(class));
            let class = short(&class);
            if !OWN.contains(&class) && !matches!(class, "BaseException" | "Exception" | "object") {
                return Err(refused(format!("str() of a {} is C code, which is not run", self.type_name(value))));
            }
        }
        let mro = object.type_description().map_or(&[][..], |description| &description.mro[..]);
        let own = mro.iter().find_map(|class| OWN.into_iter().find(|own| *own == short(class)));
        match (own, given) {
            (Some("KeyError"), [one]) => return self.repr(one),
            (Some("OSError"), [number, message]) => return self.text_of_system_error(value, number, message),
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

    /// `[Errno 2] No such file or directory: 'a'`.
    fn text_of_system_error(&mut self, value: &Value, number: &Value, message: &Value) -> Evaluated<Vec<u32>> {
        let mut text: Vec<u32> = "[Errno ".chars().map(u32::from).collect();
        text.extend(self.deeper(|evaluator| evaluator.str(number))?);
        text.extend("] ".chars().map(u32::from));
        text.extend(self.deeper(|evaluator| evaluator.str(message))?);
        for (name, before) in [("filename", ": "), ("filename2", " -> ")] {
            let file = match self.attribute(value, name) {
                Ok(Value::Object(id)) => Value::Object(id),
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
