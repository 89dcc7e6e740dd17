//! Types of columns, and by which number each release of polars knows them.
//!
//! The numbers are the variants of a Rust enumeration in their order, to which releases added some; from the release on that
//! is named, until the next one. A release that is not among them is not guessed at.

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    /// Bytes.
    Unsigned(usize),
    Signed(usize),
    Float(usize),
    Decimal,
    String,
    Binary,
    BinaryOffset,
    Date,
    Datetime,
    Duration,
    Time,
}

/// The numbers of some releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    types: &'static [Type],
    /// Stands for no type: then a day or a time of the day is known by its size.
    none: Option<u8>,
    /// Whether what a column means stands in front of its numbers, and not behind them.
    pub(crate) in_front: bool,
}

use Type::{Binary, BinaryOffset, Boolean, Date, Datetime, Decimal, Duration, Float, Signed, String, Time, Unsigned};

/// As of 1.8.
const PLAIN: Numbers = Numbers {
    types: &[
        Boolean,
        Unsigned(1),
        Unsigned(2),
        Unsigned(4),
        Unsigned(8),
        Signed(1),
        Signed(2),
        Signed(4),
        Signed(8),
        Float(4),
        Float(8),
        Decimal,
        String,
        Binary,
        BinaryOffset,
        Date,
        Datetime,
        Duration,
        Time,
    ],
    none: Some(27),
    in_front: true,
};
/// As of 1.18: whole numbers of 128 bits.
const WIDE: Numbers = Numbers {
    types: &[
        Boolean,
        Unsigned(1),
        Unsigned(2),
        Unsigned(4),
        Unsigned(8),
        Signed(1),
        Signed(2),
        Signed(4),
        Signed(8),
        Signed(16),
        Float(4),
        Float(8),
        Decimal,
        String,
        Binary,
        BinaryOffset,
        Date,
        Datetime,
        Duration,
        Time,
    ],
    none: Some(28),
    in_front: true,
};
/// As of 1.34: also without a sign.
const WIDER: Numbers = Numbers {
    types: &[
        Boolean,
        Unsigned(1),
        Unsigned(2),
        Unsigned(4),
        Unsigned(8),
        Unsigned(16),
        Signed(1),
        Signed(2),
        Signed(4),
        Signed(8),
        Signed(16),
        Float(4),
        Float(8),
        Decimal,
        String,
        Binary,
        BinaryOffset,
        Date,
        Datetime,
        Duration,
        Time,
    ],
    none: None,
    in_front: true,
};
/// As of 1.36: halves.
const HALVES: Numbers = Numbers {
    types: &[
        Boolean,
        Unsigned(1),
        Unsigned(2),
        Unsigned(4),
        Unsigned(8),
        Unsigned(16),
        Signed(1),
        Signed(2),
        Signed(4),
        Signed(8),
        Signed(16),
        Float(2),
        Float(4),
        Float(8),
        Decimal,
        String,
        Binary,
        BinaryOffset,
        Date,
        Datetime,
        Duration,
        Time,
    ],
    none: None,
    in_front: true,
};

/// From which release on, until the first of which that is not so or not known.
const RELEASES: [((u32, u32), (u32, u32), Numbers); 5] = [
    ((1, 8), (1, 15), Numbers { in_front: false, ..PLAIN }),
    ((1, 17), (1, 18), PLAIN),
    ((1, 18), (1, 34), WIDE),
    ((1, 34), (1, 36), WIDER),
    ((1, 36), (2, 2), HALVES),
];

impl Numbers {
    /// Of a release such as `1.36.1`.
    pub(crate) fn of_release(release: &str) -> Option<Numbers> {
        let mut parts = release.split('.').map(|part| part.parse::<u32>().ok());
        let release = (parts.next()??, parts.next()??);
        RELEASES.iter().find(|(from, until, _)| (*from..*until).contains(&release)).map(|(.., numbers)| *numbers)
    }

    /// The type of this number.
    pub(crate) fn of(&self, number: u8) -> Option<Type> {
        self.types.get(usize::from(number)).copied()
    }

    /// What a column that means more than its numbers is, given these.
    pub(crate) fn meaning(&self, number: u8, of: Type) -> Option<Type> {
        match (self.of(number), of) {
            (Some(Type::Date), Type::Signed(4)) => Some(Type::Date),
            (Some(found @ (Type::Datetime | Type::Duration | Type::Time)), Type::Signed(8)) => Some(found),
            (None, Type::Signed(4)) if self.none == Some(number) => Some(Type::Date),
            (None, Type::Signed(8)) if self.none == Some(number) => Some(Type::Time),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_by_their_numbers() {
        let text =
            |release: &str| Numbers::of_release(release).and_then(|numbers| numbers.types.iter().position(|one| *one == String));
        assert_eq!(
            ["1.7.1", "1.8.2", "1.16.0", "1.17.1", "1.18.0", "1.33.1", "1.34.0", "1.36.0", "2.1.0", "2.2.0", "x"].map(text),
            [None, Some(12), None, Some(12), Some(13), Some(13), Some(14), Some(15), Some(15), None, None]
        );
    }

    #[test]
    fn days_and_times_are_as_wide_as_they_must_be() {
        let numbers = Numbers::of_release("2.1.0").unwrap();
        assert_eq!(numbers.meaning(18, Signed(4)), Some(Date));
        assert_eq!(numbers.meaning(18, Signed(8)), None);
        assert_eq!((numbers.meaning(19, Signed(8)), numbers.meaning(19, Float(8))), (Some(Datetime), None));
        let old = Numbers::of_release("1.8.2").unwrap();
        assert_eq!((old.meaning(27, Signed(4)), old.meaning(27, Signed(8))), (Some(Date), Some(Time)));
    }
}
