//! How many exports are under way, and whose they are.
//!
//! Promises: no more than may be at a time, and no more than half of them for one caller, so that another one has a place too.
//! A place is free again when all that holds it has been dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::problem::Problem;
use super::super::rate::Payer;

/// All places.
pub(in crate::api) struct Places {
    most: usize,
    taken: Mutex<HashMap<Payer, usize>>,
}

/// One of them.
pub(super) struct Place {
    all: Arc<Places>,
    whose: Payer,
}

impl Places {
    pub(in crate::api) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// A place for that caller.
    ///
    /// # Errors
    /// When there is none, or they have as many as one caller may.
    pub(super) fn take(self: &Arc<Self>, whose: Payer) -> Result<Arc<Place>, Problem> {
        let mut taken = self.taken();
        let theirs = taken.get(&whose).copied().unwrap_or(0);
        if taken.values().sum::<usize>() >= self.most || theirs >= (self.most / 2).max(1) {
            return Err(Problem::too_many_exports());
        }
        taken.insert(whose.clone(), theirs + 1);
        Ok(Arc::new(Place { all: Arc::clone(self), whose }))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Payer, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.all.taken();
        match taken.get_mut(&self.whose) {
            Some(theirs) if *theirs > 1 => *theirs -= 1,
            _ => drop(taken.remove(&self.whose)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_leaves_room_for_another() {
        let payer = |number| Payer::Address([10, 0, 0, number].into());
        let places = Places::new(5);
        let take = |number| places.take(payer(number)).ok();
        let (first, second) = (take(1), take(1));
        assert!(first.is_some() && second.is_some() && take(1).is_none());
        let others = [take(2), take(2), take(3)];
        assert!(others.iter().all(Option::is_some) && take(4).is_none());
        drop(first);
        let held = take(4);
        assert!(held.is_some() && take(1).is_none());
        drop((second, held, others));
        assert!(places.taken().is_empty());
        // One who is alone has the only one.
        assert!(Places::new(1).take(payer(1)).is_ok());
    }
}
