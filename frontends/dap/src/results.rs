//! What expressions gave that is no object of the dump, and has parts: kept so that clients can expand it, the newest ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use heapsake_analysis::expression::{Scope, Value};

/// Results that are kept, and parts of them that have parts.
const MOST: usize = 2000;
/// Elements that they may have together.
const ELEMENTS: u64 = 10_000_000;

/// The number of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ResultNumber(u32);

/// Who asked: the frame, the expression, the context. The next answer to the same question takes the place of the last.
pub(crate) type Question = (Option<i64>, String, String);

/// The results.
#[derive(Debug, Default)]
pub(crate) struct Results {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u32,
    kept: HashMap<ResultNumber, Kept>,
    /// All of them, the oldest first.
    order: VecDeque<ResultNumber>,
    elements: u64,
    asked: HashMap<Question, ResultNumber>,
    /// Names that the user gave in the console.
    names: HashMap<String, Value>,
    /// The last value of the console.
    last: Option<Value>,
}

#[derive(Debug)]
struct Kept {
    value: Value,
    elements: u64,
    /// What asked for it; none for parts.
    question: Option<Question>,
    /// Its parts that are kept, by their position.
    parts: HashMap<u64, ResultNumber>,
}

impl State {
    fn keep(&mut self, number: ResultNumber, value: Value, question: Option<Question>) {
        // What is computed when it is looked at takes no room.
        let elements = match &value {
            Value::List(items) | Value::Tuple(items) => items.len() as u64,
            Value::Dict(entries) | Value::Set(entries) | Value::Frozenset(entries) => entries.len() as u64,
            _ => 1,
        };
        self.elements += elements;
        self.kept.insert(number, Kept { value, elements, question, parts: HashMap::new() });
        self.order.push_back(number);
        while self.order.len() > 1 && (self.order.len() > MOST || self.elements > ELEMENTS) {
            let Some(oldest) = self.order.pop_front() else { break };
            self.forget(oldest);
        }
    }

    /// Forgets a result and its parts; gives the number back.
    fn forget(&mut self, number: ResultNumber) {
        let mut left = vec![number];
        while let Some(number) = left.pop() {
            let Some(kept) = self.kept.remove(&number) else { continue };
            self.elements -= kept.elements;
            left.extend(kept.parts.into_values());
            kept.question.and_then(|question| self.asked.remove(&question));
        }
        let kept = &self.kept;
        self.order.retain(|number| kept.contains_key(number));
    }

    fn new_number(&mut self) -> ResultNumber {
        self.next += 1;
        ResultNumber(self.next)
    }
}

impl Results {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the answer to a question.
    pub(crate) fn keep(&self, question: Question, value: Value) -> ResultNumber {
        let mut state = self.state();
        let number = match state.asked.get(&question).copied() {
            Some(number) => {
                state.forget(number);
                number
            }
            None => state.new_number(),
        };
        state.asked.insert(question.clone(), number);
        state.keep(number, value, Some(question));
        number
    }

    /// Keeps a part of a result, once; none where the result is not kept any more.
    pub(crate) fn keep_part(&self, of: ResultNumber, at: u64, value: Value) -> Option<ResultNumber> {
        let mut state = self.state();
        let known = state.kept.get(&of)?.parts.get(&at).copied();
        if let Some(known) = known.filter(|known| state.kept.contains_key(known)) {
            return Some(known);
        }
        let number = known.unwrap_or_else(|| state.new_number());
        state.kept.get_mut(&of)?.parts.insert(at, number);
        state.keep(number, value, None);
        Some(number)
    }

    /// Keeps the names that the user gave.
    pub(crate) fn name(&self, scope: &Scope<'_>) {
        let names = scope.bound_names().filter_map(|name| Some((name.to_owned(), scope.bound(name)?.clone())));
        let mut state = self.state();
        state.names.extend(names);
        state.last = scope.last().cloned();
    }

    /// Gives those names to a scope.
    pub(crate) fn bind(&self, scope: &mut Scope<'_>) {
        let state = self.state();
        for (name, value) in &state.names {
            scope.bind(name.clone(), value.clone());
        }
        if let Some(last) = &state.last {
            scope.remember(last.clone());
        }
    }

    pub(crate) fn get(&self, number: ResultNumber) -> Option<Value> {
        self.state().kept.get(&number).map(|kept| kept.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use heapsake_analysis::expression::{self, Limits};

    use super::*;

    fn list(length: usize) -> Value {
        Value::List(Arc::new(vec![Value::None; length].into()))
    }

    fn question(text: &str) -> Question {
        (Some(1), text.to_owned(), "watch".to_owned())
    }

    #[test]
    fn the_next_answer_takes_the_place_of_the_last() {
        let results = Results::default();
        let first = results.keep(question("a"), list(1));
        let part = results.keep_part(first, 0, list(7)).expect("kept");
        assert_eq!(results.keep_part(first, 0, list(7)), Some(part));
        let other = results.keep(question("b"), list(2));
        assert_eq!(results.keep(question("a"), list(3)), first);
        assert!(matches!(results.get(first), Some(Value::List(items)) if items.len() == 3));
        assert!(results.get(part).is_none() && results.get(other).is_some());
        let state = results.state();
        assert_eq!((state.kept.len(), state.order.len(), state.elements), (2, 2, 5));
    }

    #[test]
    fn the_last_value_of_the_console_is_no_name_of_the_user() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/3.12.heapsake");
        let dump = heapsake_loader::open(path).expect("the golden dump");
        let results = Results::default();
        let mut console = Scope::of_dump(&dump);
        for line in ["n = 5", "6 * 7"] {
            expression::execute(&mut console, line, &Limits::default()).expect("a value");
            results.name(&console);
        }
        let mut hover = Scope::of_dump(&dump);
        results.bind(&mut hover);
        assert_eq!(hover.bound_names().collect::<Vec<_>>(), ["n"]);
        let found = expression::evaluate(&hover, "_ + n", &Limits::default()).expect("a value");
        assert!(matches!(found, Value::Int(47)), "{found:?}");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let results = Results::default();
        let first = results.keep(question("first"), list(1));
        let part = results.keep_part(first, 0, list(1)).expect("kept");
        for at in 0..MOST {
            results.keep(question(&at.to_string()), list(1));
        }
        assert!(results.get(first).is_none() && results.get(part).is_none());
        assert_eq!(results.keep_part(first, 0, list(1)), None);
        assert_eq!(results.state().kept.len(), MOST);
        let large = results.keep(question("large"), list(ELEMENTS as usize));
        assert!(results.get(large).is_some());
        let state = results.state();
        assert_eq!((state.kept.len(), state.asked.len()), (1, 1));
    }
}
