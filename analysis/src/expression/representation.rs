//! `repr`, `str` and `ascii`, exactly as Python's built-ins write themselves.

use heapsake_core::heap::TypeKind;
use heapsake_loader::{Object, ObjectId};
use num_traits::ToPrimitive;

use super::attributes::short;
use super::cursor::{Cursor, Items, Store};
use super::error::{Evaluated, refused};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::quoted::{escape, quote_of};
use super::values::{Value, View};

/// A float as Python writes it: the fewest digits that mean it.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let shortest = format!("{number:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    // Of two such that are as near, the even one.
    let nearest = format!("{number:.*e}", digits.saturating_sub(1));
    let is_even = nearest.parse() == Ok(number);
    let scientific = if is_even { nearest } else { shortest };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
        let plain = if is_even { format!("{number:.decimals$}") } else { format!("{number}") };
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// A complex number as Python writes it.
pub(crate) fn complex_text(real: f64, imaginary: f64) -> String {
    let part = |number: f64| {
        let text = float_text(number);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", part(imaginary));
    }
    let sign = if imaginary.is_nan() || !imaginary.is_sign_negative() { "+" } else { "" };
    format!("({}{sign}{}j)", part(real), part(imaginary))
}

/// What is being written, for what contains itself.
#[derive(Default)]
struct Written {
    out: Vec<u32>,
    open: Vec<ObjectId>,
}

impl Written {
    fn push(&mut self, text: &str) {
        self.out.extend(text.chars().map(u32::from));
    }
}

impl<'s> Evaluator<'s> {
    /// `repr(value)`.
    pub(crate) fn repr(&mut self, value: &Value) -> Evaluated<Vec<u32>> {
        let mut written = Written::default();
        self.write(value, &mut written)?;
        self.taken(written.out.len() as u64 * 4)?;
        Ok(written.out)
    }

    /// `str(value)`.
    pub(crate) fn str(&mut self, value: &Value) -> Evaluated<Vec<u32>> {
        if let Value::Object(id) = value {
            let object = self.dump.object(*id);
            if let Some(class) = self.overrides(value, "__str__") {
                if class.starts_with("enum.")
                    && let Ok(name) = self.attribute(value, "_name_")
                    && let Some(name) = self.text_of(&name)
                {
                    let shown = format!("{}.{name}", short(object.type_name()));
                    return Ok(shown.chars().map(u32::from).collect());
                }
                return Err(self.not_run(value, &class, "__str__"));
            }
            if self.overrides(value, "__repr__").is_some_and(|class| class.starts_with("enum."))
                && matches!(self.form(value)?, Form::Int(_) | Form::Big(_) | Form::Bool(_))
            {
                // Members that are integers are shown as such.
                let mut written = Written::default();
                self.write_form(value, "", &mut written)?;
                return Ok(written.out);
            }
            if object.type_name() == "mappingproxy" {
                return match object.attribute_object("mapping") {
                    Some(inner) => self.deeper(|evaluator| evaluator.str(&Value::Object(inner.id()))),
                    None => {
                        let mut written = Written::default();
                        self.write_form(value, "", &mut written)?;
                        Ok(written.out)
                    }
                };
            }
            if object.kind() == TypeKind::Exception {
                let arguments = match object.attribute_object("args") {
                    Some(arguments) => self.all(&Items::Held(arguments.id(), arguments.len()))?,
                    None => return Err(refused("the arguments of the exception are not in the dump")),
                };
                return self.text_of_exception(value, &object, &arguments);
            }
        }
        match self.form(value) {
            Ok(Form::Text(codes)) => Ok(codes.to_vec()),
            _ => self.repr(value),
        }
    }

    /// `ascii(value)`.
    pub(crate) fn ascii(&mut self, value: &Value) -> Evaluated<Vec<u32>> {
        let shown = self.repr(value)?;
        let mut out = Vec::with_capacity(shown.len());
        for code in shown {
            match code {
                0..=0x7f => out.push(code),
                0x80..=0xff => out.extend(format!("\\x{code:02x}").chars().map(u32::from)),
                0x100..=0xffff => out.extend(format!("\\u{code:04x}").chars().map(u32::from)),
                _ => out.extend(format!("\\U{code:08x}").chars().map(u32::from)),
            }
            self.within_bytes(out.len())?;
        }
        Ok(out)
    }

