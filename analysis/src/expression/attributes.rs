//! Attributes: what the dump says of instance, class and module, in Python's order, without running a descriptor.

use std::sync::Arc;

use heapsake_core::heap::TypeKind;
use heapsake_loader::array::Array;
use heapsake_loader::table::Table;
use heapsake_loader::{AttributeValue, Object, ObjectId};

use super::cursor::of_target;
use super::error::{Evaluated, raised, refused};
use super::evaluate::Evaluator;
use super::forms::{Form, harmless, of_fact};
use super::methods;
use super::native::is_proxy;
use super::syntax::Symbol;
use super::values::{Entries, Value};

/// Classes of a method resolution order that are looked at.
const MOST_BASES: u64 = 1000;

impl<'s> Evaluator<'s> {
    /// The first class of an order that has a name, and what it has.
    pub(crate) fn along(&self, class: &Object<'s>, name: &str) -> Option<(ObjectId, Value)> {
        let own = |class: &Object<'s>| Some((class.id(), of_target(class.namespace()?.entry(name)?)));
        if let Some(found) = own(class) {
            return Some(found);
        }
        let order = class.attribute_object("__mro__")?;
        order.elements(0, MOST_BASES).into_iter().find_map(|base| own(&order.follow(base)?))
    }

    /// What the class of an object has under a name: the class, and what it is there.
    pub(crate) fn class_attribute(&mut self, value: &Value, name: &str) -> Option<(ObjectId, Value)> {
        let Value::Object(id) = value else { return None };
        let object = self.dump.object(*id);
        let type_id = object.decoded()?.shape().type_id;
        if let Some(known) = self.class_attributes.get(&type_id).and_then(|names| names.get(name)) {
            return known.clone();
        }
        let found = object.class().and_then(|class| self.along(&class, name));
        self.class_attributes.entry(type_id).or_default().insert(Symbol::from(name), found.clone());
        found
    }

    /// The class that defines an operation of a value in Python, where a built-in of C would else do it.
    pub(crate) fn overrides(&mut self, value: &Value, name: &str) -> Option<String> {
        let Value::Object(id) = value else { return None };
        let object = self.dump.object(*id);
        // Types of the interpreter itself have none, and are most objects.
        if !object.type_name().contains('.') && object.kind() != TypeKind::Object {
            return None;
        }
        let (class, found) = self.class_attribute(value, name)?;
        let Value::Object(found) = found else { return None };
        if self.dump.object(found).kind() != TypeKind::Function {
            return None;
        }
        let class = self.class_name(&Value::Object(class));
        if is_known(&class, name) && (Array::of(&object).is_some() || Table::of(&object).is_some()) {
            return None;
        }
        // These are in Python, and do what the built-in does.
        let harmless_class = matches!(class.as_str(), "enum.Enum" | "enum.IntEnum" | "enum.Flag" | "enum.ReprEnum")
            && matches!(name, "__hash__" | "__eq__" | "__reduce_ex__");
        (!harmless_class).then_some(class)
    }

    /// That an operation is code of the dump.
    pub(crate) fn not_run(&mut self, value: &Value, class: &str, name: &str) -> super::error::Failure {
        let class = harmless(class.rsplit('.').next().unwrap_or(class));
        let has = match self.form(value) {
            Ok(Form::List(items) | Form::Tuple(items)) => {
                let what = if matches!(self.form(value), Ok(Form::List(_))) { "list" } else { "tuple" };
                format!("; its {what} payload has {}", items.len())
            }
            Ok(Form::Dict(store)) => format!("; its dict payload has {}", store.len()),
            Ok(Form::Set(store) | Form::Frozenset(store)) => format!("; its set payload has {}", store.len()),
            Ok(Form::Text(codes)) => format!("; its str payload has {}", codes.len()),
            Ok(Form::Bytes(bytes) | Form::Bytearray(bytes)) => format!("; its bytes payload has {}", bytes.len()),
            _ => String::new(),
        };
        refused(format!("{class} defines {name}, which is not run{has}"))
    }

    /// An attribute as the object has it by itself: edges, `__dict__`, facts.
    fn own_attribute(&mut self, object: &Object<'s>, name: &str) -> Evaluated<Option<Value>> {
        Ok(match object.attribute(name) {
            Some(AttributeValue::Target(heapsake_loader::Target::Nothing)) => None,
            Some(AttributeValue::Target(target)) => Some(of_target(target)),
            Some(AttributeValue::Plain(fact)) => Some(of_fact(&fact)),
            Some(AttributeValue::Locals(id)) => {
                let mut entries = Entries::default();
                for (name, target) in self.dump.object(id).bound_locals() {
                    self.made(1)?;
                    let name = Value::text(&name);
                    let key = self.key(&name)?;
                    entries.insert(key, name, of_target(target));
                }
                Some(Value::Dict(Arc::new(entries)))
            }
            None => None,
        })
    }

