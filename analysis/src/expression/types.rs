//! Types: of what was computed, and of objects of the dump.

use heapsake_core::heap::{TypeDescription, TypeKind};
use heapsake_loader::{AttributeValue, ObjectId};

use super::error::{Evaluated, refused, type_error};
use super::evaluate::Evaluator;
use super::forms::{Form, harmless};
use super::values::{Value, View};

/// Types that have a name in the language, and their method resolution order.
const NAMED: [(&str, &[&str]); 32] = [
    ("object", &["object"]),
    ("int", &["int", "object"]),
    ("bool", &["bool", "int", "object"]),
    ("float", &["float", "object"]),
    ("complex", &["complex", "object"]),
    ("str", &["str", "object"]),
    ("bytes", &["bytes", "object"]),
    ("bytearray", &["bytearray", "object"]),
    ("list", &["list", "object"]),
    ("tuple", &["tuple", "object"]),
    ("dict", &["dict", "object"]),
    ("set", &["set", "object"]),
    ("frozenset", &["frozenset", "object"]),
    ("range", &["range", "object"]),
    ("slice", &["slice", "object"]),
    ("type", &["type", "object"]),
    ("enumerate", &["enumerate", "object"]),
    ("zip", &["zip", "object"]),
    ("reversed", &["reversed", "object"]),
    ("map", &["map", "object"]),
    ("filter", &["filter", "object"]),
    ("NoneType", &["NoneType", "object"]),
    ("ellipsis", &["ellipsis", "object"]),
    ("generator", &["generator", "object"]),
    ("dict_keys", &["dict_keys", "object"]),
    ("dict_values", &["dict_values", "object"]),
    ("dict_items", &["dict_items", "object"]),
    ("builtin_function_or_method", &["builtin_function_or_method", "object"]),
    ("method", &["method", "object"]),
    ("array", &["array", "object"]),
    ("iterator", &["iterator", "object"]),
    ("null", &["null", "object"]),
];

/// Types that an expression can name.
pub(crate) const CALLABLE: [&str; 21] = [
    "object",
    "int",
    "bool",
    "float",
    "complex",
    "str",
    "bytes",
    "bytearray",
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "range",
    "slice",
    "type",
    "enumerate",
    "zip",
    "reversed",
    "map",
    "filter",
];

/// The type with such a name.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// The type of what was computed.
pub(crate) fn type_of_made(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "object",
        Value::Stray(_) => "null",
        Value::None => "NoneType",
        Value::Ellipsis => "ellipsis",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Big(_) => "int",
        Value::Float(_) => "float",
        Value::Complex(..) => "complex",
        Value::Text(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::Bytearray(_) => "bytearray",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Dict(_) => "dict",
        Value::Set(_) => "set",
        Value::Frozenset(_) => "frozenset",
        Value::Range(_) => "range",
        Value::Slice(_) => "slice",
        Value::Type(_) | Value::Class(_) => "type",
        Value::Function(_) | Value::Method(_) => "builtin_function_or_method",
        Value::Bound(_) => "method",
        Value::Iterator(flow) => named(flow.name).unwrap_or("iterator"),
        Value::View(View::Keys, _) => "dict_keys",
        Value::View(View::Values, _) => "dict_values",
        Value::View(View::Items, _) => "dict_items",
        Value::Part(_) => "array",
    }
}

impl<'s> Evaluator<'s> {
    /// The name of a value's type, as Python's messages have it.
    pub(crate) fn type_name(&self, value: &Value) -> String {
        match value {
            Value::Object(id) => {
                let object = self.dump.object(*id);
                let name = object.type_name();
                let module = object.type_description().map_or("", |description| description.module.as_str());
                let own = name.strip_prefix(module).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
                let own = super::attributes::short(own);
                if own.is_empty() { "lost object".to_owned() } else { harmless(own) }
            }
            made => type_of_made(made).to_owned(),
        }
    }

