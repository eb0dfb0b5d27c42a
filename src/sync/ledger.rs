//! Which keys of the root are loaded, which are being loaded, and which are left. Pure.
//!
//! Promises: the ranges cover all keys, each once, in the source's order, which is never guessed here: ranges are only ever
//! cut at keys that the source names, and joined where they touch. What is told to be loaded has come to its end.

use crate::source::KeyRange;
use crate::state::{Counts, DeadLetter, Drawn, LoadState, Segment};

/// The ranges of a load.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    drawn: u64,
    letters: Vec<DeadLetter>,
    versions: Drawn,
    /// Ranges that have ended so far, and as of the last checkpoint.
    ended: u64,
    written_down: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    range: KeyRange,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Left,
    Given,
    Loaded(Counts),
}

/// A range that somebody loads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Given {
    number: u64,
    pub(super) range: KeyRange,
}

/// What a range has come to.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) counts: Counts,
    /// What could not be written.
    pub(super) letters: Vec<DeadLetter>,
    /// What its documents were written with.
    pub(super) versions: Vec<u64>,
}

/// What is to be written down at a checkpoint.
#[derive(Debug)]
pub(super) struct News {
    pub(super) segments: Vec<Segment>,
    pub(super) versions: Drawn,
    pub(super) letters: Vec<DeadLetter>,
    ended: u64,
}

impl Ledger {
    /// A load that goes on from what is written down.
    pub(super) fn new(load: LoadState) -> Self {
        let mut ledger = Self {
            entries: Vec::new(),
            drawn: 0,
            letters: Vec::new(),
            versions: load.versions,
            ended: 0,
            written_down: 0,
        };
        for Segment { range, counts } in load.segments {
            ledger.push(range, counts.map_or(Stage::Left, Stage::Loaded));
        }
        if ledger.entries.is_empty() {
            ledger.push(KeyRange::default(), Stage::Left);
        }
        ledger
    }

    fn push(&mut self, range: KeyRange, stage: Stage) {
        let number = self.number();
        self.entries.push(Entry { number, range, stage });
    }

    fn number(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    /// The first range that nobody has, which is to be cut before it is given away.
    pub(super) fn left(&self) -> Option<&KeyRange> {
        self.entries
            .iter()
            .find(|entry| matches!(entry.stage, Stage::Left))
            .map(|entry| &entry.range)
    }

    /// Gives the first range that nobody has to somebody: up to `cut`, a key within it, or the whole of it.
    pub(super) fn give(&mut self, cut: Option<crate::row::Key>) -> Option<Given> {
        let number = self.number();
        let at = self.entries.iter().position(|entry| matches!(entry.stage, Stage::Left))?;
        if let Some(cut) = cut {
            let entry = self.entries.get_mut(at)?;
            let until = entry.range.until.replace(cut.clone());
            let range = KeyRange { from: Some(cut), until };
            self.entries.insert(at + 1, Entry { number, range, stage: Stage::Left });
        }
        let entry = self.entries.get_mut(at)?;
        entry.stage = Stage::Given;
        Some(Given { number: entry.number, range: entry.range.clone() })
    }

    /// Notes that a range has come to its end.
    pub(super) fn end(&mut self, given: &Given, ended: Ended) {
        let Ended { counts, letters, versions } = ended;
        let entry = self.entries.iter_mut().find(|entry| entry.number == given.number);
        if let Some(entry) = entry {
            entry.stage = Stage::Loaded(counts);
            self.letters.extend(letters);
            self.versions.add(versions);
            self.ended += 1;
            self.join();
        }
    }

    /// What has ended since the last checkpoint, with all that ended before; `None` when nothing has. It stays news until it is
    /// told to be written down.
    pub(super) fn news(&self) -> Option<News> {
        (self.ended > self.written_down).then(|| News {
            segments: self.segments(),
            versions: self.versions.clone(),
            letters: self.letters.clone(),
            ended: self.ended,
        })
    }

    /// Notes that `news` is written down.
    pub(super) fn written_down(&mut self, news: &News) {
        self.written_down = news.ended;
        self.letters.drain(..news.letters.len().min(self.letters.len()));
    }

    /// Versions of all that is loaded.
    pub(super) fn versions(&self) -> Drawn {
        self.versions.clone()
    }

    /// All that is loaded.
    pub(super) fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for entry in &self.entries {
            if let Stage::Loaded(counts) = &entry.stage {
                all.add(counts);
            }
        }
        all
    }