    /// `value.name`.
    pub(crate) fn attribute(&mut self, value: &Value, name: &str) -> Evaluated<Value> {
        if name == "__class__" {
            self.tells_its_class(value)?;
            return self.type_of(value);
        }
        if let Value::Object(id) = value {
            return self.attribute_of_object(value, *id, name);
        }
        self.attribute_of_made(value, name)
    }

    fn attribute_of_object(&mut self, value: &Value, id: ObjectId, name: &str) -> Evaluated<Value> {
        let object = self.dump.object(id);
        if is_proxy(object.type_name()) {
            // It has what the object has that it stands for.
            return match object.attribute_object("referent") {
                Some(referent) => self.deeper(|evaluator| evaluator.attribute(&Value::Object(referent.id()), name)),
                None => Err(raised("ReferenceError", "weakly-referenced object no longer exists")),
            };
        }
        match object.kind() {
            TypeKind::Type => return self.attribute_of_class(value, &object, name),
            TypeKind::Module => {
                if let Some(found) = self.own_attribute(&object, name)? {
                    return Ok(found);
                }
                let module = self.class_name_attribute(&object, "__name__");
                return Err(raised("AttributeError", format!("module '{module}' has no attribute '{}'", harmless(name))));
            }
            _ => {}
        }
        let in_class = self.class_attribute(value, name);
        if let Some((class, _)) = &in_class
            && tells_dimensions(&self.class_name(&Value::Object(*class)), name)
            && let Some(found) = self.dimensions(id, name)
        {
            return Ok(found);
        }
        let class_object = in_class.as_ref().and_then(|(class, found)| Some((*class, self.dump.object(found.object()?))));
        if let Some((class, found)) = &class_object {
            match found.type_name() {
                "property" | "functools.cached_property" if found.type_name() == "property" => {
                    let class = self.class_name(&Value::Object(*class));
                    // A property of C, as those of named tuples once were, reads what is there.
                    if let Some(field) = self.own_attribute(&object, name)?
                        && object.kind() == TypeKind::Tuple
                    {
                        return Ok(field);
                    }
                    return Err(refused(format!("a property is not run: {}.{}", short(&class), harmless(name))));
                }
                "member_descriptor" | "getset_descriptor" | "_collections._tuplegetter" | "collections._tuplegetter" => {
                    if let Some(found) = self.own_attribute(&object, name)? {
                        return Ok(found);
                    }
                    if name == "__dict__" {
                        return self.instance_dict(&object);
                    }
                    if let Some(found) = self.attribute_of_payload(value, name)? {
                        return Ok(found);
                    }
                    self.whole(&object)?;
                    if object.kind() == TypeKind::Function
                        && matches!(name, "__defaults__" | "__kwdefaults__" | "__closure__" | "__doc__")
                    {
                        return Ok(Value::None);
                    }
                    if found.type_name() == "getset_descriptor" {
                        return Err(self.computed_in_c(value, name));
                    }
                    if let Some(found) = self.unset_member(&object, *class, name)? {
                        return Ok(found);
                    }
                    return Err(self.no_attribute(value, name));
                }
                // A field of a structure of `ctypes`, in both halves of its life.
                "_ctypes.CField" | "ctypes.CField" => return Err(self.computed_in_c(value, name)),
                "enum.property" | "types.DynamicClassAttribute"
                    if matches!(name, "name" | "value") && self.class_name(&Value::Object(*class)) == "enum.Enum" =>
                {
                    return self.attribute(value, if name == "name" { "_name_" } else { "_value_" });
                }
                _ => {
                    if found.kind() == TypeKind::Object
                        && let Some(class) = self.overrides(&Value::Object(found.id()), "__set__")
                    {
                        return Err(refused(format!("{} defines __set__ and __get__, which are not run", short(&class))));
                    }
                }
            }
        }
        if name == "__dict__" && object.namespace().is_none() && object.kind() != TypeKind::Method {
            // Where the classes are known to the last, one that gives its instances a dict would have said so.
            if self.class_attribute(value, "__class__").is_some() {
                return Err(self.no_attribute(value, name));
            }
            return self.instance_dict(&object);
        }
        // Methods of built-in types are looked for before facts, which may be called the same.
        let is_ours = match &class_object {
            Some((_, found)) => found.kind() != TypeKind::Function,
            // An instance of a class of the program has what is told of it, and no method of a built-in type.
            None => object.kind() != TypeKind::Object || object.type_name() == "slice",
        };
        let method = if is_ours { self.method_of(value, name) } else { None };
        if method.is_some() && object.namespace().and_then(|namespace| namespace.entry(name)).is_none() {
            return Ok(method.unwrap_or(Value::None));
        }
        if let Some(found) = self.own_attribute(&object, name)? {
            return Ok(found);
        }
        if let Some((class, found)) = in_class {
            return self.bound(value, class, found, name);
        }
        if let Some(found) = self.attribute_of_payload(value, name)? {
            return Ok(found);
        }
        if let Some(found) = self.column_attribute(value, name)? {
            return Ok(found);
        }
        if object.kind() == TypeKind::Method
            && let Some(function) = object.attribute_object("__func__")
        {
            return self.deeper(|evaluator| evaluator.attribute(&Value::Object(function.id()), name));
        }
        self.whole(&object)?;
        for hook in ["__getattr__", "__getattribute__"] {
            if let Some(class) = self.overrides(value, hook) {
                return Err(refused(format!(
                    "{} defines {hook}, which is not run, and has no {} itself",
                    short(&class),
                    harmless(name)
                )));
            }
        }
        Err(self.no_attribute(value, name))
    }

