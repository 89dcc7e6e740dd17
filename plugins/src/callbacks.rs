//! The functions of the host's table, as a plugin calls them in the worker, and the memory of the target behind them.
//!
//! The handle that a plugin is given is a number that only the current object has, and nothing is behind it: a plugin that
//! keeps it, makes one up, or calls from a thread of its own is refused. Pages and answers are kept, for the target's memory
//! stands still while it is dumped.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;

use heapsake_core::reduce::{Member, Reason};

use crate::abi::{self, Host, MISSING, OK, REFUSED};
use crate::protocol::{Answer, Reply, receive, send};
use crate::told::{Refused, Telling};

const PAGE: u64 = 4096;
/// Pages that are kept.
const MOST_PAGES: usize = 4096;
/// Answers of a kind that are kept.
const MOST_ANSWERS: usize = 64 << 10;
/// Longer reads do not go through the pages.
const LONG_READ: u64 = 16 * PAGE;
/// No read is longer.
const LONGEST_READ: u64 = 256 << 20;
/// A long read is asked for in pieces of this length.
const PIECE: u64 = 1 << 20;

/// The table.
pub(crate) const HOST: Host = Host {
    size: size_of::<Host>() as u32,
    major: abi::MAJOR,
    minor: abi::MINOR,
    address: Some(address),
    read: Some(read),
    type_name: Some(type_name),
    is_object: Some(is_object),
    type_name_of: Some(type_name_of),
    reduce_base: Some(reduce_base),
    state: Some(state),
    edge: Some(edge),
    indexed_edge: Some(indexed_edge),
    element: Some(element),
    entry: Some(entry),
    value: Some(value),
    fail: Some(fail),
    base: Some(base),
    member: Some(member),
    process_fact: Some(process_fact),
};