    /// `type(value)`.
    pub(crate) fn type_of(&mut self, value: &Value) -> Evaluated<Value> {
        let Value::Object(id) = value else {
            if matches!(value, Value::Stray(_)) {
                self.form(value)?;
            }
            return Ok(Value::Type(type_of_made(value)));
        };
        let object = self.dump.object(*id);
        let Some(description) = object.type_description() else {
            self.whole(&object)?;
            return Err(refused(format!("the type of object #{} is lost", id.0)));
        };
        Ok(match description.object {
            Some(class) => Value::Object(ObjectId(class)),
            None => match named(&description.name) {
                Some(name) => Value::Type(name),
                None => Value::Class(object.decoded().map_or(0, |object| object.shape().type_id)),
            },
        })
    }

    /// What the types table says of a class that is an object.
    pub(crate) fn description_of_class(&mut self, id: ObjectId) -> Option<&'s TypeDescription> {
        if self.classes.is_none() {
            let types = self.dump.types().iter().enumerate();
            self.classes = Some(types.filter_map(|(number, one)| Some((one.object?, number as u32))).collect());
        }
        let number = *self.classes.as_ref()?.get(&id.0)?;
        self.dump.types().get(number as usize)
    }

    /// The object of a built-in class, where the dump has it.
    pub(crate) fn class_object(&mut self, name: &str) -> Option<Value> {
        let described = self.dump.types().iter().find(|one| one.name == name)?;
        described.object.map(|id| Value::Object(ObjectId(id)))
    }

    /// The qualified name of a class.
    pub(crate) fn class_name(&mut self, class: &Value) -> String {
        match class {
            Value::Type(name) => (*name).to_owned(),
            Value::Class(number) => self.dump.types().get(*number as usize).map_or_else(String::new, |one| one.name.clone()),
            Value::Object(id) => {
                if let Some(description) = self.description_of_class(*id) {
                    return description.name.clone();
                }
                let object = self.dump.object(*id);
                let word = |name: &str| match object.attribute(name) {
                    Some(AttributeValue::Plain(fact)) => fact.into_text().ok(),
                    Some(AttributeValue::Target(target)) => object.follow(target)?.text(),
                    _ => None,
                };
                let name = word("__qualname__").or_else(|| word("__name__")).unwrap_or_default();
                match word("__module__") {
                    Some(module) if module != "builtins" && !name.contains('.') => format!("{module}.{name}"),
                    _ => name,
                }
            }
            _ => String::new(),
        }
    }

    /// Whether a value is a class.
    pub(crate) fn is_class(&self, value: &Value) -> bool {
        match value {
            Value::Type(_) | Value::Class(_) => true,
            Value::Object(id) => self.dump.object(*id).kind() == TypeKind::Type,
            _ => false,
        }
    }

    /// Whether two values are one.
    pub(crate) fn same(&mut self, one: &Value, other: &Value) -> Evaluated<bool> {
        use std::sync::Arc;
        Ok(match (one, other) {
            (Value::Object(one), Value::Object(other)) => one == other,
            (Value::None, Value::None) | (Value::Ellipsis, Value::Ellipsis) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            // Small integers are one object each; of others one cannot tell.
            (Value::Int(one), Value::Int(other)) => one == other && (-5..=256).contains(one),
            (Value::Type(one), Value::Type(other)) => one == other,
            (Value::Class(one), Value::Class(other)) => one == other,
            (Value::Function(one), Value::Function(other)) => one == other,
            (Value::Big(one), Value::Big(other)) => Arc::ptr_eq(one, other),
            (Value::Text(one), Value::Text(other)) => Arc::ptr_eq(one, other),
            (Value::List(one), Value::List(other)) | (Value::Tuple(one), Value::Tuple(other)) => Arc::ptr_eq(one, other),
            (Value::Dict(one), Value::Dict(other))
            | (Value::Set(one), Value::Set(other))
            | (Value::Frozenset(one), Value::Frozenset(other)) => Arc::ptr_eq(one, other),
            (Value::Iterator(one), Value::Iterator(other)) => Arc::ptr_eq(one, other),
            (Value::Object(id), made) | (made, Value::Object(id)) => {
                let object = self.dump.object(*id);
                match (object.kind(), made) {
                    (TypeKind::Type, Value::Type(name)) => self.class_name(&Value::Object(*id)) == *name,
                    (TypeKind::None, Value::None) => true,
                    (TypeKind::Bool, Value::Bool(flag)) => {
                        matches!(self.form(&Value::Object(*id))?, Form::Bool(found) if found == *flag)
                    }
                    (TypeKind::Int, Value::Int(number)) if (-5..=256).contains(number) => {
                        object.type_name() == "int"
                            && matches!(self.form(&Value::Object(*id))?, Form::Int(found) if found == *number)
                    }
                    (_, Value::Ellipsis) => object.type_name() == "ellipsis",
                    _ => false,
                }
            }
            (Value::Stray(one), Value::Stray(other)) => one == other,
            _ => false,
        })
    }

    /// The order of a class: its classes as objects, and their names.
    fn order(&mut self, class: &Value) -> (Vec<ObjectId>, Vec<String>) {
        match class {
            Value::Type(name) => {
                let known = NAMED.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, order)| order);
                (Vec::new(), known.iter().map(|name| (*name).to_owned()).collect())
            }
            Value::Class(number) => {
                (Vec::new(), self.dump.types().get(*number as usize).map_or_else(Vec::new, |one| one.mro.clone()))
            }
            Value::Object(id) => {
                let object = self.dump.object(*id);
                let bases = object.attribute_object("__mro__").map_or_else(Vec::new, |order| {
                    order.elements(0, 1000).into_iter().filter_map(|base| Some(order.follow(base)?.id())).collect()
                });
                let mut names = self.description_of_class(*id).map_or_else(Vec::new, |description| description.mro.clone());
                if names.is_empty() {
                    names = bases.iter().map(|base| self.class_name(&Value::Object(*base))).collect();
                }
                if names.is_empty() {
                    names = vec![self.class_name(class)];
                }
                (bases, names)
            }
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// `issubclass(class, of)`, for one class or a tuple of them.
    pub(crate) fn is_subclass(&mut self, class: &Value, of: &Value, function: &'static str) -> Evaluated<bool> {
        self.step()?;
        if !self.is_class(of) {
            let items = match self.form(of)? {
                Form::Tuple(items) => Some(items),
                _ => None,
            };
            if let Some(items) = items {
                for one in self.all(&items)? {
                    if self.deeper(|evaluator| evaluator.is_subclass(class, &one, function))? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            if let Value::Object(id) = of
                && matches!(self.dump.object(*id).type_name(), "types.UnionType" | "typing.Union")
            {
                let Some(arguments) = self.dump.object(*id).attribute_object("__args__") else {
                    return Err(refused("the types of the union are not in the dump"));
                };
                return self.deeper(|evaluator| evaluator.is_subclass(class, &Value::Object(arguments.id()), function));
            }
            // One with parameters (`list[int]`) is refused by Python too.
            let is_alias = matches!(of, Value::Object(id) if self.dump.object(*id).type_name() == "types.GenericAlias");
            if !is_alias {
                let hook = if function == "isinstance" { "__instancecheck__" } else { "__subclasscheck__" };
                self.not_of_c(of, &[hook])?;
            }
            let (verb, which) =
                if function == "isinstance" { ("isinstance() arg 2", "a type") } else { ("issubclass() arg 2", "a class") };
            return type_error(format!(
                "{verb} must be {which}, a tuple of {}, or a union",
                if which == "a type" { "types" } else { "classes" }
            ));
        }
        let (objects, names) = self.order(class);
        if let Value::Object(id) = of
            && objects.contains(id)
        {
            return Ok(true);
        }
        let name = self.class_name(of);
        let is_object_too = matches!(of, Value::Object(_)) && !objects.is_empty() && name.contains('.');
        if !is_object_too && !name.is_empty() && names.contains(&name) {
            return Ok(true);
        }
        let hook = if function == "isinstance" { "__instancecheck__" } else { "__subclasscheck__" };
        if let Some(meta) = self.overrides(of, hook) {
            let meta = harmless(super::attributes::short(&meta));
            let message = format!("{} is no base of {}, and {meta} defines {hook}, which is not run", harmless(&name), {
                let name = self.class_name(class);
                harmless(&name)
            });
            return Err(refused(message));
        }
        Ok(false)
    }
}
