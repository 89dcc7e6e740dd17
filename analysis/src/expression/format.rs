//! Formatting: specifications of `format` and f-strings, `str.format`, and `%`.

use super::arguments::Arguments;
use super::error::{Evaluated, raised, refused, type_error, value_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::numbers::Number;
use super::representation::complex_text;
use super::specification::{Specification, parsed};
use super::values::{Value, string_of};

impl Evaluator<'_> {
    /// `format(value, specification)`.
    pub(crate) fn format(&mut self, value: &Value, specification: &[u32]) -> Evaluated<Vec<u32>> {
        if let Some(class) = self.overrides(value, "__format__") {
            return Err(self.not_run(value, &class, "__format__"));
        }
        if specification.is_empty() {
            return self.str(value);
        }
        self.taken(specification.len() as u64)?;
        let form = self.form(value)?;
        let unsupported = |name: String| type_error(format!("unsupported format string passed to {name}.__format__"));
        match form {
            Form::Text(codes) => {
                let found = parsed(specification, self.version() < (3, 10))?;
                self.taken(found.width as u64 * 4)?;
                if !matches!(found.kind, None | Some('s')) {
                    let kind = found.kind.unwrap_or('s');
                    return value_error(format!("Unknown format code '{kind}' for object of type 'str'"));
                }
                if found.has_sign {
                    return value_error("Sign not allowed in string format specifier");
                }
                if found.alternate {
                    return value_error("Alternate form (#) not allowed in string format specifier");
                }
                if let Some(grouping) = found.grouping {
                    return value_error(format!("Cannot specify '{grouping}' with 's'."));
                }
                if found.align == Some('=') {
                    return value_error("'=' alignment not allowed in string format specifier");
                }
                let cut = found.precision.map_or(codes.len(), |most| most.min(codes.len()));
                Ok(found.padded(&codes[..cut], '<'))
            }
            Form::Bool(_) | Form::Int(_) | Form::Big(_) => {
                let found = parsed(specification, true)?;
                self.taken(found.width.max(found.precision.unwrap_or(0)) as u64 * 4)?;
                if let (Form::Bool(flag), None | Some('s')) = (&form, found.kind)
                    && found.kind == Some('s')
                {
                    let _ = flag;
                    return value_error("Unknown format code 's' for object of type 'bool'");
                }
                let number = Number::of(&form).map(|number| number.big()).unwrap_or_default();
                self.digits_allowed(number.bits())?;
                found.integer(&number)
            }
            Form::Float(number) => {
                let found = parsed(specification, true)?;
                self.taken(found.width.max(found.precision.unwrap_or(0)) as u64 * 4)?;
                found.float(number)
            }
            Form::Complex(real, imaginary) => {
                let found = parsed(specification, true)?;
                if found.kind.is_none()
                    && found.precision.is_none()
                    && found.fill != 0x30
                    && found.sign == '-'
                    && found.align != Some('=')
                {
                    let text: Vec<u32> = complex_text(real, imaginary).chars().map(u32::from).collect();
                    return Ok(found.padded(&text, '>'));
                }
                if found.fill == 0x30 || found.align == Some('=') {
                    return value_error("Zero padding is not allowed in complex format specifier");
                }
                match found.kind {
                    Some('e' | 'E' | 'f' | 'F' | 'g' | 'G') => {
                        let part = Specification { width: 0, align: None, ..found.clone() };
                        let mut text = part.float(real)?;
                        text.extend(Specification { sign: '+', ..part }.float(imaginary)?);
                        text.push(u32::from('j'));
                        Ok(found.padded(&text, '>'))
                    }
                    None => Err(refused("this format specification of a complex number is not known here")),
                    Some(kind) => value_error(format!("Unknown format code '{kind}' for object of type 'complex'")),
                }
            }
            _ => {
                if let Value::Object(_) = value
                    && let Some((class, _)) = self.class_attribute(value, "__format__")
                    && self.class_name(&Value::Object(class)) != "object"
                {
                    return Err(refused(format!("formatting a {} is C code, which is not run", self.type_name(value))));
                }
                unsupported(self.type_name(value))
            }
        }
    }

    /// `template.format(…)`.
    pub(crate) fn format_template(&mut self, template: &[u32], given: Arguments) -> Evaluated<Vec<u32>> {
        let mut automatic = Some(0usize);
        self.template(template, &given, &mut automatic, 2)
    }

    fn template(
        &mut self,
        template: &[u32],
        given: &Arguments,
        automatic: &mut Option<usize>,
        depth: usize,
    ) -> Evaluated<Vec<u32>> {
        const OPEN: u32 = '{' as u32;
        const CLOSE: u32 = '}' as u32;
        if depth == 0 {
            return value_error("Max string recursion exceeded");
        }
        let mut out = Vec::new();
        let mut at = 0;
        while at < template.len() {
            self.step()?;
            let code = template[at];
            if code == CLOSE {
                if template.get(at + 1) != Some(&CLOSE) {
                    return value_error("Single '}' encountered in format string");
                }
                out.push(CLOSE);
                at += 2;
                continue;
            }
            if code != OPEN {
                out.push(code);
                at += 1;
                continue;
            }
            if template.get(at + 1) == Some(&OPEN) {
                out.push(OPEN);
                at += 2;
                continue;
            }
            at += 1;
            let from = at;
            let mut nested = 1;
            let mut brackets = false;
            let mut name_end = None;
            while at < template.len() && nested > 0 {
                match char::from_u32(template[at]) {
                    Some('[') if name_end.is_none() => brackets = true,
                    Some(']') => brackets = false,
                    Some('{') if !brackets => nested += 1,
                    Some('}') if !brackets => nested -= 1,
                    Some('!' | ':') if nested == 1 && !brackets && name_end.is_none() => name_end = Some(at),
                    _ => {}
                }
                at += 1;
            }
            if nested > 0 {
                return value_error(if from == template.len() {
                    "Single '{' encountered in format string"
                } else {
                    "expected '}' before end of string"
                });
            }
            let end = at - 1;
            let name = string_of(&template[from..name_end.unwrap_or(end)]);
            let mut rest = &template[name_end.unwrap_or(end)..end];
            let mut value = self.field(&name, given, automatic)?;
            if let [0x21, conversion, more @ ..] = rest {
                value = match char::from_u32(*conversion) {
                    Some('r') => Value::codes(&self.repr(&value)?),
                    Some('s') => Value::codes(&self.str(&value)?),
                    Some('a') => Value::codes(&self.ascii(&value)?),
                    other => return value_error(format!("Unknown conversion specifier {}", other.unwrap_or('?'))),
                };
                rest = more;
            }
            let specification = match rest {
                [] => Vec::new(),
                [0x3a, specification @ ..] => self.template(specification, given, automatic, depth - 1)?,
                _ => return value_error("expected ':' after conversion specifier"),
            };
            let shown = self.format(&value, &specification)?;
            self.within_bytes(out.len() + shown.len())?;
            self.taken(shown.len() as u64 * 4)?;
            out.extend(shown);
        }
        Ok(out)
    }

    /// `0.name[key]` of a template.
    fn field(&mut self, name: &str, given: &Arguments, automatic: &mut Option<usize>) -> Evaluated<Value> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(end);
        let position = if first.is_empty() {
            let Some(next) = automatic else {
                return value_error("cannot switch from manual field specification to automatic field numbering");
            };
            *next += 1;
            Some(*next - 1)
        } else if first.bytes().all(|digit| digit.is_ascii_digit()) {
            if automatic.is_some_and(|next| next > 0) {
                return value_error("cannot switch from automatic field numbering to manual field specification");
            }
            *automatic = None;
            first.parse().ok()
        } else {
            None
        };
        let mut value = match position {
            Some(position) => match given.positional.get(position) {
                Some(value) => value.clone(),
                None => {
                    let message = format!("Replacement index {position} out of range for positional args tuple");
                    return Err(raised("IndexError", message));
                }
            },
            None => match given.named.iter().find(|(known, _)| &**known == first) {
                Some((_, value)) => value.clone(),
                None => return Err(raised("KeyError", format!("'{first}'"))),
            },
        };
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return value_error("Empty attribute in format string");
                }
                value = self.attribute(&value, &after[..end])?;
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let Some(end) = after.find(']') else { return value_error("Missing ']' in format string") };
                let key = &after[..end];
                if key.is_empty() {
                    return value_error("Empty attribute in format string");
                }
                // A position is digits alone: -1 is a text.
                let key = if key.bytes().all(|digit| digit.is_ascii_digit()) {
                    match key.parse() {
                        Ok(position) => Value::Int(position),
                        Err(_) => return value_error("Too many decimal digits in format string"),
                    }
                } else {
                    Value::text(key)
                };
                value = self.item(&value, &key)?;
                rest = &after[end + 1..];
            } else {
                return value_error("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        Ok(value)
    }
}
