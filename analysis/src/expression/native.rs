//! What C code of a type would do, which is not run. Where a class says that it has an operation or an attribute, it is refused
//! rather than an exception told that Python would not raise.

use heapsake_core::heap::TypeKind;
use heapsake_loader::{AttributeValue, Object, ObjectId, Target};

use super::attributes::short;
use super::error::{Evaluated, Failure, raised, refused};
use super::evaluate::Evaluator;
use super::forms::{Form, harmless};
use super::numbers::Number;
use super::types::type_of_made;
use super::values::Value;

/// Types of what a class of C has for its instances to call.
const METHODS: [&str; 4] = ["method_descriptor", "wrapper_descriptor", "classmethod_descriptor", "builtin_function_or_method"];

impl<'s> Evaluator<'s> {
    /// Refuses where the class of a value that is no number has one of some operations.
    pub(crate) fn not_of_c(&mut self, value: &Value, names: &[&str]) -> Evaluated<()> {
        let Value::Object(id) = value else { return Ok(()) };
        if Number::of(&self.form(value)?).is_some() {
            return Ok(());
        }
        self.whole(&self.dump.object(*id))?;
        for name in names {
            if let Some(class) = self.overrides(value, name) {
                return Err(self.not_run(value, &class, name));
            }
            if let Some((class, _)) = self.class_attribute(value, name)
                && self.class_name(&Value::Object(class)) != "object"
            {
                return Err(refused(format!("{name} of a {} is C code, which is not run", self.type_name(value))));
            }
        }
        Ok(())
    }

    /// Whether C code of an object lends its memory, as to `bytes`, `int` and `float`.
    pub(crate) fn lends_memory(&mut self, value: &Value) -> bool {
        let Value::Object(id) = value else { return false };
        let type_name = self.dump.object(*id).type_name();
        matches!(type_name, "array.array" | "memoryview" | "mmap.mmap") || self.class_attribute(value, "__buffer__").is_some()
    }

    /// Whether the class of an object says that it has no hash.
    pub(crate) fn has_no_hash(&mut self, value: &Value) -> bool {
        match self.class_attribute(value, "__hash__") {
            Some((_, Value::None)) => true,
            Some((_, Value::Object(id))) => self.dump.object(id).kind() == TypeKind::None,
            _ => false,
        }
    }

    /// Refuses where an operation of a class that derives from `dict` makes another of its own.
    pub(crate) fn makes_a_dict(&mut self, value: &Value, name: &str) -> Evaluated<()> {
        let Value::Object(id) = value else { return Ok(()) };
        let object = self.dump.object(*id);
        if object.type_name() == "mappingproxy" {
            let inner = object.attribute_object("mapping").map(|inner| Value::Object(inner.id()));
            return inner.map_or(Ok(()), |inner| self.deeper(|evaluator| evaluator.makes_a_dict(&inner, name)));
        }
        let class = match self.class_attribute(value, name) {
            Some((class, _)) => self.class_name(&Value::Object(class)),
            None => object.type_name().to_owned(),
        };
        if matches!(short(&class), "OrderedDict" | "defaultdict") {
            let type_name = self.type_name(value);
            return Err(refused(format!(
                "{name} of a {type_name} makes another in C code, which is not run: dict() makes a dict"
            )));
        }
        Ok(())
    }

    /// Whether `|` of two makes a union of types: at least one of them is more than None.
    pub(crate) fn make_a_union(&mut self, left: &Value, right: &Value) -> bool {
        let is_none = |evaluator: &mut Self, value: &Value| matches!(evaluator.form(value), Ok(Form::None));
        let both_none = is_none(self, left) && is_none(self, right);
        !both_none && self.is_part_of_union(left) && self.is_part_of_union(right)
    }

    fn is_part_of_union(&mut self, value: &Value) -> bool {
        if self.is_class(value) || matches!(self.form(value), Ok(Form::None)) {
            return true;
        }
        let Value::Object(id) = value else { return false };
        let object = self.dump.object(*id);
        matches!(object.type_name(), "types.UnionType" | "types.GenericAlias") || object.type_name().starts_with("typing.")
    }

