//! Types of data in the standard library: `re`, `struct`, `array`, `datetime`, `zoneinfo`, `decimal`, `random`, `hashlib`, `sqlite3`, `ctypes`, `xml.etree`, `zlib`, `csv`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// `Modules/_sre/sre.h`.
    pub struct PatternObject {
        groups: i64,
        groupindex: Address,
        indexgroup: Address,
        pattern: Address,
        flags: i32,
        weakreflist: Address,
        isbytes: i32,
        codesize: i64,
        code: Inline,
    }
    /// `Modules/_sre/sre.h`.
    pub struct MatchObject {
        string: Address,
        regs: Address,
        pattern: Address,
        pos: i64,
        endpos: i64,
        lastindex: i64,
        groups: i64,
        mark: Inline,
    }
    /// `Modules/_sre/sre.h`.
    pub struct ScannerObject { pattern: Address }
    /// `Modules/_struct.c`.
    pub struct PyStructObject from "_struct" {
        s_size: i64,
        s_len: i64,
        s_codes: Address,
        s_format: Address,
        weakreflist: Address,
    }
    /// `Modules/_struct.c`.
    pub struct UnpackIterObject as "unpackiterobject" from "_struct" {
        so: Address,
        index: i64,
        buf_obj as "buf.obj": Address,
    }
    /// `Modules/arraymodule.c`.
    pub struct ArrayObject as "arrayobject" from "array" {
        ob_item: Address,
        allocated: i64,
        ob_descr: Address,
        weakreflist: Address,
        ob_exports: Bits,
    }
    /// `Modules/arraymodule.c`: the item type of an array; its code is one letter where there are `formats`, else a text.
    pub struct ArrayDescr as "arraydescr" from "array" {
        typecode: Inline,
        itemsize: i32,
        getitem: Address,
        setitem: Address,
        compareitems: Address,
        formats: Option<Address>,
        is_integer_type: i32,
        is_signed: i32,
    }
    /// `Modules/arraymodule.c`.
    pub struct ArrayIterObject as "arrayiterobject" from "array" { index: i64, ao: Address, getitem: Address }
    /// `Include/datetime.h`.
    pub struct PyDateTimeDate as "PyDateTime_Date" from "_datetime" {
        hashcode: i64,
        hastzinfo: i8,
        data: Inline,
    }
    /// `Include/datetime.h`; the time zone is there only if `hastzinfo` is set.
    pub struct PyDateTimeDateTime as "PyDateTime_DateTime" from "_datetime" {
        hashcode: i64,
        hastzinfo: i8,
        data: Inline,
        fold: u8,
        tzinfo: Address,
    }
    /// `Include/datetime.h`; the time zone is there only if `hastzinfo` is set.
    pub struct PyDateTimeTime as "PyDateTime_Time" from "_datetime" {
        hashcode: i64,
        hastzinfo: i8,
        data: Inline,
        fold: u8,
        tzinfo: Address,
    }
    /// `Include/datetime.h`.
    pub struct PyDateTimeDelta as "PyDateTime_Delta" from "_datetime" {
        hashcode: i64,
        days: i32,
        seconds: i32,
        microseconds: i32,
    }
    /// `Modules/_datetimemodule.c`.
    pub struct PyDateTimeTimeZone as "PyDateTime_TimeZone" from "_datetime" { offset: Address, name: Address }
    /// `Modules/_zoneinfo.c`.
    pub struct PyZoneInfo as "PyZoneInfo_ZoneInfo" from "_zoneinfo" {
        key: Address,
        file_repr: Address,
        weakreflist: Address,
        fixed_offset: u8,
        source: u8,
    }
    /// `Modules/_decimal/_decimal.c`.
    pub struct PyDecObject from "_decimal" {
        hash: i64,
        flags as "dec.flags": u8,
        exponent as "dec.exp": i64,
        digits as "dec.digits": i64,
        length as "dec.len": i64,
        allocated as "dec.alloc": i64,
        words as "dec.data": Address,
    }
    /// `Modules/_decimal/_decimal.c`.
    pub struct PyDecContextObject from "_decimal" {
        precision as "ctx.prec": i64,
        maximum_exponent as "ctx.emax": i64,
        minimum_exponent as "ctx.emin": i64,
        traps_mask as "ctx.traps": u32,
        status as "ctx.status": u32,
        round as "ctx.round": i32,
        clamp as "ctx.clamp": i32,
        capitals: i32,
        traps: Address,
        flags: Address,
    }
    /// `Modules/_randommodule.c`: the Mersenne twister.
    pub struct RandomObject from "_random" { index: i32, state: Inline }
    /// `Modules/_hashopenssl.c`.
    pub struct EvpObject as "EVPobject|HASHobject" from "_hashlib" { ctx: Address }
    /// `Modules/_hashopenssl.c`.
    pub struct HmacObject as "HMACobject" from "_hashlib" { ctx: Address }
    /// `Modules/_sqlite/connection.h`.
    pub struct PysqliteConnection as "pysqlite_Connection" from "_sqlite3" {
        db: Address,
        detect_types: i32,
        timeout: Option<f64>,
        timeout_started: Option<f64>,
        isolation_level: Address,
        begin_statement: Option<Address>,
        check_same_thread: i32,
        initialized: i32,
        thread_ident: u64,
        statement_cache: Address,
        statements: Option<Address>,
        cursors: Option<Address>,
        created_statements: Option<i32>,
        created_cursors: Option<i32>,
        row_factory: Address,
        text_factory: Address,
        function_pinboard_trace_callback: Option<Address>,
        function_pinboard_progress_handler: Option<Address>,
        function_pinboard_authorizer_cb: Option<Address>,
        collations: Option<Address>,
        state: Option<Address>,
        blobs: Option<Address>,
        trace_ctx: Option<Address>,
        progress_ctx: Option<Address>,
        authorizer_ctx: Option<Address>,
        autocommit: Option<i32>,
    }
    /// `Modules/_sqlite/cursor.h`.
    pub struct PysqliteCursor as "pysqlite_Cursor" from "_sqlite3" {
        connection: Address,
        description: Address,
        row_cast_map: Address,
        arraysize: i32,
        lastrowid: Address,
        rowcount: i64,
        row_factory: Address,
        statement: Address,
        closed: i32,
        reset: Option<i32>,
        locked: i32,
        initialized: i32,
        next_row: Option<Address>,
        in_weakreflist: Address,
    }
    /// `Modules/_sqlite/row.h`.
    pub struct PysqliteRow as "pysqlite_Row" from "_sqlite3" { data: Address, description: Address }
    /// `Modules/_sqlite/statement.h`.
    pub struct PysqliteStatement as "pysqlite_Statement" from "_sqlite3" {
        db: Option<Address>,
        st: Address,
        sql: Option<Address>,
        in_use: Option<i32>,
        is_dml: i32,
        in_weakreflist: Option<Address>,
    }
    /// `Modules/_sqlite/blob.h`: 3.11 and later.
    pub struct PysqliteBlob as "pysqlite_Blob" from "_sqlite3" {
        connection: Address,
        blob: Address,
        offset: i32,
        weakreflist as "in_weakreflist": Address,
    }
    /// `Modules/_ctypes/ctypes.h`: the head of every instance of a ctypes type.
    pub struct CDataObject as "tagCDataObject" from "_ctypes" {
        b_ptr: Address,
        b_needsfree: i32,
        b_base: Address,
        b_size: i64,
        b_length: i64,
        b_index: i64,
        b_objects: Address,
        b_value: Inline,
    }
    /// `Modules/_ctypes/ctypes.h`.
    pub struct PyCFuncPtrObject from "_ctypes" {
        thunk: Address,
        callable: Address,
        converters: Address,
        argtypes: Address,
        restype: Address,
        checker: Address,
        errcheck: Address,
        paramflags: Address,
    }
    /// `Modules/_ctypes/ctypes.h`.
    pub struct PyCArgObject as "tagPyCArgObject" from "_ctypes" {
        obj: Address,
        data_size as "size": i64,
    }
    /// `Modules/_ctypes/ctypes.h`: the dict of a ctypes type, up to 3.12.
    pub struct StgDictObject from "_ctypes" {
        data_size as "size": i64,
        align: i64,
        length: i64,
        proto: Address,
        argtypes: Address,
        converters: Address,
        restype: Address,
        checker: Address,
        flags: i32,
        format: Address,
        ndim: i32,
        shape: Address,
    }
    /// `Modules/_ctypes/ctypes.h`: what a ctypes type holds, from 3.13 on.
    pub struct StgInfo from "_ctypes" {
        data_size as "size": i64,
        align: i64,
        length: i64,
        proto: Address,
        argtypes: Address,
        converters: Address,
        restype: Address,
        checker: Address,
        module: Address,
        flags: i32,
        format: Address,
        ndim: i32,
        shape: Address,
    }
    /// `Modules/_elementtree.c`; text and tail are tagged pointers.
    pub struct ElementObject from "_elementtree" {
        tag: Address,
        text: Address,
        tail: Address,
        extra: Address,
        weakreflist: Address,
    }
    /// `Modules/_elementtree.c`: attributes and children.
    pub struct ElementObjectExtra from "_elementtree" {
        attrib: Address,
        length: i64,
        allocated: i64,
        children: Address,
    }
    /// `Modules/zlibmodule.c`: compressors and decompressors.
    pub struct CompObject as "compobject" from "zlib" {
        unused_data: Address,
        unconsumed_tail: Address,
        eof: i8,
        is_initialised: Bits,
        zdict: Address,
    }
    /// `Modules/_csv.c`.
    pub struct DialectObj from "_csv" {
        doublequote: Bits,
        skipinitialspace: Bits,
        strict: Bits,
        quoting: i32,
        delimiter: u32,
        quotechar: u32,
        escapechar: u32,
        lineterminator: Address,
    }
    /// `Modules/_csv.c`.
    pub struct ReaderObj from "_csv" {
        input_iter: Address,
        dialect: Address,
        fields: Address,
        state: u32,
        line_num: u64,
    }
    /// `Modules/_csv.c`.
    pub struct WriterObj from "_csv" { write as "write|writeline": Address, dialect: Address, error_obj: Option<Address> }
}