    /// A text or bytes in quotes: what is escaped takes up to ten letters for one.
    fn write_quoted<T: Copy + Into<u32>>(&self, codes: &[T], is_bytes: bool, written: &mut Written) -> Evaluated<()> {
        let quote = quote_of(codes);
        written.out.push(quote);
        for part in codes.chunks(1 << 16) {
            for code in part {
                escape((*code).into(), quote, is_bytes, &mut written.out);
            }
            self.within_bytes(written.out.len())?;
        }
        written.out.push(quote);
        Ok(())
    }

    fn write(&mut self, value: &Value, written: &mut Written) -> Evaluated<()> {
        self.step()?;
        self.within_bytes(written.out.len())?;
        if let Value::Object(id) = value {
            if written.open.contains(id) {
                let again = match self.form(value)? {
                    Form::List(_) | Form::Sequence(_) => "[...]",
                    Form::Tuple(_) => "(...)",
                    Form::Dict(_) => "{...}",
                    _ => "...",
                };
                written.push(again);
                return Ok(());
            }
            written.open.push(*id);
            let result = self.deeper(|evaluator| evaluator.write_object(value, *id, written));
            written.open.pop();
            return result;
        }
        self.deeper(|evaluator| evaluator.write_form(value, "", written))
    }

    fn write_object(&mut self, value: &Value, id: ObjectId, written: &mut Written) -> Evaluated<()> {
        let object = self.dump.object(id);
        let name = object.type_name();
        if let Some(class) = self.overrides(value, "__repr__") {
            if self.write_generated(value, &object, &class, written)? {
                return Ok(());
            }
            return Err(self.not_run(value, &class, "__repr__"));
        }
        self.whole(&object)?;
        let qualified = self.class_qualified(value);
        match (object.kind(), name) {
            (TypeKind::Type, _) => {
                let shown = self.class_name(value);
                written.push(&format!("<class '{shown}'>"));
                return Ok(());
            }
            (TypeKind::Function, _) => {
                let name = self.attribute(value, "__qualname__").or_else(|_| self.attribute(value, "__name__"))?;
                let name = self.text_of(&name).unwrap_or_default();
                written.push(&format!("<function {name} at {:#x}>", object.address().0));
                return Ok(());
            }
            (TypeKind::Builtin, _) => {
                let name = self.attribute(value, "__name__").ok().and_then(|name| self.text_of(&name));
                let Some(name) = name else { return Err(refused(format!("the name of a {qualified} is not in the dump"))) };
                written.push(&format!("<built-in function {name}>"));
                return Ok(());
            }
            (TypeKind::Module, _) => {
                let name = self.attribute(value, "__name__").ok().and_then(|name| self.text_of(&name)).unwrap_or_default();
                let file = self.attribute(value, "__file__").ok().and_then(|name| self.text_of(&name));
                written.push(&match file {
                    Some(file) => format!("<module '{name}' from '{file}'>"),
                    None => format!("<module '{name}' (built-in)>"),
                });
                return Ok(());
            }
            (TypeKind::Exception, _) => {
                let Some(arguments) = object.attribute_object("args") else {
                    return Err(refused("the arguments of the exception are not in the dump"));
                };
                let items = Items::Held(arguments.id(), arguments.len());
                written.push(short(&qualified));
                written.push("(");
                self.write_items(&items, written)?;
                let mut before = if arguments.is_empty() { "" } else { ", " };
                for (name, value) in self.named_arguments(&object) {
                    written.push(&format!("{before}{name}="));
                    self.write(&value, written)?;
                    before = ", ";
                }
                written.push(")");
                return Ok(());
            }
            (_, "collections.deque") => {
                written.push("deque([");
                self.write_items(&Items::Held(id, object.len()), written)?;
                written.push("]");
                match self.attribute(value, "maxlen") {
                    Ok(most) if !matches!(self.form(&most), Ok(Form::None)) => {
                        written.push(", maxlen=");
                        self.write(&most, written)?;
                    }
                    _ => {}
                }
                written.push(")");
                return Ok(());
            }
            (_, "collections.defaultdict") => {
                written.push("defaultdict(");
                match object.attribute_object("default_factory") {
                    Some(factory) => self.write(&Value::Object(factory.id()), written)?,
                    None => written.push("None"),
                }
                written.push(", ");
                self.write_form(value, "", written)?;
                written.push(")");
                return Ok(());
            }
            (_, "collections.OrderedDict") => {
                if object.is_empty() {
                    written.push("OrderedDict()");
                    return Ok(());
                }
                // Up to 3.11 as a list of pairs.
                if self.version() >= (3, 12) {
                    written.push("OrderedDict(");
                    self.write_form(value, "", written)?;
                } else {
                    written.push("OrderedDict([");
                    self.write_items(&Items::Mapping(Store::Held(id, object.len()), View::Items), written)?;
                    written.push("]");
                }
                written.push(")");
                return Ok(());
            }
            (_, "mappingproxy") => {
                written.push("mappingproxy(");
                match object.attribute_object("mapping") {
                    Some(inner) => self.write(&Value::Object(inner.id()), written)?,
                    None => self.write_form(value, "", written)?,
                }
                written.push(")");
                return Ok(());
            }
            (_, "array.array") => {
                let code = self.attribute(value, "typecode")?;
                written.push("array(");
                self.write(&code, written)?;
                if let Form::Sequence(items) = self.form(value)?
                    && items.len() > 0
                {
                    written.push(", [");
                    self.write_items(&items, written)?;
                    written.push("]");
                }
                written.push(")");
                return Ok(());
            }
            _ => {}
        }
        match self.form(value)? {
            Form::Array(_) | Form::Table(_) => {
                Err(refused(format!("repr of a {qualified} is C code, which is not run; its items are there")))
            }
            Form::Other => {
                let Some((class, _)) = self.class_attribute(value, "__repr__") else {
                    return Err(refused(format!("repr of a {qualified} is not known")));
                };
                if self.class_name(&Value::Object(class)) != "object" {
                    return Err(refused(format!("repr of a {qualified} is C code, which is not run")));
                }
                written.push(&format!("<{} object at {:#x}>", self.class_qualified_with_module(value), object.address().0));
                Ok(())
            }
            _ => self.write_form(value, short(&qualified), written),
        }
    }