thread_local! {
    static CURRENT: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// The object that is being reduced, and what is known of its process.
pub(crate) struct Session {
    /// The host waits for an answer before it says more, so no reader takes what is meant for another.
    channel: BufReader<UnixStream>,
    handle: usize,
    address: u64,
    type_name: String,
    head: Vec<u8>,
    pub(crate) telling: Telling,
    pub(crate) failure: Option<(u8, String)>,
    bases: Option<Vec<String>>,
    members: Option<Vec<Member>>,
    pages: HashMap<u64, Option<Box<[u8]>>>,
    objects: HashMap<u64, bool>,
    names: HashMap<u64, Option<String>>,
    facts: HashMap<String, Option<Vec<u8>>>,
}

impl Session {
    pub(crate) fn new(channel: UnixStream) -> Session {
        Session {
            channel: BufReader::new(channel),
            handle: 0,
            address: 0,
            type_name: String::new(),
            head: Vec::new(),
            telling: Telling::default(),
            failure: None,
            bases: None,
            members: None,
            pages: HashMap::new(),
            objects: HashMap::new(),
            names: HashMap::new(),
            facts: HashMap::new(),
        }
    }

    /// Makes this the session of the thread, for an object, while `work` runs with its handle.
    pub(crate) fn during<T>(
        mut self,
        address: u64,
        type_name: String,
        head: Vec<u8>,
        work: impl FnOnce(*mut c_void) -> T,
    ) -> (Session, T) {
        self.handle += 16;
        self.address = address;
        self.type_name = type_name;
        self.head = head;
        self.telling = Telling::default();
        self.failure = None;
        self.bases = None;
        self.members = None;
        let handle = std::ptr::without_provenance_mut(self.handle);
        CURRENT.set(Some(self));
        let result = work(handle);
        match CURRENT.take() {
            Some(session) => (session, result),
            // Nothing takes it away but this.
            None => std::process::exit(1),
        }
    }

    /// Calls the host. A host that is gone ends the worker: nobody waits for what it finds.
    fn call(&mut self, call: &Answer) -> Reply {
        let replied = send(self.channel.get_mut(), call).and_then(|()| receive(&mut self.channel));
        match replied {
            Ok(reply) => reply,
            Err(problem) => gone(&problem),
        }
    }

    fn fetch(&mut self, address: u64, length: u64) -> Option<Vec<u8>> {
        match self.call(&Answer::Memory { address, length }) {
            Reply::Bytes(bytes) => Some(bytes?.into_vec()).filter(|bytes| bytes.len() as u64 == length),
            _ => None,
        }
    }

    fn read(&mut self, address: u64, length: u64) -> Option<Vec<u8>> {
        let end = address.checked_add(length)?;
        if let Some(offset) = address.checked_sub(self.address)
            && let Some(found) = self.head.get(offset as usize..).and_then(|rest| rest.get(..length as usize))
        {
            return Some(found.to_vec());
        }
        let mut bytes = Vec::new();
        let mut at = address;
        while at < end {
            let start = at & !(PAGE - 1);
            let step = if length > LONG_READ { (end - at).min(PIECE) } else { (end - at).min(start + PAGE - at) };
            let page = if length > LONG_READ { None } else { self.page(start) };
            match page {
                Some(page) => bytes.extend_from_slice(page.get((at - start) as usize..)?.get(..step as usize)?),
                // A page at the end of what is mapped may be there in part.
                None => bytes.extend(self.fetch(at, step)?),
            }
            at += step;
        }
        Some(bytes)
    }

    fn page(&mut self, start: u64) -> Option<&[u8]> {
        if !self.pages.contains_key(&start) {
            let page = self.fetch(start, PAGE).map(Vec::into_boxed_slice);
            if self.pages.len() >= MOST_PAGES {
                self.pages.clear();
            }
            self.pages.insert(start, page);
        }
        self.pages.get(&start)?.as_deref()
    }

    fn is_object(&mut self, address: u64) -> bool {
        if let Some(known) = self.objects.get(&address) {
            return *known;
        }
        let found = matches!(self.call(&Answer::IsObject(address)), Reply::Flag(true));
        if self.objects.len() >= MOST_ANSWERS {
            self.objects.clear();
        }
        self.objects.insert(address, found);
        found
    }

    fn type_name_of(&mut self, address: u64) -> Option<String> {
        if let Some(known) = self.names.get(&address) {
            return known.clone();
        }
        let found = match self.call(&Answer::TypeNameOf(address)) {
            Reply::Name(name) => name,
            _ => None,
        };
        if self.names.len() >= MOST_ANSWERS {
            self.names.clear();
        }
        self.names.insert(address, found.clone());
        found
    }

    fn process_fact(&mut self, name: String) -> Option<Vec<u8>> {
        if let Some(known) = self.facts.get(&name) {
            return known.clone();
        }
        let found = match self.call(&Answer::ProcessFact(name.clone())) {
            Reply::Bytes(bytes) => bytes.map(|bytes| bytes.into_vec()),
            _ => None,
        };
        // The library of a type is the object's, and what is long is not kept.
        let is_kept = !name.starts_with("library/") && found.as_ref().is_none_or(|fact| fact.len() < 256);
        if is_kept && self.facts.len() < MOST_ANSWERS {
            self.facts.insert(name, found.clone());
        }
        found
    }

    fn base(&mut self, at: usize) -> Option<String> {
        if self.bases.is_none() {
            let Reply::Names(names) = self.call(&Answer::Bases) else { return None };
            self.bases = Some(names);
        }
        self.bases.as_ref()?.get(at).cloned()
    }

    fn member(&mut self, at: usize) -> Option<Member> {
        if self.members.is_none() {
            let Reply::Members(members) = self.call(&Answer::Members) else { return None };
            self.members = Some(members);
        }
        self.members.as_ref()?.get(at).cloned()
    }
}

/// Ends the worker when its host is gone or talks nonsense.
pub(crate) fn gone(problem: &io::Error) -> ! {
    std::process::exit(i32::from(problem.kind() != io::ErrorKind::UnexpectedEof))
}

/// Lets `act` have the session that has this handle.
fn session<T>(handle: *mut c_void, act: impl FnOnce(&mut Session) -> Option<T>) -> Option<T> {
    CURRENT.with(|current| {
        let mut current = current.try_borrow_mut().ok()?;
        act(current.as_mut().filter(|session| session.handle == handle.addr())?)
    })
}

/// The status of what was told of the object with this handle.
fn told(handle: *mut c_void, tell: impl FnOnce(&mut Telling) -> Result<(), Refused>) -> i32 {
    let done = session(handle, |session| {
        let told = tell(&mut session.telling);
        if told.is_err() && session.failure.is_none() {
            session.failure = Some((Reason::ReducerFailed as u8, "told what the host does not take".to_owned()));
        }
        told.ok()
    });
    if done.is_some() { OK } else { REFUSED }
}

/// Gives text that `act` finds.
fn given(handle: *mut c_void, into: *mut u8, capacity: u64, act: impl FnOnce(&mut Session) -> Option<Vec<u8>>) -> i64 {
    session(handle, act).map_or(-1, |found| abi::give(&found, into, capacity))
}

extern "C" fn address(handle: *mut c_void) -> u64 {
    session(handle, |session| Some(session.address)).unwrap_or(0)
}

extern "C" fn read(handle: *mut c_void, address: u64, into: *mut u8, length: u64) -> i32 {
    if into.is_null() || length > LONGEST_READ {
        return REFUSED;
    }
    match session(handle, |session| session.read(address, length)) {
        Some(bytes) => {
            abi::give(&bytes, into, length);
            OK
        }
        None => MISSING,
    }
}

extern "C" fn type_name(handle: *mut c_void, into: *mut u8, capacity: u64) -> i64 {
    given(handle, into, capacity, |session| Some(session.type_name.clone().into_bytes()))
}

extern "C" fn is_object(handle: *mut c_void, address: u64) -> i32 {
    i32::from(session(handle, |session| Some(session.is_object(address))).unwrap_or(false))
}

extern "C" fn type_name_of(handle: *mut c_void, address: u64, into: *mut u8, capacity: u64) -> i64 {
    given(handle, into, capacity, |session| Some(session.type_name_of(address)?.into_bytes()))
}

extern "C" fn reduce_base(handle: *mut c_void) -> i32 {
    told(handle, Telling::base)
}

extern "C" fn state(handle: *mut c_void, cbor: *const u8, length: u64) -> i32 {
    told(handle, |telling| telling.state(abi::lent(cbor, length).ok_or(Refused)?))
}

extern "C" fn edge(handle: *mut c_void, kind: u32, name: *const u8, length: u64, target: u64) -> i32 {
    told(handle, |telling| telling.edge(kind, abi::lent(name, length).ok_or(Refused)?, target))
}

extern "C" fn indexed_edge(handle: *mut c_void, kind: u32, index: u32, target: u64) -> i32 {
    told(handle, |telling| telling.indexed_edge(kind, index, target))
}

extern "C" fn element(handle: *mut c_void, target: u64) -> i32 {
    told(handle, |telling| telling.element(target))
}

extern "C" fn entry(handle: *mut c_void, key: u64, value: u64) -> i32 {
    told(handle, |telling| telling.entry(key, value))
}

extern "C" fn value(handle: *mut c_void, kind: u32, bytes: *const u8, length: u64) -> i32 {
    told(handle, |telling| telling.value(kind, abi::lent(bytes, length).ok_or(Refused)?))
}

extern "C" fn fail(handle: *mut c_void, reason: u32, detail: *const u8, length: u64) -> i32 {
    const LONGEST_DETAIL: u64 = 1000;
    let failed = session(handle, |session| {
        let reason = u8::try_from(reason).ok().filter(|reason| Reason::from_number(*reason).is_some());
        let detail = abi::lent(detail, length.min(LONGEST_DETAIL)).unwrap_or_default();
        let detail = String::from_utf8_lossy(detail).into_owned();
        session.failure = Some((reason.unwrap_or(Reason::ReducerFailed as u8), detail));
        Some(())
    });
    if failed.is_some() { OK } else { REFUSED }
}

extern "C" fn base(handle: *mut c_void, at: u32, into: *mut u8, capacity: u64) -> i64 {
    given(handle, into, capacity, |session| Some(session.base(at as usize)?.into_bytes()))
}

extern "C" fn member(handle: *mut c_void, at: u32, into: *mut u8, capacity: u64, filled: *mut abi::Member) -> i64 {
    given(handle, into, capacity, |session| {
        let found = session.member(at as usize)?;
        let is_object = u32::from(found.is_object);
        abi::give_member(abi::Member { offset: found.offset, kind: found.kind, is_object, reserved: 0 }, filled);
        Some(found.name.into_bytes())
    })
}

extern "C" fn process_fact(handle: *mut c_void, name: *const u8, length: u64, into: *mut u8, capacity: u64) -> i64 {
    given(handle, into, capacity, |session| {
        let name = String::from_utf8_lossy(abi::lent(name, length.min(256))?).into_owned();
        session.process_fact(name)
    })
}
