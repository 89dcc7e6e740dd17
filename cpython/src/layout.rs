//! Typed offsets into CPython's structs: [`Field`], and [`layout!`](crate::layout!), which declares a struct once.
//!
//! "Where" is data, "what" is code. A declaration names the fields that reading needs and their C types; where they lie
//! comes from one column of the layout table ([`crate::layouts::Table`]). A field that some CPython lacks is declared
//! `Option<T>` and becomes an `Option<Field<T>>`, so that its absence must be looked at. Which shape a struct has is
//! decided by which fields exist, never by a version number.
//!
//! A field never decodes bytes outside its struct: its extent is compared with the struct's size when the column is read,
//! and every decoding is a checked slice of the bytes at hand.

use std::fmt;
use std::marker::PhantomData;

use heapsake_core::Address;

use crate::error::{Error, ErrorKind};
use crate::layouts::{Cell, Column, Flags, HexVersion, StructCells};
use crate::memory::{Memory, read_array};

/// Where a value of type `T` lies in a struct.
pub struct Field<T> {
    offset: u32,
    bit: u8,
    width: u8,
    content: PhantomData<fn() -> T>,
}

impl<T> Field<T> {
    /// Offset in bytes from the struct's start.
    #[inline]
    pub fn offset(self) -> usize {
        self.offset as usize
    }

    /// Address of the field in the struct that starts at `object`.
    #[inline]
    pub fn at(self, object: Address) -> Address {
        object.offset(i64::from(self.offset))
    }

    /// The same field where its struct is embedded `base` bytes deep in another one.
    #[inline]
    pub fn within<U>(self, base: Field<U>) -> Field<T> {
        Field { offset: self.offset.saturating_add(base.offset), ..self }
    }
}

impl<T: Scalar> Field<T> {
    /// The value, out of the struct's bytes; `None` if there are too few of them.
    #[inline]
    pub fn decode(self, bytes: &[u8]) -> Option<T::Value> {
        T::decode(bytes.get(self.offset as usize..)?, self.bit, self.width)
    }

    /// The value, out of the struct at `object`; `None` if that memory cannot be read.
    #[inline]
    pub fn read<M: Memory + ?Sized>(self, memory: &M, object: Address) -> Option<T::Value> {
        T::read(memory, self.at(object), self.bit, self.width)
    }
}

// Derived impls would ask for `T: Clone`, which a field does not need.
impl<T> Clone for Field<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

impl<T> fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.bit, self.width) {
            (_, 0) => write!(f, "@{}", self.offset),
            (bit, width) => write!(f, "@{}.{bit}:{width}", self.offset),
        }
    }
}

/// What a field may hold.
pub trait Content: Copy + 'static {
    /// The C types it stands for.
    const KIND: Kind;
}

/// A content that is one number.
pub trait Scalar: Content {
    /// What decoding gives.
    type Value: Copy + fmt::Debug;

    /// The number at the start of `bytes`; `bit` and `width` are those of a bit field.
    fn decode(bytes: &[u8], bit: u8, width: u8) -> Option<Self::Value>;

    /// The number at `address`.
    fn read<M: Memory + ?Sized>(memory: &M, address: Address, bit: u8, width: u8) -> Option<Self::Value>;
}

/// The C types that a declared type stands for; `xtask layouts` compares them with the debug information.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An unsigned integer or enumeration of so many bytes.
    Unsigned(u8),
    /// A signed integer of so many bytes.
    Signed(u8),
    /// A floating-point number of so many bytes.
    Float(u8),
    /// A pointer.
    Address,
    /// An unsigned integer of any number of bits.
    Bits,
    /// Something of which only the place is of interest.
    Inline,
}

impl Kind {
    /// Bytes that a field of this kind takes at least; none for kinds without a fixed width.
    pub fn width(self) -> usize {
        match self {
            Kind::Unsigned(bytes) | Kind::Signed(bytes) | Kind::Float(bytes) => bytes as usize,
            Kind::Address => 8,
            Kind::Bits | Kind::Inline => 0,
        }
    }
}

/// An unsigned integer of 1 to 64 bits that may be a bit field, and whose width may differ between CPythons; reads as `u64`.
#[derive(Clone, Copy, Debug)]
pub enum Bits {}

/// An array or a struct that lies in the struct itself: only its place is of interest.
#[derive(Clone, Copy, Debug)]
pub enum Inline {}

