//! Pages as rows from one to another, which is how grids and lists have them.
//!
//! Promises: a page that cannot be reached is refused with what can be done instead; a total is true, or as many rows as pages
//! reach, so that a list draws no page that is not there.

use serde_json::json;

use super::{Place, Writer};
use crate::query::Code;

impl Writer<'_> {
    /// The page of the rows from `first` up to `end`, which is not in it.
    pub(super) fn page(&mut self, first: usize, end: usize, at: Place) {
        let (most, window) = (self.limits.page_size, self.limits.offset_window);
        let size = end.saturating_sub(first);
        let (code, what, hint) = match size {
            0 => {
                let what = "a page ends behind its beginning";
                (Code::InvalidValue, what.to_owned(), "count its rows from 0")
            }
            _ if size > most => {
                let hint =
                    "ask for fewer; `api.limits.page_size` of the configuration can be up to 1,000";
                (Code::LimitExceeded, format!("a page has at most {most} rows"), hint)
            }
            _ if !first.is_multiple_of(size) => {
                let what = format!("a page begins at a multiple of its size, {size}");
                (Code::InvalidValue, what, "keep the size from page to page")
            }
            _ if end > window => {
                let what = format!("pages reach the first {window} rows");
                let hint = "narrow the filter; the data provider in prejoin's `clients/` goes on by cursor";
                (Code::LimitExceeded, what, hint)
            }
            _ => {
                self.put("page", json!({"size": size, "number": first / size + 1}), at);
                return;
            }
        };
        self.refuse(&at, code, what, hint);
    }

    /// As many rows as a page can have: they were asked for without a page, and have to be all.
    pub(super) fn all_rows(&mut self) {
        self.members.insert("page".to_owned(), json!({"size": self.limits.page_size}));
    }
}

/// The total that a list is told: what it is where it is known, else the rows of whole pages that can be reached.
pub fn total(exact: Option<u64>, size: usize, window: usize) -> u64 {
    exact.unwrap_or_else(|| {
        let beyond = window.checked_rem(size).unwrap_or(0);
        u64::try_from(window - beyond).unwrap_or(u64::MAX)
    })
}
