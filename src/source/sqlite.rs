//! Sqlite (to be written).
use crate::config::SourceConfig;
pub(super) struct Sqlite;
impl Sqlite {
    pub(super) fn open(
        _c: &SourceConfig,
        _a: &std::path::Path,
    ) -> anyhow::Result<super::Unwritten> {
        anyhow::bail!("unwritten")
    }
}