macro_rules! scalars {
    ($($type:ty, $kind:expr, $read:expr;)*) => {$(
        impl Content for $type {
            const KIND: Kind = $kind;
        }

        impl Scalar for $type {
            type Value = $type;

            #[inline]
            fn decode(bytes: &[u8], _: u8, _: u8) -> Option<$type> {
                bytes.first_chunk().map(|chunk| <$type>::from_le_bytes(*chunk))
            }

            #[inline]
            fn read<M: Memory + ?Sized>(memory: &M, address: Address, _: u8, _: u8) -> Option<$type> {
                $read(memory, address)
            }
        }
    )*};
}

scalars! {
    u8, Kind::Unsigned(1), M::read_u8;
    u16, Kind::Unsigned(2), M::read_u16;
    u32, Kind::Unsigned(4), M::read_u32;
    u64, Kind::Unsigned(8), M::word;
    i8, Kind::Signed(1), |memory, address| read_array(memory, address).map(i8::from_le_bytes);
    i16, Kind::Signed(2), |memory, address| read_array(memory, address).map(i16::from_le_bytes);
    i32, Kind::Signed(4), M::read_i32;
    i64, Kind::Signed(8), M::read_i64;
    f64, Kind::Float(8), M::read_f64;
}

impl Content for Address {
    const KIND: Kind = Kind::Address;
}

impl Scalar for Address {
    type Value = Address;

    #[inline]
    fn decode(bytes: &[u8], _: u8, _: u8) -> Option<Address> {
        u64::decode(bytes, 0, 0).map(Address)
    }

    #[inline]
    fn read<M: Memory + ?Sized>(memory: &M, address: Address, _: u8, _: u8) -> Option<Address> {
        memory.pointer(address)
    }
}

impl Content for Bits {
    const KIND: Kind = Kind::Bits;
}

impl Scalar for Bits {
    type Value = u64;

    #[inline]
    fn decode(bytes: &[u8], bit: u8, width: u8) -> Option<u64> {
        let length = (usize::from(bit) + usize::from(width)).div_ceil(8);
        let mut word = [0; 8];
        word.get_mut(..length)?.copy_from_slice(bytes.get(..length)?);
        let mask = u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0);
        Some((u64::from_le_bytes(word) >> bit) & mask)
    }

    #[inline]
    fn read<M: Memory + ?Sized>(memory: &M, address: Address, bit: u8, width: u8) -> Option<u64> {
        let length = (usize::from(bit) + usize::from(width)).div_ceil(8);
        let mut word = [0; 8];
        memory.read_at(address, word.get_mut(..length)?).ok()?;
        Bits::decode(&word, bit, width)
    }
}

impl Content for Inline {
    const KIND: Kind = Kind::Inline;
}

/// A type as written in a declaration: `T`, or `Option<T>` where some CPython has no such field.
pub trait Declared {
    /// What the layout struct holds: `Field<T>` or `Option<Field<T>>`.
    type Slot: Copy + fmt::Debug;
    /// The C types.
    const KIND: Kind;
    /// Whether the field may be absent.
    const OPTIONAL: bool;

    /// The slot for the field that `declaration` names, out of the cells of its struct in one column.
    fn slot(cells: &StructCells, column: &Column, of: &str, declaration: &FieldDeclaration) -> Result<Self::Slot, LayoutError>;
}

impl<T: Content> Declared for T {
    type Slot = Field<T>;
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = false;

    fn slot(cells: &StructCells, column: &Column, of: &str, declaration: &FieldDeclaration) -> Result<Field<T>, LayoutError> {
        <Option<T>>::slot(cells, column, of, declaration)?.ok_or_else(|| LayoutError::AbsentField {
            structure: of.to_owned(),
            field: declaration.row().to_owned(),
            version: column.version,
            flags: column.flags,
        })
    }
}

impl<T: Content> Declared for Option<T> {
    type Slot = Option<Field<T>>;
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn slot(cells: &StructCells, _: &Column, of: &str, declaration: &FieldDeclaration) -> Result<Self::Slot, LayoutError> {
        let Some(cell) = cells.field(declaration.row()) else {
            return Ok(None);
        };
        let bits = T::KIND == Kind::Bits;
        let end = match cell.width {
            0 => u64::from(cell.offset) + T::KIND.width() as u64,
            width => u64::from(cell.offset) + (u64::from(cell.bit) + u64::from(width)).div_ceil(8),
        };
        if bits != (cell.width > 0) || u32::from(cell.bit) + u32::from(cell.width) > 64 || end > u64::from(cells.size()) {
            return Err(LayoutError::BadCell {
                structure: of.to_owned(),
                field: declaration.row().to_owned(),
                cell,
                size: cells.size(),
                expected: if bits { "a bit field" } else { "a field" },
            });
        }
        Ok(Some(Field { offset: cell.offset, bit: cell.bit, width: cell.width, content: PhantomData }))
    }
}

