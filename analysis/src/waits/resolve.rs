//! Expressions of source text against the objects of a frame: names, attributes, subscripts. Nothing is called.

use heapsake_core::format::records::Frame;
use heapsake_loader::{Object, PlainValue, TailKind};

use super::scene::Scene;

/// Steps of one expression.
const MOST_STEPS: usize = 32;

/// The object that an expression names in a frame.
pub(super) fn resolve<'d>(scene: &Scene<'d>, frame: &Frame, expression: &str) -> Option<Object<'d>> {
    let mut rest = expression.trim();
    while let Some(inside) = rest.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')) {
        rest = inside.trim();
    }
    let (name, mut rest) = take_name(rest)?;
    let global = || {
        let globals = scene.dump.referenced(frame.globals)?;
        globals.follow(globals.entry(name)?)
    };
    let mut object = scene.variable(frame, name).or_else(global)?;
    for _ in 0..MOST_STEPS {
        if rest.is_empty() {
            return Some(object);
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (name, after) = take_name(after)?;
            object = object.attribute_object(name).or_else(|| object.class()?.inherited(name))?;
            rest = after;
        } else {
            let inside = rest.strip_prefix('[')?;
            let end = inside.find(']')?;
            object = subscript(scene, frame, &object, inside[..end].trim())?;
            rest = &inside[end + 1..];
        }
    }
    None
}

fn take_name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let first = name.chars().next()?;
    (first.is_alphabetic() || first == '_').then_some((name, rest))
}

fn subscript<'d>(scene: &Scene<'d>, frame: &Frame, object: &Object<'d>, index: &str) -> Option<Object<'d>> {
    let quoted = |quote: char| index.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(key) = quoted('"').or_else(|| quoted('\'')) {
        return object.follow(object.entry(key)?);
    }
    let number = match index.parse::<i64>() {
        Ok(number) => number,
        Err(_) => {
            let key = resolve(scene, frame, index)?;
            match (key.value(), key.text()) {
                (PlainValue::Int(number), _) => number,
                (_, Some(key)) => return object.follow(object.entry(&key)?),
                _ => return None,
            }
        }
    };
    if object.tail_kind() == TailKind::Entries {
        return object.follow(object.entry_of_number(number)?);
    }
    let at = if number < 0 { number + object.len() as i64 } else { number };
    object.follow(*object.elements(u64::try_from(at).ok()?, 1).first()?)
}
