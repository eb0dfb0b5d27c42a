//! Whether what was built may be shown to readers. Pure.
//!
//! Promises: what was read must be there, and a relation that has lost many of its rows since the last generation is taken
//! for an outage until somebody says otherwise.

use anyhow::{Result, anyhow};

use crate::finding::Finding;
use crate::state::Counts;

/// The share of the last generation's rows below which a relation is not believed, in hundredths.
const BELIEVED: u64 = 90;

/// What was read must be there: roots read, less dead letters, are the documents.
///
/// # Errors
/// When they are not.
pub(super) fn all_there(counts: &Counts, documents: u64, index: &str) -> Result<()> {
    if documents == counts.read.saturating_sub(counts.dead) {
        return Ok(());
    }
    let finding = Finding::error(format!(
        "{} root rows were read and {} became dead letters, but {index} holds {documents} documents: not swapped",
        counts.read, counts.dead
    ));
    Err(anyhow!(
        finding.hint("do two rows share one key? does something else write to this index?")
    ))
}

/// An index that waits for its swap must hold what it held when it was counted last. `counted` is not known of one whose last
/// update did not come to its end: then this tells nothing.
///
/// # Errors
/// When it does not.
pub(super) fn as_counted(counted: Option<u64>, documents: u64, index: &str) -> Result<()> {
    let Some(counted) = counted.filter(|counted| *counted != documents) else { return Ok(()) };
    let what = format!("{index} held {counted} documents, and holds {documents} now: not swapped");
    let hint =
        "does something else write to this index, or delete from it? begin anew, without --resume";
    Err(Finding::error(what).hint(hint).into())
}

/// Relations that hold less than nine tenths of the rows they held before, each with both numbers.
pub(super) fn shrunk(before: &Counts, now: &Counts) -> Vec<String> {
    let lost = |path: &str, before: u64, now: u64| {
        let few = u128::from(now) * 100 < u128::from(before) * u128::from(BELIEVED);
        few.then(|| format!("{path}: {before} before, {now} now"))
    };
    let root = lost("the root", before.read, now.read);
    // A relation that the job no longer has is no loss.
    let relations = before
        .rows
        .iter()
        .filter_map(|(path, before)| lost(&format!("`{path}`"), *before, *now.rows.get(path)?));
    root.into_iter().chain(relations).collect()
}

/// The complaint that relations have shrunk.
pub(super) fn too_small(job: &str, index: &str, shrunk: &[String]) -> Finding {
    let what = format!(
        "rows are missing that the last generation had ({}): {index} is not swapped in",
        shrunk.join("; ")
    );
    Finding::error(what).hint(format!(
        "is a service's table empty or half restored? if this is meant: `prejoin reindex {job} --resume --allow-shrink`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(read: u64, rows: &[(&str, u64)]) -> Counts {
        let rows = rows.iter().map(|(path, rows)| ((*path).to_owned(), *rows)).collect();
        Counts { read, rows, ..Counts::default() }
    }

    #[test]
    fn a_tenth_may_go() {
        let before = counts(100, &[("items", 10), ("gone", 50), ("none", 0)]);
        assert_eq!(shrunk(&before, &counts(90, &[("items", 9), ("none", 0)])), [""; 0]);
        assert_eq!(
            shrunk(&before, &counts(89, &[("items", 8), ("new", 0)])),
            ["the root: 100 before, 89 now", "`items`: 10 before, 8 now"]
        );
        assert_eq!(shrunk(&before, &counts(0, &[("items", 0)])).len(), 2);
    }

    #[test]
    fn every_root_is_a_document_or_a_dead_letter() {
        let counts = Counts { read: 10, dead: 2, ..Counts::default() };
        assert!(all_there(&counts, 8, "a").is_ok());
        assert!(all_there(&counts, 9, "a").is_err() && all_there(&counts, 7, "a").is_err());
    }

    #[test]
    fn what_was_counted_is_there_still() {
        assert!(as_counted(None, 7, "a").is_ok() && as_counted(Some(7), 7, "a").is_ok());
        for now in [6, 8] {
            assert!(as_counted(Some(7), now, "a").is_err());
        }
    }
}
