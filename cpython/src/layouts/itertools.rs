//! The iterators of `itertools`, by `Modules/itertoolsmodule.c`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::Inline;

layout! {
    /// `itertools.accumulate`.
    pub struct AccumulateObject as "accumulateobject" {
        total: Address,
        it: Address,
        binop: Address,
        initial: Option<Address>,
        state: Option<Address>,
    }
    /// `itertools.batched`.
    pub struct BatchedObject as "batchedobject" { it: Address, batch_size: i64, strict: Option<u8> }
    /// `itertools.chain`.
    pub struct ChainObject as "chainobject" { source: Address, active: Address }
    /// `itertools.combinations`.
    pub struct CombinationsObject as "combinationsobject" {
        pool: Address,
        indices: Address,
        result: Address,
        r: i64,
        stopped: i32,
    }
    /// `itertools.compress`.
    pub struct CompressObject as "compressobject" { data: Address, selectors: Address }
    /// `itertools.count`.
    pub struct CountObject as "countobject" { cnt: i64, long_cnt: Address, long_step: Address }
    /// `itertools.combinations_with_replacement`.
    pub struct CwrObject as "cwrobject" {
        pool: Address,
        indices: Address,
        result: Address,
        r: i64,
        stopped: i32,
    }
    /// `itertools.cycle`.
    pub struct CycleObject as "cycleobject" {
        it: Address,
        saved: Address,
        index: i64,
        firstpass: Option<i32>,
    }
    /// `itertools.dropwhile`.
    pub struct DropWhileObject as "dropwhileobject" { func: Address, it: Address, start: i64 }
    /// `itertools.filterfalse`.
    pub struct FilterFalseObject as "filterfalseobject" { func: Address, it: Address }
    /// `itertools.groupby`.
    pub struct GroupByObject as "groupbyobject" {
        it: Address,
        keyfunc: Address,
        tgtkey: Address,
        currkey: Address,
        currvalue: Address,
        currgrouper: Address,
        state: Option<Address>,
    }
    /// A group of `itertools.groupby`.
    pub struct GrouperObject as "_grouperobject" { parent: Address, tgtkey: Address }
    /// `itertools.islice`.
    pub struct ISliceObject as "isliceobject" { it: Address, next: i64, stop: i64, step: i64, cnt: i64 }
    /// `itertools.pairwise`.
    pub struct PairwiseObject as "pairwiseobject" { it: Address, old: Address, result: Option<Address> }
    /// `itertools.permutations`.
    pub struct PermutationsObject as "permutationsobject" {
        pool: Address,
        indices: Address,
        cycles: Address,
        result: Address,
        r: i64,
        stopped: i32,
    }
    /// `itertools.product`.
    pub struct ProductObject as "productobject" {
        pools: Address,
        indices: Address,
        result: Address,
        stopped: i32,
    }
    /// `itertools.repeat`.
    pub struct RepeatObject as "repeatobject" { element: Address, cnt: i64 }
    /// `itertools.starmap`.
    pub struct StarMapObject as "starmapobject" { func: Address, it: Address }
    /// `itertools.takewhile`.
    pub struct TakeWhileObject as "takewhileobject" { func: Address, it: Address, stop: i64 }
    /// `itertools.tee`.
    pub struct TeeObject as "teeobject" {
        dataobj: Address,
        index: i32,
        weakreflist: Address,
        state: Option<Address>,
    }
    /// What the iterators of one `itertools.tee` share.
    pub struct TeeDataObject as "teedataobject" {
        it: Address,
        numread: i32,
        running: i32,
        nextlink: Address,
        values: Inline,
    }
    /// `itertools.zip_longest`.
    pub struct ZipLongestObject as "ziplongestobject" {
        tuplesize: i64,
        numactive: i64,
        ittuple: Address,
        result: Address,
        fillvalue: Address,
    }
}
