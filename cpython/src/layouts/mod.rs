//! The structs of CPython that are read, and the table that says where their fields lie.
//!
//! Each file declares the structs of one part of CPython with [`layout!`](crate::layout!); [`Layouts`] is all of them for
//! one CPython build, filled from a [`Column`] of the [`Table`]. The table is generated from these declarations and from
//! debug information by `cargo xtask layouts`: see `docs/layouts.md`.

pub mod collections;
pub mod concurrency;
pub mod data;
pub mod debug_information;
pub mod dwarf;
pub mod exceptions;
pub mod frames;
pub mod functions;
pub mod io;
pub mod iterators;
pub mod itertools;
pub mod mimalloc;
pub mod objects;
pub mod runtime;
pub mod stackless;
mod table;
mod version;

pub use table::{Cell, Column, StructCells, Table};
pub use version::{Flags, HexVersion};

use crate::layout::LayoutError;
use collections::{
    AbcData, AttrGetterObject, DefaultDictObject, DequeBlock, DequeIterObject, DequeObject, ItemGetterObject, KeyObject,
    LruCacheObject, LruListElem, MethodCallerObject, OrderedDictIterObject, OrderedDictNode, OrderedDictObject, PartialObject,
};
use concurrency::{
    FutureIterObject, FutureObj, LocalDummyObject, LocalObject, LockObject, PyContextObject, PyContextTokenObject,
    PyContextVarObject, PyHamtNodeArray, PyHamtNodeBitmap, PyHamtNodeCollision, PyHamtObject, PyThreadHandleObject, RLockObject,
    SemLockObject, SimpleQueueObject, TaskObj, TaskStepMethWrapper, ThreadHandle,
};
use data::{
    ArrayDescr, ArrayIterObject, ArrayObject, CDataObject, CompObject, DialectObj, ElementObject, ElementObjectExtra, EvpObject,
    HmacObject, MatchObject, PatternObject, PyCArgObject, PyCFuncPtrObject, PyDateTimeDate, PyDateTimeDateTime, PyDateTimeDelta,
    PyDateTimeTime, PyDateTimeTimeZone, PyDecContextObject, PyDecObject, PyStructObject, PyZoneInfo, PysqliteBlob,
    PysqliteConnection, PysqliteCursor, PysqliteRow, PysqliteStatement, RandomObject, ReaderObj, ScannerObject, StgDictObject,
    StgInfo, UnpackIterObject, WriterObj,
};
use exceptions::{
    PyAttributeErrorObject, PyBaseExceptionGroupObject, PyBaseExceptionObject, PyImportErrorObject, PyNameErrorObject,
    PyOSErrorObject, PyStopIterationObject, PySyntaxErrorObject, PySystemExitObject, PyUnicodeErrorObject,
};
use frames::{
    AnextAwaitableObject, PyAsyncGenASend, PyAsyncGenAThrow, PyAsyncGenObject, PyAsyncGenWrappedValue, PyCFrame, PyCoroObject,
    PyCoroWrapper, PyFrameLocalsProxyObject, PyFrameObject, PyGenObject, PyInterpreterFrame, PyTracebackObject,
};
use functions::{
    ClassMethod, MappingProxyObject, PropertyObject, PyCFunctionObject, PyCMethodObject, PyCellObject, PyCodeArray, PyCodeObject,
    PyDescrObject, PyFunctionObject, PyGetSetDescrObject, PyMemberDescrObject, PyMethodDescrObject, PyMethodObject,
    PyWeakReference, PyWrapperDescrObject, StaticMethod, SuperObject, WrapperBase, WrapperObject,
};
use io::{
    Buffered, BufferedRWPair, BytesIO, BytesIOBuffer, DirEntry, FileIO, MmapObject, PollObject, PyEpollObject, PySSLContext,
    PySSLMemoryBIO, PySSLSession, PySSLSocket, PySocketSockObject, ScandirIterator, StringIO, TextIO, UnicodeWriter,
};
use iterators::{
    ByteArrayIterObject, BytesIterObject, CallIterObject, DictIterObject, EnumObject, FilterObject, ListRevIterObject,
    LongRangeIterObject, MapObject, MemoryIterObject, PyDictViewObject, PyListIterObject, PyRangeIterObject, PyTupleIterObject,
    ReversedObject, SeqIterObject, SetIterObject, UnicodeIterObject, ZipObject,
};
use itertools::{
    AccumulateObject, BatchedObject, ChainObject, CombinationsObject, CompressObject, CountObject, CwrObject, CycleObject,
    DropWhileObject, FilterFalseObject, GroupByObject, GrouperObject, ISliceObject, PairwiseObject, PermutationsObject,
    ProductObject, RepeatObject, StarMapObject, TakeWhileObject, TeeDataObject, TeeObject, ZipLongestObject,
};
use mimalloc::{MiHeap, MiPage, MiPageQueue, MiSegment};
use objects::{
    GenericAliasObject, InterpolationObject, LazyImportObject, ParamSpecObject, PyASCIIObject, PyBuffer, PyByteArrayObject,
    PyBytesObject, PyCapsule, PyCompactUnicodeObject, PyComplexObject, PyDictKeyEntry, PyDictKeysObject, PyDictObject,
    PyDictUnicodeEntry, PyDictValues, PyFloatObject, PyFrozenDictObject, PyGetSetDef, PyHeapTypeObject, PyListObject,
    PyLongObject, PyManagedBufferObject, PyMemberDef, PyMemoryViewObject, PyMethodDef, PyModuleDef, PyModuleObject,
    PyNamespaceObject, PyObject, PyPickleBufferObject, PySetObject, PySliceObject, PyTupleObject, PyTypeObject, PyUnicodeObject,
    PyVarObject, RangeObject, SentinelObject, SetEntry, TemplateIterObject, TemplateObject, TypeAliasObject, TypeVarObject,
    UnionObject,
};
use runtime::{
    GcGeneration, GcRuntimeState, GilRuntimeState, PyDebugOffsets, PyErrStackItem, PyGCHead, PyInterpreterState, PyRuntimeState,
    PyThreadState, PyThreadStateImpl, StaticTypeState,
};
use stackless::{PyBombObject, PyCFrameObject, PyCStackObject, PyChannelObject, PyTaskletObject};

