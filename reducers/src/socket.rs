//! `socket`: sockets, by `Modules/socketmodule.c`; their addresses by `/proc` while the process lives.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use crate::framework::{Target, facts, known, reducers};

mod table;

reducers! {
    /// *What it holds.* A descriptor, its family, type and protocol, and a time limit.
    /// *What is saved.* `fd`, `family`, `type`, `proto`, `timeout` in seconds, `closed`; while the process lives `laddr`, `raddr`
    /// and `status` by the kernel's tables.
    /// *What becomes a surrogate.* None but the unreadable.
    Socket ["_socket.socket"] "descriptor, family, type, addresses" => socket;
}

fn socket(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().socket)?;
    let descriptor = target.field(layout.sock_fd)?;
    let timeout = target.field(layout.sock_timeout)?;
    facts!(target,
        "fd": descriptor,
        "family": target.field(layout.sock_family)?,
        "type": target.field(layout.sock_type)?,
        "proto": target.field(layout.sock_proto)?,
        "timeout": (timeout >= 0).then_some(timeout as f64 / 1e9),
        "closed": descriptor < 0,
    );
    if descriptor < 0 {
        return Ok(());
    }
    let open_on = target.facts.descriptor(descriptor.into()).unwrap_or_default();
    let inode = open_on.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
    if let Some(entry) = inode.and_then(|inode| table::find(target.facts, inode)) {
        facts!(target, "laddr": entry.local, "raddr": entry.remote, "status": entry.status);
    }
    Ok(())
}
