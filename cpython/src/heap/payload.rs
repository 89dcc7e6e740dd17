//! What the C part of an object is, by the static types of CPython: [`Payload`], and the fields of those that need no
//! code of their own.
//!
//! Types are known by their exact C name, and only when they are static, so that no class of a program can pose as one.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, TypeKind};
use heapsake_core::reduce::Registry;

use crate::layout::{Field, Inline};
use crate::layouts::Layouts;

/// What knows the C part of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Payload {
    /// There is none: `object`.
    Object,
    /// A value that has nothing but its identity: `None`, `Ellipsis`, `NotImplemented`.
    Singleton,
    /// `bool` and `int`.
    Int,
    /// `float`.
    Float,
    /// `complex`.
    Complex,
    /// `str`.
    Str,
    /// `bytes`.
    Bytes,
    /// `bytearray`.
    Bytearray,
    /// `memoryview`.
    Memoryview,
    /// `tuple`, struct sequences included.
    Tuple,
    /// `list`.
    List,
    /// `dict`.
    Dict,
    /// `set` and `frozenset`.
    Set,
    /// Classes.
    Type,
    /// Modules.
    Module,
    /// `types.MappingProxyType`.
    Mappingproxy,
    /// Everything that a list of fields describes.
    Fields,
    /// Code objects.
    Code,
    /// Frame objects.
    Frame,
    /// Interpreter frames that have no frame object.
    InterpreterFrame,
    /// Traceback entries.
    Traceback,
    /// Generators.
    Generator,
    /// Coroutines.
    Coroutine,
    /// Async generators.
    AsyncGenerator,
    /// What awaiting makes of them: `async_generator_asend`, `coroutine_wrapper` and so on.
    Awaitable,
    /// Exceptions.
    Exception,
}

/// What a field of a struct is told as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// An edge, to nothing where the pointer is null.
    Edge(EdgeKind),
    /// An edge, and nothing where the pointer is null.
    Bound(EdgeKind),
    /// A signed number of 64 bits.
    Signed64,
    /// A signed number of 32 bits.
    Signed32,
    /// A number of 64 bits.
    Unsigned64,
    /// A flag of 32 bits.
    Flag32,
    /// A flag of 8 bits.
    Flag8,
    /// A C string.
    CString,
    /// A C string that a struct points to, this many bytes in.
    CStringIn(u32),
    /// A signed number of 64 bits in a struct that is pointed to, this many bytes in.
    Signed64In(u32),
}

/// A field of a struct, and what it is told as.
#[derive(Clone, Copy, Debug)]
pub struct ToldField {
    /// The name that it is told under.
    pub name: &'static str,
    /// Where it lies.
    pub offset: u32,
    /// What it is.
    pub told: Told,
}

impl ToldField {
    /// Whether it is an edge and not a fact.
    pub fn is_edge(&self) -> bool {
        matches!(self.told, Told::Edge(_) | Told::Bound(_))
    }
}

fn field<T>(name: &'static str, field: Field<T>, told: Told) -> ToldField {
    ToldField { name, offset: field.offset() as u32, told }
}

fn attribute(name: &'static str, at: Field<Address>) -> ToldField {
    field(name, at, Told::Edge(EdgeKind::Attribute))
}

fn bound(name: &'static str, at: Field<Address>) -> ToldField {
    field(name, at, Told::Bound(EdgeKind::Attribute))
}

fn internal(name: &'static str, at: Field<Address>) -> ToldField {
    field(name, at, Told::Bound(EdgeKind::Internal))
}

fn number(name: &'static str, at: Field<i64>) -> ToldField {
    field(name, at, Told::Signed64)
}

fn position(owner: &'static str, index: Field<i64>, sequence: Field<Address>) -> Vec<ToldField> {
    vec![attribute(owner, sequence), number("index", index)]
}

/// What is known of the static type with the C name `name`.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// What its C part is.
    pub payload: Payload,
    /// What its values look like.
    pub kind: TypeKind,
    /// Its fields.
    pub fields: Vec<ToldField>,
}

/// Whether types with this C name are told by their contents, here or by a reducer.
pub(crate) fn answers_for(layouts: &Layouts, registry: &Registry, name: &str) -> bool {
    known(layouts, name).is_some() || registry.find([name]).is_some()
}

