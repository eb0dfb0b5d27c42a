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
            // The last page ends where they do.
            _ if first >= window => {
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

/// The total that a list is told: what was `counted`, but no more rows than its pages reach, unless the list is `whole`.
pub fn total(counted: Option<u64>, whole: bool, window: usize) -> u64 {
    let reached = u64::try_from(window).unwrap_or(u64::MAX);
    match counted {
        Some(counted) if whole => counted,
        counted => counted.map_or(reached, |counted| counted.min(reached)),
    }
}
