//! Counting rows against what the list says of itself.
//! What must hold: a list of which rows are missing is never taken for whole.

use finops_collector::Failure;

/// The rows of a list's pages.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// Rows that came.
    pub(crate) rows: u64,
    pages: u32,
    /// `metadata.total_size` of the last page.
    total: Option<u64>,
    /// Whether every page's total was the number of its own rows: then it says nothing of the list.
    of_pages: bool,
}

impl Count {
    /// One more page.
    pub(crate) fn page(&mut self, rows: u64, total: Option<u64>) {
        self.of_pages = (self.pages == 0 || self.of_pages) && total == Some(rows);
        self.pages += 1;
        self.rows += rows;
        self.total = total;
    }

    /// Whether all of the list came.
    ///
    /// # Errors
    /// `incomplete`.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let tells = !(self.of_pages && self.pages > 1);
        match self.total.filter(|total| tells && *total != self.rows) {
            None => Ok(()),
            Some(total) => Err(Failure::incomplete(format_args!(
                "{} rows came where the list says that it has {total}: nothing of it was committed, run again",
                self.rows
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(pages: &[(u64, Option<u64>)]) -> bool {
        let mut count = Count::default();
        for (rows, total) in pages {
            count.page(*rows, *total);
        }
        count.check().is_ok()
    }

    #[test]
    fn rows_are_held_against_the_total_of_the_list() {
        assert!(counted(&[(5, Some(5))]) && counted(&[(3, Some(5)), (2, Some(5))]));
        assert!(counted(&[]) && counted(&[(5, None)]) && counted(&[(0, Some(0))]));
        // A total that counts the page alone.
        assert!(counted(&[(3, Some(3)), (2, Some(2))]));
        assert!(!counted(&[(4, Some(5))]) && !counted(&[(3, Some(5)), (1, Some(5))]));
        assert!(!counted(&[(3, Some(5)), (3, Some(5))]));
    }
}
