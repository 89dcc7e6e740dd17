//! What the bytes of a worker become in the dumper, for tests and fuzzing: the worker is not trusted.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Object};

use crate::protocol::{Answer, receive};
use crate::told::tell;

/// Receives one message as the dumper does, and tells `sink` what it says of `object`; none when it makes no sense or says
/// nothing of an object.
pub fn hear(mut bytes: &[u8], object: &dyn Object, sink: &mut dyn Sink) -> Option<Result<(), Failure>> {
    match receive(&mut bytes).ok()? {
        Answer::Told { told, .. } => Some(tell(&told, object, sink)),
        _ => None,
    }
}

/// Tells `sink` what a worker told of `object`.
///
/// # Errors
/// When it makes no sense.
pub fn tell_worker_bytes(told: &[u8], object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
    tell(told, object, sink)
}
