//! What a type's instances are like, worked out once per type: [`TypeEntry`], and the table that finds it.
//!
//! A type is found by its address through a direct-mapped cache, then a hash map, then by decoding the type object. The
//! C part of its instances belongs to the *floor*: the nearest class of its `tp_base` chain that is known (a [`Payload`] or
//! a registered reducer). What the classes below the floor add is told by their members; words that nothing accounts for
//! are scanned. Mirrors `Objects/typeobject.c`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use elsa::FrozenVec;
use heapsake_core::Address;
use heapsake_core::heap::{TypeDescription, TypeId, TypeKind};
use heapsake_core::reduce::{Registration, TypeMatch};
use rustc_hash::{FxHashMap, FxHashSet};

use super::CPythonHeap;
use super::members::{Member, T_OBJECT_EX};
use super::payload::{self, Known, Payload, ToldField};
use crate::layouts::Layouts;
use crate::memory::Memory;

/// `Py_TPFLAGS_INLINE_VALUES`.
pub(crate) const INLINE_VALUES: u64 = 1 << 2;
/// `Py_TPFLAGS_MANAGED_WEAKREF`.
const MANAGED_WEAKREF: u64 = 1 << 3;
/// `Py_TPFLAGS_MANAGED_DICT`.
const MANAGED_DICT: u64 = 1 << 4;
/// `Py_TPFLAGS_HEAPTYPE`.
pub(crate) const HEAPTYPE: u64 = 1 << 9;
/// `Py_TPFLAGS_READY`.
const READY: u64 = 1 << 12;
/// `Py_TPFLAGS_HAVE_GC`.
pub(crate) const HAVE_GC: u64 = 1 << 14;
/// `Py_TPFLAGS_BYTES_SUBCLASS`.
pub(crate) const BYTES_SUBCLASS: u64 = 1 << 27;
/// `Py_TPFLAGS_UNICODE_SUBCLASS`.
pub(crate) const UNICODE_SUBCLASS: u64 = 1 << 28;
/// `Py_TPFLAGS_DICT_SUBCLASS`.
pub(crate) const DICT_SUBCLASS: u64 = 1 << 29;
/// `Py_TPFLAGS_BASE_EXC_SUBCLASS`.
const BASE_EXC_SUBCLASS: u64 = 1 << 30;
/// `Py_TPFLAGS_TYPE_SUBCLASS`.
const TYPE_SUBCLASS: u64 = 1 << 31;

/// Bytes of the words in front of an instance: the collector's head, and dictionary and weak references.
const PRE_HEADER: u64 = 16;
/// No instance is larger than this without its items; a type that says so is none.
/// Extensions have types that hold whole tables.
pub(super) const MAXIMUM_BASIC_SIZE: i64 = 64 << 20;
pub(super) const MAXIMUM_CLASSES: u64 = 1 << 14;
/// Bytes of an instance in which objects are looked for.
const MOST_SCANNED: i64 = 1 << 20;
const CACHE: usize = 1024;

/// Where an instance has its attributes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attributes {
    /// It has no dictionary.
    None,
    /// A pointer to its dictionary, so many bytes in.
    At(u32),
    /// The same, so many bytes before the end of its items.
    FromEnd(i64),
    /// In front of it, values and a dictionary, a word each (3.11).
    ValuesAndDict,
    /// In front of it, one word for either, tagged (3.12).
    DictOrValues,
    /// In front of it a dictionary; where there is none, values inside of it (3.13).
    DictPointer,
}