crate::layouts! {
    /// Where the fields of one CPython's structs lie.
    pub struct Layouts {
        pub object: PyObject,
        pub var_object: PyVarObject,
        pub type_object: PyTypeObject,
        pub heap_type: PyHeapTypeObject,
        pub member_def: PyMemberDef,
        pub method_def: PyMethodDef,
        pub getset_def: PyGetSetDef,
        pub long: PyLongObject,
        pub float: PyFloatObject,
        pub complex: PyComplexObject,
        pub ascii: PyASCIIObject,
        pub compact_unicode: PyCompactUnicodeObject,
        pub unicode: PyUnicodeObject,
        pub bytes: PyBytesObject,
        pub bytearray: PyByteArrayObject,
        pub buffer: PyBuffer,
        pub memoryview: PyMemoryViewObject,
        pub pickle_buffer: Option<PyPickleBufferObject>,
        pub managed_buffer: PyManagedBufferObject,
        pub tuple: PyTupleObject,
        pub list: PyListObject,
        pub dict: PyDictObject,
        pub dict_keys: PyDictKeysObject,
        pub dict_values: Option<PyDictValues>,
        pub dict_entry: PyDictKeyEntry,
        pub dict_unicode_entry: Option<PyDictUnicodeEntry>,
        pub set: PySetObject,
        pub set_entry: SetEntry,
        pub range: RangeObject,
        pub slice: PySliceObject,
        pub module: PyModuleObject,
        pub module_def: PyModuleDef,
        pub capsule: PyCapsule,
        pub namespace: PyNamespaceObject,
        pub generic_alias: Option<GenericAliasObject>,
        pub union_type: Option<UnionObject>,
        pub template: Option<TemplateObject>,
        pub template_iterator: Option<TemplateIterObject>,
        pub interpolation: Option<InterpolationObject>,
        pub lazy_import: Option<LazyImportObject>,
        pub sentinel: Option<SentinelObject>,
        pub frozen_dict: Option<PyFrozenDictObject>,
        pub type_var: Option<TypeVarObject>,
        pub param_spec: Option<ParamSpecObject>,
        pub type_alias: Option<TypeAliasObject>,
        pub code: PyCodeObject,
        pub code_array: Option<PyCodeArray>,
        pub function: PyFunctionObject,
        pub method: PyMethodObject,
        pub class_method: ClassMethod,
        pub static_method: StaticMethod,
        pub cfunction: PyCFunctionObject,
        pub cmethod: Option<PyCMethodObject>,
        pub cell: PyCellObject,
        pub descriptor: PyDescrObject,
        pub member_descriptor: PyMemberDescrObject,
        pub getset_descriptor: PyGetSetDescrObject,
        pub method_descriptor: PyMethodDescrObject,
        pub wrapper_descriptor: PyWrapperDescrObject,
        pub wrapper_base: WrapperBase,
        pub method_wrapper: WrapperObject,
        pub mapping_proxy: MappingProxyObject,
        pub property: PropertyObject,
        pub super_object: SuperObject,
        pub weak_reference: PyWeakReference,
        pub frame: PyFrameObject,
        pub interpreter_frame: Option<PyInterpreterFrame>,
        pub cframe: Option<PyCFrame>,
        pub frame_locals_proxy: Option<PyFrameLocalsProxyObject>,
        pub generator: PyGenObject,
        pub coroutine: PyCoroObject,
        pub async_generator: PyAsyncGenObject,
        pub async_generator_asend: PyAsyncGenASend,
        pub async_generator_athrow: PyAsyncGenAThrow,
        pub async_generator_value: PyAsyncGenWrappedValue,
        pub coroutine_wrapper: PyCoroWrapper,
        pub anext_awaitable: Option<AnextAwaitableObject>,
        pub traceback: PyTracebackObject,
        pub base_exception: PyBaseExceptionObject,
        pub exception_group: Option<PyBaseExceptionGroupObject>,
        pub syntax_error: PySyntaxErrorObject,
        pub import_error: PyImportErrorObject,
        pub unicode_error: PyUnicodeErrorObject,
        pub system_exit: PySystemExitObject,
        pub os_error: PyOSErrorObject,
        pub stop_iteration: PyStopIterationObject,
        pub name_error: Option<PyNameErrorObject>,
        pub attribute_error: Option<PyAttributeErrorObject>,
        pub runtime: PyRuntimeState,
        pub interpreter: PyInterpreterState,
        pub thread: PyThreadState,
        pub thread_implementation: Option<PyThreadStateImpl>,
        pub exception_item: PyErrStackItem,
        pub static_type_state: Option<StaticTypeState>,
        pub gil: GilRuntimeState,
        pub debug_offsets: Option<PyDebugOffsets>,
        pub gc_state: GcRuntimeState,
        pub gc_generation: GcGeneration,
        pub gc_head: PyGCHead,
        pub mi_heap: Option<MiHeap>,
        pub mi_page_queue: Option<MiPageQueue>,
        pub mi_page: Option<MiPage>,
        pub mi_segment: Option<MiSegment>,
        pub sequence_iterator: SeqIterObject,
        pub callable_iterator: CallIterObject,
        pub list_iterator: PyListIterObject,
        pub list_reverse_iterator: ListRevIterObject,
        pub tuple_iterator: PyTupleIterObject,
        pub dict_iterator: DictIterObject,
        pub dict_view: PyDictViewObject,
        pub set_iterator: SetIterObject,
        pub range_iterator: PyRangeIterObject,
        pub long_range_iterator: LongRangeIterObject,
        pub unicode_iterator: UnicodeIterObject,
        pub bytes_iterator: BytesIterObject,
        pub bytearray_iterator: ByteArrayIterObject,
        pub memory_iterator: Option<MemoryIterObject>,
        pub enumerate: EnumObject,
        pub reversed: ReversedObject,
        pub zip: ZipObject,
        pub map: MapObject,
        pub filter: FilterObject,
        pub ordered_dict: OrderedDictObject,
        pub ordered_dict_node: OrderedDictNode,
        pub ordered_dict_iterator: OrderedDictIterObject,
        pub default_dict: DefaultDictObject,
        pub deque: DequeObject,
        pub deque_block: DequeBlock,
        pub deque_iterator: DequeIterObject,
        pub partial: PartialObject,
        pub key_object: KeyObject,
        pub lru_cache: LruCacheObject,
        pub lru_cache_link: LruListElem,
        pub abc_data: Option<AbcData>,
        pub item_getter: ItemGetterObject,
        pub attribute_getter: AttrGetterObject,
        pub method_caller: MethodCallerObject,
        pub accumulate: AccumulateObject,
        pub batched: Option<BatchedObject>,
        pub chain: ChainObject,
        pub combinations: CombinationsObject,
        pub compress: CompressObject,
        pub count: CountObject,
        pub combinations_with_replacement: CwrObject,
        pub cycle: CycleObject,
        pub drop_while: DropWhileObject,
        pub filter_false: FilterFalseObject,
        pub group_by: GroupByObject,
        pub grouper: GrouperObject,
        pub islice: ISliceObject,
        pub pairwise: Option<PairwiseObject>,
        pub permutations: PermutationsObject,
        pub product: ProductObject,
        pub repeat: RepeatObject,
        pub star_map: StarMapObject,
        pub take_while: TakeWhileObject,
        pub tee: TeeObject,
        pub tee_data: TeeDataObject,
        pub zip_longest: ZipLongestObject,
        pub task: Option<TaskObj>,
        pub future: Option<FutureObj>,
        pub future_iterator: Option<FutureIterObject>,
        pub task_step: Option<TaskStepMethWrapper>,
        pub context: PyContextObject,
        pub context_variable: PyContextVarObject,
        pub context_token: PyContextTokenObject,
        pub hamt: PyHamtObject,
        pub hamt_bitmap: PyHamtNodeBitmap,
        pub hamt_array: PyHamtNodeArray,
        pub hamt_collision: PyHamtNodeCollision,
        pub lock: LockObject,
        pub rlock: RLockObject,
        pub thread_local: LocalObject,
        pub thread_local_dummy: LocalDummyObject,
        pub thread_handle: Option<ThreadHandle>,
        pub thread_handle_object: Option<PyThreadHandleObject>,
        pub simple_queue: Option<SimpleQueueObject>,
        pub semaphore: Option<SemLockObject>,
        pub fileio: FileIO,
        pub buffered: Buffered,
        pub buffered_pair: BufferedRWPair,
        pub text_io: TextIO,
        pub string_io: StringIO,
        pub unicode_writer: Option<UnicodeWriter>,
        pub bytes_io: BytesIO,
        pub bytes_io_buffer: BytesIOBuffer,
        pub scandir_iterator: ScandirIterator,
        pub directory_entry: DirEntry,
        pub socket: Option<PySocketSockObject>,
        pub ssl_socket: Option<PySSLSocket>,
        pub ssl_context: Option<PySSLContext>,
        pub ssl_session: Option<PySSLSession>,
        pub ssl_memory_bio: Option<PySSLMemoryBIO>,
        pub epoll: Option<PyEpollObject>,
        pub poll: Option<PollObject>,
        pub mmap: Option<MmapObject>,
        pub pattern: PatternObject,
        pub match_: MatchObject,
        pub pattern_scanner: ScannerObject,
        pub structure: Option<PyStructObject>,
        pub structure_iterator: Option<UnpackIterObject>,
        pub array: Option<ArrayObject>,
        pub array_descriptor: Option<ArrayDescr>,
        pub array_iterator: Option<ArrayIterObject>,
        pub date: Option<PyDateTimeDate>,
        pub date_time: Option<PyDateTimeDateTime>,
        pub time: Option<PyDateTimeTime>,
        pub time_delta: Option<PyDateTimeDelta>,
        pub time_zone: Option<PyDateTimeTimeZone>,
        pub zone_info: Option<PyZoneInfo>,
        pub decimal: Option<PyDecObject>,
        pub decimal_context: Option<PyDecContextObject>,
        pub random: Option<RandomObject>,
        pub hash: Option<EvpObject>,
        pub hmac: Option<HmacObject>,
        pub sqlite_connection: Option<PysqliteConnection>,
        pub sqlite_cursor: Option<PysqliteCursor>,
        pub sqlite_row: Option<PysqliteRow>,
        pub sqlite_statement: Option<PysqliteStatement>,
        pub sqlite_blob: Option<PysqliteBlob>,
        pub ctypes_data: Option<CDataObject>,
        pub ctypes_function: Option<PyCFuncPtrObject>,
        pub ctypes_argument: Option<PyCArgObject>,
        pub ctypes_type: Option<StgDictObject>,
        pub ctypes_type_info: Option<StgInfo>,
        pub element: Option<ElementObject>,
        pub element_extra: Option<ElementObjectExtra>,
        pub compressor: Option<CompObject>,
        pub csv_dialect: Option<DialectObj>,
        pub csv_reader: Option<ReaderObj>,
        pub csv_writer: Option<WriterObj>,
        pub tasklet: Option<PyTaskletObject>,
        pub channel: Option<PyChannelObject>,
        pub stackless_cstack: Option<PyCStackObject>,
        pub stackless_cframe: Option<PyCFrameObject>,
        pub bomb: Option<PyBombObject>,
    }
}

impl Layouts {
    /// The layouts of a build by the built-in table; see [`Table::column`] for which column stands for a version that the
    /// table does not have, and [`Layouts::version`] for which one it was.
    ///
    /// # Errors
    /// [`LayoutError::UnknownLayout`] if no column is near enough.
    pub fn lp64(version: HexVersion, flags: Flags) -> Result<Layouts, LayoutError> {
        Layouts::for_column(Table::lp64()?.column(version, flags)?)
    }
}

#[cfg(test)]
#[path = "layouts_tests.rs"]
mod tests;
