//! Shapes and strides: how many elements there are, what memory they span, and in which order they lie.
//!
//! Sizes come from the target: every product and sum is checked, and a shape that overflows is none.

/// `NPY_MAXDIMS` of NumPy 2.
pub(crate) const MOST_DIMENSIONS: i32 = 64;

/// Shape and strides of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) shape: Vec<i64>,
    pub(crate) strides: Vec<i64>,
    pub(crate) item_size: i64,
}

impl Extent {
    /// Shape and strides that make sense together; none when a dimension is negative or the elements cannot be counted.
    pub(crate) fn new(shape: Vec<i64>, strides: Vec<i64>, item_size: i64) -> Option<Extent> {
        let fits = shape.len() == strides.len() && item_size >= 0 && shape.iter().all(|count| *count >= 0);
        let extent = Extent { shape, strides, item_size };
        (fits && extent.count().is_some() && extent.span().is_some()).then_some(extent)
    }

    /// Number of elements.
    pub(crate) fn count(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |count, next| count.checked_mul(*next as u64)).filter(|count| *count < 1 << 62)
    }

    /// The first byte and the one past the last, from where element 0 lies.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        if self.count()? == 0 {
            return Some((0, 0));
        }
        let (mut low, mut high) = (0i64, self.item_size);
        for (count, stride) in self.shape.iter().zip(&self.strides) {
            let reach = (count - 1).checked_mul(*stride)?;
            if reach < 0 {
                low = low.checked_add(reach)?;
            } else {
                high = high.checked_add(reach)?;
            }
        }
        high.checked_sub(low)?;
        Some((low, high))
    }

    /// The number of last dimensions whose elements lie one after the other.
    fn contiguous_tail(&self) -> usize {
        let mut expected = self.item_size;
        let dimensions = self.shape.iter().zip(&self.strides).rev();
        dimensions
            .take_while(|(count, stride)| {
                let fits = **count == 1 || **stride == expected;
                expected = expected.saturating_mul(**count);
                fits
            })
            .count()
    }

    /// The strides of the same shape in C order.
    pub(crate) fn c_strides(&self) -> Vec<i64> {
        let mut stride = self.item_size;
        let mut strides: Vec<i64> = self
            .shape
            .iter()
            .rev()
            .map(|count| {
                let this = stride;
                stride = stride.saturating_mul((*count).max(1));
                this
            })
            .collect();
        strides.reverse();
        strides
    }

    /// Gives runs of elements in C order: where each begins, from where element 0 lies, and how many elements it has. At most
    /// `most` elements. `each` says whether to go on.
    pub(crate) fn runs(&self, most: u64, mut each: impl FnMut(i64, u64) -> bool) {
        let mut left = self.count().unwrap_or(0).min(most);
        if left == 0 {
            return;
        }
        let outer = self.shape.len() - self.contiguous_tail();
        let run: u64 = self.shape[outer..].iter().map(|count| *count as u64).product();
        let mut index = vec![0; outer];
        let mut at = 0i64;
        while left > 0 {
            if !each(at, run.min(left)) {
                return;
            }
            left = left.saturating_sub(run);
            let mut dimension = outer;
            loop {
                if dimension == 0 {
                    return;
                }
                dimension -= 1;
                index[dimension] += 1;
                at = at.wrapping_add(self.strides[dimension]);
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                at = at.wrapping_sub(self.strides[dimension].wrapping_mul(self.shape[dimension]));
                index[dimension] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(shape: &[i64], strides: &[i64], size: i64) -> Vec<(i64, u64)> {
        let mut runs = Vec::new();
        Extent::new(shape.to_vec(), strides.to_vec(), size).unwrap().runs(u64::MAX, |at, count| {
            runs.push((at, count));
            true
        });
        runs
    }

    #[test]
    fn runs_are_in_c_order() {
        assert_eq!(starts(&[], &[], 8), [(0, 1)]);
        assert_eq!(starts(&[2, 3], &[24, 8], 8), [(0, 6)]);
        assert_eq!(starts(&[2, 3], &[8, 16], 8), [(0, 1), (16, 1), (32, 1), (8, 1), (24, 1), (40, 1)]);
        assert_eq!(starts(&[3], &[-8], 8), [(0, 1), (-8, 1), (-16, 1)]);
        assert_eq!(starts(&[2, 2], &[100, 4], 4), [(0, 2), (100, 2)]);
        assert_eq!(starts(&[2, 0], &[8, 8], 8), []);
        assert_eq!(starts(&[3], &[0], 4), [(0, 1), (0, 1), (0, 1)]);
    }

    #[test]
    fn spans_are_from_the_first_element() {
        let span = |shape: &[i64], strides: &[i64]| Extent::new(shape.to_vec(), strides.to_vec(), 8).unwrap().span();
        assert_eq!(span(&[2, 3], &[24, 8]), Some((0, 48)));
        assert_eq!(span(&[4, 3], &[-24, 8]), Some((-72, 24)));
        assert_eq!(span(&[1_000_000_000], &[0]), Some((0, 8)));
        assert_eq!(span(&[0, 5], &[1, 1]), Some((0, 0)));
    }

    #[test]
    fn absurd_ones_are_none() {
        assert_eq!(Extent::new(vec![1 << 40, 1 << 40], vec![0, 0], 8), None);
        assert_eq!(Extent::new(vec![1 << 40], vec![1 << 40], 8), None);
        assert_eq!(Extent::new(vec![-1], vec![8], 8), None);
        assert_eq!(Extent::new(vec![2, 2], vec![i64::MIN, i64::MAX], 8), None);
    }
}
