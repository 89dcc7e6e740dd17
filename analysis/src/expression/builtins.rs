//! Functions of the language, and calls.

use heapsake_core::heap::TypeKind;
use heapsake_loader::array::Array;
use num_traits::Signed;

use super::arguments::Arguments;
use super::cursor::{Cursor, Items};
use super::error::{Evaluated, raised, refused, type_error, value_error};
use super::evaluate::Evaluator;
use super::forms::{Form, harmless};
use super::numbers::{self, Number};
use super::syntax::{BinaryOperator, Comparison, Symbol};
use super::types::CALLABLE;
use super::values::Value;

/// Functions, in the order of their names.
pub(crate) const FUNCTIONS: [&str; 35] = [
    "abs",
    "all",
    "any",
    "ascii",
    "at",
    "bin",
    "callable",
    "chr",
    "dir",
    "divmod",
    "format",
    "getattr",
    "hasattr",
    "hex",
    "id",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "max",
    "min",
    "next",
    "objects",
    "oct",
    "ord",
    "path",
    "pow",
    "refs",
    "repr",
    "round",
    "size",
    "sorted",
    "sum",
    "vars",
    "hash",
];

/// Built-in functions of Python that are none of the language, and why.
const REFUSED: [(&str, &str); 16] = [
    ("print", "an expression prints its value by itself"),
    ("open", "an expression opens no file"),
    ("eval", "no code runs"),
    ("exec", "no code runs"),
    ("compile", "no code runs"),
    ("input", "an expression asks for nothing"),
    ("__import__", "nothing is imported"),
    ("setattr", "nothing in a dump changes"),
    ("delattr", "nothing in a dump changes"),
    ("globals", "names are there as they are"),
    ("locals", "names are there as they are"),
    ("super", "no method of the dump runs"),
    ("breakpoint", "a dump does not run"),
    ("memoryview", "bytes are read by position and by slice"),
    ("classmethod", "no function is made"),
    ("staticmethod", "no function is made"),
];

/// The built-in of this name.
pub(crate) fn named(name: &str) -> Option<Value> {
    if let Some(class) = CALLABLE.iter().find(|known| **known == name) {
        return Some(Value::Type(class));
    }
    FUNCTIONS.iter().find(|known| **known == name).map(|known| Value::Function(known))
}

/// Why a name of Python is none here.
pub(crate) fn refusal(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}