/// What the instances of one type are like.
#[derive(Clone)]
pub struct TypeEntry {
    /// Its number.
    pub id: TypeId,
    /// Where the type lies; null for interpreter frames, whose type is no object.
    pub address: Address,
    /// What the C part of its instances is.
    pub payload: Payload,
    /// `tp_flags`.
    pub flags: u64,
    /// `tp_basicsize`.
    pub basic_size: u64,
    /// `tp_itemsize`.
    pub item_size: u64,
    /// Bytes of an instance without items: the basic size and what lies in front.
    pub fixed_size: u64,
    /// Where attributes are.
    pub attributes: Attributes,
    /// The names of values in front of or inside of an instance, by index.
    pub keys: Box<[Address]>,
    /// Slots and C members of the classes below the floor.
    pub members: Box<[Member]>,
    /// The fields of the payload.
    pub fields: Box<[ToldField]>,
    /// The names of the items of a named tuple.
    pub item_names: Box<[Address]>,
    /// Offsets of words of which nothing is known.
    pub unknown_words: Box<[u32]>,
    /// Whether the items, too, are unknown words.
    pub unknown_items: bool,
    /// Whether an instance has nothing but its payload.
    pub is_plain: bool,
    /// Whether it is plain, and its payload a text or a number: the most frequent objects, which refer to nothing.
    pub is_leaf: bool,
    /// The reducer for the C part.
    pub reducer: Option<Registration>,
    /// What the file says of the type.
    pub description: TypeDescription,
}

impl fmt::Debug for TypeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeEntry")
            .field("name", &self.description.name)
            .field("payload", &self.payload)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

impl TypeEntry {
    /// Bytes that lie in front of an instance: the collector's header, and words for its attributes.
    pub(super) fn bytes_in_front(&self) -> u64 {
        self.fixed_size.saturating_sub(self.basic_size)
    }

    /// Whether this type or one of its bases has this qualified name.
    pub fn is_a(&self, name: &str) -> bool {
        self.description.mro.iter().any(|base| base == name)
    }
}

/// All types met so far.
pub(super) struct TypeTable {
    /// Addresses of types, and their numbers.
    cache: Box<[Cell<(Address, u32)>]>,
    found: RefCell<FxHashMap<Address, u32>>,
    /// Append only, so that an entry can be used while others are added.
    entries: FrozenVec<Box<TypeEntry>>,
}

#[inline]
fn slot(address: Address) -> usize {
    ((address.0 >> 4 ^ address.0 >> 13) & (CACHE as u64 - 1)) as usize
}

/// The number of the type of interpreter frames.
const FRAME: u32 = 1;

impl TypeTable {
    pub(super) fn new(layouts: &Layouts) -> TypeTable {
        let size = layouts.interpreter_frame.map_or(0, |layout| layout.size as u64);
        let special = |id, payload, size, description| TypeEntry {
            id: TypeId(id),
            address: Address::NULL,
            payload,
            flags: 0,
            basic_size: size,
            item_size: 8,
            fixed_size: size,
            attributes: Attributes::None,
            keys: Box::default(),
            members: Box::default(),
            fields: Box::default(),
            item_names: Box::default(),
            unknown_words: Box::default(),
            unknown_items: false,
            is_plain: true,
            is_leaf: false,
            reducer: None,
            description,
        };
        // The first is that of what has no valid type.
        let unknown = TypeDescription { name: "unknown".into(), mro: vec!["unknown".into()], ..TypeDescription::default() };
        let frame = TypeDescription {
            name: "frame".into(),
            module: "builtins".into(),
            kind: TypeKind::Frame,
            mro: vec!["frame".into(), "object".into()],
            basic_size: size,
            origin: "exact".into(),
            ..TypeDescription::default()
        };
        let unknown = special(0, Payload::Object, 0, unknown);
        let frame = special(FRAME, Payload::InterpreterFrame, size, frame);
        TypeTable {
            cache: vec![Cell::new((Address::NULL, 0)); CACHE].into(),
            found: RefCell::default(),
            entries: FrozenVec::from(vec![Box::new(unknown), Box::new(frame)]),
        }
    }

    pub(super) fn interpreter_frame(&self) -> &TypeEntry {
        &self.entries[FRAME as usize]
    }

    #[inline]
    fn cached(&self, address: Address) -> Option<&TypeEntry> {
        let (known, number) = self.cache[slot(address)].get();
        if known == address && number != 0 { self.entries.get(number as usize) } else { None }
    }

