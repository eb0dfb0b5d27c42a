//! Mysql (to be written).
use crate::config::{Address, SourceConfig};
#[derive(Debug)]
pub(super) struct Mysql;
impl Mysql {
    pub(super) fn open(_c: &SourceConfig, _a: &Address) -> anyhow::Result<super::Unwritten> {
        anyhow::bail!("unwritten")
    }
}
