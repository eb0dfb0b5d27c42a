//! The generations of an alias, each with what is remembered of it.
//!
//! Promises: what serves, what could serve again and what a run has left unfinished are told apart by what is remembered, and
//! only where nothing is, by what the engine shows.

use anyhow::Result;

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
    let mut states = Vec::new();
    for generation in &generations.all {
        states.push(state.index(&generation.name).await?);
    }
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

    /// Whether readers see it or have seen it: a way back.
    pub fn is_way_back(&self, generation: &Generation) -> bool {
        match self.state(&generation.name) {
            _ if generation.live => true,
            Some((_, state)) => state.load.ended_at.is_some() && state.served_from.is_some(),
            None => !generation.open,
        }
    }

    /// Generations that readers have never seen, the youngest last.
    pub fn unseen(&self) -> Vec<&Generation> {
        self.generations.all.iter().filter(|generation| !self.is_way_back(generation)).collect()
    }

    /// The youngest generation before the live one that could serve again.
    pub fn way_back(&self) -> Option<&Generation> {
        self.generations.live()?;
        let older = self.generations.all.iter().take_while(|generation| !generation.live);
        older.filter(|generation| self.is_way_back(generation)).last()
    }
}
