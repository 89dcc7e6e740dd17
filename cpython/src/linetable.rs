//! Line tables: which line, and from 3.11 which columns, an instruction belongs to.
//!
//! Three encodings: `co_lnotab` (to 3.9, `Objects/lnotab_notes.txt`), `co_linetable` of ranges (3.10), and the location
//! table (from 3.11, `Objects/locations.md`). Which one a code object has is decided by the fields that exist. A table from
//! a target may hold anything: every byte is fetched with a check, and every pass is bounded by the table's length.

/// How a code object's table is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Pairs of address and line increments; a line holds until the next one starts.
    Lnotab,
    /// Pairs of a range's length and its line increment; -128 is a range without a line.
    Ranges,
    /// Entries of one to eight code units with line, end line and columns.
    Locations,
}

/// Where in the source some instructions come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Line, 1 based.
    pub line: Option<u32>,
    /// Line of the end, where known.
    pub end_line: Option<u32>,
    /// Column of the first byte, 0 based.
    pub column: Option<u32>,
    /// Column of the first byte beyond.
    pub end_column: Option<u32>,
}

/// Instructions `start..end` (byte offsets) and their position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Offset of the first instruction.
    pub start: u32,
    /// Offset of the first instruction beyond.
    pub end: u32,
    /// Their position.
    pub position: Position,
}

/// The ranges of a table, in the order of the code.
#[derive(Clone, Debug)]
pub struct Ranges<'a> {
    encoding: Encoding,
    rest: &'a [u8],
    offset: u32,
    line: i64,
    finished: bool,
}

impl<'a> Ranges<'a> {
    /// The ranges that `table` spells for code that starts at `first_line`.
    pub fn new(encoding: Encoding, table: &'a [u8], first_line: i32) -> Ranges<'a> {
        Ranges { encoding, rest: table, offset: 0, line: i64::from(first_line), finished: false }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..36).step_by(6) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x3f) << shift;
            if byte & 0x40 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn signed_varint(&mut self) -> Option<i64> {
        let number = self.varint()?;
        let magnitude = (number >> 1) as i64;
        Some(if number & 1 == 1 { -magnitude } else { magnitude })
    }

    fn here(&self) -> Option<u32> {
        u32::try_from(self.line).ok().filter(|line| *line > 0)
    }

    fn range(&mut self, length: u32, position: Position) -> Range {
        let start = self.offset;
        self.offset = self.offset.saturating_add(length);
        Range { start, end: self.offset, position }
    }

    /// Up to 3.9 a pair ends a range: the line before its increment held up to its address.
    fn lnotab(&mut self) -> Option<Range> {
        if self.finished {
            return None;
        }
        let line = self.here();
        let position = Position { line, end_line: line, ..Position::default() };
        if let (Some(length), Some(delta)) = (self.byte(), self.byte()) {
            self.line += i64::from(delta as i8);
            return Some(self.range(u32::from(length), position));
        }
        self.finished = true;
        Some(Range { start: self.offset, end: u32::MAX, position })
    }

    fn ranges(&mut self) -> Option<Range> {
        let (length, delta) = (self.byte()?, self.byte()? as i8);
        let line = if delta == i8::MIN {
            None
        } else {
            self.line += i64::from(delta);
            self.here()
        };
        Some(self.range(u32::from(length), Position { line, end_line: line, ..Position::default() }))
    }

    fn locations(&mut self) -> Option<Range> {
        let head = self.byte()?;
        if head & 0x80 == 0 {
            return None;
        }
        let length = (u32::from(head & 7) + 1) * 2;
        let code = (head >> 3) & 0xf;
        let position = match code {
            0..=9 => {
                let byte = u32::from(self.byte()?);
                let column = u32::from(code) << 3 | byte >> 4;
                let line = self.here();
                Position { line, end_line: line, column: Some(column), end_column: Some(column + (byte & 15)) }
            }
            10..=12 => {
                self.line += i64::from(code) - 10;
                let (column, end) = (self.byte()?, self.byte()?);
                let line = self.here();
                Position { line, end_line: line, column: Some(column.into()), end_column: Some(end.into()) }
            }
            13 => {
                self.line += self.signed_varint()?;
                Position { line: self.here(), end_line: self.here(), ..Position::default() }
            }
            14 => {
                self.line += self.signed_varint()?;
                let end = self.varint()?;
                let (column, end_column) = (self.varint()?, self.varint()?);
                let less_one = |number: u64| u32::try_from(number.checked_sub(1)?).ok();
                let end_line = self.here().and_then(|line| line.checked_add(u32::try_from(end).ok()?));
                Position { line: self.here(), end_line, column: less_one(column), end_column: less_one(end_column) }
            }
            _ => Position::default(),
        };
        Some(self.range(length, position))
    }
}

