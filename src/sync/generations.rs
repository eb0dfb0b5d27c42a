//! The generations of an alias, each with what is remembered of it.
//!
//! Promises: what serves, what could serve again and what a run has left unfinished are told apart by what is remembered of
//! that very index. One of which nothing is remembered is not ours to delete, unless a run died as it created it.

use anyhow::Result;
use futures::future::try_join_all;

use crate::sink::Client;
use crate::sink::index::{Generation, Generations};
use crate::state::{IndexState, State, Tenure};

/// All generations of an alias.
#[derive(Debug)]
pub struct Known {
    /// As the engine shows them.
    pub generations: Generations,
    states: Vec<Option<(Tenure, IndexState)>>,
}

/// Reads the generations of `alias`, and what is remembered of them.
///
/// # Errors
/// When the engine does not answer, or a real index bears the alias's name.
pub async fn known(client: &Client, state: &State, alias: &str) -> Result<Known> {
    let generations = Generations::read(client, alias).await?;
    let states = generations.all.iter().map(|generation| async {
        let remembered = state.index(&generation.name).await?;
        // Of another index that had the name before.
        anyhow::Ok(remembered.filter(|(_, state)| state.uuid == generation.uuid))
    });
    let states = try_join_all(states).await?;
    Ok(Known { generations, states })
}

impl Known {
    /// What is remembered of a generation, and who holds its lease.
    pub fn state(&self, index: &str) -> Option<&(Tenure, IndexState)> {
        let at = self.generations.all.iter().position(|generation| generation.name == index)?;
        self.states.get(at)?.as_ref()
    }

    /// What is remembered of the generation that readers see.
    pub fn live_state(&self) -> Option<&IndexState> {
        self.generations.live().and_then(|live| Some(&self.state(&live.name)?.1))
    }

    /// Whether readers have seen it, complete, and do not see it now.
    pub fn is_way_back(&self, generation: &Generation) -> bool {
        let served =
            |state: &IndexState| state.load.ended_at.is_some() && state.served_from.is_some();
        !generation.live && self.state(&generation.name).is_some_and(|(_, state)| served(state))
    }

    /// Generations that readers have never seen, the youngest last.
    pub fn unseen(&self) -> Vec<&Generation> {
        let unseen = |generation: &&Generation| {
            let ours = self.state(&generation.name).is_some() || generation.open;
            ours && !generation.live && !self.is_way_back(generation)
        };
        self.generations.all.iter().filter(unseen).collect()
    }

    /// Generations before the live one that readers have seen, the one that they saw last first.
    pub fn ways_back(&self) -> Vec<&Generation> {
        if self.generations.live().is_none() {
            return Vec::new();
        }
        let older = self.generations.all.iter().take_while(|generation| !generation.live);
        let mut ways: Vec<_> = older.filter(|generation| self.is_way_back(generation)).collect();
        let served = |name: &str| self.state(name).and_then(|(_, state)| state.served_from);
        ways.sort_by_key(|way| std::cmp::Reverse((served(&way.name), way.number)));
        ways
    }

    /// Generations before the live one that are no way back, or not among the `keep` that readers saw last.
    pub fn surplus(&self, keep: usize) -> Vec<&Generation> {
        let newest = self.generations.live().map_or(0, |live| live.number);
        let unseen = self.unseen().into_iter().filter(|unseen| unseen.number < newest);
        unseen.chain(self.ways_back().into_iter().skip(keep)).collect()
    }
}