    fn computed_in_c(&mut self, value: &Value, name: &str) -> super::error::Failure {
        refused(format!("{}.{} is computed by C code, which is not run", self.type_name(value), harmless(name)))
    }

    fn no_attribute(&mut self, value: &Value, name: &str) -> super::error::Failure {
        let type_name = self.type_name(value);
        raised("AttributeError", format!("'{type_name}' object has no attribute '{}'", harmless(name)))
    }

    /// What a class has, as an attribute of an instance.
    fn bound(&mut self, value: &Value, class: ObjectId, found: Value, name: &str) -> Evaluated<Value> {
        let Value::Object(id) = found else { return Ok(found) };
        let object = self.dump.object(id);
        let inner = |name: &str| object.attribute_object(name).map(|inner| Value::Object(inner.id()));
        Ok(match (object.kind(), object.type_name()) {
            (TypeKind::Function, _) => Value::Bound(Arc::new((value.clone(), id))),
            (_, "staticmethod") => inner("__func__").or_else(|| inner("callable")).unwrap_or(found),
            (_, "classmethod") => {
                let class = self.type_of(value)?;
                match object.attribute_object("__func__").or_else(|| object.attribute_object("callable")) {
                    Some(function) => Value::Bound(Arc::new((class, function.id()))),
                    None => found,
                }
            }
            (_, "functools.cached_property") => {
                let class = self.class_name(&Value::Object(class));
                let message = format!(
                    "{}.{} is a cached_property that the program has not computed, and it is not run",
                    short(&class),
                    harmless(name)
                );
                return Err(refused(message));
            }
            (_, "method_descriptor" | "wrapper_descriptor" | "classmethod_descriptor") => {
                let about = harmless(name);
                return Err(refused(format!(
                    "{}.{about} is a method of C that this language does not have",
                    self.type_name(value)
                )));
            }
            (TypeKind::Object, _) => {
                if let Some(class) = self.overrides(&Value::Object(id), "__get__") {
                    return Err(refused(format!("{} defines __get__, which is not run", short(&class))));
                }
                found
            }
            _ => found,
        })
    }

    fn instance_dict(&mut self, object: &Object<'s>) -> Evaluated<Value> {
        if let Some(namespace) = object.namespace() {
            return Ok(Value::Object(namespace.id()));
        }
        self.whole(object)?;
        let mut entries = Entries::default();
        for edge in object.edges() {
            if edge.kind == heapsake_core::heap::EdgeKind::Attribute
                && let heapsake_loader::LabelName::Text(name) = edge.name
            {
                if object.kind() != TypeKind::Type && self.is_member(&Value::Object(object.id()), &name) {
                    continue;
                }
                let shown = Value::text(&name);
                let key = self.key(&shown)?;
                entries.insert(key, shown, of_target(edge.target));
            }
        }
        Ok(Value::Dict(Arc::new(entries)))
    }

    /// Whether an attribute lies in the object itself: a slot, a field of C.
    fn is_member(&mut self, value: &Value, name: &str) -> bool {
        let Some((_, Value::Object(found))) = self.class_attribute(value, name) else { return false };
        matches!(self.dump.object(found).type_name(), "member_descriptor" | "getset_descriptor")
    }

