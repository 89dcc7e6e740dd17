//! Exceptions, by `Include/cpython/pyerrors.h`. What all of them have is declared once, in [`PyBaseExceptionObject`].

use heapsake_core::Address;

use crate::layout;

layout! {
    /// The head of every exception.
    pub struct PyBaseExceptionObject {
        dict: Address,
        args: Address,
        traceback: Address,
        context: Address,
        cause: Address,
        suppress_context: i8,
        notes: Option<Address>,
    }
    /// `BaseExceptionGroup`: 3.11 and later.
    pub struct PyBaseExceptionGroupObject { msg: Address, excs: Address }
    /// `SyntaxError`.
    pub struct PySyntaxErrorObject {
        msg: Address,
        filename: Address,
        lineno: Address,
        offset: Address,
        text: Address,
        print_file_and_line: Address,
        end_lineno: Option<Address>,
        end_offset: Option<Address>,
    }
    /// `ImportError`.
    pub struct PyImportErrorObject { msg: Address, name: Address, path: Address, name_from: Option<Address> }
    /// `UnicodeError` with its encoding.
    pub struct PyUnicodeErrorObject {
        encoding: Address,
        object: Address,
        start: i64,
        end: i64,
        reason: Address,
    }
    /// `SystemExit`.
    pub struct PySystemExitObject { code: Address }
    /// `OSError`.
    pub struct PyOSErrorObject {
        myerrno: Address,
        strerror: Address,
        filename: Address,
        filename2: Address,
        written: i64,
    }
    /// `StopIteration`.
    pub struct PyStopIterationObject { value: Address }
    /// `NameError`.
    pub struct PyNameErrorObject { name: Address }
    /// `AttributeError`.
    pub struct PyAttributeErrorObject { obj: Address, name: Address }
}