impl Evaluator<'_> {
    /// `callee(…)`.
    pub(crate) fn call(&mut self, callee: &Value, positional: Vec<Value>, named: Vec<(Symbol, Value)>) -> Evaluated<Value> {
        let given = Arguments { positional, named };
        self.deeper(|evaluator| evaluator.call_within(callee, given))
    }

    fn call_within(&mut self, callee: &Value, given: Arguments) -> Evaluated<Value> {
        self.step()?;
        match callee {
            Value::Function(name) => self.call_function(name, given),
            Value::Type(class) => self.construct(class, given),
            Value::Method(method) => self.call_method(&method.0.clone(), method.1, given),
            Value::Bound(bound) => {
                let name = self.function_name(&Value::Object(bound.1));
                Err(refused(format!("{name} is code of the dump, which is not run")))
            }
            Value::Object(id) => {
                let object = self.dump.object(*id);
                match object.kind() {
                    TypeKind::Type => {
                        let name = self.class_name(callee);
                        match named(&name) {
                            Some(Value::Type(class)) => self.construct(class, given),
                            _ => Err(refused(format!("{}(…) would run code of the dump, which is not run", harmless(&name)))),
                        }
                    }
                    TypeKind::Function | TypeKind::Method => {
                        let name = self.function_name(callee);
                        Err(refused(format!("{name} is code of the dump, which is not run")))
                    }
                    TypeKind::Builtin => {
                        let name =
                            self.attribute(callee, "__name__").ok().and_then(|name| self.text_of(&name)).unwrap_or_default();
                        let of = self.attribute(callee, "__self__").ok();
                        let of_builtins = match &of {
                            Some(Value::Object(id)) => self.dump.object(*id).kind() == TypeKind::Module,
                            _ => true,
                        };
                        match (named(&name), of) {
                            (Some(function), _) if of_builtins && self.is_of_builtins(callee) => {
                                self.call_within(&function, given)
                            }
                            (_, Some(of)) if !of_builtins => match self.method_of(&of, &name) {
                                Some(method) => self.call_within(&method, given),
                                None => Err(refused(format!("{} is a method of C, which is not run", harmless(&name)))),
                            },
                            _ => Err(refused(format!("{} is a function of C, which is not run", harmless(&name)))),
                        }
                    }
                    TypeKind::Weakref => {
                        given.positions("weakref", 0, 0)?;
                        let edges = object.edges();
                        let referent = edges.iter().find(|edge| edge.kind == heapsake_core::heap::EdgeKind::Weak);
                        Ok(referent.map_or(Value::None, |edge| super::cursor::of_target(edge.target)))
                    }
                    _ => {
                        self.whole(&object)?;
                        if let Some(class) = self.overrides(callee, "__call__") {
                            return Err(self.not_run(callee, &class, "__call__"));
                        }
                        if self.class_attribute(callee, "__call__").is_some() {
                            return Err(refused(format!("a call of a {} is C code, which is not run", self.type_name(callee))));
                        }
                        type_error(format!("'{}' object is not callable", self.type_name(callee)))
                    }
                }
            }
            _ => {
                self.form(callee)?;
                type_error(format!("'{}' object is not callable", self.type_name(callee)))
            }
        }
    }

    fn is_of_builtins(&mut self, function: &Value) -> bool {
        let module = self.attribute(function, "__module__").ok().and_then(|name| self.text_of(&name));
        module.is_none_or(|module| module == "builtins")
    }

    fn function_name(&mut self, function: &Value) -> String {
        for name in ["__qualname__", "__name__"] {
            if let Some(name) = self.attribute(function, name).ok().and_then(|name| self.text_of(&name)) {
                return harmless(&name);
            }
        }
        format!("this {}", self.type_name(function))
    }

    fn call_function(&mut self, name: &'static str, given: Arguments) -> Evaluated<Value> {
        match name {
            "len" => {
                let given = given.positions(name, 1, 1)?;
                self.length(&given[0])
            }
            "sum" => {
                let [items, start] = given.bind(name, ["/iterable", "start"], 1)?;
                self.sum(&items.unwrap_or(Value::None), start)
            }
            "min" | "max" => self.extreme(name, given),
            "any" | "all" => {
                let given = given.positions(name, 1, 1)?;
                let mut cursor = self.cursor(&given[0])?;
                while let Some(value) = self.next(&mut cursor)? {
                    if self.truth(&value)? == (name == "any") {
                        return Ok(Value::Bool(name == "any"));
                    }
                }
                Ok(Value::Bool(name == "all"))
            }
            "sorted" => {
                let [items, key, reverse] = given.bind(name, ["/iterable", "*key", "*reverse"], 1)?;
                let cursor = self.cursor(&items.unwrap_or(Value::None))?;
                let items = self.drain(cursor)?;
                let keyed = self.keyed(items, key)?;
                let reverse = match reverse {
                    Some(reverse) => self.truth(&reverse)?,
                    None => false,
                };
                let sorted = self.sort(keyed, reverse)?;
                Ok(Value::list(sorted.into_iter().map(|(_, value)| value).collect()))
            }
            "abs" => {
                let given = given.positions(name, 1, 1)?;
                if let Some(class) = self.overrides(&given[0], "__abs__") {
                    return Err(self.not_run(&given[0], &class, "__abs__"));
                }
                match Number::of(&self.form(&given[0])?) {
                    Some(Number::Float(number)) => Ok(Value::Float(number.abs())),
                    Some(Number::Complex(real, imaginary)) => Ok(Value::Float(real.hypot(imaginary))),
                    Some(number) => self.sized(Value::integer(number.big().abs())),
                    None => {
                        self.not_of_c(&given[0], &["__abs__"])?;
                        type_error(format!("bad operand type for abs(): '{}'", self.type_name(&given[0])))
                    }
                }
            }
            "round" => self.round(given),
            "divmod" => {
                let given = given.positions(name, 2, 2)?;
                let both = (Number::of(&self.form(&given[0])?), Number::of(&self.form(&given[1])?));
                if let (Some(Number::Float(_)), Some(_)) | (Some(_), Some(Number::Float(_))) = &both
                    && let (Some(one), Some(other)) = &both
                    && !matches!(one, Number::Complex(..))
                    && !matches!(other, Number::Complex(..))
                {
                    let (one, other) = (one.float()?, other.float()?);
                    if other == 0.0 {
                        return Err(raised("ZeroDivisionError", "float divmod()"));
                    }
                    let (quotient, rest) = numbers::float_divmod(one, other);
                    return Ok(Value::tuple(vec![Value::Float(quotient), Value::Float(rest)]));
                }
                if both.0.is_none() || both.1.is_none() {
                    self.not_of_c(&given[0], &["__divmod__"])?;
                    self.not_of_c(&given[1], &["__rdivmod__"])?;
                    let (one, other) = (self.type_name(&given[0]), self.type_name(&given[1]));
                    return type_error(format!("unsupported operand type(s) for divmod(): '{one}' and '{other}'"));
                }
                let quotient = self.binary(BinaryOperator::FloorDivide, &given[0], &given[1])?;
                let rest = self.binary(BinaryOperator::Modulo, &given[0], &given[1])?;
                Ok(Value::tuple(vec![quotient, rest]))
            }
            "pow" => {
                let [base, exponent, modulus] = given.bind(name, ["base", "exp", "mod"], 2)?;
                let (base, exponent) = (base.unwrap_or(Value::None), exponent.unwrap_or(Value::None));
                match modulus {
                    None | Some(Value::None) => self.binary(BinaryOperator::Power, &base, &exponent),
                    Some(modulus) => {
                        for value in [&base, &exponent, &modulus] {
                            if !matches!(self.form(value)?, Form::Int(_) | Form::Big(_) | Form::Bool(_)) {
                                return type_error("pow() 3rd argument not allowed unless all arguments are integers");
                            }
                        }
                        numbers::modular_power(&self.index(&base)?, &self.index(&exponent)?, &self.index(&modulus)?)
                    }
                }
            }
            "bin" | "hex" | "oct" => {
                let given = given.positions(name, 1, 1)?;
                let number = self.index(&given[0])?;
                let (radix, prefix) = match name {
                    "bin" => (2, "0b"),
                    "hex" => (16, "0x"),
                    _ => (8, "0o"),
                };
                self.taken(number.bits())?;
                let sign = if number.is_negative() { "-" } else { "" };
                Ok(Value::text(&format!("{sign}{prefix}{}", number.magnitude().to_str_radix(radix))))
            }
            "ord" => {
                let given = given.positions(name, 1, 1)?;
                let codes: Vec<u32> = match self.form(&given[0])? {
                    Form::Text(codes) => codes.to_vec(),
                    Form::Bytes(bytes) | Form::Bytearray(bytes) => bytes.iter().map(|byte| u32::from(*byte)).collect(),
                    _ => {
                        let found = self.type_name(&given[0]);
                        return type_error(format!("ord() expected string of length 1, but {found} found"));
                    }
                };
                match codes[..] {
                    [code] => Ok(Value::Int(i64::from(code))),
                    _ => type_error(format!("ord() expected a character, but string of length {} found", codes.len())),
                }
            }
            "chr" => {
                let given = given.positions(name, 1, 1)?;
                let code =
                    if self.version() >= (3, 13) { self.wide_index(&given[0])? } else { i128::from(self.fitting(&given[0])?) };
                match u32::try_from(code) {
                    Ok(code) if code <= 0x10_ffff => Ok(Value::codes(&[code])),
                    _ => value_error("chr() arg not in range(0x110000)"),
                }
            }
            "isinstance" | "issubclass" => {
                let given = given.positions(name, 2, 2)?;
                let class = if name == "isinstance" {
                    self.type_of(&given[0])?
                } else if self.is_class(&given[0]) {
                    given[0].clone()
                } else {
                    return type_error("issubclass() arg 1 must be a class");
                };
                let holds = self.is_subclass(&class, &given[1], name)?;
                if !holds && name == "isinstance" {
                    self.tells_its_class(&given[0])?;
                }
                Ok(Value::Bool(holds))
            }
            "id" => {
                let given = given.positions(name, 1, 1)?;
                match &given[0] {
                    Value::Object(id) => Ok(Value::wide(i128::from(self.dump.object(*id).address().0))),
                    Value::Stray(address) => Ok(Value::wide(i128::from(*address))),
                    _ => Err(refused("what was computed here is at no address of the dump")),
                }
            }
            "hash" => Err(refused("hashes of a program that is no more say nothing: == and in compare by value")),
            "repr" | "ascii" => {
                let given = given.positions(name, 1, 1)?;
                let codes = if name == "repr" { self.repr(&given[0])? } else { self.ascii(&given[0])? };
                Ok(Value::codes(&codes))
            }
            "format" => {
                let given = given.positions(name, 1, 2)?;
                let specification = match given.get(1) {
                    None => Vec::new(),
                    Some(value) => match self.form(value)? {
                        Form::Text(codes) => codes.to_vec(),
                        _ => return type_error(format!("format() argument 2 must be str, not {}", self.type_name(value))),
                    },
                };
                self.format(&given[0], &specification).map(|codes| Value::codes(&codes))
            }
            "getattr" | "hasattr" => {
                let given = given.positions(name, 2, if name == "getattr" { 3 } else { 2 })?;
                let Some(attribute) = self.text_of(&given[1]) else {
                    return type_error("attribute name must be string");
                };
                match (self.attribute(&given[0], &attribute), name) {
                    (Err(failure), "getattr") if failure.exception == Some("AttributeError") => match given.get(2) {
                        Some(default) => Ok(default.clone()),
                        None => Err(failure),
                    },
                    (found, "getattr") => found,
                    (Ok(_), _) => Ok(Value::Bool(true)),
                    (Err(failure), _) if failure.exception == Some("AttributeError") => Ok(Value::Bool(false)),
                    (Err(_), _) if self.has_method(&given[0], &attribute) => Ok(Value::Bool(true)),
                    (Err(failure), _) => Err(failure),
                }
            }
            "vars" => {
                let given = given.positions(name, 0, 1)?;
                match given.first() {
                    Some(value) => match self.attribute(value, "__dict__") {
                        Err(failure) if failure.exception == Some("AttributeError") => {
                            type_error("vars() argument must have __dict__ attribute")
                        }
                        found => found,
                    },
                    None => self.variables_of_scope(),
                }
            }
            "dir" => {
                let given = given.positions(name, 0, 1)?;
                let mut names = match given.first() {
                    Some(value) => self.attribute_names(value)?,
                    None => self.scope.names(),
                };
                self.made(names.len() as u64)?;
                names.sort();
                names.dedup();
                Ok(Value::list(names.iter().map(|name| Value::text(name)).collect()))
            }
            "callable" => {
                let given = given.positions(name, 1, 1)?;
                Ok(Value::Bool(match &given[0] {
                    Value::Function(_) | Value::Method(_) | Value::Bound(_) | Value::Type(_) | Value::Class(_) => true,
                    Value::Object(id) => {
                        let kind = self.dump.object(*id).kind();
                        matches!(kind, TypeKind::Type | TypeKind::Function | TypeKind::Method | TypeKind::Builtin)
                            || self.class_attribute(&given[0], "__call__").is_some()
                    }
                    _ => false,
                }))
            }
            "iter" => {
                let given = given.positions(name, 1, 1)?;
                if let Value::Iterator(_) = &given[0] {
                    return Ok(given[0].clone());
                }
                let cursor = self.cursor(&given[0])?;
                Ok(Value::flow("iterator", cursor))
            }
            "next" => {
                let given = given.positions(name, 1, 2)?;
                let Value::Iterator(flow) = &given[0] else {
                    return type_error(format!("'{}' object is not an iterator", self.type_name(&given[0])));
                };
                let mut cursor = Cursor::Shared(flow.clone());
                match (self.next(&mut cursor)?, given.get(1)) {
                    (Some(value), _) => Ok(value),
                    (None, Some(default)) => Ok(default.clone()),
                    (None, None) => Err(raised("StopIteration", "")),
                }
            }
            _ => self.call_of_heap(name, given),
        }
    }

    fn length(&mut self, value: &Value) -> Evaluated<Value> {
        if let Some(class) = self.overrides(value, "__len__") {
            return Err(self.not_run(value, &class, "__len__"));
        }
        let form = self.form(value)?;
        if matches!(&form, Form::Range(span) if span.len() > i64::MAX as u128) {
            return Err(raised("OverflowError", "Python int too large to convert to C ssize_t"));
        }
        match self.length_of(&form) {
            Some(length) => Ok(Value::wide(i128::from(length))),
            None => {
                if let Value::Object(id) = value {
                    let object = self.dump.object(*id);
                    self.whole(&object)?;
                    if Array::of(&object).is_some_and(|array| array.shape().is_empty() && !array.is_scalar()) {
                        return type_error("len() of unsized object");
                    }
                    if self.class_attribute(value, "__len__").is_some() {
                        return Err(refused(format!("len() of a {} is C code, which is not run", self.type_name(value))));
                    }
                }
                type_error(format!("object of type '{}' has no len()", self.type_name(value)))
            }
        }
    }

    fn sum(&mut self, items: &Value, start: Option<Value>) -> Evaluated<Value> {
        let mut cursor = self.cursor(items)?;
        let mut total = start.unwrap_or(Value::Int(0));
        match self.form(&total)? {
            Form::Text(_) => return type_error("sum() can't sum strings [use ''.join(seq) instead]"),
            Form::Bytes(_) => return type_error("sum() can't sum bytes [use b''.join(seq) instead]"),
            Form::Bytearray(_) => return type_error("sum() can't sum bytearray [use b''.join(seq) instead]"),
            _ => {}
        }
        // From 3.12 on floats are summed with what rounding lost (Neumaier).
        let compensates = self.version() >= (3, 12);
        let mut lost = 0.0f64;
        while let Some(value) = self.next(&mut cursor)? {
            let form = self.form(&value)?;
            total = match (&total, form) {
                (Value::Int(one), Form::Int(other)) if one.checked_add(other).is_some() => Value::Int(one + other),
                (Value::Float(one), Form::Float(other)) if compensates => {
                    let sum = one + other;
                    lost += if one.abs() >= other.abs() { (one - sum) + other } else { (other - sum) + one };
                    Value::Float(sum)
                }
                (Value::Float(one), Form::Float(other)) => Value::Float(one + other),
                _ => {
                    if let Value::Float(one) = &total
                        && !matches!(self.form(&value)?, Form::Int(_) | Form::Bool(_))
                    {
                        total = Value::Float(finished(*one, lost));
                        lost = 0.0;
                    }
                    self.binary(BinaryOperator::Add, &total, &value)?
                }
            };
        }
        Ok(match total {
            Value::Float(total) => Value::Float(finished(total, lost)),
            total => total,
        })
    }

    /// Values with what they are compared by.
    fn keyed(&mut self, items: Vec<Value>, key: Option<Value>) -> Evaluated<Vec<(Value, Value)>> {
        let key = match key {
            Some(key) if !matches!(self.form(&key), Ok(Form::None)) => key,
            _ => return Ok(items.into_iter().map(|value| (value.clone(), value)).collect()),
        };
        let mut keyed = Vec::with_capacity(items.len());
        for value in items {
            keyed.push((self.call(&key, vec![value.clone()], Vec::new())?, value));
        }
        Ok(keyed)
    }

    fn extreme(&mut self, name: &'static str, mut given: Arguments) -> Evaluated<Value> {
        let mut named = |wanted: &str| {
            let at = given.named.iter().position(|(known, _)| &**known == wanted)?;
            Some(given.named.remove(at).1)
        };
        let (key, default) = (named("key"), named("default"));
        if let Some((unknown, _)) = given.named.first() {
            return type_error(format!("{name}() got an unexpected keyword argument '{}'", harmless(unknown)));
        }
        let mut cursor = match &given.positional[..] {
            [] => return type_error(format!("{name} expected at least 1 argument, got 0")),
            [one] => self.cursor(&one.clone())?,
            _ if default.is_some() => {
                return type_error(format!("Cannot specify a default for {name}() with multiple positional arguments"));
            }
            _ => Cursor::new(Items::made(given.positional)),
        };
        let key = match key {
            Some(key) if !matches!(self.form(&key), Ok(Form::None)) => Some(key),
            _ => None,
        };
        let mut best: Option<(Value, Value)> = None;
        while let Some(value) = self.next(&mut cursor)? {
            let compared = match &key {
                Some(key) => self.call(key, vec![value.clone()], Vec::new())?,
                None => value.clone(),
            };
            let better = match &best {
                None => true,
                Some((known, _)) => {
                    let comparison = if name == "min" { Comparison::Less } else { Comparison::Greater };
                    self.ordered(comparison, &compared, &known.clone())?
                }
            };
            if better {
                best = Some((compared, value));
            }
        }
        match (best, default) {
            (Some((_, value)), _) | (None, Some(value)) => Ok(value),
            (None, None) => value_error(format!("{name}() iterable argument is empty")),
        }
    }
}

/// A sum with what rounding lost, where that is a number.
fn finished(total: f64, lost: f64) -> f64 {
    if lost != 0.0 && lost.is_finite() { total + lost } else { total }
}