    fn class_name_attribute(&mut self, object: &Object<'s>, name: &str) -> String {
        let found = self.own_attribute(object, name).ok().flatten();
        found.and_then(|found| self.text_of(&found)).map(|text| harmless(&text)).unwrap_or_default()
    }

    fn attribute_of_class(&mut self, value: &Value, object: &Object<'s>, name: &str) -> Evaluated<Value> {
        let qualified = self.class_name(value);
        match name {
            "__name__" => return Ok(Value::text(&self.short_class_name(object, &qualified))),
            "__mro__" | "__bases__" | "__base__" => {
                if let Some(found) = self.own_attribute(object, name)? {
                    return Ok(found);
                }
            }
            "__qualname__" => {
                let module = self.class_module(object, &qualified);
                let own = qualified.strip_prefix(&format!("{module}.")).unwrap_or(&qualified);
                return Ok(Value::text(own));
            }
            "__module__" => return Ok(Value::text(&self.class_module(object, &qualified))),
            "__dict__" => return self.instance_dict(object),
            _ => {}
        }
        if let Some((class, found)) = self.along(object, name) {
            let Value::Object(id) = found else { return Ok(found) };
            let inside = self.dump.object(id);
            return Ok(match inside.type_name() {
                "staticmethod" => match inside.attribute_object("__func__").or_else(|| inside.attribute_object("callable")) {
                    Some(function) => Value::Object(function.id()),
                    None => found,
                },
                "classmethod" => match inside.attribute_object("__func__").or_else(|| inside.attribute_object("callable")) {
                    Some(function) => Value::Bound(Arc::new((value.clone(), function.id()))),
                    None => found,
                },
                "method_descriptor" | "classmethod_descriptor" | "builtin_function_or_method" | "wrapper_descriptor" => {
                    let _ = class;
                    self.method_of_class(&qualified, name).unwrap_or(found)
                }
                _ => self.descriptor_of_class(object, &found, name)?,
            });
        }
        if let Some(found) = self.own_attribute(object, name)? {
            return Ok(found);
        }
        if let Some(found) = self.method_of_class(&qualified, name) {
            return Ok(found);
        }
        if let Some(found) = self.of_metaclass(value, object, name)? {
            return Ok(found);
        }
        self.whole(object)?;
        let short = self.short_class_name(object, &qualified);
        Err(raised("AttributeError", format!("type object '{}' has no attribute '{}'", harmless(&short), harmless(name))))
    }

    fn class_module(&mut self, object: &Object<'s>, qualified: &str) -> String {
        let described = self.description_of_class(object.id()).map(|description| description.module.clone());
        if let Some(module) = described.filter(|module| !module.is_empty()) {
            return module;
        }
        match self.along(object, "__module__") {
            Some((_, found)) if self.text_of(&found).is_some() => self.text_of(&found).unwrap_or_default(),
            _ if !qualified.contains('.') => "builtins".to_owned(),
            _ => qualified.rsplit_once('.').map_or("", |(module, _)| module).to_owned(),
        }
    }

    fn short_class_name(&mut self, object: &Object<'s>, qualified: &str) -> String {
        let named = self.own_attribute(object, "__name__").ok().flatten().and_then(|found| self.text_of(&found));
        named.map_or_else(|| short(qualified).to_owned(), |name| short(&name).to_owned())
    }

    /// Methods and attributes of what was computed.
    fn attribute_of_made(&mut self, value: &Value, name: &str) -> Evaluated<Value> {
        self.form(value)?;
        if let Some(method) = self.method_of(value, name) {
            return Ok(method);
        }
        match value {
            Value::Type(class) => {
                if let Some(object) = self.class_object(class) {
                    return self.attribute(&object, name);
                }
                match name {
                    "__name__" | "__qualname__" => return Ok(Value::text(class)),
                    "__module__" => return Ok(Value::text("builtins")),
                    _ => {}
                }
                if let Some(found) = self.method_of_class(class, name) {
                    return Ok(found);
                }
                return Err(raised("AttributeError", format!("type object '{class}' has no attribute '{}'", harmless(name))));
            }
            Value::Class(_) => {
                let qualified = self.class_name(value);
                match name {
                    "__name__" => return Ok(Value::text(short(&qualified))),
                    "__qualname__" => return Ok(Value::text(&qualified)),
                    _ => {}
                }
            }
            Value::Function(function) if matches!(name, "__name__" | "__qualname__") => return Ok(Value::text(function)),
            Value::Bound(bound) => {
                return match name {
                    "__self__" => Ok(bound.0.clone()),
                    "__func__" => Ok(Value::Object(bound.1)),
                    _ => self.attribute(&Value::Object(bound.1), name),
                };
            }
            Value::Method(method) => match name {
                "__name__" => return Ok(Value::text(method.1)),
                "__self__" => return Ok(method.0.clone()),
                _ => {}
            },
            Value::Part(_) => {
                if let Some(found) = self.attribute_of_payload(value, name)? {
                    return Ok(found);
                }
            }
            _ => {}
        }
        if let Some(found) = self.attribute_of_payload(value, name)? {
            return Ok(found);
        }
        if let Some(found) = self.in_class_of_made(value, name)? {
            return Ok(found);
        }
        Err(self.no_attribute(value, name))
    }