    /// All ranges, as few as say it.
    fn segments(&self) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for entry in &self.entries {
            let counts = match &entry.stage {
                Stage::Loaded(counts) => Some(counts.clone()),
                Stage::Left | Stage::Given => None,
            };
            match (segments.last_mut(), &counts) {
                (Some(last), None) if last.counts.is_none() => {
                    last.range.until.clone_from(&entry.range.until);
                }
                _ => segments.push(Segment { range: entry.range.clone(), counts }),
            }
        }
        segments
    }

    /// Joins loaded ranges that touch, so that a long load is remembered in a few lines.
    fn join(&mut self) {
        let mut joined: Vec<Entry> = Vec::new();
        for entry in self.entries.drain(..) {
            match (joined.last_mut().map(|last| (&mut last.range, &mut last.stage)), &entry.stage) {
                (Some((range, Stage::Loaded(all))), Stage::Loaded(counts)) => {
                    all.add(counts);
                    range.until.clone_from(&entry.range.until);
                }
                _ => joined.push(entry),
            }
        }
        self.entries = joined;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Key;

    fn read(read: u64) -> Ended {
        Ended { counts: Counts { read, ..Counts::default() }, ..Ended::default() }
    }

    fn told(ledger: &mut Ledger) -> String {
        let key =
            |key: &Option<Key>| key.as_ref().map_or("_".to_owned(), |key| key.as_str().to_owned());
        let segment = |segment: &Segment| {
            let read =
                segment.counts.as_ref().map_or("left".to_owned(), |counts| counts.read.to_string());
            format!("{}..{} {read}", key(&segment.range.from), key(&segment.range.until))
        };
        let Some(news) = ledger.news() else { return String::new() };
        ledger.written_down(&news);
        news.segments.iter().map(segment).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn ranges_are_cut_given_and_joined() {
        let mut ledger = Ledger::new(LoadState::default());
        // Keys in the order of some collation.
        let a = ledger.give(Some(Key::from("b"))).unwrap();
        let b = ledger.give(Some(Key::from("B"))).unwrap();
        assert_eq!(ledger.left(), Some(&KeyRange { from: Some(Key::from("B")), until: None }));
        let c = ledger.give(None).unwrap();
        assert_eq!(ledger.give(None), None);
        assert_eq!(told(&mut ledger), "");
        ledger.end(&b, read(2));
        assert_eq!(told(&mut ledger), "_..b left, b..B 2, B.._ left");
        assert_eq!(told(&mut ledger), "");
        ledger.end(&a, read(3));
        assert_eq!(told(&mut ledger), "_..B 5, B.._ left");
        ledger.end(&c, read(4));
        assert_eq!(ledger.counts().read, 9);
        assert_eq!(told(&mut ledger), "_.._ 9");
    }

    #[test]
    fn what_was_given_away_is_left_to_the_next_run() {
        let mut ledger = Ledger::new(LoadState::default());
        let first = ledger.give(Some(Key::from("3"))).unwrap();
        let second = ledger.give(Some(Key::from("5"))).unwrap();
        let third = ledger.give(Some(Key::from("7"))).unwrap();
        ledger.end(&second, read(2));
        let news = ledger.news().unwrap();
        drop((first, third));
        let mut next = Ledger::new(LoadState { segments: news.segments, ..LoadState::default() });
        assert_eq!(next.counts().read, 2);
        let again = next.give(None).unwrap();
        assert_eq!(again.range, KeyRange { from: None, until: Some(Key::from("3")) });
        // What was cut in two and not loaded is one again.
        let rest = next.give(None).unwrap();
        assert_eq!(rest.range, KeyRange { from: Some(Key::from("5")), until: None });
        next.end(&again, read(1));
        next.end(&rest, read(7));
        assert_eq!((told(&mut next).as_str(), next.left()), ("_.._ 10", None));
    }

    #[test]
    fn what_was_not_written_down_stays_news() {
        let mut ledger = Ledger::new(LoadState::default());
        let first = ledger.give(Some(Key::from("3"))).unwrap();
        let second = ledger.give(None).unwrap();
        ledger.end(&first, read(1));
        let news = ledger.news().unwrap();
        ledger.end(&second, read(2));
        // What came after it was taken is no part of it.
        ledger.written_down(&news);
        assert_eq!(told(&mut ledger), "_.._ 3");
        assert_eq!(told(&mut ledger), "");
    }
}
