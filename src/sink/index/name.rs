//! Names of generations and of the aliases that lead to them.

use uuid::Uuid;

use crate::finding::Finding;

/// Whether the engine can take `name` as an index's or alias's: lower case, and none of its special characters.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_name(name: &str) -> Result<(), Finding> {
    let special = |c: char| c.is_whitespace() || c.is_control() || r#"\/*?"<>|,#:"#.contains(c);
    let fault = if name.is_empty() || name.len() > 200 {
        "1 to 200 bytes are allowed"
    } else if name.starts_with(['-', '_', '+', '.']) {
        r"it may not start with `-`, `_`, `+` or `.`"
    } else if name.contains(special) {
        r#"spaces and \ / * ? " < > | , # : are not allowed"#
    } else if name.to_lowercase() != name {
        "it must be in lower case"
    } else {
        return Ok(());
    };
    Err(Finding::error(format!("`{name}` cannot be an index's name")).hint(fault))
}

/// The name of an alias's generation.
pub(super) fn generation(alias: &str, number: u64) -> String {
    format!("{alias}-{number:06}")
}

/// The number of a generation's name; `None` when it is none of `alias`.
pub(super) fn number(alias: &str, index: &str) -> Option<u64> {
    let digits = index.strip_prefix(alias)?.strip_prefix('-')?;
    let proper = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    proper.then(|| digits.parse().ok())?
}

/// The name that a writer of `index` writes by in `epoch`: no other writer's. Its upper-case letter makes it one that no index
/// can have.
pub fn write_alias(index: &str, epoch: u64) -> String {
    format!("{index}-W{epoch}-{:.8}", Uuid::new_v4().simple().to_string())
}

/// The epoch of a name that writers of `index` use; `None` when `alias` is another one.
pub(super) fn write_epoch(index: &str, alias: &str) -> Option<u64> {
    let (epoch, _) = alias.strip_prefix(index)?.strip_prefix("-W")?.split_once('-')?;
    epoch.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_indexes_are_generations() {
        assert_eq!(number("contracts", "contracts-000007"), Some(7));
        assert_eq!(number("contracts", "contracts-1234567"), Some(1_234_567));
        for other in [
            "contracts-7",
            "contracts-eu-000007",
            "contracts-00000x",
            "contracts",
            "contracts-999999999999999999999",
        ] {
            assert_eq!(number("contracts", other), None, "{other}");
        }
    }

    #[test]
    fn names_that_mean_more_than_one_index_are_refused() {
        for name in ["contracts", "contracts-eu.2026", "계약"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "*", "a,b", "a b", "Contracts", "_all", "-a", ".kibana", "a/b", "a:b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn write_aliases_are_told_from_readers() {
        let alias = write_alias("a-000001", 7);
        assert!(alias.starts_with("a-000001-W7-") && alias.len() == 20, "{alias}");
        assert_eq!(write_epoch("a-000001", &alias), Some(7));
        assert_eq!(write_epoch("a-000001", "a"), None);
        assert_eq!(write_epoch("a-000002", &alias), None);
    }
}