    /// A method of the language.
    pub(crate) fn method_of(&mut self, value: &Value, name: &str) -> Option<Value> {
        let form = match value {
            Value::Object(id) if self.dump.object(*id).surrogate().is_some() => return None,
            _ => self.form(value).ok()?,
        };
        let known = methods::known(&form, name)?;
        Some(Value::Method(Arc::new((value.clone(), known))))
    }

    /// `dict.fromkeys`, `str.upper`: of a built-in class itself.
    fn method_of_class(&mut self, class: &str, name: &str) -> Option<Value> {
        let class = super::types::named(class)?;
        let known = methods::known_of_class(class, name)?;
        Some(Value::Method(Arc::new((Value::Type(class), known))))
    }

    /// What numbers, ranges, slices and parts of arrays have.
    fn attribute_of_payload(&mut self, value: &Value, name: &str) -> Evaluated<Option<Value>> {
        if let Value::Object(id) = value
            && !matches!(
                self.dump.object(*id).kind(),
                TypeKind::Int | TypeKind::Bool | TypeKind::Float | TypeKind::Complex | TypeKind::Object
            )
        {
            return Ok(None);
        }
        if let Value::Part(part) = value {
            return Ok(self.attribute_of_part(part, name));
        }
        let Ok(form) = self.form(value) else { return Ok(None) };
        Ok(match (form, name) {
            (Form::Bool(flag), "real" | "numerator") => Some(Value::Int(i64::from(flag))),
            (Form::Int(number), "real" | "numerator") => Some(Value::Int(number)),
            (Form::Big(number), "real" | "numerator") => Some(Value::Big(number)),
            (Form::Bool(_) | Form::Int(_) | Form::Big(_), "imag") => Some(Value::Int(0)),
            (Form::Bool(_) | Form::Int(_) | Form::Big(_), "denominator") => Some(Value::Int(1)),
            (Form::Float(number), "real") => Some(Value::Float(number)),
            (Form::Float(_), "imag") => Some(Value::Float(0.0)),
            (Form::Complex(real, _), "real") => Some(Value::Float(real)),
            (Form::Complex(_, imaginary), "imag") => Some(Value::Float(imaginary)),
            (Form::Range(span), "start") => Some(Value::wide(span.start)),
            (Form::Range(span), "stop") => Some(Value::wide(span.stop)),
            (Form::Range(span), "step") => Some(Value::wide(span.step)),
            (Form::Slice(bounds), "start") => Some(bounds[0].clone()),
            (Form::Slice(bounds), "stop") => Some(bounds[1].clone()),
            (Form::Slice(bounds), "step") => Some(bounds[2].clone()),
            _ => None,
        })
    }
}

/// The last word of a qualified name.
pub(crate) fn short(qualified: &str) -> &str {
    qualified.rsplit('.').next().unwrap_or(qualified)
}

/// Whether what a class has under a name is that dimension of its arrays and tables, and nothing of a class of the program's own.
fn tells_dimensions(class: &str, name: &str) -> bool {
    let library = class.split('.').next().unwrap_or_default();
    match name {
        "shape" | "ndim" => matches!(library, "numpy" | "pandas" | "polars" | "pyarrow" | "torch" | "memoryview"),
        // That of a tensor is a method.
        "size" => matches!(library, "numpy" | "pandas"),
        _ => false,
    }
}

/// Whether a class of a library goes through its arrays and tables in Python, and does what is done here by their elements.
fn is_known(class: &str, name: &str) -> bool {
    let of_library = class.starts_with("pandas.") || class.starts_with("polars.");
    // They only give the type of the whole to the parts. Those of a matrix are matrices.
    let of_numpy = class.starts_with("numpy.") && matches!(short(class), "memmap" | "recarray");
    matches!(name, "__getitem__" | "__iter__" | "__len__") && (of_library || of_numpy)
}
