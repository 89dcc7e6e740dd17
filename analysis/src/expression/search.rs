//! Where a part of a text or of bytes is, in time that grows with both lengths and not with their product.

/// For each beginning of a part the length of its longest other beginning that is also its end.
fn borders<T: PartialEq>(wanted: &[T]) -> Vec<u32> {
    let mut borders = vec![0u32; wanted.len()];
    let mut length = 0usize;
    for at in 1..wanted.len() {
        while length > 0 && wanted[at] != wanted[length] {
            length = borders[length - 1] as usize;
        }
        length += usize::from(wanted[at] == wanted[length]);
        borders[at] = length as u32;
    }
    borders
}

/// A part that is looked for, perhaps more than once.
pub(crate) struct Wanted<'a, T> {
    part: &'a [T],
    borders: Vec<u32>,
}

impl<'a, T: PartialEq + Copy> Wanted<'a, T> {
    pub(crate) fn new(part: &'a [T]) -> Wanted<'a, T> {
        Wanted { part, borders: borders(part) }
    }

    /// Where it begins first, from a position on.
    pub(crate) fn find(&self, text: &[T], from: usize) -> Option<usize> {
        if self.part.is_empty() {
            return (from <= text.len()).then_some(from);
        }
        let mut matched = 0usize;
        let mut at = from;
        while at < text.len() {
            if matched == 0 {
                at += text[at..].iter().position(|one| *one == self.part[0])?;
            }
            while matched > 0 && text[at] != self.part[matched] {
                matched = self.borders[matched - 1] as usize;
            }
            matched += usize::from(text[at] == self.part[matched]);
            at += 1;
            if matched == self.part.len() {
                return Some(at - matched);
            }
        }
        None
    }
}

/// Where a part begins first.
pub(crate) fn find<T: PartialEq + Copy>(text: &[T], part: &[T]) -> Option<usize> {
    if part.len() > text.len() {
        return None;
    }
    Wanted::new(part).find(text, 0)
}

/// Where a part begins last.
pub(crate) fn find_last<T: PartialEq + Copy>(text: &[T], part: &[T]) -> Option<usize> {
    let backwards = |text: &[T]| text.iter().rev().copied().collect::<Vec<T>>();
    let found = find(&backwards(text), &backwards(part))?;
    Some(text.len() - part.len() - found)
}