/// What is known of the static type with the C name `name`; `None` if it needs a reducer or a scan.
pub(crate) fn known(layouts: &Layouts, name: &str) -> Option<Known> {
    let plain = |payload, kind| Some(Known { payload, kind, fields: Vec::new() });
    match name {
        "object" => plain(Payload::Object, TypeKind::Object),
        "NoneType" => plain(Payload::Singleton, TypeKind::None),
        "ellipsis" | "NotImplementedType" => plain(Payload::Singleton, TypeKind::Object),
        "bool" => plain(Payload::Int, TypeKind::Bool),
        "int" => plain(Payload::Int, TypeKind::Int),
        "float" => plain(Payload::Float, TypeKind::Float),
        "complex" => plain(Payload::Complex, TypeKind::Complex),
        "str" => plain(Payload::Str, TypeKind::Str),
        "bytes" => plain(Payload::Bytes, TypeKind::Bytes),
        "bytearray" => plain(Payload::Bytearray, TypeKind::Bytearray),
        "memoryview" => plain(Payload::Memoryview, TypeKind::Object),
        "tuple" => plain(Payload::Tuple, TypeKind::Tuple),
        "list" => plain(Payload::List, TypeKind::List),
        "dict" => plain(Payload::Dict, TypeKind::Dict),
        "frozendict" if layouts.frozen_dict.is_some() => plain(Payload::Dict, TypeKind::Dict),
        "set" => plain(Payload::Set, TypeKind::Set),
        "frozenset" => plain(Payload::Set, TypeKind::Frozenset),
        "type" => plain(Payload::Type, TypeKind::Type),
        "module" => plain(Payload::Module, TypeKind::Module),
        "mappingproxy" => plain(Payload::Mappingproxy, TypeKind::Mapping),
        "code" => plain(Payload::Code, TypeKind::Code),
        "frame" => plain(Payload::Frame, TypeKind::Frame),
        "traceback" => plain(Payload::Traceback, TypeKind::Traceback),
        "generator" => plain(Payload::Generator, TypeKind::Generator),
        "coroutine" => plain(Payload::Coroutine, TypeKind::Generator),
        "async_generator" => plain(Payload::AsyncGenerator, TypeKind::Generator),
        "coroutine_wrapper"
        | "async_generator_asend"
        | "async_generator_athrow"
        | "async_generator_wrapped_value"
        | "anext_awaitable" => plain(Payload::Awaitable, TypeKind::Object),
        _ => {
            let (kind, fields) = fields(layouts, name)?;
            Some(Known { payload: Payload::Fields, kind, fields })
        }
    }
}

fn fields(layouts: &Layouts, name: &str) -> Option<(TypeKind, Vec<ToldField>)> {
    functions(layouts, name)
        .or_else(|| Some((TypeKind::Sequence, iterators(layouts, name)?)))
        .or_else(|| Some((TypeKind::Object, others(layouts, name)?)))
}

/// Functions, methods, descriptors, weak references.
fn functions(layouts: &Layouts, name: &str) -> Option<(TypeKind, Vec<ToldField>)> {
    let descriptor = || {
        let layout = layouts.descriptor;
        vec![
            attribute("__objclass__", layout.d_type),
            attribute("__name__", layout.d_name),
            bound("__qualname__", layout.d_qualname),
        ]
    };
    Some(match name {
        "function" => {
            let layout = layouts.function;
            let mut fields = vec![
                attribute("__name__", layout.func_name),
                attribute("__qualname__", layout.func_qualname),
                attribute("__code__", layout.func_code),
                attribute("__globals__", layout.func_globals),
                attribute("__defaults__", layout.func_defaults),
                attribute("__kwdefaults__", layout.func_kwdefaults),
                attribute("__closure__", layout.func_closure),
                attribute("__module__", layout.func_module),
                attribute("__doc__", layout.func_doc),
                bound("__annotations__", layout.func_annotations),
            ];
            fields.extend(layout.func_builtins.map(|at| bound("__builtins__", at)));
            fields.extend(layout.func_typeparams.map(|at| bound("__type_params__", at)));
            fields.extend(layout.func_annotate.map(|at| bound("__annotate__", at)));
            (TypeKind::Function, fields)
        }
        "method" => {
            let layout = layouts.method;
            (TypeKind::Method, vec![attribute("__func__", layout.im_func), attribute("__self__", layout.im_self)])
        }
        "builtin_function_or_method" | "builtin_method" => {
            let layout = layouts.cfunction;
            let mut fields = vec![
                field("__name__", layout.m_ml, Told::CStringIn(layouts.method_def.ml_name.offset() as u32)),
                attribute("__self__", layout.m_self),
                attribute("__module__", layout.m_module),
            ];
            if let ("builtin_method", Some(layout)) = (name, layouts.cmethod) {
                fields.push(internal("mm_class", layout.mm_class));
            }
            (TypeKind::Builtin, fields)
        }
        "method_descriptor" | "classmethod_descriptor" | "wrapper_descriptor" => (TypeKind::Builtin, descriptor()),
        "getset_descriptor" => (TypeKind::Object, descriptor()),
        "member_descriptor" => {
            let mut fields = descriptor();
            let offset = Told::Signed64In(layouts.member_def.offset.offset() as u32);
            fields.push(field("offset", layouts.member_descriptor.d_member, offset));
            (TypeKind::Object, fields)
        }
        "method-wrapper" => {
            let layout = layouts.method_wrapper;
            (TypeKind::Builtin, vec![attribute("__self__", layout.self_), internal("descr", layout.descr)])
        }
        "cell" => (TypeKind::Cell, vec![bound("cell_contents", layouts.cell.ob_ref)]),
        "weakref"
        | "weakref.ReferenceType"
        | "weakproxy"
        | "weakref.ProxyType"
        | "weakcallableproxy"
        | "weakref.CallableProxyType" => {
            let layout = layouts.weak_reference;
            let referent = field("referent", layout.wr_object, Told::Edge(EdgeKind::Weak));
            (TypeKind::Weakref, vec![referent, bound("callback", layout.wr_callback)])
        }
        _ => return None,
    })
}