    fn class_qualified(&self, value: &Value) -> String {
        value.object().map_or_else(String::new, |id| self.dump.object(id).type_name().to_owned())
    }

    fn class_qualified_with_module(&self, value: &Value) -> String {
        self.class_qualified(value)
    }

    /// The version of Python that was dumped.
    pub(crate) fn version(&self) -> (u32, u32) {
        let text = self.dump.fact("python").and_then(|fact| fact.as_text()).unwrap_or("");
        let mut numbers = text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok());
        (numbers.next().unwrap_or(3), numbers.next().unwrap_or(13))
    }

    /// Representations that `namedtuple`, `dataclass` and `Enum` make.
    fn write_generated(&mut self, value: &Value, object: &Object<'s>, class: &str, written: &mut Written) -> Evaluated<bool> {
        let qualified = object.type_name().to_owned();
        if object.kind() == TypeKind::Type && class.starts_with("enum.") {
            let name = self.class_name(value);
            written.push(&format!("<enum '{}'>", short(&name)));
            return Ok(true);
        }
        if object.kind() == TypeKind::Tuple
            && let Some((_, fields)) = self.class_attribute(value, "_fields")
            && self.is_generated(value, "__repr__")
        {
            let Form::Tuple(fields) = self.form(&fields)? else { return Ok(false) };
            let names = self.all(&fields)?;
            let values = self.all(&Items::Held(object.id(), object.len()))?;
            written.push(short(&qualified));
            written.push("(");
            for (at, (name, value)) in names.iter().zip(&values).enumerate() {
                let name = self.text_of(name).unwrap_or_default();
                written.push(&format!("{}{name}=", if at > 0 { ", " } else { "" }));
                self.write(value, written)?;
            }
            written.push(")");
            return Ok(true);
        }
        if class.starts_with("enum.") {
            let (Ok(name), Ok(inner)) = (self.attribute(value, "_name_"), self.attribute(value, "_value_")) else {
                return Ok(false);
            };
            let Some(name) = self.text_of(&name) else { return Ok(false) };
            written.push(&format!("<{}.{name}: ", short(&qualified)));
            self.write(&inner, written)?;
            written.push(">");
            return Ok(true);
        }
        if self.is_generated(value, "__repr__")
            && let Some(fields) = self.dataclass_fields(value, "repr")?
        {
            let class = self.type_of(value)?;
            let qualname = self.attribute(&class, "__qualname__")?;
            let qualname = self.text_of(&qualname).unwrap_or_default();
            written.push(&format!("{qualname}("));
            for (at, (name, inner)) in fields.iter().enumerate() {
                written.push(&format!("{}{name}=", if at > 0 { ", " } else { "" }));
                self.write(inner, written)?;
            }
            written.push(")");
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether a method was made by `dataclass` or `namedtuple`, not written by the program: its code is of no file, or of
    /// `collections`.
    pub(crate) fn is_generated(&mut self, value: &Value, name: &str) -> bool {
        let Some((_, mut function)) = self.class_attribute(value, name) else { return false };
        for _ in 0..4 {
            let Value::Object(id) = function else { return false };
            match self.dump.object(id).attribute_object("__wrapped__") {
                Some(inner) => function = Value::Object(inner.id()),
                None => break,
            }
        }
        let Ok(code) = self.attribute(&function, "__code__") else { return false };
        let file = self.attribute(&code, "co_filename").ok().and_then(|file| self.text_of(&file)).unwrap_or_default();
        file == "<string>" || file.replace('\\', "/").ends_with("/collections/__init__.py")
    }

    /// The fields of a dataclass of which a flag is set, and their values.
    pub(crate) fn dataclass_fields(&mut self, value: &Value, flag: &str) -> Evaluated<Option<Vec<(String, Value)>>> {
        let Some((_, fields)) = self.class_attribute(value, "__dataclass_fields__") else { return Ok(None) };
        let Form::Dict(store) = self.form(&fields)? else { return Ok(None) };
        let mut found = Vec::new();
        for (name, field) in self.pairs(&store)? {
            let name = self.text_of(&name).unwrap_or_default();
            let counts = self.attribute(&field, flag)?;
            let kind = self.attribute(&field, "_field_type").and_then(|kind| self.attribute(&kind, "name"));
            let is_field = kind.ok().and_then(|kind| self.text_of(&kind)).is_none_or(|kind| kind == "_FIELD");
            if is_field && self.truth(&counts)? {
                let inner = self.attribute(value, &name)?;
                found.push((name, inner));
            }
        }
        Ok(Some(found))
    }

    fn write_items(&mut self, items: &Items, written: &mut Written) -> Evaluated<()> {
        let mut cursor = Cursor::new(items.clone());
        let mut at = 0u64;
        while let Some(item) = self.next(&mut cursor)? {
            if at > 0 {
                written.push(", ");
            }
            at += 1;
            self.write(&item, written)?;
        }
        Ok(())
    }

    /// What a form of a built-in type is, its subclass's name around where Python has it.
    fn write_form(&mut self, value: &Value, subclass: &str, written: &mut Written) -> Evaluated<()> {
        match self.form(value)? {
            Form::None => written.push("None"),
            Form::Ellipsis => written.push("Ellipsis"),
            Form::Bool(flag) => written.push(if flag { "True" } else { "False" }),
            Form::Int(number) => written.push(&number.to_string()),
            Form::Big(number) => {
                self.digits_allowed(number.bits())?;
                written.push(&number.to_string());
            }
            Form::Float(number) => written.push(&float_text(number)),
            Form::Complex(real, imaginary) => written.push(&complex_text(real, imaginary)),
            Form::Text(codes) => self.write_quoted(&codes, false, written)?,
            Form::Bytes(bytes) => {
                written.push("b");
                self.write_quoted(&bytes, true, written)?;
            }
            Form::Bytearray(bytes) => {
                written.push(if subclass.is_empty() { "bytearray" } else { subclass });
                written.push("(");
                written.push("b");
                self.write_quoted(&bytes, true, written)?;
                written.push(")");
            }
            Form::List(items) | Form::Sequence(items) => {
                written.push("[");
                self.write_items(&items, written)?;
                written.push("]");
            }
            Form::Tuple(items) => {
                written.push("(");
                self.write_items(&items, written)?;
                written.push(if items.len() == 1 { ",)" } else { ")" });
            }
            Form::Set(store) | Form::Frozenset(store) if store.len() == 0 => {
                let name = self.type_name(value);
                written.push(&format!("{name}()"));
            }
            Form::Set(store) => {
                let name = self.type_name(value);
                let exact = name == "set";
                written.push(&if exact { "{".to_owned() } else { format!("{name}({{") });
                self.write_items(&Items::Mapping(store, View::Keys), written)?;
                written.push(if exact { "}" } else { "})" });
            }
            Form::Frozenset(store) => {
                let name = self.type_name(value);
                written.push(&format!("{name}({{"));
                self.write_items(&Items::Mapping(store, View::Keys), written)?;
                written.push("})");
            }
            Form::Dict(store) => {
                written.push("{");
                let mut cursor = Cursor::new(Items::Mapping(store, View::Items));
                let mut at = 0;
                while let Some(pair) = self.next(&mut cursor)? {
                    let Value::Tuple(pair) = pair else { continue };
                    if at > 0 {
                        written.push(", ");
                    }
                    at += 1;
                    self.write(&pair[0], written)?;
                    written.push(": ");
                    self.write(&pair[1], written)?;
                }
                written.push("}");
            }
            Form::Range(span) => {
                written.push(&format!("range({}, {}", span.start, span.stop));
                written.push(&if span.step == 1 { ")".to_owned() } else { format!(", {})", span.step) });
            }
            Form::Slice(bounds) => {
                written.push("slice(");
                for (at, bound) in bounds.iter().enumerate() {
                    written.push(if at > 0 { ", " } else { "" });
                    self.write(bound, written)?;
                }
                written.push(")");
            }
            Form::View(view, store) => {
                let (name, shown) = match view {
                    View::Keys => ("dict_keys", View::Keys),
                    View::Values => ("dict_values", View::Values),
                    View::Items => ("dict_items", View::Items),
                };
                written.push(&format!("{name}(["));
                self.write_items(&Items::Mapping(store, shown), written)?;
                written.push("])");
            }
            Form::Class => {
                let name = self.class_name(value);
                written.push(&format!("<class '{name}'>"));
            }
            Form::Iterator(flow) => written.push(&format!("<{} of an expression>", flow.name)),
            Form::Array(items) => {
                written.push("[");
                self.write_items(&items, written)?;
                written.push("]");
            }
            Form::Table(_) | Form::Other => match value {
                Value::Function(name) => written.push(&format!("<built-in function {name}>")),
                Value::Method(method) => {
                    let name = self.type_name(&method.0);
                    written.push(&format!("<built-in method {} of {name} object>", method.1));
                }
                Value::Bound(bound) => {
                    let name = self.attribute(&Value::Object(bound.1), "__qualname__").ok().and_then(|name| self.text_of(&name));
                    written.push(&format!("<bound method {} of ", name.unwrap_or_default()));
                    self.write(&bound.0, written)?;
                    written.push(">");
                }
                _ => return Err(refused(format!("repr of a {} is not known", self.type_name(value)))),
            },
        }
        Ok(())
    }

    /// Whether an integer is so short that its digits are made.
    pub(crate) fn digits_allowed(&mut self, bits: u64) -> Evaluated<()> {
        const MOST: u64 = 1 << 20;
        if bits > MOST {
            return Err(refused(format!("the decimal digits of an integer of {bits} bits are not made: hex() gives others")));
        }
        // Digits take time that grows with their square.
        let steps = (bits / 4096).to_u64().unwrap_or(0).pow(2);
        for _ in 0..steps.min(1 << 16) {
            self.step()?;
        }
        self.in_time()
    }
}
