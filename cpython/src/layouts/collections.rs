//! `collections`, `functools` and `operator`: `Modules/_collectionsmodule.c`, `_functoolsmodule.c`, `_operator.c`, `Objects/odictobject.c`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::Inline;

layout! {
    /// `Objects/odictobject.c`: a dict and the order of its keys.
    pub struct OrderedDictObject as "_odictobject" {
        od_first: Address,
        od_last: Address,
        od_fast_nodes: Address,
        od_fast_nodes_size: i64,
        od_resize_sentinel: Address,
        od_state: u64,
        od_inst_dict: Address,
        od_weakreflist: Address,
    }
    /// `Objects/odictobject.c`.
    pub struct OrderedDictNode as "_odictnode" { key: Address, hash: i64, next: Address, prev: Address }
    /// `Objects/odictobject.c`.
    pub struct OrderedDictIterObject as "odictiterobject" {
        kind: i32,
        di_odict: Address,
        di_size: i64,
        di_state: u64,
        di_current: Address,
        di_result: Address,
    }
    /// `Modules/_collectionsmodule.c`.
    pub struct DefaultDictObject as "defdictobject" { default_factory: Address }
    /// `Modules/_collectionsmodule.c`.
    pub struct DequeObject as "dequeobject" {
        leftblock: Address,
        rightblock: Address,
        leftindex: i64,
        rightindex: i64,
        state: u64,
        maxlen: i64,
        weakreflist: Address,
        numfreeblocks: Option<i64>,
        freeblocks: Option<Inline>,
    }
    /// `Modules/_collectionsmodule.c`: 64 items of a deque.
    pub struct DequeBlock as "BLOCK" { leftlink: Address, data: Inline, rightlink: Address }
    /// `Modules/_collectionsmodule.c`: both ways.
    pub struct DequeIterObject as "dequeiterobject" {
        b: Address,
        index: i64,
        deque: Address,
        state: u64,
        counter: i64,
    }
    /// `Modules/_functoolsmodule.c`.
    pub struct PartialObject as "partialobject" {
        fn_ as "fn": Address,
        args: Address,
        kw: Address,
        dict: Address,
        weakreflist: Address,
        vectorcall: Option<Address>,
    }
    /// `Modules/_functoolsmodule.c`: `cmp_to_key`.
    pub struct KeyObject as "keyobject" { cmp: Address, object: Address }
    /// `Modules/_functoolsmodule.c`.
    pub struct LruCacheObject as "lru_cache_object" {
        wrapper: Address,
        typed: i32,
        cache: Address,
        hits: i64,
        func: Address,
        maxsize: i64,
        misses: i64,
        cache_info_type: Address,
        dict: Address,
        weakreflist: Option<Address>,
        kwd_mark: Option<Address>,
        lru_list_elem_type: Option<Address>,
        root_previous as "root.prev": Address,
        root_next as "root.next": Address,
    }
    /// `Modules/_functoolsmodule.c`: a link of a bounded cache.
    pub struct LruListElem as "lru_list_elem" {
        prev: Address,
        next: Address,
        hash: i64,
        key: Address,
        result: Address,
    }
    /// `Modules/_operator.c`.
    pub struct ItemGetterObject as "itemgetterobject" {
        nitems: i64,
        item: Address,
        index: i64,
        vectorcall: Option<Address>,
    }
    /// `Modules/_operator.c`.
    pub struct AttrGetterObject as "attrgetterobject" {
        nattrs: i64,
        attr: Address,
        vectorcall: Option<Address>,
    }
    /// `Modules/_abc.c`.
    pub struct AbcData as "_abc_data" {
        registry as "_abc_registry": Address,
        cache as "_abc_cache": Address,
        negative_cache as "_abc_negative_cache": Address,
    }
    /// `Modules/_operator.c`.
    pub struct MethodCallerObject as "methodcallerobject" {
        name: Address,
        args: Option<Address>,
        kwds: Address,
        xargs: Option<Address>,
        vectorcall_args: Option<Address>,
        vectorcall_kwnames: Option<Address>,
        vectorcall: Option<Address>,
    }
}