    /// Refuses `list[int]`, and what else a class makes of itself in brackets.
    pub(crate) fn not_an_alias(&mut self, class: &Value) -> Evaluated<()> {
        let object = match class {
            Value::Object(id) => Some(self.dump.object(*id)),
            Value::Type(name) => match self.class_object(name) {
                Some(Value::Object(id)) => Some(self.dump.object(id)),
                _ => None,
            },
            _ => None,
        };
        let name = self.class_name(class);
        let is_alias = match object {
            Some(object) => self.along(&object, "__class_getitem__").is_some() || (name == "type" && self.version() >= (3, 9)),
            None => true,
        };
        if is_alias {
            let name = harmless(short(&name));
            return Err(refused(format!("{name}[…] makes a type by code that is not run: {name} itself does for isinstance()")));
        }
        Ok(())
    }

    /// Refuses where an object has a class of its own telling (`__class__`, a proxy), which `isinstance` asks too.
    pub(crate) fn tells_its_class(&mut self, value: &Value) -> Evaluated<()> {
        let Value::Object(id) = value else { return Ok(()) };
        let object = self.dump.object(*id);
        let type_name = self.type_name(value);
        if is_proxy(object.type_name()) {
            return Err(refused(format!("a {type_name} tells the class of what it leads to by C code, which is not run")));
        }
        if let Some(class) = self.overrides(value, "__getattribute__") {
            return Err(self.not_run(value, &class, "__getattribute__"));
        }
        match self.class_attribute(value, "__class__") {
            Some((class, _)) if self.class_name(&Value::Object(class)) != "object" => {
                let class = self.class_name(&Value::Object(class));
                Err(refused(format!("{} defines __class__, which is not run; its type is {type_name}", harmless(short(&class)))))
            }
            _ => Ok(()),
        }
    }

    /// What the class of something that was computed has, where that needs no code of C.
    pub(crate) fn in_class_of_made(&mut self, value: &Value, name: &str) -> Evaluated<Option<Value>> {
        if matches!(value, Value::Part(_)) {
            return Ok(None);
        }
        let about = harmless(name);
        let class_name = match value {
            Value::Class(_) => self.class_name(value),
            _ => type_of_made(value).to_owned(),
        };
        let class = if matches!(value, Value::Class(_)) { None } else { self.class_object(&class_name) };
        let Some(Value::Object(class)) = class else {
            let class = harmless(&class_name);
            return Err(refused(format!("the dump does not have the class {class}: whether it has {about} is not known")));
        };
        let class = self.dump.object(class);
        let Some((_, found)) = self.along(&class, name) else { return Ok(None) };
        let Value::Object(id) = found else { return Ok(Some(found)) };
        match self.dump.object(id).type_name() {
            kind if METHODS.contains(&kind) || kind == "staticmethod" => {
                Err(refused(format!("{class_name}.{about} is a method of C that this language does not have")))
            }
            "getset_descriptor" | "member_descriptor" => {
                Err(refused(format!("{class_name}.{about} is computed by C code, which is not run")))
            }
            _ => Ok(Some(found)),
        }
    }

    /// Whether a class has a method under a name, so that an attribute is there whatever its code does.
    pub(crate) fn has_method(&mut self, value: &Value, name: &str) -> bool {
        if self.overrides(value, "__getattribute__").is_some() {
            return false;
        }
        let found = match value {
            Value::Object(_) => self.class_attribute(value, name),
            Value::Part(_) | Value::Class(_) | Value::Stray(_) => None,
            made => match self.class_object(type_of_made(made)) {
                Some(Value::Object(class)) => self.along(&self.dump.object(class), name),
                _ => None,
            },
        };
        let Some((_, Value::Object(found))) = found else { return false };
        let found = self.dump.object(found);
        found.kind() == TypeKind::Function
            || METHODS.contains(&found.type_name())
            || matches!(found.type_name(), "staticmethod" | "classmethod")
            || (name == "__doc__" && found.type_name() == "getset_descriptor")
    }