/// A struct as declared by [`layout!`](crate::layout!).
#[derive(Clone, Copy, Debug)]
pub struct StructDeclaration {
    /// The Rust name, which is also its row in the table.
    pub name: &'static str,
    /// The names to look up in the debug information, in this order, separated by `|`.
    pub c_names: &'static str,
    /// The extension module whose shared library has the struct; none for the interpreter itself.
    pub module: Option<&'static str>,
    /// Its fields, in the order of declaration.
    pub fields: &'static [FieldDeclaration],
}

/// A field as declared by [`layout!`](crate::layout!).
#[derive(Clone, Copy, Debug)]
pub struct FieldDeclaration {
    /// The paths to look up in the struct, in this order, separated by `|`; a dot enters an embedded struct.
    pub paths: &'static str,
    /// The C types.
    pub kind: Kind,
    /// Whether some CPython lacks it.
    pub optional: bool,
}

impl FieldDeclaration {
    /// The field's row in the table: its first path.
    pub fn row(&self) -> &'static str {
        self.paths.split_once('|').map_or(self.paths, |(first, _)| first)
    }
}

/// A struct of offsets, made by [`layout!`](crate::layout!).
pub trait Layout: Copy + fmt::Debug {
    /// What it was made of.
    const DECLARATION: StructDeclaration;

    /// The layout in one column; `None` if that CPython has no such struct.
    fn find(column: &Column) -> Result<Option<Self>, LayoutError>;
}

/// A member of a set of layouts: `L`, or `Option<L>` where some CPython has no such struct.
pub trait Member: Copy + fmt::Debug {
    /// What the layout was made of.
    const DECLARATION: StructDeclaration;

    /// The member, out of one column.
    fn find(column: &Column) -> Result<Self, LayoutError>;
}

impl<L: Layout> Member for L {
    const DECLARATION: StructDeclaration = L::DECLARATION;

    fn find(column: &Column) -> Result<L, LayoutError> {
        L::find(column)?.ok_or_else(|| LayoutError::AbsentStruct {
            structure: L::DECLARATION.name.to_owned(),
            version: column.version,
            flags: column.flags,
        })
    }
}

impl<L: Layout> Member for Option<L> {
    const DECLARATION: StructDeclaration = L::DECLARATION;

    fn find(column: &Column) -> Result<Option<L>, LayoutError> {
        L::find(column)
    }
}