    fn find(&self, address: Address) -> Option<&TypeEntry> {
        let number = *self.found.borrow().get(&address)?;
        self.cache[slot(address)].set((address, number));
        self.entries.get(number as usize)
    }

    fn add(&self, mut entry: TypeEntry) -> &TypeEntry {
        let number = self.entries.len() as u32;
        entry.id = TypeId(number);
        self.found.borrow_mut().insert(entry.address, number);
        self.cache[slot(entry.address)].set((entry.address, number));
        self.entries.push_get(Box::new(entry))
    }

    pub(super) fn described(&self, first: TypeId) -> Vec<TypeDescription> {
        self.entries.iter().skip(first.0 as usize).map(|entry| entry.description.clone()).collect()
    }
}

/// The head of a type object.
#[derive(Clone, Copy)]
pub(crate) struct TypeHead {
    pub(crate) flags: u64,
    pub(crate) basic_size: i64,
    pub(crate) item_size: i64,
    base: Address,
    pub(super) name: Address,
    pub(super) members: Address,
    dict_offset: i64,
    weaklist_offset: i64,
}

impl<M: Memory> CPythonHeap<M> {
    /// What is known of the type at `address`; `None` if no type lies there.
    #[inline]
    pub fn type_entry(&self, address: Address) -> Option<&TypeEntry> {
        if let Some(entry) = self.types.cached(address) {
            return Some(entry);
        }
        self.slow_type_entry(address)
    }

    #[cold]
    fn slow_type_entry(&self, address: Address) -> Option<&TypeEntry> {
        if let Some(entry) = self.types.find(address) {
            return Some(entry);
        }
        let entry = self.decode_type(address)?;
        Some(self.types.add(entry))
    }

    /// Whether a type lies at `address`, without decoding it.
    pub(crate) fn is_type(&self, address: Address) -> bool {
        self.types.found.borrow().contains_key(&address) || self.type_head(address).is_some_and(|head| head.flags & READY != 0)
    }

    /// The head of the type at `address`: aligned, mapped, of a metaclass, of a sane size.
    pub(crate) fn type_head(&self, address: Address) -> Option<TypeHead> {
        let is_loadable = |address: Address| address.0 & 7 == 0 && address.0 >= 4096 && self.memory.is_loadable(address);
        if !is_loadable(address) {
            return None;
        }
        let layout = &self.layouts().type_object;
        let metaclass = self.layouts().object.ob_type.read(&self.memory, address)?;
        if !is_loadable(metaclass)
            || !is_loadable(metaclass.offset(layout.tp_flags.offset() as i64))
            || layout.tp_flags.read(&self.memory, metaclass)? & TYPE_SUBCLASS == 0
        {
            return None;
        }
        if !is_loadable(address.offset(layout.size as i64 & !7)) {
            return None;
        }
        let bytes = self.piece(address, layout.size as u64).ok()?;
        let head = TypeHead {
            flags: layout.tp_flags.decode(&bytes)?,
            basic_size: layout.tp_basicsize.decode(&bytes)?,
            item_size: layout.tp_itemsize.decode(&bytes)?,
            base: layout.tp_base.decode(&bytes)?,
            name: layout.tp_name.decode(&bytes)?,
            members: layout.tp_members.decode(&bytes)?,
            dict_offset: layout.tp_dictoffset.decode(&bytes)?,
            weaklist_offset: layout.tp_weaklistoffset.decode(&bytes)?,
        };
        let header = self.layouts().object.size as i64;
        let sane = (header..=MAXIMUM_BASIC_SIZE).contains(&head.basic_size) && (0..=1 << 16).contains(&head.item_size);
        (sane && self.memory.is_loadable(head.name) && self.memory.read_u8(head.name).is_some()).then_some(head)
    }

