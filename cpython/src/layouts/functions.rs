//! Code, functions, methods and descriptors, by `Objects/codeobject.c`, `funcobject.c`, `methodobject.c`, `descrobject.c`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::Inline;

layout! {
    /// `Include/cpython/code.h`: names by kind up to 3.10, one table of fast locals from 3.11 on.
    pub struct PyCodeObject {
        co_argcount: i32,
        co_posonlyargcount: Option<i32>,
        co_kwonlyargcount: i32,
        co_nlocals: i32,
        co_stacksize: i32,
        co_flags: i32,
        co_firstlineno: i32,
        co_code: Option<Address>,
        co_consts: Address,
        co_names: Address,
        co_varnames: Option<Address>,
        co_freevars: Option<Address>,
        co_cellvars: Option<Address>,
        co_cell2arg: Option<Address>,
        co_filename: Address,
        co_name: Address,
        co_lnotab: Option<Address>,
        co_weakreflist: Address,
        co_extra: Address,
        co_linetable: Option<Address>,
        co_exceptiontable: Option<Address>,
        co_warmup: Option<i16>,
        co_nlocalsplus: Option<i32>,
        co_nplaincellvars: Option<i32>,
        co_ncellvars: Option<i32>,
        co_nfreevars: Option<i32>,
        co_localsplusnames: Option<Address>,
        co_localspluskinds: Option<Address>,
        co_qualname: Option<Address>,
        co_firsttraceable as "_co_firsttraceable": Option<i32>,
        co_code_adaptive: Option<Inline>,
        co_framesize: Option<i32>,
        co_version: Option<u32>,
        co_executors: Option<Address>,
        co_code_cached as "_co_code|_co_cached._co_code": Option<Address>,
        co_tlbc: Option<Address>,
    }
    /// `Include/cpython/code.h`: the copies of its instructions that threads have without an interpreter lock, from 3.14 on.
    pub struct PyCodeArray as "_PyCodeArray" { count as "size": i64, entries: Inline }
    /// `Include/cpython/funcobject.h`.
    pub struct PyFunctionObject {
        func_code: Address,
        func_globals: Address,
        func_defaults: Address,
        func_kwdefaults: Address,
        func_closure: Address,
        func_doc: Address,
        func_name: Address,
        func_dict: Address,
        func_weakreflist: Address,
        func_module: Address,
        func_annotations: Address,
        func_qualname: Address,
        vectorcall: Option<Address>,
        func_builtins: Option<Address>,
        func_version: Option<u32>,
        func_typeparams: Option<Address>,
        func_annotate: Option<Address>,
    }
    /// `Include/cpython/classobject.h`.
    pub struct PyMethodObject {
        im_func: Address,
        im_self: Address,
        im_weakreflist: Address,
        vectorcall: Option<Address>,
    }
    /// `Objects/funcobject.c`.
    pub struct ClassMethod as "classmethod" { cm_callable: Address, cm_dict: Address }
    /// `Objects/funcobject.c`.
    pub struct StaticMethod as "staticmethod" { sm_callable: Address, sm_dict: Address }
    /// `Include/cpython/methodobject.h`.
    pub struct PyCFunctionObject {
        m_ml: Address,
        m_self: Address,
        m_module: Address,
        m_weakreflist: Address,
        vectorcall: Option<Address>,
    }
    /// `Include/cpython/methodobject.h`.
    pub struct PyCMethodObject { mm_class: Address }
    /// `Include/cpython/cellobject.h`.
    pub struct PyCellObject { ob_ref: Address }
    /// `Include/cpython/descrobject.h`: the head of the four kinds of descriptors.
    pub struct PyDescrObject { d_type: Address, d_name: Address, d_qualname: Address }
    /// `Include/cpython/descrobject.h`.
    pub struct PyMemberDescrObject { d_member: Address }
    /// `Include/cpython/descrobject.h`.
    pub struct PyGetSetDescrObject { d_getset: Address }
    /// `Include/cpython/descrobject.h`.
    pub struct PyMethodDescrObject { d_method: Address, vectorcall: Option<Address> }
    /// `Include/cpython/descrobject.h`.
    pub struct PyWrapperDescrObject { d_base: Address, d_wrapped: Address }
    /// `Include/cpython/descrobject.h`: what a wrapper descriptor wraps.
    pub struct WrapperBase as "wrapperbase" {
        name: Address,
        offset: i32,
        function: Address,
        wrapper: Address,
        doc: Address,
        flags: i32,
        name_strobj: Address,
    }
    /// `Objects/descrobject.c`: a bound wrapper descriptor, `method-wrapper`.
    pub struct WrapperObject as "wrapperobject" { descr: Address, self_ as "self": Address }
    /// `Objects/descrobject.c`.
    pub struct MappingProxyObject as "mappingproxyobject" { mapping: Address }
    /// `Objects/descrobject.c`.
    pub struct PropertyObject as "propertyobject" {
        prop_get: Address,
        prop_set: Address,
        prop_del: Address,
        prop_doc: Address,
        getter_doc: i32,
        prop_name: Option<Address>,
    }
    /// `Objects/typeobject.c`.
    pub struct SuperObject as "superobject" { type_ as "type": Address, obj: Address, obj_type: Address }
    /// `Include/cpython/weakrefobject.h`: references and proxies.
    pub struct PyWeakReference as "_PyWeakReference" {
        wr_object: Address,
        wr_callback: Address,
        hash: i64,
        wr_prev: Address,
        wr_next: Address,
        vectorcall: Option<Address>,
    }
}
