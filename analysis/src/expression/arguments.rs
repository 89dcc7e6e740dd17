//! The arguments of a call, by position and by name.

use super::error::{Evaluated, raised, type_error};
use super::forms::harmless;
use super::syntax::Symbol;
use super::values::Value;

/// What a call gives.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) positional: Vec<Value>,
    pub(crate) named: Vec<(Symbol, Value)>,
}

impl Arguments {
    /// The arguments of a function whose parameters have such names; `least` of them are needed. A name that begins with `*`
    /// is given by name alone, one that begins with `/` by position alone.
    pub(crate) fn bind<const COUNT: usize>(
        self,
        function: &str,
        names: [&str; COUNT],
        least: usize,
    ) -> Evaluated<[Option<Value>; COUNT]> {
        let mut found = [const { None }; COUNT];
        let most = names.iter().filter(|name| !name.starts_with('*')).count();
        let given = self.positional.len();
        if given > most {
            let plural = if most == 1 { "" } else { "s" };
            return type_error(format!("{function}() takes at most {most} argument{plural} ({given} given)"));
        }
        for (place, value) in found.iter_mut().zip(self.positional) {
            *place = Some(value);
        }
        for (name, value) in self.named {
            let is_it = |known: &str| known.strip_prefix('*').unwrap_or(known) == &*name;
            match names.iter().position(|known| is_it(known)) {
                Some(at) if found[at].is_some() => {
                    return type_error(format!("{function}() got multiple values for argument '{name}'"));
                }
                Some(at) => found[at] = Some(value),
                None => {
                    let message = format!("{function}() got an unexpected keyword argument '{}'", harmless(&name));
                    return type_error(message);
                }
            }
        }
        for (name, place) in names.iter().zip(&found).take(least) {
            if place.is_none() {
                let name = name.trim_start_matches(['*', '/']);
                return type_error(format!("{function}() missing required argument '{name}'"));
            }
        }
        Ok(found)
    }

    /// Arguments by position alone.
    pub(crate) fn positions(self, function: &str, least: usize, most: usize) -> Evaluated<Vec<Value>> {
        if !self.named.is_empty() {
            return type_error(format!("{function}() takes no keyword arguments"));
        }
        let given = self.positional.len();
        if given < least || given > most {
            let expected = if least == most { format!("exactly {least}") } else { format!("from {least} to {most}") };
            return Err(raised("TypeError", format!("{function}() takes {expected} arguments ({given} given)")));
        }
        Ok(self.positional)
    }
}