    /// The classes of the method resolution order, the type itself first; the chain of bases where it has none.
    pub(crate) fn classes(&self, address: Address) -> Vec<Address> {
        let tuple = self.layouts().type_object.tp_mro.read(&self.memory, address).unwrap_or_default();
        let mut classes = self.items_of_tuple(tuple, MAXIMUM_CLASSES).unwrap_or_default();
        if classes.first() != Some(&address) {
            classes = self.base_chain(address).into_iter().map(|(class, _)| class).collect();
        }
        classes
    }

    /// The type and its `tp_base`s, as far as they are types.
    fn base_chain(&self, address: Address) -> Vec<(Address, TypeHead)> {
        let mut chain = Vec::new();
        let mut seen = FxHashSet::default();
        let mut next = address;
        while let Some(head) = self.type_head(next).filter(|_| chain.len() < MAXIMUM_CLASSES as usize && seen.insert(next)) {
            chain.push((next, head));
            next = head.base;
        }
        chain
    }

    /// What is known of a class by itself.
    fn known(&self, head: &TypeHead) -> Option<Known> {
        if head.flags & HEAPTYPE != 0 {
            return None;
        }
        if head.flags & BASE_EXC_SUBCLASS != 0 {
            return Some(Known { payload: Payload::Exception, kind: TypeKind::Exception, fields: Vec::new() });
        }
        payload::known(self.layouts(), &self.c_text(head.name)?)
    }

    /// The reducer for a type, and the class that it answers for.
    fn registered(&self, classes: &[Address], names: &[Rc<str>]) -> Option<(Address, Registration)> {
        classes.iter().zip(names).enumerate().find_map(|(distance, (class, name))| {
            let registration = *self.registry.find([&**name])?;
            if registration.reducer.reads_a_layout() && !self.has_a_struct(*class) {
                return None;
            }
            let bases = registration.types.iter().any(|wanted| matches!(wanted, TypeMatch::Base(base) if *base == &**name));
            (distance == 0 || bases).then_some((*class, registration))
        })
    }

    /// Whether the instances of a class have words that neither its base nor slots, dictionary and weak references account
    /// for. Then it is a struct of C: a `class` statement makes none, whatever its name.
    fn has_a_struct(&self, class: Address) -> bool {
        let Some(head) = self.type_head(class).filter(|head| head.flags & HEAPTYPE != 0) else { return true };
        let Some(base) = self.type_head(head.base) else { return true };
        let mut members = Vec::new();
        self.members_of(class, &mut members);
        if members.iter().any(|member| member.kind != T_OBJECT_EX) {
            return true;
        }
        let attributes = self.attribute_storage(&head, Payload::Object);
        let counted_from_the_end = usize::from(matches!(attributes, Attributes::FromEnd(_)));
        self.unknown_words(&head, base.basic_size, &members, attributes).len() > counted_from_the_end
    }