impl Iterator for Ranges<'_> {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        match self.encoding {
            Encoding::Lnotab => self.lnotab(),
            Encoding::Ranges => self.ranges(),
            Encoding::Locations => self.locations(),
        }
    }
}

/// The position of the instruction at the byte `offset`; before the first instruction (a frame that has not started) that
/// is the first line, as `PyCode_Addr2Line` has it.
pub fn position_at(encoding: Encoding, table: &[u8], first_line: i32, offset: i64) -> Position {
    let Ok(offset) = u32::try_from(offset) else {
        let line = u32::try_from(first_line).ok().filter(|line| *line > 0);
        return Position { line, end_line: line, ..Position::default() };
    };
    Ranges::new(encoding, table, first_line).find(|range| offset < range.end).map(|range| range.position).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(encoding: Encoding, table: &[u8], first: i32, offsets: &[i64]) -> Vec<Option<u32>> {
        offsets.iter().map(|offset| position_at(encoding, table, first, *offset).line).collect()
    }

    #[test]
    fn lnotab_holds_a_line_until_the_next_and_goes_back() {
        // The example of lnotab_notes.txt: offsets 0 6 50 350 361 are lines 1 2 7 207 208; 150, 200 are split over pairs.
        let table = [0, 1, 6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1, 4, 0xfb];
        assert_eq!(
            lines(Encoding::Lnotab, &table, 0, &[0, 5, 6, 49, 50, 349, 350, 360, 361, 364, 365, 100_000]),
            [1, 1, 2, 2, 7, 7, 207, 207, 208, 208, 203, 203].map(Some)
        );
        assert_eq!(lines(Encoding::Lnotab, &[], 7, &[-1, 0, 99]), [7, 7, 7].map(Some));
    }

    #[test]
    fn ranges_may_have_no_line() {
        let table = [4, 1, 2, 0x80, 6, 2, 0, 5, 8, 0xff];
        assert_eq!(
            lines(Encoding::Ranges, &table, 10, &[-1, 0, 3, 4, 5, 6, 11, 12, 19, 20]),
            [Some(10), Some(11), Some(11), None, None, Some(13), Some(13), Some(17), Some(17), None]
        );
    }

    #[test]
    fn locations_have_columns() {
        let table = [
            0x80 | 1 << 3 | 1,
            0x25, // two units, short form, columns 10..15
            0x80 | 11 << 3,
            4,
            9, // one unit, next line, columns 4..9
            0x80 | 13 << 3 | 2,
            7,              // three units, three lines back, no columns
            0x80 | 15 << 3, // one unit, nothing
            0x80 | 14 << 3 | 7,
            0x40 | 4,
            3,
            2,
            5,
            0x40,
            1, // eight units, 2 + 192 / 2 = 98 lines on, to line + 2, columns 4..63
        ];
        let found: Vec<Range> = Ranges::new(Encoding::Locations, &table, 5).collect();
        let position = |line, end_line, columns: Option<(u32, u32)>| Position {
            line: Some(line),
            end_line: Some(end_line),
            column: columns.map(|columns| columns.0),
            end_column: columns.map(|columns| columns.1),
        };
        assert_eq!(
            found,
            [
                Range { start: 0, end: 4, position: position(5, 5, Some((10, 15))) },
                Range { start: 4, end: 6, position: position(6, 6, Some((4, 9))) },
                Range { start: 6, end: 12, position: position(3, 3, None) },
                Range { start: 12, end: 14, position: Position::default() },
                Range { start: 14, end: 30, position: position(101, 103, Some((4, 63))) },
            ]
        );
        assert_eq!(position_at(Encoding::Locations, &table, 5, 30), Position::default());
    }

    #[test]
    fn garbage_ends() {
        let mut byte = 1u8;
        let garbage: Vec<u8> = std::iter::repeat_with(|| {
            byte = byte.wrapping_mul(37).wrapping_add(11);
            byte
        })
        .take(5000)
        .collect();
        for encoding in [Encoding::Lnotab, Encoding::Ranges, Encoding::Locations] {
            for begin in 0..64 {
                for first in [i32::MIN, -1, 0, 1, i32::MAX] {
                    assert!(Ranges::new(encoding, &garbage[begin..], first).count() <= 5001);
                    position_at(encoding, &garbage[begin..], first, i64::MAX);
                }
            }
        }
    }
}
