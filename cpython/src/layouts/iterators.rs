//! Iterators and views of the built-in types.

use heapsake_core::Address;

use crate::layout;

layout! {
    /// `Objects/iterobject.c`.
    pub struct SeqIterObject as "seqiterobject" { it_index: i64, it_seq: Address }
    /// `Objects/iterobject.c`.
    pub struct CallIterObject as "calliterobject" { it_callable: Address, it_sentinel: Address }
    /// `Objects/listobject.c`.
    pub struct PyListIterObject as "_PyListIterObject|listiterobject" { it_index: i64, it_seq: Address }
    /// `Objects/listobject.c`.
    pub struct ListRevIterObject as "listreviterobject" { it_index: i64, it_seq: Address }
    /// `Objects/tupleobject.c`.
    pub struct PyTupleIterObject as "_PyTupleIterObject|tupleiterobject" { it_index: i64, it_seq: Address }
    /// `Objects/dictobject.c`: iterators over keys, values and items, both ways.
    pub struct DictIterObject as "dictiterobject" {
        di_dict: Address,
        di_used: i64,
        di_pos: i64,
        di_result: Address,
        len: i64,
    }
    /// `Objects/dictobject.c`: keys, values and items.
    pub struct PyDictViewObject as "_PyDictViewObject" { dv_dict: Address }
    /// `Objects/setobject.c`.
    pub struct SetIterObject as "setiterobject" { si_set: Address, si_used: i64, si_pos: i64, len: i64 }
    /// `Objects/rangeobject.c`.
    pub struct PyRangeIterObject as "_PyRangeIterObject|rangeiterobject" {
        start: i64,
        step: i64,
        len: i64,
        index: Option<i64>,
    }
    /// `Objects/rangeobject.c`.
    pub struct LongRangeIterObject as "longrangeiterobject" {
        index: Option<Address>,
        start: Address,
        step: Address,
        len: Address,
    }
    /// `Objects/unicodeobject.c`.
    pub struct UnicodeIterObject as "unicodeiterobject" { it_index: i64, it_seq: Address }
    /// `Objects/bytesobject.c`.
    pub struct BytesIterObject as "striterobject" { it_index: i64, it_seq: Address }
    /// `Objects/bytearrayobject.c`.
    pub struct ByteArrayIterObject as "bytesiterobject" { it_index: i64, it_seq: Address }
    /// `Objects/memoryobject.c`.
    pub struct MemoryIterObject as "memoryiterobject" {
        it_index: i64,
        it_seq: Address,
        it_length: i64,
        it_fmt: Address,
    }
    /// `Objects/enumobject.c`.
    pub struct EnumObject as "enumobject" {
        en_index: i64,
        en_sit: Address,
        en_result: Address,
        en_longindex: Address,
        one: Option<Address>,
    }
    /// `Objects/enumobject.c`.
    pub struct ReversedObject as "reversedobject" { index: i64, seq: Address }
    /// `Python/bltinmodule.c`.
    pub struct ZipObject as "zipobject" {
        tuplesize: i64,
        ittuple: Address,
        result: Address,
        strict: Option<i32>,
    }
    /// `Python/bltinmodule.c`.
    pub struct MapObject as "mapobject" { iters: Address, func: Address }
    /// `Python/bltinmodule.c`.
    pub struct FilterObject as "filterobject" { func: Address, it: Address }
}
