//! `io`, `os`, `socket`, `ssl`, `select` and `mmap`: `Modules/_io/`, `Modules/posixmodule.c`, `socketmodule.c`, `_ssl.c`, `selectmodule.c`, `mmapmodule.c`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// `Modules/_io/fileio.c`.
    pub struct FileIO as "fileio" {
        fd: i32,
        created: Bits,
        readable: Bits,
        writable: Bits,
        appending: Bits,
        seekable: Bits,
        closefd: Bits,
        truncate: Option<Bits>,
        finalizing: i8,
        blksize: Option<u32>,
        weakreflist: Address,
        dict: Address,
    }
    /// `Modules/_io/bufferedio.c`: readers, writers and random access.
    pub struct Buffered as "buffered" {
        raw: Address,
        ok: i32,
        detached: i32,
        readable: i32,
        writable: i32,
        finalizing: i8,
        fast_closed_checks: i32,
        abs_pos: i64,
        buffer: Address,
        pos: i64,
        raw_pos: i64,
        read_end: i64,
        write_pos: i64,
        write_end: i64,
        lock: Address,
        owner: u64,
        buffer_size: i64,
        buffer_mask: i64,
        dict: Address,
        weakreflist: Address,
    }
    /// `Modules/_io/bufferedio.c`.
    pub struct BufferedRWPair as "rwpair" {
        reader: Address,
        writer: Address,
        dict: Address,
        weakreflist: Address,
    }
    /// `Modules/_io/textio.c`.
    pub struct TextIO as "textio" {
        ok: i32,
        detached: i32,
        chunk_size: i64,
        buffer: Address,
        encoding: Address,
        encoder: Address,
        decoder: Address,
        readnl: Address,
        errors: Address,
        writenl: Address,
        line_buffering: i8,
        write_through: i8,
        readuniversal: i8,
        readtranslate: i8,
        writetranslate: i8,
        seekable: i8,
        has_read1: i8,
        telling: i8,
        finalizing: i8,
        encodefunc: Address,
        encoding_start_of_stream: i8,
        decoded_chars: Address,
        decoded_chars_used: i64,
        pending_bytes: Address,
        pending_bytes_count: i64,
        snapshot: Address,
        b2cratio: f64,
        raw: Address,
        weakreflist: Address,
        dict: Address,
        state: Option<Address>,
    }
    /// `Modules/_io/stringio.c`.
    pub struct StringIO as "stringio" {
        buf: Address,
        pos: i64,
        string_size: i64,
        buf_size: u64,
        state: i32,
        ok: i8,
        closed: i8,
        readuniversal: i8,
        readtranslate: i8,
        decoder: Address,
        readnl: Address,
        writenl: Address,
        dict: Address,
        weakreflist: Address,
        module_state: Option<Address>,
        accu_large as "accu.large": Option<Address>,
        accu_small as "accu.small": Option<Address>,
        writer_buffer as "writer.buffer": Option<Address>,
        writer_position as "writer.pos": Option<i64>,
        writer: Option<Address>,
    }
    /// `Include/internal/pycore_unicodeobject.h`: a text that is being written, which a `StringIO` of 3.14 points to.
    pub struct UnicodeWriter as "_PyUnicodeWriter" { buffer: Address, position as "pos": i64 }
    /// `Modules/_io/bytesio.c`.
    pub struct BytesIO as "bytesio" {
        buf: Address,
        pos: i64,
        string_size: i64,
        dict: Address,
        weakreflist: Address,
        exports: i64,
    }
    /// `Modules/_io/bytesio.c`: what exports a buffer of `BytesIO`.
    pub struct BytesIOBuffer as "bytesiobuf" { source: Address }
    /// `Modules/posixmodule.c`.
    pub struct ScandirIterator { path: Inline, dirp: Address, fd: i32 }
    /// `Modules/posixmodule.c`.
    pub struct DirEntry {
        name: Address,
        path: Address,
        stat: Address,
        lstat: Address,
        d_type: u8,
        d_ino: u64,
        dir_fd: i32,
    }
    /// `Modules/socketmodule.h`.
    pub struct PySocketSockObject from "_socket" {
        sock_fd: i32,
        sock_family: i32,
        sock_type: i32,
        sock_proto: i32,
        errorhandler: Address,
        sock_timeout: i64,
        state: Option<Address>,
    }
    /// `Modules/_ssl.c`.
    pub struct PySSLSocket from "_ssl" {
        socket as "Socket": Address,
        ssl: Address,
        ctx: Address,
        shutdown_seen_zero: i8,
        socket_type: u32,
        owner: Address,
        server_hostname: Address,
        err: Option<Inline>,
        exc_type: Option<Address>,
        exc_value: Option<Address>,
        exc_tb: Option<Address>,
        exc: Option<Address>,
    }
    /// `Modules/_ssl.c`.
    pub struct PySSLContext from "_ssl" {
        ctx: Address,
        alpn_protocols: Address,
        alpn_protocols_len: u32,
        set_sni_cb: Address,
        check_hostname: i32,
        hostflags: Option<u32>,
        protocol: i32,
        post_handshake_auth: i32,
        msg_cb: Option<Address>,
        keylog_filename: Option<Address>,
        keylog_bio: Option<Address>,
        state: Option<Address>,
        psk_client_callback: Option<Address>,
        psk_server_callback: Option<Address>,
    }
    /// `Modules/_ssl.c`.
    pub struct PySSLSession from "_ssl" { session: Address, ctx: Address }
    /// `Modules/_ssl.c`.
    pub struct PySSLMemoryBIO from "_ssl" { bio: Address, eof_written: i32 }
    /// `Modules/selectmodule.c`.
    pub struct PyEpollObject as "pyEpoll_Object" from "select" { epfd: i32 }
    /// `Modules/selectmodule.c`.
    pub struct PollObject as "pollObject" from "select" {
        dict: Address,
        ufd_uptodate: i32,
        ufd_len: i32,
        ufds: Address,
        poll_running: i32,
    }
    /// `Modules/mmapmodule.c`.
    pub struct MmapObject as "mmap_object" from "mmap" {
        data: Address,
        data_size as "size": i64,
        pos: i64,
        offset: i64,
        exports: Bits,
        fd: i32,
        weakreflist: Address,
        access: u32,
        trackfd: Option<u8>,
    }
}
