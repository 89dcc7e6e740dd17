//! Why an expression has no value.

use std::fmt;

/// A column that is not known yet: what evaluates the part that failed fills it in.
pub(crate) const NOWHERE: usize = usize::MAX;

/// An error of an expression: what, where, and the exception that Python would raise, where it would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// What is wrong, in one sentence. Text of the dump in it is escaped.
    pub message: String,
    /// The column of the expression that it is about, in characters from 0.
    pub column: usize,
    /// The class of Python's exception (`KeyError`); none of what Python knows nothing of: limits, code that is not run,
    /// values that the dump lacks.
    pub exception: Option<&'static str>,
}

impl ExpressionError {
    /// One that has no exception of Python.
    pub(crate) fn new(message: impl Into<String>, column: usize) -> ExpressionError {
        ExpressionError { message: message.into(), column, exception: None }
    }

    /// That the text is no expression.
    pub(crate) fn syntax(message: impl Into<String>, column: usize) -> ExpressionError {
        ExpressionError { message: message.into(), column, exception: Some("SyntaxError") }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exception {
            Some(class) if self.message.is_empty() => f.write_str(class),
            Some(class) => write!(f, "{class}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ExpressionError {}

/// An error on its way; small, so that results stay small.
pub(crate) type Failure = Box<ExpressionError>;

/// What a step of an evaluation gives.
pub(crate) type Evaluated<T> = Result<T, Failure>;

/// An exception of Python.
pub(crate) fn raised(exception: &'static str, message: impl Into<String>) -> Failure {
    Box::new(ExpressionError { message: message.into(), column: NOWHERE, exception: Some(exception) })
}

/// What this language does not do, or a dump does not have.
pub(crate) fn refused(message: impl Into<String>) -> Failure {
    Box::new(ExpressionError { message: message.into(), column: NOWHERE, exception: None })
}

pub(crate) fn type_error<T>(message: impl Into<String>) -> Evaluated<T> {
    Err(raised("TypeError", message))
}

pub(crate) fn value_error<T>(message: impl Into<String>) -> Evaluated<T> {
    Err(raised("ValueError", message))
}