/// Iterators and views of built-in types.
fn iterators(layouts: &Layouts, name: &str) -> Option<Vec<ToldField>> {
    Some(match name {
        "iterator" => position("sequence", layouts.sequence_iterator.it_index, layouts.sequence_iterator.it_seq),
        "list_iterator" => position("list", layouts.list_iterator.it_index, layouts.list_iterator.it_seq),
        "list_reverseiterator" => position("list", layouts.list_reverse_iterator.it_index, layouts.list_reverse_iterator.it_seq),
        "tuple_iterator" => position("tuple", layouts.tuple_iterator.it_index, layouts.tuple_iterator.it_seq),
        "str_iterator" | "str_ascii_iterator" => {
            position("str", layouts.unicode_iterator.it_index, layouts.unicode_iterator.it_seq)
        }
        "bytes_iterator" => position("bytes", layouts.bytes_iterator.it_index, layouts.bytes_iterator.it_seq),
        "bytearray_iterator" => position("bytearray", layouts.bytearray_iterator.it_index, layouts.bytearray_iterator.it_seq),
        "memory_iterator" => {
            let layout = layouts.memory_iterator?;
            position("memoryview", layout.it_index, layout.it_seq)
        }
        "reversed" => position("sequence", layouts.reversed.index, layouts.reversed.seq),
        "callable_iterator" => {
            let layout = layouts.callable_iterator;
            vec![attribute("callable", layout.it_callable), attribute("sentinel", layout.it_sentinel)]
        }
        "dict_keyiterator"
        | "dict_valueiterator"
        | "dict_itemiterator"
        | "dict_reversekeyiterator"
        | "dict_reversevalueiterator"
        | "dict_reverseitemiterator" => {
            let layout = layouts.dict_iterator;
            vec![
                attribute("dict", layout.di_dict),
                internal("di_result", layout.di_result),
                number("index", layout.di_pos),
                number("remaining", layout.len),
            ]
        }
        "dict_keys" | "dict_values" | "dict_items" => vec![attribute("mapping", layouts.dict_view.dv_dict)],
        "set_iterator" => {
            let layout = layouts.set_iterator;
            vec![attribute("set", layout.si_set), number("index", layout.si_pos), number("remaining", layout.len)]
        }
        "range_iterator" => {
            let layout = layouts.range_iterator;
            let mut fields = vec![number("start", layout.start), number("step", layout.step), number("length", layout.len)];
            fields.extend(layout.index.map(|at| number("index", at)));
            fields
        }
        "longrange_iterator" => {
            let layout = layouts.long_range_iterator;
            let mut fields =
                vec![attribute("start", layout.start), attribute("step", layout.step), attribute("length", layout.len)];
            fields.extend(layout.index.map(|at| attribute("index", at)));
            fields
        }
        "enumerate" => {
            let layout = layouts.enumerate;
            let mut fields = vec![
                number("count", layout.en_index),
                attribute("iterator", layout.en_sit),
                internal("en_result", layout.en_result),
                internal("en_longindex", layout.en_longindex),
            ];
            fields.extend(layout.one.map(|at| internal("one", at)));
            fields
        }
        "zip" => {
            let layout = layouts.zip;
            let mut fields = vec![attribute("iterators", layout.ittuple), internal("result", layout.result)];
            fields.extend(layout.strict.map(|at| field("strict", at, Told::Flag32)));
            fields
        }
        "map" => vec![attribute("function", layouts.map.func), attribute("iterators", layouts.map.iters)],
        "string.templatelib.TemplateIter" => {
            let layout = layouts.template_iterator?;
            vec![
                attribute("strings", layout.strings),
                attribute("interpolations", layout.interpolations),
                field("from_strings", layout.from_strings, Told::Flag32),
            ]
        }
        "filter" => vec![attribute("function", layouts.filter.func), attribute("iterator", layouts.filter.it)],
        _ => return None,
    })
}

