//! What a heap says of itself before the walk: spans, roots, threads, types, sources.

use serde::{Deserialize, Serialize};

use crate::address::{Address, Span};

/// A heap's outline.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// Where objects may lie. An address outside is no object.
    pub spans: Vec<Span>,
    /// What the walk starts from, in the order of importance; frames and their variables are roots by themselves.
    pub roots: Vec<Root>,
    /// All threads, the one of the exception first.
    pub threads: Vec<Thread>,
    /// The exception that is the reason of the dump.
    pub exception: Option<Address>,
    /// Facts for the header, by name: `python`, `platform`, `argv`, `cwd`, `pid`, `layout` and so on.
    pub facts: Vec<(String, ciborium::Value)>,
}

/// Where the walk starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What kind of root it is.
    pub kind: RootKind,
    /// Its name: of the module, of the variable.
    pub name: String,
    /// The object.
    pub object: Address,
}

/// What kind of root it is (HPROF's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RootKind {
    /// Something that a thread holds.
    Thread,
    /// A frame, or a variable of one.
    Frame,
    /// An exception in flight, being handled, or the reason of the dump.
    Exception,
    /// A module.
    Module,
    /// The interpreter itself: builtins, `sys`, codec and hook tables.
    Interpreter,
    /// An object that the caller gave.
    Given,
    /// An object that no root leads to: what is told is kept by itself alone, and by what a garbage collector has not freed.
    Garbage,
}

/// A thread of the target.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// Its name, where known.
    pub name: Option<String>,
    /// The runtime's identity of it (CPython: `threading.get_ident()`).
    pub ident: u64,
    /// The kernel's identity of it.
    pub native_id: Option<u64>,
    /// Whether it holds the interpreter lock, or asked for the dump.
    pub current: bool,
    /// The exception that it dies of or handles.
    pub exception: Option<Address>,
    /// Its frames, outermost first.
    pub frames: Vec<Frame>,
    /// The thread object (CPython: `threading.Thread`), null where there is none.
    pub object: Address,
    /// What it is, when it is no thread of the operating system: `greenlet`, `tasklet`; empty for one that is.
    pub kind: String,
    /// The thread that a greenlet or tasklet runs on, by its `ident`.
    pub carrier: Option<u64>,
    /// What else is known of it, by name: `signal`, of the thread that the process died in.
    pub facts: Vec<(String, ciborium::Value)>,
}

/// A frame of a thread.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The frame as an object of the heap.
    pub object: Address,
    /// How it is known.
    pub kind: FrameKind,
    /// Name of the function.
    pub function: String,
    /// Qualified name of the function.
    pub qualified_name: String,
    /// File of the code.
    pub filename: String,
    /// The line that is being executed, 1 based; 0 where there is none.
    pub line: u32,
    /// First line of the code, 1 based.
    pub first_line: u32,
    /// The code object.
    pub code: Address,
    /// The mapping of the global names.
    pub globals: Address,
    /// The mapping of the local names, for module and class frames; null for functions.
    pub locals: Address,
    /// Variables, in the order of the code; those that are bound to nothing have a null target.
    pub variables: Vec<Variable>,
}

/// How a frame is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FrameKind {
    /// It is on a thread's stack.
    #[default]
    Running,
    /// It is in the exception's traceback.
    Traceback,
}

/// A variable of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where it lives.
    pub kind: VariableKind,
    /// What it is bound to (for cells: the cell's content); null when unbound.
    pub target: Address,
}

/// Where a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VariableKind {
    /// A parameter.
    Argument,
    /// Another local variable.
    Local,
    /// A local that inner functions use.
    Cell,
    /// A variable of an enclosing function.
    Free,
}

/// What the values of a type look like to whoever shows or rebuilds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TypeKind {
    /// Nothing but attributes.
    #[default]
    Object,
    /// `None`.
    None,
    /// A boolean.
    Bool,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// A complex number.
    Complex,
    /// Text.
    Str,
    /// Bytes.
    Bytes,
    /// Mutable bytes.
    Bytearray,
    /// A list.
    List,
    /// A tuple, a struct sequence.
    Tuple,
    /// A set.
    Set,
    /// A frozen set.
    Frozenset,
    /// A mapping of keys to values.
    Dict,
    /// A class.
    Type,
    /// A module.
    Module,
    /// A function of the language.
    Function,
    /// A bound method.
    Method,
    /// A function of C.
    Builtin,
    /// A code object.
    Code,
    /// A frame.
    Frame,
    /// A traceback entry.
    Traceback,
    /// A generator, coroutine or async generator.
    Generator,
    /// A cell.
    Cell,
    /// An exception.
    Exception,
    /// A weak reference or proxy.
    Weakref,
    /// Something else that has elements in order (deque, array, iterator).
    Sequence,
    /// Something else that has entries (mappingproxy, context).
    Mapping,
}

/// A type, as the types table of the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeDescription {
    /// Qualified name with the module, `builtins` left out: `int`, `collections.OrderedDict`, `app.Order.Line`.
    pub name: String,
    /// The module alone; empty where unknown.
    pub module: String,
    /// The type's own address; 0 when it is no object.
    pub address: u64,
    /// Number of the type as an object of the dump; the engine fills it in.
    #[serde(default)]
    pub object: Option<u32>,
    /// What its values look like.
    pub kind: TypeKind,
    /// Qualified names of the method resolution order, itself first.
    pub mro: Vec<String>,
    /// Size of an instance without its items, in bytes.
    pub basic_size: u64,
    /// Where the values' content comes from: `exact`, `members`, `base NAME`, `conservative`, or a reducer's origin.
    pub origin: String,
}

/// The text of a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The name that code objects give it.
    pub filename: String,
    /// Its text; none when it could not be read.
    pub text: Option<String>,
    /// Why it is missing, or empty.
    pub problem: String,
}