    /// An attribute that C code keeps in an object, and that is not there: none where it is a slot of a class of Python.
    pub(crate) fn unset_member(&mut self, object: &Object<'s>, class: ObjectId, name: &str) -> Evaluated<Option<Value>> {
        let namespace = self.dump.object(class).namespace();
        if namespace.is_some_and(|namespace| namespace.entry("__slots__").is_some()) {
            return Ok(None);
        }
        // Of such a member of an exception Python says None.
        if object.kind() == TypeKind::Exception && matches!(object.attribute(name), Some(AttributeValue::Target(Target::Nothing)))
        {
            return Ok(Some(Value::None));
        }
        let type_name = self.type_name(&Value::Object(object.id()));
        Err(refused(format!("{type_name}.{} is kept by C code, and is not in the dump", harmless(name))))
    }

    /// The member of an enum that a name of its class means; none where it has no such.
    pub(crate) fn member_of_enum(&mut self, class: &Object<'s>, name: &str) -> Evaluated<Option<Value>> {
        let members = self.along(class, "_member_map_").map(|(_, members)| members);
        let Some(Form::Dict(store)) = members.map(|members| self.form(&members)).transpose()? else {
            return Err(refused(format!("the members of the enum are not in the dump: {} may be one", harmless(name))));
        };
        self.found_in(&store, &Value::text(name))
    }

    /// An attribute of a class that its metaclass has.
    pub(crate) fn of_metaclass(&mut self, value: &Value, class: &Object<'s>, name: &str) -> Evaluated<Option<Value>> {
        let about = harmless(name);
        if let Some((meta, found)) = self.class_attribute(value, name) {
            let meta = self.class_name(&Value::Object(meta));
            let meta = harmless(short(&meta));
            let Value::Object(id) = found else { return Ok(Some(found)) };
            let inside = self.dump.object(id);
            return match inside.type_name() {
                "property" => Err(refused(format!("a property is not run: {meta}.{about}"))),
                kind if METHODS.contains(&kind) => {
                    Err(refused(format!("{meta}.{about} is a method of C that this language does not have")))
                }
                "getset_descriptor" | "member_descriptor" => {
                    Err(refused(format!("{meta}.{about} is computed by C code, which is not run")))
                }
                "staticmethod" | "classmethod" => Err(refused(format!("{meta}.{about} is code of the dump, which is not run"))),
                _ if inside.kind() == TypeKind::Function => Ok(Some(Value::Bound(std::sync::Arc::new((value.clone(), id))))),
                _ => Ok(Some(found)),
            };
        }
        for hook in ["__getattr__", "__getattribute__"] {
            match self.overrides(value, hook) {
                Some(meta) if meta.starts_with("enum.") => return self.member_of_enum(class, name),
                Some(meta) => return Err(refused(format!("{} defines {hook}, which is not run", harmless(short(&meta))))),
                None => {}
            }
        }
        Ok(None)
    }

    /// What a descriptor of the program that a class has is to the class itself, where that is known without its code.
    pub(crate) fn descriptor_of_class(&mut self, class: &Object<'s>, found: &Value, name: &str) -> Evaluated<Value> {
        let Value::Object(id) = found else { return Ok(found.clone()) };
        let inside = self.dump.object(*id);
        match inside.type_name() {
            "enum.property" | "types.DynamicClassAttribute" => match self.member_of_enum(class, name)? {
                Some(member) => Ok(member),
                None => Err(no_attribute_of_class(class, name)),
            },
            "functools.cached_property" => Ok(found.clone()),
            _ => match self.overrides(found, "__get__") {
                Some(class) => Err(refused(format!("{} defines __get__, which is not run", harmless(short(&class))))),
                None => Ok(found.clone()),
            },
        }
    }
}

fn no_attribute_of_class(class: &Object<'_>, name: &str) -> Failure {
    let kind = harmless(short(class.type_name()));
    raised("AttributeError", format!("this {kind} has no attribute '{}'", harmless(name)))
}

/// Whether a type is one of those that stand for an object that they do not hold.
pub(super) fn is_proxy(type_name: &str) -> bool {
    matches!(type_name, "weakproxy" | "weakcallableproxy" | "weakref.ProxyType" | "weakref.CallableProxyType")
}
