//! The right to write to one real index, and the wall between its holder and those before.
//!
//! It is taken in this order: a write alias of one's own; the lease by compare-and-set; the write aliases of all before are
//! removed; unless the one before gave it back clean, what the engine has accepted of its writes is waited for. Killed between
//! any two of these, the next run takes it all the same.
//!
//! Promises: once it is held, nothing changes the index but what is sent through [`IndexLease::write_alias`]. Never takes
//! over a lease whose holder shows signs of life.

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::State;
use super::index_state::IndexState;
use super::lease::{Claim, Held, Lease, LeaseError, Record};
use super::watch::Before;
use crate::mapping::Mapping;
use crate::sink::{Client, index};

/// The right to write to a real index.
pub struct IndexLease {
    lease: Lease<IndexState>,
    client: Client,
    index: String,
    write_alias: String,
    epoch: u64,
}

/// Why the right to write is not had.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// See [`LeaseError`].
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// Nothing is remembered of an index of that name, or of another one.
    #[error("nothing is remembered of index `{0}`: it was not made by prejoin, or made anew since")]
    Unknown(String),
}

impl From<anyhow::Error> for NotTaken {
    fn from(error: anyhow::Error) -> Self {
        Self::Lease(error.into())
    }
}

fn id(index: &str) -> String {
    format!("index:{index}")
}

impl State {
    /// What is remembered of a real index, and who holds its lease; `None` when nothing is.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn index(&self, index: &str) -> Result<Option<(super::Tenure, IndexState)>> {
        let found = self.fetch::<Record<IndexState>>(&id(index)).await?;
        Ok(found.map(|(_, record)| (record.tenure, record.content)))
    }

    /// Waits until it is known that nobody holds the lease of a real index.
    ///
    /// # Errors
    /// When somebody does; when the engine does not answer or refuses.
    pub async fn index_is_free(&self, index: &str) -> Result<(), LeaseError> {
        self.watch::<IndexState>(&id(index)).await.map(drop)
    }

    /// Forgets a real index and its dead letters.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn forget_index(&self, index: &str) -> Result<()> {
        self.drop_dead_letters(index, 0).await?;
        self.forget_drift(index).await?;
        Ok(self.remove(&id(index)).await?)
    }
}

impl IndexLease {
    /// Creates `index`, to be loaded next, and takes the right to write to it. `content` is told the engine's own name of it.
    ///
    /// # Errors
    /// When the engine does not answer or refuses settings or mapping, or another run creates it at this moment.
    pub async fn create(
        state: &State,
        (index, mapping): (&str, &Mapping),
        claim: &Claim,
        content: impl FnOnce(String) -> IndexState,
    ) -> Result<Self, NotTaken> {
        // An index of that name may have been there before: whoever held its lease has lost it with the index.
        let before = state.fetch::<Record<IndexState>>(&id(index)).await?;
        let last = before.as_ref().map(|(_, record)| record.tenure.epoch);
        let tenure = claim.tenure(last)?;
        let (epoch, write_alias) = (tenure.epoch, index::write_alias(index, tenure.epoch));
        let client = state.client.clone();
        index::create(&client, index, mapping, &write_alias).await?;
        let taken = async {
            let uuid = index::uuid(&client, index).await?;
            let content = content(uuid.context("an index that was created is gone")?);
            let before = before.map(|(standing, _)| standing);
            Lease::take(state, &id(index), before, Record { tenure, content }).await
        };
        match taken.await {
            Ok(Some(lease)) => {
                Ok(Self { lease, client, index: index.to_owned(), write_alias, epoch })
            }
            Ok(None) => Err(LeaseError::Lost.into()),
            Err(error) => {
                let context = format!("index `{index}` was created, and is left behind");
                Err(error.context(context).into())
            }
        }
    }

    /// Takes the right to write to `index`, as soon as it is known that nobody has it.
    ///
    /// # Errors
    /// See [`NotTaken`].
    pub async fn take(state: &State, index: &str, claim: &Claim) -> Result<Self, NotTaken> {
        loop {
            let before: Before<IndexState> = state.watch(&id(index)).await?;
            let unknown = || NotTaken::Unknown(index.to_owned());
            let (standing, before) = before.ok_or_else(unknown)?;
            let client = state.client.clone();
            if index::uuid(&client, index).await?.as_ref() != Some(&before.content.uuid) {
                return Err(unknown());
            }
            let tenure = claim.tenure(Some(before.tenure.epoch))?;
            let (epoch, clean) = (tenure.epoch, before.tenure.standing == Held::Clean);
            let write_alias = index::write_alias(index, epoch);
            let added = index::add_write_alias(&client, index, &write_alias).await;
            added.with_context(|| format!("index `{index}`"))?;
            let record = Record { tenure, content: before.content };
            let taken = Lease::take(state, &id(index), Some(standing), record).await;
            let Ok(Some(lease)) = taken else {
                remove(&client, index, &write_alias).await;
                match taken {
                    Err(error) => return Err(error.into()),
                    // Somebody was faster; look at who holds it now.
                    _ => continue,
                }
            };
            let lease = Self { lease, client, index: index.to_owned(), write_alias, epoch };
            return match lease.shut_out_others(clean).await {
                Ok(()) => Ok(lease),
                Err(error) => {
                    lease.give_back(false).await;
                    Err(error.into())
                }
            };
        }
    }

    async fn shut_out_others(&self, clean: bool) -> Result<()> {
        index::remove_older_write_aliases(&self.client, &self.index, &self.write_alias).await?;
        if !clean {
            index::barrier(&self.client, &self.index).await?;
        }
        Ok(())
    }

    /// The real index.
    pub fn index(&self) -> &str {
        &self.index
    }

    /// What to write through.
    pub fn write_alias(&self) -> &str {
        &self.write_alias
    }

    /// The epoch of its versions.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Ends when another run has taken over.
    pub fn lost(&self) -> CancellationToken {
        self.lease.lost()
    }

    /// What is remembered of the index.
    pub async fn content(&self) -> IndexState {
        self.lease.content().await
    }

    /// Changes what is remembered of the index.
    ///
    /// # Errors
    /// [`LeaseError::Lost`], or when the engine does not answer or refuses.
    pub async fn update(&self, change: impl FnOnce(&mut IndexState)) -> Result<(), LeaseError> {
        self.lease.update(change).await
    }

    /// Makes sure that nobody has taken over.
    ///
    /// # Errors
    /// As [`IndexLease::update`].
    pub async fn confirm(&self) -> Result<(), LeaseError> {
        self.lease.confirm().await
    }

    /// Gives the right back. `clean` says that none of the holder's writes can be on its way any more.
    pub async fn give_back(self, clean: bool) {
        remove(&self.client, &self.index, &self.write_alias).await;
        self.lease.give_back(clean).await;
    }
}

/// Takes one's own write alias away. One that stays harms nobody: the next lease removes it.
async fn remove(client: &Client, index: &str, write_alias: &str) {
    if let Err(error) = index::remove_write_alias(client, index, write_alias).await {
        tracing::warn!(index, error = %error, "a write alias is left behind");
    }
}