    fn decode_type(&self, address: Address) -> Option<TypeEntry> {
        let chain = self.base_chain(address);
        let head = chain.first()?.1;
        if head.flags & READY == 0 && !self.is_named_like_a_type(&head) {
            return None;
        }
        let classes = self.classes(address);
        let names: Vec<Rc<str>> = classes.iter().map(|class| self.class_name(*class)).collect();
        let (mut floor, known) = chain
            .iter()
            .enumerate()
            .find_map(|(index, (_, head))| Some((index, self.known(head)?)))
            .unwrap_or((chain.len() - 1, Known { payload: Payload::Object, kind: TypeKind::Object, fields: Vec::new() }));
        let payload_floor = floor;
        let mut reducer = self.registered(&classes, &names);
        if let Some((class, _)) = reducer {
            match chain.iter().position(|(base, _)| *base == class) {
                // Something nearer is known than what the reducer answers for.
                Some(index) if index > floor => reducer = None,
                Some(index) => floor = index,
                None => {}
            }
        }
        let told: FxHashSet<Address> = self.classes(chain[floor].0).into_iter().collect();
        let mut members = Vec::new();
        for class in classes.iter().filter(|class| !told.contains(class)) {
            self.members_of(*class, &mut members);
        }
        let attributes = self.attribute_storage(&head, known.payload);
        let unknown_words = self.unknown_words(&head, chain[floor].1.basic_size, &members, attributes);
        // What a capsule points to is known to its maker alone; from 3.13 on the collector may be told of it.
        // (The chain of a corrupted type may be longer than its names.)
        let has_traversal = self.class_name(chain[floor].0) == "PyCapsule".into() && head.flags & HAVE_GC != 0;
        let unknown_words = if has_traversal { [self.layouts().capsule.pointer.offset() as u32].into() } else { unknown_words };
        members.retain(|member| !(member.name.starts_with("__") && member.name.ends_with("offset__")));
        let is_variable = head.item_size > 0;
        let unknown_items = is_variable && known.payload == Payload::Object && reducer.is_none();
        let item_names = if known.payload == Payload::Tuple { self.item_names(&classes) } else { Box::default() };
        let keys = match attributes {
            Attributes::ValuesAndDict | Attributes::DictOrValues | Attributes::DictPointer => self.shared_keys(address, &head),
            _ => Box::default(),
        };
        let is_plain = attributes == Attributes::None
            && members.is_empty()
            && unknown_words.is_empty()
            && !unknown_items
            && item_names.is_empty();
        let origin = match (&reducer, unknown_words.is_empty() && !unknown_items) {
            (Some((_, registration)), _) => registration.origin.to_owned(),
            (None, true) if floor > 0 && chain[..floor].iter().any(|(_, head)| head.flags & HEAPTYPE == 0) => "members".into(),
            (None, true) => "exact".into(),
            (None, false) if known.payload == Payload::Object => "conservative".into(),
            (None, false) => format!("base {}", self.class_name(chain[payload_floor].0)),
        };
        let description = TypeDescription {
            name: names.first().map(|name| name.to_string()).unwrap_or_default(),
            module: self.module_of(address).unwrap_or_default(),
            address: address.0,
            kind: known.kind,
            mro: names.iter().map(|name| name.to_string()).collect(),
            basic_size: head.basic_size as u64,
            origin,
            ..TypeDescription::default()
        };
        Some(TypeEntry {
            id: TypeId(0),
            address,
            payload: known.payload,
            flags: head.flags,
            basic_size: head.basic_size as u64,
            item_size: head.item_size as u64,
            fixed_size: head.basic_size as u64 + self.bytes_in_front(&head),
            attributes,
            keys,
            members: members.into(),
            fields: known.fields.into(),
            item_names,
            unknown_words,
            unknown_items,
            is_plain,
            is_leaf: is_plain && reducer.is_none() && matches!(known.payload, Payload::Str | Payload::Int | Payload::Float),
            reducer: reducer.map(|(_, registration)| registration),
            description,
        })
    }

    /// Static types that nobody made ready have objects all the same.
    fn is_named_like_a_type(&self, head: &TypeHead) -> bool {
        head.flags & HEAPTYPE == 0
            && self.c_text(head.name).is_some_and(|name| {
                !name.is_empty() && name.len() < 100 && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
            })
    }

    fn bytes_in_front(&self, head: &TypeHead) -> u64 {
        let collected = head.flags & HAVE_GC != 0 && self.layouts().object.ob_ref_local.is_none();
        let managed = head.flags & (MANAGED_DICT | MANAGED_WEAKREF) != 0;
        u64::from(collected) * self.layouts().gc_head.size as u64 + u64::from(managed) * PRE_HEADER
    }

