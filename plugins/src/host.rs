//! The host's side of native plugins: the worker is asked, its calls are answered, and what it told is kept so that the
//! marking and the writing pass tell the same.
//!
//! Whatever a plugin does costs the object that it was asked about: a crash, a loop, nonsense. The worker is then replaced,
//! and a plugin that has done it too often is switched off until the dump is done.

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Object, Reason, Reducer};
use rustc_hash::FxHashMap;
use serde_bytes::ByteBuf;

use crate::process::{Spawner, Worker};
use crate::protocol::{Answer, Asked, Description, Reply, Request, receive, send};
use crate::told;
use crate::worker::OPENING;

/// Bytes of the object that are sent along.
const HEAD: usize = 256;
/// Bytes of answers that are kept.
const MOST_KEPT: usize = 64 << 20;
/// Names and members that are sent to a worker.
const MOST_NAMES: usize = 4096;
/// Objects that a worker is asked about at once.
const MOST_AT_ONCE: usize = 256;
/// More than this is not read for a plugin at once.
const LONGEST_READ: u64 = 1 << 20;

/// What a plugin may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may take over one object.
    pub deadline: Duration,
    /// After how many lost workers it is switched off.
    pub crashes: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { deadline: Duration::from_secs(2), crashes: 3 }
    }
}

/// All native plugins of one dump.
pub(crate) struct Host {
    state: Mutex<State>,
    limits: Limits,
}

struct State {
    spawner: Box<dyn Spawner>,
    worker: Option<Running>,
    libraries: Vec<Library>,
    kept: FxHashMap<(u64, u32, u32), Arc<Kept>>,
    kept_bytes: usize,
}

/// The worker, with what it has said and nobody has read yet.
struct Running {
    worker: Worker,
    reader: BufReader<UnixStream>,
    /// How long a single read or write may take.
    patience: Duration,
}

/// A library and its record.
struct Library {
    path: PathBuf,
    name: String,
    /// Its number in the worker that runs.
    number: Option<u32>,
    record: Record,
}

/// What a plugin did in this dump.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// Objects it was asked about.
    pub(crate) objects: u64,
    /// Those that it failed at.
    pub(crate) failures: u64,
    /// Workers that it cost.
    pub(crate) crashes: u32,
    /// Why it was switched off.
    pub(crate) off: Option<String>,
}

/// What was told of an object.
struct Kept {
    told: Vec<u8>,
    failure: Option<Failure>,
}

/// Why a worker gave no answer.
enum Lost {
    /// It is gone, or has talked nonsense, or was too late: in words.
    Worker(String),
    /// There is none to be had.
    None(String),
}

impl Host {
    pub(crate) fn new(spawner: Box<dyn Spawner>, limits: Limits) -> Host {
        let state = State { spawner, worker: None, libraries: Vec::new(), kept: FxHashMap::default(), kept_bytes: 0 };
        Host { state: Mutex::new(state), limits }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a library; gives its number here and what it says of itself.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn load(&self, path: &Path) -> Result<(u32, Description), String> {
        let mut state = self.lock();
        state.ensure_worker()?;
        let answer = state.ask_to_open(path);
        match answer {
            Ok(Answer::Loaded(description)) => {
                let number = state.libraries.iter().filter(|one| one.number.is_some()).count() as u32;
                let name = description.name.clone();
                let record = Record::default();
                state.libraries.push(Library { path: path.to_owned(), name, number: Some(number), record });
                Ok((state.libraries.len() as u32 - 1, description))
            }
            Ok(Answer::Refused(reason)) => Err(reason),
            Ok(_) => {
                state.end_worker();
                Err("it talks nonsense while it is opened".to_owned())
            }
            Err(Lost::Worker(how)) => Err(format!("{how} while it was opened")),
            Err(Lost::None(how)) => Err(how),
        }
    }

    /// What each library did so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.lock().libraries.iter().map(|one| one.record.clone()).collect()
    }

    /// Ends the worker.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.end_worker();
        state.kept.clear();
        state.kept_bytes = 0;
    }

    fn reduce(&self, library: u32, reducer: u32, object: &dyn Object) -> Arc<Kept> {
        let mut state = self.lock();
        if let Some(kept) = state.kept.get(&(object.address().0, library, reducer)) {
            return Arc::clone(kept);
        }
        let mut answers = state.reduce(library, reducer, &[object], &self.limits);
        match answers.pop() {
            Some(kept) => state.keep((object.address().0, library, reducer), kept),
            None => Arc::new(failed("?", "gave no answer".to_owned())),
        }
    }

    /// Asks for what will be reduced next, all at once.
    fn expect(&self, library: u32, reducer: u32, objects: &[&dyn Object]) {
        let mut state = self.lock();
        if state.kept_bytes >= MOST_KEPT {
            return;
        }
        let key = |object: &dyn Object| (object.address().0, library, reducer);
        let unknown: Vec<&dyn Object> =
            objects.iter().copied().filter(|object| !state.kept.contains_key(&key(*object))).collect();
        for batch in unknown.chunks(MOST_AT_ONCE) {
            let answers = state.reduce(library, reducer, batch, &self.limits);
            for (object, kept) in batch.iter().zip(answers) {
                state.keep(key(*object), kept);
            }
        }
    }
}

