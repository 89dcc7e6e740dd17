//! The talk between the dumper and its worker: frames of a length and a CBOR value, over one socket.
//!
//! The host asks, the worker answers; before it answers it may call back, and gets a reply to each call. Both sides refuse a
//! frame that is longer than anything they could have been told.

use std::io::{self, Read, Write};

use heapsake_core::reduce::Member;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::told::MOST_TOLD;

/// No frame is longer.
const LONGEST: usize = MOST_TOLD + (64 << 10);

/// What the host asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Open a library.
    Load {
        /// The file.
        path: std::path::PathBuf,
    },
    /// Reduce objects of one type, in turn: there is an [`Answer::Told`] for each.
    Reduce {
        /// Number of the library, in the order in which they were opened.
        library: u32,
        /// Number of its reducer.
        reducer: u32,
        /// The name of the type.
        type_name: String,
        /// Milliseconds after which the worker must not go on with one of them.
        deadline: u64,
        /// The objects.
        objects: Vec<Asked>,
    },
}

/// An object that is asked about.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Where it lies.
    pub(crate) address: u64,
    /// Its first bytes, as many as are readable.
    #[serde(with = "serde_bytes")]
    pub(crate) head: Vec<u8>,
}

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The library is open.
    Loaded(Description),
    /// It is not, and why.
    Refused(String),
    /// What the reducer told, and why the object is not complete: number of the reason, and in words.
    Told {
        #[serde(with = "serde_bytes")]
        told: Vec<u8>,
        failure: Option<(u8, String)>,
    },
    /// A call: so many bytes at an address.
    Memory { address: u64, length: u64 },
    /// A call: whether an object lies there.
    IsObject(u64),
    /// A call: the name of the type of the object there.
    TypeNameOf(u64),
    /// A call: the names of the bases.
    Bases,
    /// A call: the declared members.
    Members,
    /// A call: a fact of the process.
    ProcessFact(String),
}

/// What the host replies to a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Bytes(Option<serde_bytes::ByteBuf>),
    Flag(bool),
    Name(Option<String>),
    Names(Vec<String>),
    Members(Vec<Member>),
}

/// What a plugin says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) abi: (u16, u16),
    pub(crate) reducers: Vec<Described>,
}

/// A reducer of a plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Described {
    /// Names, and whether only that very type is meant.
    pub(crate) types: Vec<(String, bool)>,
    pub(crate) saves: String,
    pub(crate) file: String,
}

/// Sends a frame.
pub(crate) fn send(channel: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    ciborium::into_writer(message, &mut frame).map_err(|problem| io::Error::other(problem.to_string()))?;
    let length = frame.len() - 4;
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    channel.write_all(&frame)
}

/// Receives a frame.
///
/// # Errors
/// `UnexpectedEof` when the other side is gone, `InvalidData` when it makes no sense.
pub(crate) fn receive<T: DeserializeOwned>(channel: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    channel.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(invalid(format!("a message of {length} bytes, at most {LONGEST} are allowed")));
    }
    let mut body = Vec::new();
    channel.take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    ciborium::from_reader(&body[..]).map_err(|_| invalid("a message that makes no sense".to_owned()))
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
