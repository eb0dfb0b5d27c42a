//! Chance that repeats: the same seed, table and id always roll the same numbers.
//!
//! Every row has its own dice, so a row can be made alone, in any order, without the rows before it.
//! Only wrapping integer arithmetic is used: no machine and no library version rolls differently.

/// The dice of one row.
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of the row `id` of `table`.
    pub(crate) fn of(seed: u64, table: &str, id: i64) -> Self {
        let name = table.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let id = u64::from_ne_bytes(id.to_ne_bytes());
        Self(scramble(scramble(seed ^ name).wrapping_add(id)))
    }

    /// 64 fresh bits (splitmix64).
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number from 0 up to but not including `end`; 0 when there is none.
    pub(crate) fn below(&mut self, end: i64) -> i64 {
        let end = u64::try_from(end).unwrap_or(0).max(1);
        i64::try_from(self.bits() % end).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// An id from 1 to `last`, the small ones far more often: a few managers hold most contracts.
    pub(crate) fn favourite(&mut self, last: i64) -> i64 {
        1 + self.below(last).min(self.below(last)).min(self.below(last))
    }

    /// True in `percent` of 100 rolls.
    pub(crate) fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, each as likely as the others.
    pub(crate) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let last = i64::try_from(items.len()).unwrap_or(0);
        let at = usize::try_from(self.below(last)).unwrap_or(0);
        items.get(at).copied().unwrap_or_default()
    }

    /// One of `items`, each as likely as its weight says.
    pub(crate) fn weighted<T: Copy + Default>(&mut self, items: &[(T, i64)]) -> T {
        let mut left = self.below(items.iter().map(|(_, weight)| weight).sum());
        for (item, weight) in items {
            if left < *weight {
                return *item;
            }
            left -= weight;
        }
        T::default()
    }
}

fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