fn others(layouts: &Layouts, name: &str) -> Option<Vec<ToldField>> {
    Some(match name {
        "range" => {
            let layout = layouts.range;
            vec![
                attribute("start", layout.start),
                attribute("stop", layout.stop),
                attribute("step", layout.step),
                internal("length", layout.length),
            ]
        }
        "slice" => {
            let layout = layouts.slice;
            vec![attribute("start", layout.start), attribute("stop", layout.stop), attribute("step", layout.step)]
        }
        "classmethod" => vec![attribute("__func__", layouts.class_method.cm_callable)],
        "staticmethod" => vec![attribute("__func__", layouts.static_method.sm_callable)],
        "property" => {
            let layout = layouts.property;
            let mut fields = vec![
                attribute("fget", layout.prop_get),
                attribute("fset", layout.prop_set),
                attribute("fdel", layout.prop_del),
                attribute("__doc__", layout.prop_doc),
            ];
            fields.extend(layout.prop_name.map(|at| bound("__name__", at)));
            fields
        }
        "super" => {
            let layout = layouts.super_object;
            vec![
                attribute("__thisclass__", layout.type_),
                attribute("__self__", layout.obj),
                attribute("__self_class__", layout.obj_type),
            ]
        }
        "types.GenericAlias" => {
            let layout = layouts.generic_alias?;
            let mut fields = vec![
                attribute("__origin__", layout.origin),
                attribute("__args__", layout.args),
                bound("__parameters__", layout.parameters),
            ];
            fields.extend(layout.starred.map(|at| field("starred", at, Told::Flag8)));
            fields
        }
        "types.Union" | "types.UnionType" | "typing.Union" => {
            let layout = layouts.union_type?;
            let mut fields = vec![attribute("__args__", layout.args), bound("__parameters__", layout.parameters)];
            fields.extend(layout.hashable_args.map(|at| internal("hashable_args", at)));
            fields.extend(layout.unhashable_args.map(|at| internal("unhashable_args", at)));
            fields
        }
        "string.templatelib.Template" => {
            let layout = layouts.template?;
            vec![attribute("strings", layout.strings), attribute("interpolations", layout.interpolations)]
        }
        "string.templatelib.Interpolation" => {
            let layout = layouts.interpolation?;
            vec![
                attribute("value", layout.value),
                attribute("expression", layout.expression),
                attribute("conversion", layout.conversion),
                attribute("format_spec", layout.format_spec),
            ]
        }
        "lazy_import" => {
            let layout = layouts.lazy_import?;
            vec![
                attribute("from", layout.from),
                bound("attribute", layout.attribute),
                internal("builtins", layout.builtins),
                internal("code", layout.code),
            ]
        }
        "sentinel" => {
            let layout = layouts.sentinel?;
            vec![attribute("__name__", layout.name), attribute("__module__", layout.module), internal("repr", layout.repr)]
        }
        // The dictionary is found as any instance's is.
        "types.SimpleNamespace" => Vec::new(),
        "managedbuffer" => {
            let object: Field<Address> = layouts.buffer.obj.within::<Inline>(layouts.managed_buffer.master);
            vec![attribute("obj", object)]
        }
        "PyCapsule" => {
            let layout = layouts.capsule;
            vec![
                field("name", layout.name, Told::CString),
                field("pointer", layout.pointer, Told::Unsigned64),
                field("context", layout.context, Told::Unsigned64),
            ]
        }
        "FrameLocalsProxy" => vec![internal("frame", layouts.frame_locals_proxy?.frame)],
        _ => return None,
    })
}
