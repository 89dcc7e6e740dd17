//! Objects and the built-in containers and scalars, by `Include/` and `Objects/`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// Every object (`Include/object.h`); free-threaded builds split the reference count.
    pub struct PyObject as "_object" {
        ob_refcnt as "ob_refcnt|ob_refcnt_full": Option<i64>,
        ob_ref_local: Option<u32>,
        ob_ref_shared: Option<i64>,
        ob_flags: Option<Bits>,
        ob_type: Address,
    }
    /// Objects with a number of items (`Include/object.h`).
    pub struct PyVarObject { ob_size: i64 }
    /// `Include/cpython/object.h`, `Objects/typeobject.c`.
    pub struct PyTypeObject as "_typeobject" {
        tp_name: Address,
        tp_basicsize: i64,
        tp_itemsize: i64,
        tp_dealloc: Address,
        tp_vectorcall_offset: Option<i64>,
        tp_getattr: Address,
        tp_setattr: Address,
        tp_as_async: Address,
        tp_repr: Address,
        tp_as_number: Address,
        tp_as_sequence: Address,
        tp_as_mapping: Address,
        tp_hash: Address,
        tp_call: Address,
        tp_str: Address,
        tp_getattro: Address,
        tp_setattro: Address,
        tp_as_buffer: Address,
        tp_flags: u64,
        tp_doc: Address,
        tp_traverse: Address,
        tp_clear: Address,
        tp_richcompare: Address,
        tp_weaklistoffset: i64,
        tp_iter: Address,
        tp_iternext: Address,
        tp_methods: Address,
        tp_members: Address,
        tp_getset: Address,
        tp_base: Address,
        tp_dict: Address,
        tp_descr_get: Address,
        tp_descr_set: Address,
        tp_dictoffset: i64,
        tp_init: Address,
        tp_alloc: Address,
        tp_new: Address,
        tp_free: Address,
        tp_is_gc: Address,
        tp_bases: Address,
        tp_mro: Address,
        tp_cache: Address,
        tp_subclasses: Address,
        tp_weaklist: Address,
        tp_del: Address,
        tp_version_tag: u32,
        tp_finalize: Address,
        tp_vectorcall: Option<Address>,
        tp_watched: Option<u8>,
        tp_versions_used: Option<u16>,
    }
    /// `Include/cpython/object.h`, `Objects/typeobject.c`: what `class` makes.
    pub struct PyHeapTypeObject as "_heaptypeobject" {
        ht_name: Address,
        ht_slots: Address,
        ht_qualname: Address,
        ht_cached_keys: Address,
        ht_module: Option<Address>,
        ht_tpname as "_ht_tpname": Option<Address>,
    }
    /// `Include/descrobject.h`: a C member or a slot.
    pub struct PyMemberDef { name: Address, type_ as "type": i32, offset: i64, flags: i32, doc: Address }
    /// `Include/methodobject.h`.
    pub struct PyMethodDef { ml_name: Address, ml_meth: Address, ml_flags: i32, ml_doc: Address }
    /// `Include/descrobject.h`.
    pub struct PyGetSetDef { name: Address, get: Address, set: Address, doc: Address, closure: Address }
    /// `Include/cpython/longintrepr.h`: digits of 30 bits after a signed size, or after a tag.
    pub struct PyLongObject as "_longobject" {
        ob_digit as "ob_digit|long_value.ob_digit": Inline,
        lv_tag as "long_value.lv_tag": Option<u64>,
    }
    /// `Include/cpython/floatobject.h`.
    pub struct PyFloatObject { ob_fval: f64 }
    /// `Include/cpython/complexobject.h`.
    pub struct PyComplexObject { real as "cval.real": f64, imag as "cval.imag": f64 }
    /// `Include/cpython/unicodeobject.h`: the head of every string, and all of a compact ASCII one but its data.
    pub struct PyASCIIObject {
        length: i64,
        hash: i64,
        interned as "state.interned": Bits,
        kind as "state.kind": Bits,
        compact as "state.compact": Bits,
        ascii as "state.ascii": Bits,
        ready as "state.ready": Option<Bits>,
        statically_allocated as "state.statically_allocated": Option<Bits>,
        wstr: Option<Address>,
    }
    /// `Include/cpython/unicodeobject.h`: compact strings that are not ASCII.
    pub struct PyCompactUnicodeObject { utf8_length: i64, utf8: Address, wstr_length: Option<i64> }
    /// `Include/cpython/unicodeobject.h`: strings whose data lies elsewhere.
    pub struct PyUnicodeObject { data as "data.any": Address }
    /// `Include/cpython/bytesobject.h`.
    pub struct PyBytesObject { ob_shash: i64, ob_sval: Inline }
    /// `Include/cpython/bytearrayobject.h`.
    pub struct PyByteArrayObject {
        ob_alloc: i64,
        ob_bytes: Address,
        ob_start: Address,
        ob_exports: Bits,
        ob_bytes_object: Option<Address>,
    }
    /// `Include/pybuffer.h`: `Py_buffer`.
    pub struct PyBuffer as "Py_buffer|bufferinfo" {
        buf: Address,
        obj: Address,
        len: i64,
        itemsize: i64,
        readonly: i32,
        ndim: i32,
        format: Address,
        shape: Address,
        strides: Address,
        suboffsets: Address,
        internal: Address,
    }
    /// `Include/cpython/memoryobject.h`.
    pub struct PyMemoryViewObject {
        mbuf: Address,
        hash: i64,
        flags: i32,
        exports: i64,
        view: Inline,
        weakreflist: Address,
        ob_array: Inline,
    }
    /// `Objects/picklebufobject.c`.
    pub struct PyPickleBufferObject { view: Inline, weakreflist: Address }
    /// `Include/cpython/memoryobject.h`.
    pub struct PyManagedBufferObject as "_PyManagedBufferObject" { flags: i32, exports: i64, master: Inline }
    /// `Include/cpython/tupleobject.h`.
    pub struct PyTupleObject { ob_item: Inline }
    /// `Include/cpython/listobject.h`.
    pub struct PyListObject { ob_item: Address, allocated: i64 }
    /// `Include/cpython/dictobject.h`.
    pub struct PyDictObject { ma_used: i64, ma_keys: Address, ma_values: Address }
    /// `Include/internal/pycore_dict.h`, `Objects/dict-common.h`: sized by a number or by a logarithm.
    pub struct PyDictKeysObject as "_dictkeysobject" {
        dk_refcnt: i64,
        dk_size: Option<i64>,
        dk_usable: i64,
        dk_nentries: i64,
        dk_indices: Inline,
        dk_log2_size: Option<u8>,
        dk_log2_index_bytes: Option<u8>,
        dk_kind: Option<u8>,
        dk_version: Option<u32>,
    }
    /// `Include/internal/pycore_dict.h`: values of a split table, or inline in an instance.
    pub struct PyDictValues as "_dictvalues" {
        values: Inline,
        capacity: Option<u8>,
        data_size as "size": Option<u8>,
        embedded: Option<u8>,
        valid: Option<u8>,
    }
    /// An entry of a general key table.
    pub struct PyDictKeyEntry { me_hash: i64, me_key: Address, me_value: Address }
    /// An entry of a key table of strings alone.
    pub struct PyDictUnicodeEntry { me_key: Address, me_value: Address }
    /// `Include/cpython/setobject.h`.
    pub struct PySetObject {
        fill: i64,
        used: i64,
        mask: i64,
        table: Address,
        hash: i64,
        finger: i64,
        smalltable: Inline,
        weakreflist: Address,
    }
    /// `Include/cpython/setobject.h`.
    pub struct SetEntry as "setentry" { key: Address, hash: i64 }
    /// `Objects/rangeobject.c`.
    pub struct RangeObject as "rangeobject" { start: Address, stop: Address, step: Address, length: Address }
    /// `Include/sliceobject.h`.
    pub struct PySliceObject { start: Address, stop: Address, step: Address }
    /// `Include/internal/pycore_moduleobject.h`, `Objects/moduleobject.c`.
    pub struct PyModuleObject {
        md_dict: Address,
        md_def: Option<Address>,
        md_state_size: Option<i64>,
        md_state: Address,
        md_weaklist: Address,
        md_name: Address,
    }
    /// `Include/moduleobject.h`.
    pub struct PyModuleDef {
        m_name: Address,
        m_doc: Address,
        m_size: i64,
        m_methods: Address,
        m_slots: Address,
    }
    /// `Objects/capsule.c`.
    pub struct PyCapsule {
        pointer: Address,
        name: Address,
        context: Address,
        destructor: Address,
        traverse_func: Option<Address>,
        clear_func: Option<Address>,
    }
    /// `Objects/namespaceobject.c`: `types.SimpleNamespace`.
    pub struct PyNamespaceObject as "_PyNamespaceObject" { ns_dict: Address }
    /// `Objects/genericaliasobject.c`: `types.GenericAlias`.
    pub struct GenericAliasObject as "gaobject" {
        origin: Address,
        args: Address,
        parameters: Address,
        weakreflist: Address,
        starred: Option<u8>,
    }
    /// `Objects/unionobject.c`: `types.UnionType`.
    pub struct UnionObject as "unionobject" {
        args: Address,
        parameters: Address,
        hashable_args: Option<Address>,
        unhashable_args: Option<Address>,
    }
    /// `Objects/templateobject.c`: what a t-string makes.
    pub struct TemplateObject as "templateobject" { strings: Address, interpolations: Address }
    /// `Objects/templateobject.c`.
    pub struct TemplateIterObject as "templateiterobject" {
        strings as "stringsiter": Address,
        interpolations as "interpolationsiter": Address,
        from_strings: i32,
    }
    /// `Objects/interpolationobject.c`.
    pub struct InterpolationObject as "interpolationobject" {
        value: Address,
        expression: Address,
        conversion: Address,
        format_spec: Address,
    }
    /// `Objects/lazyimportobject.c`: what a lazily imported name stands for until it is used.
    pub struct LazyImportObject as "PyLazyImportObject" {
        builtins as "lz_builtins": Address,
        from as "lz_from": Address,
        attribute as "lz_attr": Address,
        code as "lz_code": Address,
        instruction_offset as "lz_instr_offset": i32,
    }
    /// `Objects/sentinelobject.c`.
    pub struct SentinelObject as "sentinelobject" { name: Address, module: Address, repr: Address }
    /// `Include/internal/pycore_dict.h`: a dict that does not change.
    pub struct PyFrozenDictObject { ma_hash: i64 }
    /// `Objects/typevarobject.c`.
    pub struct TypeVarObject as "typevarobject" {
        name: Address,
        bound: Address,
        evaluate_bound: Address,
        constraints: Address,
        evaluate_constraints: Address,
        covariant: u8,
        contravariant: u8,
        infer_variance: u8,
        default_value: Option<Address>,
        evaluate_default: Option<Address>,
    }
    /// `Objects/typevarobject.c`.
    pub struct ParamSpecObject as "paramspecobject" {
        name: Address,
        bound: Address,
        covariant: u8,
        contravariant: u8,
        infer_variance: u8,
        default_value: Option<Address>,
        evaluate_default: Option<Address>,
    }
    /// `Objects/typevarobject.c`.
    pub struct TypeAliasObject as "typealiasobject" {
        name: Address,
        type_params: Address,
        compute_value: Address,
        value: Address,
        module: Address,
    }
}