/// Why a layout cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// No column of the table is near enough.
    #[error("the layout of CPython {version}{flags} is unknown; those of {known} are known")]
    UnknownLayout {
        /// Version of the target.
        version: HexVersion,
        /// Build of the target.
        flags: Flags,
        /// The versions that are known.
        known: String,
    },
    /// A struct that must exist has no size in the column.
    #[error("the layout table has no {structure} for CPython {version}{flags}")]
    AbsentStruct {
        /// The struct.
        structure: String,
        /// Version of the column.
        version: HexVersion,
        /// Build of the column.
        flags: Flags,
    },
    /// A field that must exist has no offset in the column.
    #[error("the layout table has no {structure}.{field} for CPython {version}{flags}")]
    AbsentField {
        /// The struct.
        structure: String,
        /// The field.
        field: String,
        /// Version of the column.
        version: HexVersion,
        /// Build of the column.
        flags: Flags,
    },
    /// A cell does not fit its field or its struct.
    #[error("the layout table puts {structure}.{field} at {cell}, which is not {expected} inside {size} bytes")]
    BadCell {
        /// The struct.
        structure: String,
        /// The field.
        field: String,
        /// What the table says.
        cell: Cell,
        /// Size of the struct.
        size: u32,
        /// What the declaration says.
        expected: &'static str,
    },
    /// The table's text is malformed.
    #[error("line {line} of the layout table: {message}")]
    Syntax {
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

impl From<LayoutError> for Error {
    fn from(error: LayoutError) -> Error {
        let kind = match error {
            LayoutError::UnknownLayout { .. } => ErrorKind::UnknownLayout,
            _ => ErrorKind::LayoutTable,
        };
        Error::new(kind, error.to_string())
    }
}

/// Declares structs of CPython: what reading needs of them, by their C names.
///
/// ```
/// use heapsake_core::Address;
///
/// heapsake_cpython::layout! {
///     /// `Objects/dictobject.c`.
///     pub struct PyDictObject { ma_used: i64, ma_keys: Address, ma_values: Address }
///     /// Another name in C, an extension module, a field of an embedded struct, and one that some CPython lacks.
///     pub struct Example as "exampleobject|_PyExampleObject" from "_example" {
///         lv_tag as "long_value.lv_tag": Option<u64>,
///     }
/// }
/// ```
///
/// makes of each a struct of a `size` and one [`Field`] (or `Option<Field>`) per field, which implements [`Layout`].
#[macro_export]
macro_rules! layout {
    ($(
        $(#[$about:meta])*
        $visibility:vis struct $name:ident $(as $c_names:literal)? $(from $module:literal)? {
            $($(#[$field_about:meta])* $field:ident $(as $paths:literal)? : $type:ty),* $(,)?
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name {
            /// `sizeof` of the struct.
            $visibility size: usize,
            $(
                $(#[$field_about])*
                #[doc = concat!("\n\n`", $crate::layout!(@first $($paths)? , stringify!($field)), "`: `", stringify!($type), "`.")]
                $visibility $field: <$type as $crate::layout::Declared>::Slot,
            )*
        }

        impl $crate::layout::Layout for $name {
            const DECLARATION: $crate::layout::StructDeclaration = $crate::layout::StructDeclaration {
                name: stringify!($name),
                c_names: $crate::layout!(@first $($c_names)? , stringify!($name)),
                module: $crate::layout!(@option $($module)?),
                fields: &[$($crate::layout::FieldDeclaration {
                    paths: $crate::layout!(@first $($paths)? , stringify!($field)),
                    kind: <$type as $crate::layout::Declared>::KIND,
                    optional: <$type as $crate::layout::Declared>::OPTIONAL,
                }),*],
            };

            fn find(column: &$crate::layouts::Column) -> Result<Option<Self>, $crate::layout::LayoutError> {
                let declaration = <Self as $crate::layout::Layout>::DECLARATION;
                let Some(cells) = column.structure(declaration.name) else {
                    return Ok(None);
                };
                let mut fields = declaration.fields.iter();
                Ok(Some($name {
                    size: cells.size() as usize,
                    $($field: match fields.next() {
                        Some(field) => <$type as $crate::layout::Declared>::slot(cells, column, declaration.name, field)?,
                        None => return Ok(None),
                    },)*
                }))
            }
        }
    )*};
    (@first $given:literal , $default:expr) => { $given };
    (@first , $default:expr) => { $default };
    (@option $given:literal) => { Some($given) };
    (@option) => { None };
}

/// Declares a set of layouts that are read from one column together.
///
/// Members are layouts, or `Option`s of them where some CPython has no such struct. The set gets the column's version and
/// flags, `for_column`, and `DECLARATIONS`, what `xtask layouts` looks up.
#[macro_export]
macro_rules! layouts {
    (
        $(#[$about:meta])*
        $visibility:vis struct $name:ident { $($(#[$member_about:meta])* pub $member:ident: $type:ty),* $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        $visibility struct $name {
            /// The CPython that the column was made of, which may be another patch release than the target.
            $visibility version: $crate::layouts::HexVersion,
            /// Its build.
            $visibility flags: $crate::layouts::Flags,
            $(
                $(#[$member_about])*
                #[doc = concat!("`", stringify!($type), "`.")]
                $visibility $member: $type,
            )*
        }

        impl $name {
            /// Every struct of the set.
            $visibility const DECLARATIONS: &'static [$crate::layout::StructDeclaration] =
                &[$(<$type as $crate::layout::Member>::DECLARATION),*];

            /// The layouts of one column.
            ///
            /// # Errors
            /// A struct or field that is not optional is absent from the column, or its cell makes no sense.
            $visibility fn for_column(column: &$crate::layouts::Column) -> Result<$name, $crate::layout::LayoutError> {
                Ok($name {
                    version: column.version,
                    flags: column.flags,
                    $($member: <$type as $crate::layout::Member>::find(column)?,)*
                })
            }
        }
    };
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
