//! What an edge of the graph stands for, and sets of that. The number is the one in the bytes of a graph.

use std::fmt;

use crate::heap::EdgeKind;

/// What an edge of the graph stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Link {
    /// From [`Graph::root`](super::Graph::root) to a root of the heap.
    Root = 0,
    /// [`EdgeKind::Attribute`].
    Attribute = 1,
    /// [`EdgeKind::Local`].
    Local = 2,
    /// [`EdgeKind::Internal`].
    Internal = 3,
    /// [`EdgeKind::Weak`].
    Weak = 4,
    /// [`EdgeKind::Borrowed`].
    Borrowed = 5,
    /// [`EdgeKind::Conservative`].
    Conservative = 6,
    /// [`EdgeKind::Stale`].
    Stale = 7,
    /// An element of what is like a sequence or a set.
    Element = 8,
    /// A key of what is like a mapping.
    Key = 9,
    /// The value of an entry.
    Item = 10,
    /// From an object to its type.
    Type = 11,
}

impl Link {
    /// Every link, in the order of the numbers.
    pub const ALL: [Link; 12] = [
        Link::Root,
        Link::Attribute,
        Link::Local,
        Link::Internal,
        Link::Weak,
        Link::Borrowed,
        Link::Conservative,
        Link::Stale,
        Link::Element,
        Link::Key,
        Link::Item,
        Link::Type,
    ];

    /// The link with this number; those of no link are taken for a guess. [`Graph::open`](super::Graph::open) lets none in.
    #[inline]
    pub(crate) fn from_number(number: u8) -> Link {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Link::Conservative)
    }

    pub(crate) fn shared(self) -> &'static Link {
        static LINKS: [Link; Link::ALL.len()] = Link::ALL;
        &LINKS[self as usize]
    }

    /// The word that front ends show.
    pub fn word(self) -> &'static str {
        match self {
            Link::Root => "root",
            Link::Attribute => "attribute",
            Link::Local => "local",
            Link::Internal => "internal",
            Link::Weak => "weak",
            Link::Borrowed => "borrowed",
            Link::Conservative => "conservative",
            Link::Stale => "stale",
            Link::Element => "element",
            Link::Key => "key",
            Link::Item => "item",
            Link::Type => "type",
        }
    }
}

impl From<EdgeKind> for Link {
    fn from(kind: EdgeKind) -> Link {
        match kind {
            EdgeKind::Attribute => Link::Attribute,
            EdgeKind::Local => Link::Local,
            EdgeKind::Internal => Link::Internal,
            EdgeKind::Weak => Link::Weak,
            EdgeKind::Borrowed => Link::Borrowed,
            EdgeKind::Conservative => Link::Conservative,
            EdgeKind::Stale => Link::Stale,
        }
    }
}

/// A set of links.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Links(u16);

impl Links {
    /// No link.
    pub const NONE: Links = Links(0);
    /// Every link.
    pub const ALL: Links = Links((1 << Link::ALL.len()) - 1);
    /// The links that keep an object alive: all but weak, borrowed, conservative and stale ones.
    pub const STRONG: Links =
        Self::ALL.without(Link::Weak).without(Link::Borrowed).without(Link::Conservative).without(Link::Stale);

    /// This set and `link`.
    #[must_use]
    pub const fn with(self, link: Link) -> Links {
        Links(self.0 | 1 << link as u16)
    }

    /// This set without `link`.
    #[must_use]
    pub const fn without(self, link: Link) -> Links {
        Links(self.0 & !(1 << link as u16))
    }

    /// Whether `link` is in it.
    #[inline]
    pub const fn contains(self, link: Link) -> bool {
        self.0 & 1 << link as u16 != 0
    }

    /// Whether one link is in both.
    pub const fn meets(self, other: Links) -> bool {
        self.0 & other.0 != 0
    }

    /// The links in it, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Link> {
        Link::ALL.into_iter().filter(move |link| self.contains(*link))
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
