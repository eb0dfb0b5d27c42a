//! Where a page begins: at the first row, or where its cursor says.
//!
//! Promises: a cursor of another search, or of a snapshot that is over, is refused, and never read as the first page.

use serde_json::Value;

use super::Shared;
use super::problem::Problem;
use super::snapshot::Snapshot;
use crate::query::cursor::CursorError;
use crate::query::{Binding, Code, Page, PageEnd, Pointer, Refusal};

/// The sort values that a page begins after, and the snapshot that it is read from. `alias` names `index` at the moment.
pub(super) async fn begin(
    shared: &Shared,
    (alias, index): (&str, &str),
    page: &Page,
    binding: Binding,
) -> Result<(Option<Value>, Option<Snapshot>), Problem> {
    let Some(PageEnd { sort, held }) = place(shared, index, page, binding)? else {
        let snapshot = match page.snapshot {
            true => Some(shared.snapshots.open(shared, alias).await?),
            false => None,
        };
        return Ok((None, snapshot));
    };
    let snapshot = held.map(|held| shared.snapshots.resume(held)).transpose()?;
    let after = serde_json::from_str(sort.get()).map_err(|_| Problem::internal())?;
    Ok((Some(after), snapshot))
}

/// Where the page before ended, if there is one.
pub(super) fn place(
    shared: &Shared,
    index: &str,
    page: &Page,
    binding: Binding,
) -> Result<Option<PageEnd>, Problem> {
    let Some(cursor) = &page.after else { return Ok(None) };
    let at = Pointer::root().join("page").join("after");
    let place = shared.signer.open(binding, cursor).map_err(|error| match error {
        CursorError::Mismatch { held: Some(held) } if held != index => Problem::cursor_expired(),
        CursorError::Mismatch { .. } => {
            let what = "this cursor belongs to another index, filter or sort";
            let hint = Some("start again without `page.after`");
            Refusal::one(&at, Code::CursorMismatch, what, hint).into()
        }
        CursorError::Invalid => {
            let hint = Some("hand back `page.next` of the page before, unchanged");
            let what = "this is no cursor of this server";
            Refusal::one(&at, Code::InvalidCursor, what, hint).into()
        }
    })?;
    if page.snapshot && place.held.is_none() {
        let what = "this cursor belongs to no snapshot";
        let hint = Some("start again without `page.after`, or leave out `page.snapshot`");
        return Err(Refusal::one(&at, Code::CursorMismatch, what, hint).into());
    }
    Ok(Some(place))
}