impl State {
    fn end_worker(&mut self) -> Option<i32> {
        let mut running = self.worker.take()?;
        running.worker.process.end()
    }

    /// The worker that runs, or a new one with every library open that is not switched off.
    fn ensure_worker(&mut self) -> Result<(), String> {
        while self.worker.is_none() {
            let problem = |problem: io::Error| format!("no process to run plugins in: {problem}");
            let mut worker = self.spawner.spawn().map_err(problem)?;
            let reader = match worker.channel.try_clone() {
                Ok(channel) => BufReader::new(channel),
                Err(refused) => {
                    worker.process.end();
                    return Err(problem(refused));
                }
            };
            self.worker = Some(Running { worker, reader, patience: Duration::ZERO });
            let mut number = 0;
            for at in 0..self.libraries.len() {
                self.libraries[at].number = None;
                if self.libraries[at].record.off.is_some() {
                    continue;
                }
                let path = self.libraries[at].path.clone();
                match self.ask_to_open(&path) {
                    Ok(Answer::Loaded(_)) => {
                        self.libraries[at].number = Some(number);
                        number += 1;
                    }
                    Ok(_) => self.libraries[at].record.off = Some("could not be opened again".to_owned()),
                    Err(_) => {
                        self.libraries[at].record.off = Some("crashed when it was opened again".to_owned());
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn ask_to_open(&mut self, path: &Path) -> Result<Answer, Lost> {
        self.ask(&Request::Load { path: path.to_owned() }, OPENING)?;
        self.answer(OPENING, None)
    }

    /// What failed is always kept: it must not fail twice. What was told can be asked for again.
    fn keep(&mut self, key: (u64, u32, u32), kept: Kept) -> Arc<Kept> {
        let kept = Arc::new(kept);
        if kept.failure.is_some() || self.kept_bytes + kept.told.len() <= MOST_KEPT {
            self.kept_bytes += kept.told.len() + 64;
            self.kept.insert(key, Arc::clone(&kept));
        }
        kept
    }

    /// What is told of each of `objects`, which are of one type. One that loses the worker costs itself alone: the others are
    /// asked of the next worker.
    fn reduce(&mut self, at: u32, reducer: u32, objects: &[&dyn Object], limits: &Limits) -> Vec<Kept> {
        let mut answers: Vec<Kept> = Vec::with_capacity(objects.len());
        while answers.len() < objects.len() {
            let before = answers.len();
            self.reduce_until_lost(at, reducer, &objects[before..], limits, &mut answers);
            // Whatever happened, something was said of the first.
            if answers.len() == before {
                answers.push(failed("?", "gave no answer".to_owned()));
            }
        }
        if let Some(library) = self.libraries.get_mut(at as usize) {
            library.record.objects += objects.len() as u64;
            library.record.failures += answers.iter().filter(|kept| kept.failure.is_some()).count() as u64;
        }
        answers
    }

    fn reduce_until_lost(&mut self, at: u32, reducer: u32, objects: &[&dyn Object], limits: &Limits, answers: &mut Vec<Kept>) {
        let Some(library) = self.libraries.get(at as usize) else {
            return answers.push(failed("?", "is not open".to_owned()));
        };
        let name = library.name.clone();
        if let Some(off) = &library.record.off {
            return answers.extend(objects.iter().map(|_| failed(&name, format!("switched off: {off}"))));
        }
        let ready = self.ensure_worker().and_then(|()| {
            let number = self.libraries[at as usize].number;
            number.ok_or_else(|| "could not be opened again".to_owned())
        });
        let number = match ready {
            Ok(number) => number,
            Err(problem) => return answers.push(failed(&name, problem)),
        };
        let mut lost = self.ask(&request(number, reducer, objects, limits), limits.deadline).err();
        for object in objects {
            let answer = match lost.take() {
                None => self.answer(limits.deadline, Some(*object)),
                Some(lost) => Err(lost),
            };
            let (kept, goes_on) = match answer {
                Ok(Answer::Told { told, failure }) => {
                    let failure = failure.map(|(reason, words)| {
                        let reason = Reason::from_number(reason).unwrap_or(Reason::ReducerFailed);
                        Failure::new(reason, format!("plugin {name}: {words}"))
                    });
                    (Kept { told, failure }, true)
                }
                Ok(_) => {
                    self.end_worker();
                    (failed(&name, "talks nonsense".to_owned()), false)
                }
                Err(Lost::Worker(how)) => {
                    let record = &mut self.libraries[at as usize].record;
                    record.crashes += 1;
                    if record.crashes >= limits.crashes {
                        record.off = Some(format!("after {} lost workers, the last of which {how}", record.crashes));
                    }
                    (failed(&name, how), false)
                }
                Err(Lost::None(how)) => (failed(&name, how), false),
            };
            answers.push(kept);
            if !goes_on {
                return;
            }
        }
    }

    /// Sends a request.
    fn ask(&mut self, request: &Request, deadline: Duration) -> Result<(), Lost> {
        self.within(deadline, |channel| send(channel, request))
    }

    /// Replies to calls until the answer comes.
    fn answer(&mut self, deadline: Duration, object: Option<&dyn Object>) -> Result<Answer, Lost> {
        self.within(deadline, |channel| talk(channel, object))
    }

    fn within<T>(&mut self, deadline: Duration, act: impl FnOnce(&mut Timed<'_>) -> io::Result<T>) -> Result<T, Lost> {
        let Some(running) = &mut self.worker else { return Err(Lost::None("no process to run plugins in".to_owned())) };
        let problem = match running.within(deadline).and_then(|mut channel| act(&mut channel)) {
            Ok(done) => return Ok(done),
            Err(problem) => problem,
        };
        let signal = self.end_worker();
        Err(Lost::Worker(match (problem.kind(), signal) {
            (io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock, _) => {
                format!("gave no answer within {:.1} s", deadline.as_secs_f64())
            }
            (io::ErrorKind::InvalidData, _) => format!("sent {problem}"),
            // The one by which we make sure says nothing of how it ended.
            (_, Some(signal)) if signal != 9 => format!("crashed with signal {signal}"),
            _ => "crashed".to_owned(),
        }))
    }
}

fn failed(name: &str, words: String) -> Kept {
    Kept { told: Vec::new(), failure: Some(Failure::new(Reason::ReducerFailed, format!("plugin {name}: {words}"))) }
}

fn request(library: u32, reducer: u32, objects: &[&dyn Object], limits: &Limits) -> Request {
    let asked = |object: &&dyn Object| {
        let mut head = vec![0; HEAD];
        while object.read_at(object.address(), &mut head).is_err() && !head.is_empty() {
            let half = head.len() / 2;
            head.truncate(half);
        }
        Asked { address: object.address().0, head }
    };
    Request::Reduce {
        library,
        reducer,
        type_name: objects.first().map_or_else(String::new, |object| object.type_name()),
        deadline: limits.deadline.as_millis() as u64,
        objects: objects.iter().map(asked).collect(),
    }
}

fn talk(channel: &mut Timed<'_>, object: Option<&dyn Object>) -> io::Result<Answer> {
    loop {
        let answer = receive(channel)?;
        let reply = match (&answer, object) {
            (Answer::Loaded(_) | Answer::Refused(_) | Answer::Told { .. }, _) | (_, None) => return Ok(answer),
            (Answer::Memory { address, length }, Some(object)) => Reply::Bytes(read(object, *address, *length)),
            (Answer::IsObject(address), Some(object)) => Reply::Flag(object.is_object(Address(*address))),
            (Answer::TypeNameOf(address), Some(object)) => Reply::Name(object.type_name_of(Address(*address))),
            (Answer::Bases, Some(object)) => Reply::Names(object.bases().into_iter().take(MOST_NAMES).collect()),
            (Answer::Members, Some(object)) => Reply::Members(object.members().into_iter().take(MOST_NAMES).collect()),
            (Answer::ProcessFact(name), Some(object)) => Reply::Bytes(object.process_fact(name).map(ByteBuf::from)),
        };
        send(channel, &reply)?;
    }
}

fn read(object: &dyn Object, address: u64, length: u64) -> Option<ByteBuf> {
    if length > LONGEST_READ {
        return None;
    }
    let mut bytes = vec![0; length as usize];
    object.read_at(Address(address), &mut bytes).ok()?;
    Some(ByteBuf::from(bytes))
}

/// A channel on which everything together must be done in time, or by the end of the read that began before.
struct Timed<'a> {
    running: &'a mut Running,
    until: Instant,
}

impl Running {
    fn within(&mut self, deadline: Duration) -> io::Result<Timed<'_>> {
        if self.patience != deadline {
            self.worker.channel.set_read_timeout(Some(deadline))?;
            self.worker.channel.set_write_timeout(Some(deadline))?;
            self.patience = deadline;
        }
        Ok(Timed { running: self, until: Instant::now() + deadline })
    }
}

impl Timed<'_> {
    fn check(&self) -> io::Result<()> {
        if Instant::now() > self.until { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.running.reader.read(into)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        (&self.running.worker.channel).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reducer of a plugin, as the registry has it: asks the worker.
pub(crate) struct Remote {
    pub(crate) host: Arc<Host>,
    pub(crate) plugin: String,
    pub(crate) library: u32,
    pub(crate) reducer: u32,
}

impl Reducer for Remote {
    fn in_batches(&self) -> bool {
        true
    }

    fn expect(&self, objects: &[&dyn Object]) {
        self.host.expect(self.library, self.reducer, objects);
    }

    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let kept = self.host.reduce(self.library, self.reducer, object);
        let told = told::tell(&kept.told, object, sink);
        match &kept.failure {
            Some(failure) => Err(failure.clone()),
            None => told.map_err(|failure| Failure::new(failure.reason, format!("plugin {}: {}", self.plugin, failure.detail))),
        }
    }
}
