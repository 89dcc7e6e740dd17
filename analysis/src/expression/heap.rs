//! Functions that ask the heap itself: who holds an object, how a root leads to it, how large it is, which objects there are.

use std::sync::Arc;

use heapsake_core::Address;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{AttributeValue, Object, ObjectId};

use super::arguments::Arguments;
use super::error::{Evaluated, refused, type_error};
use super::evaluate::Evaluator;
use super::forms::harmless;
use super::values::{Entries, Value};

/// Holders that `refs` tells when nothing else is asked for.
const HOLDERS: u64 = 1000;

impl<'s> Evaluator<'s> {
    fn asked(&mut self, value: &Value, function: &str) -> Evaluated<Object<'s>> {
        match value {
            Value::Object(id) => Ok(self.dump.object(*id)),
            _ => {
                self.form(value)?;
                Err(refused(format!("{function}() is about objects of the dump, and this was computed")))
            }
        }
    }

    /// Makes the graph, unless the answer is not wanted any more.
    fn with_graph(&mut self) -> Evaluated<()> {
        let watch = self.limits.watch.clone();
        if self.dump.graph_if_made().is_none() && watch.as_ref().is_some_and(|watch| !watch.waits_for_graph()) {
            return Err(refused("the graph of the dump is not made yet"));
        }
        let mut goes_on = |step, of| {
            watch.as_ref().is_none_or(|watch| {
                watch.reads(step, of);
                watch.goes_on()
            })
        };
        match self.dump.graph_while(&mut goes_on) {
            Some(_) => Ok(()),
            None => Err(refused("cancelled")),
        }
    }

    pub(crate) fn call_of_heap(&mut self, name: &'static str, given: Arguments) -> Evaluated<Value> {
        match name {
            "refs" => {
                let [value, most] = given.bind(name, ["/x", "most"], 1)?;
                let object = self.asked(&value.unwrap_or(Value::None), name)?;
                let most = match most {
                    Some(most) => self.wide_index(&most)?.clamp(0, 1 << 20) as u64,
                    None => HOLDERS,
                };
                self.with_graph()?;
                let mut pairs = Vec::new();
                for root in self.dump.root_names(object.id(), most as usize) {
                    self.one_more()?;
                    pairs.push(Value::tuple(vec![Value::text(&root.0), Value::None]));
                }
                for holder in self.dump.referrers(object.id()).into_iter().take(most as usize) {
                    self.step()?;
                    self.in_time()?;
                    let from = self.dump.object(holder.object);
                    for link in holder.links.iter() {
                        self.made(1)?;
                        let edge = from.edge_name(link, object.id());
                        let edge = if edge.is_empty() { link.word().to_owned() } else { edge };
                        pairs.push(Value::tuple(vec![Value::text(&edge), Value::Object(holder.object)]));
                    }
                }
                Ok(Value::list(pairs))
            }
            "path" => {
                let given = given.positions(name, 1, 1)?;
                let object = self.asked(&given[0], name)?;
                self.with_graph()?;
                let Some(hops) = self.dump.hops_from_root(object.id()) else { return Ok(Value::None) };
                self.made(hops.len() as u64)?;
                let mut shown = Vec::with_capacity(hops.len());
                for hop in hops {
                    self.step()?;
                    self.in_time()?;
                    shown.push(Value::tuple(vec![Value::text(&hop.name), Value::Object(hop.object)]));
                }
                Ok(Value::list(shown))
            }
            "size" => {
                let given = given.positions(name, 1, 1)?;
                let object = self.asked(&given[0], name)?;
                Ok(Value::wide(i128::from(object.size())))
            }
            "at" => {
                let given = given.positions(name, 1, 1)?;
                let address = self.wide_index(&given[0])?;
                let found = u64::try_from(address).ok().and_then(|address| self.dump.object_at(Address(address)));
                match found {
                    Some(object) => Ok(Value::Object(object.id())),
                    None => Err(refused(format!("no object of the dump lies at {address:#x}"))),
                }
            }
            "objects" => {
                let [wanted, most] = given.bind(name, ["/Type", "most"], 1)?;
                let wanted = wanted.unwrap_or(Value::None);
                let most = match most {
                    Some(most) => self.wide_index(&most)?.max(0) as u64,
                    None => self.limits.elements,
                };
                self.instances(&wanted, most)
            }
            _ => Err(refused(format!("{name}() is not known here"))),
        }
    }

    /// The objects of a class, or of a class with such a name; those of subclasses are others.
    fn instances(&mut self, wanted: &Value, most: u64) -> Evaluated<Value> {
        let types = self.dump.types();
        let (name, class) = if self.is_class(wanted) {
            (self.class_name(wanted), wanted.object())
        } else {
            match self.text_of(wanted) {
                Some(name) => (name, None),
                None => return type_error(format!("objects() takes a class or the name of one, not {}", self.type_name(wanted))),
            }
        };
        let matches = |one: &heapsake_core::heap::TypeDescription| match class {
            Some(id) if one.object.is_some() => one.object == Some(id.0),
            _ => one.name == name || super::attributes::short(&one.name) == name,
        };
        let mut chosen: Vec<bool> = types.iter().map(matches).collect();
        // A full name is meant as one.
        if class.is_none() && types.iter().any(|one| one.name == name) {
            chosen = types.iter().map(|one| one.name == name).collect();
        }
        if !chosen.contains(&true) {
            if class.is_some() {
                return Ok(Value::list(Vec::new()));
            }
            return Err(refused(format!("the dump has no type called {}", harmless(&name))));
        }
        let mut found = Vec::new();
        for (id, _) in self.dump.objects_of_types(&chosen) {
            if found.len() as u64 >= most {
                break;
            }
            self.step()?;
            self.made(1)?;
            found.push(Value::Object(id));
        }
        Ok(Value::list(found))
    }

    /// The variables of the place, as a dict.
    pub(crate) fn variables_of_scope(&mut self) -> Evaluated<Value> {
        let mut entries = Entries::default();
        for (name, value) in self.scope.locals() {
            self.made(1)?;
            let shown = Value::text(&name);
            let key = self.key(&shown)?;
            entries.insert(key, shown, value);
        }
        Ok(Value::Dict(Arc::new(entries)))
    }

    /// The names of a value's attributes, its class's too.
    pub(crate) fn attribute_names(&mut self, value: &Value) -> Evaluated<Vec<String>> {
        let form = self.form(value);
        let mut names: Vec<String> = match &form {
            Ok(form) => super::methods::of_form(form).iter().map(|name| (*name).to_owned()).collect(),
            Err(_) => Vec::new(),
        };
        let Value::Object(id) = value else { return Ok(names) };
        let object = self.dump.object(*id);
        for attribute in object.attributes() {
            self.step()?;
            if !matches!(attribute.value, AttributeValue::Locals(_)) {
                names.push(attribute.name);
            }
        }
        let class = if object.kind() == TypeKind::Type { Some(object) } else { object.class() };
        let order = class.and_then(|class| class.attribute_object("__mro__"));
        let bases: Vec<ObjectId> = order.map_or_else(Vec::new, |order| {
            order.elements(0, 1000).into_iter().filter_map(|base| Some(order.follow(base)?.id())).collect()
        });
        for base in bases {
            let Some(namespace) = self.dump.object(base).namespace() else { continue };
            for (name, _) in namespace.named_entries() {
                self.step()?;
                names.push(name);
            }
        }
        Ok(names)
    }
}