    fn attribute_storage(&self, head: &TypeHead, payload: Payload) -> Attributes {
        let layouts = self.layouts();
        if let (true, Some(values)) = (head.flags & MANAGED_DICT != 0, layouts.dict_values) {
            // The release that keeps the dictionaries of static types apart is the one that joined the two words.
            return match (values.valid, layouts.static_type_state) {
                (Some(_), _) => Attributes::DictPointer,
                (None, Some(_)) => Attributes::DictOrValues,
                (None, None) => Attributes::ValuesAndDict,
            };
        }
        match head.dict_offset {
            // A type's dictionary is told by its payload.
            _ if payload == Payload::Type => Attributes::None,
            offset if offset >= layouts.object.size as i64 && offset + 8 <= head.basic_size => Attributes::At(offset as u32),
            offset if offset < 0 && head.item_size > 0 => Attributes::FromEnd(offset),
            // Negative without items: so many bytes before the end of the fixed part.
            offset if offset < 0 && head.basic_size + offset >= layouts.object.size as i64 => {
                Attributes::At((head.basic_size + offset) as u32)
            }
            _ => Attributes::None,
        }
    }

    fn unknown_words(&self, head: &TypeHead, known: i64, members: &[Member], attributes: Attributes) -> Box<[u32]> {
        let mut known_at = vec![];
        if let Attributes::At(offset) = attributes {
            known_at.push(offset);
        }
        if head.weaklist_offset > 0 {
            known_at.push(head.weaklist_offset as u32);
        }
        known_at.extend(members.iter().map(|member| member.offset & !7));
        known_at.sort_unstable();
        let first = (known + 7) & !7;
        // What lies further on in a type of many megabytes is a table of numbers.
        let last = (head.basic_size - 8).min(first.saturating_add(MOST_SCANNED));
        let is_unknown = |word: &u32| known_at.binary_search(word).is_err();
        (first..=last).step_by(8).map(|offset| offset as u32).filter(is_unknown).collect()
    }

    /// The names in `_fields` of the nearest class that has them.
    fn item_names(&self, classes: &[Address]) -> Box<[Address]> {
        let fields = classes.iter().find_map(|class| self.dict_get(self.dict_of_type(*class), "_fields"));
        let names = fields.and_then(|fields| self.items_of_tuple(fields, MAXIMUM_CLASSES)).unwrap_or_default();
        if names.iter().any(|name| !self.is_text(*name)) { Box::default() } else { names.into() }
    }

    /// The keys that the instances of a heap type share.
    fn shared_keys(&self, address: Address, head: &TypeHead) -> Box<[Address]> {
        if head.flags & HEAPTYPE == 0 {
            return Box::default();
        }
        let keys = self.optional_field(Some(self.layouts().heap_type.ht_cached_keys), address).unwrap_or_default();
        self.keys_of_table(keys).unwrap_or_default().into()
    }

    /// The dictionary of the type at `address`; null where there is none. Static types of 3.12 and later have theirs in the
    /// interpreter.
    pub(crate) fn dict_of_type(&self, address: Address) -> Address {
        let layouts = self.layouts();
        let layout = &layouts.type_object;
        let dict = layout.tp_dict.read(&self.memory, address).unwrap_or_default();
        if !dict.is_null() {
            return dict;
        }
        self.state_of_static_type(address)
            .and_then(|state| layouts.static_type_state?.tp_dict.read(&self.memory, state))
            .unwrap_or_default()
    }

    /// What the interpreter keeps of the static type at `address`.
    pub(crate) fn state_of_static_type(&self, address: Address) -> Option<Address> {
        let layouts = self.layouts();
        let state = layouts.static_type_state?;
        if self.facts.interpreter.is_null() {
            return None;
        }
        let index = layouts.type_object.tp_subclasses.read(&self.memory, address)?.0.checked_sub(1)?;
        if index >= 1000 {
            return None;
        }
        let states = layouts.interpreter.static_type_states?.at(self.facts.interpreter);
        let at = states.offset(index as i64 * state.size as i64);
        if state.type_.read(&self.memory, at)? == address {
            return Some(at);
        }
        // Types of extensions that are static have an index of their own (3.13).
        let states = layouts.interpreter.static_extension_states?.at(self.facts.interpreter);
        let at = states.offset(index as i64 * state.size as i64);
        (state.type_.read(&self.memory, at)? == address).then_some(at)
    }
}
