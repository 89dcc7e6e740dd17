//! `ssl`: sockets, contexts, sessions and memory buffers, by `Modules/_ssl.c`.
//!
//! What OpenSSL keeps, keys above all, is not read.

use heapsake_core::heap::{EdgeKind, Sink};
use heapsake_core::reduce::Failure;

use crate::framework::{CONTENT_LIMIT, Target, facts, known, reducers};

reducers! {
    /// *What it holds.* A TLS connection over a socket.
    /// *What is saved.* `context`, `owner`, `server_hostname`, `server_side` and whether the other side has closed.
    /// *What becomes a surrogate.* None but the unreadable.
    SslSocket ["_ssl._SSLSocket"] "`context`, `owner`, `server_hostname`" => socket;

    /// *What it holds.* The settings of TLS connections; keys and certificates are OpenSSL's.
    /// *What is saved.* `check_hostname`, `protocol`, `post_handshake_auth`, the protocols offered, and the callbacks.
    /// *What becomes a surrogate.* None but the unreadable.
    SslContext ["_ssl._SSLContext"] "its settings" => context;

    /// *What it holds.* A session that can be taken up again.
    /// *What is saved.* The context.
    /// *What becomes a surrogate.* None but the unreadable.
    SslSession ["_ssl.Session", "_ssl.SSLSession"] "the context" => |target, sink| {
        target.attribute(sink, "context", known(target.layouts().ssl_session)?.ctx)
    };

    /// *What it holds.* Bytes between a TLS connection and whatever carries it.
    /// *What is saved.* Whether the end was written.
    /// *What becomes a surrogate.* None but the unreadable.
    MemoryBuffer ["_ssl.MemoryBIO"] "whether the end was written" => |target, _| {
        facts!(target, "eof_written": target.field(known(target.layouts().ssl_memory_bio)?.eof_written)? != 0);
        Ok(())
    };
}

fn socket(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().ssl_socket)?;
    target.attributes(sink, &[("context", layout.ctx), ("server_hostname", layout.server_hostname)])?;
    target.internal(sink, "Socket", layout.socket)?;
    target.internal(sink, "owner", layout.owner)?;
    for exception in [layout.exc_type, layout.exc_value, layout.exc_tb, layout.exc].into_iter().flatten() {
        target.edge(sink, EdgeKind::Internal, "exception", exception)?;
    }
    facts!(target,
        "server_side": target.field(layout.socket_type)? != 0,
        "shutdown_seen_zero": target.field(layout.shutdown_seen_zero)? != 0,
        "closed": target.field(layout.ssl)?.is_null(),
    );
    Ok(())
}

fn context(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().ssl_context)?;
    if let Some(keylog_filename) = layout.keylog_filename {
        target.attribute(sink, "keylog_filename", keylog_filename)?;
    }
    target.attribute(sink, "sni_callback", layout.set_sni_cb)?;
    target.internals(sink, &[("_msg_callback", layout.msg_cb)])?;
    target.internals(
        sink,
        &[("psk_client_callback", layout.psk_client_callback), ("psk_server_callback", layout.psk_server_callback)],
    )?;
    facts!(target,
        "check_hostname": target.field(layout.check_hostname)? != 0,
        "protocol": target.field(layout.protocol)?,
        "post_handshake_auth": target.field(layout.post_handshake_auth)? != 0,
    );
    let offered = target.field(layout.alpn_protocols)?;
    if !offered.is_null() {
        let length = target.field(layout.alpn_protocols_len)?;
        facts!(target, "alpn_protocols": target.bytes(offered, length.into(), CONTENT_LIMIT)?);
    }
    Ok(())
}
