//! What was measured: runs, the rows they make, and figures of several runs.
//!
//! Pure arithmetic. A new thing to measure is one more [`Row`]; tables and chart show what rows there are.

/// One run of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    /// Documents that the run made or sent.
    pub(crate) documents: u64,
    /// Wall clock, from nothing until all documents can be found.
    pub(crate) seconds: f64,
    /// Who used the processors meanwhile.
    pub(crate) cpu: Cpu,
    /// The most memory that the measured program had in RAM, in bytes; unknown for the ceiling's many small ones.
    pub(crate) peak: Option<u64>,
    /// Bytes of documents that were sent, or would have been, where the program tells.
    pub(crate) sent: Option<u64>,
}

/// CPU time in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu {
    /// The search engine.
    pub(crate) engine: f64,
    /// All database servers.
    pub(crate) databases: f64,
    /// What is measured: prejoin, its peer, or the ceiling's clients.
    pub(crate) itself: f64,
    /// Everything else on this machine: the measuring itself, and whoever disturbed it.
    pub(crate) others: f64,
}

impl Measure {
    /// Documents a second.
    pub(crate) fn rate(&self) -> f64 {
        self.documents as f64 / self.seconds
    }

    /// The part of the load's CPU time that was not the engine's.
    pub(crate) fn share(&self) -> f64 {
        let mine = self.cpu.databases + self.cpu.itself;
        mine / (mine + self.cpu.engine)
    }

    /// The part of all CPU time that was used by none of those who take part.
    pub(crate) fn disturbed(&self) -> f64 {
        let Cpu { engine, databases, itself, others } = &self.cpu;
        others / (engine + databases + itself + others)
    }

    /// CPU time of the measured program for so many documents, in seconds.
    pub(crate) fn itself_per(&self, documents: f64) -> f64 {
        self.cpu.itself * documents / self.documents as f64
    }

    /// Peak memory in MiB; 0 where it is unknown.
    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak.unwrap_or_default() as f64 / f64::from(1 << 20)
    }
}

/// Where a row belongs, and what its ratio says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Section {
    /// Full loads, against the engine's ceiling.
    Load,
    /// Nothing is sent; also against the ceiling.
    Read,
    /// What changed, against a full load.
    InStep,
    /// The same with ten times the rows, each against itself.
    Growth,
}

/// A line of the tables: something that was run, once or several times.
pub(crate) struct Row {
    /// What a reader calls it; unique.
    pub(crate) name: &'static str,
    pub(crate) section: Section,
    /// The row that its documents a second are held against.
    pub(crate) against: &'static str,
    pub(crate) runs: Vec<Measure>,
}

impl Row {
    /// A row without runs.
    pub(crate) fn new(name: &'static str, section: Section, against: &'static str) -> Self {
        Self { name, section, against, runs: Vec::new() }
    }

    /// The smallest, the middle and the largest of a figure.
    pub(crate) fn spread(&self, figure: impl Fn(&Measure) -> f64) -> Option<Spread> {
        Spread::of(self.runs.iter().map(figure).collect())
    }

    /// The median of a figure; not a number without runs.
    pub(crate) fn median(&self, figure: impl Fn(&Measure) -> f64) -> f64 {
        self.spread(figure).map_or(f64::NAN, |spread| spread.median)
    }

    /// Documents a second against another row's: the median of the rounds' ratios where both ran in the same rounds,
    /// else the ratio of the medians.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        if self.runs.len() != other.runs.len() {
            return self.median(Measure::rate) / other.median(Measure::rate);
        }
        let pairs = self.runs.iter().zip(&other.runs);
        let ratios = pairs.map(|(own, other)| own.rate() / other.rate()).collect();
        Spread::of(ratios).map_or(f64::NAN, |spread| spread.median)
    }
}

/// All rows, in the order in which they are shown.
#[derive(Default)]
pub(crate) struct Rows(pub(crate) Vec<Row>);

impl Rows {
    /// The row of that name, if it was measured.
    pub(crate) fn get(&self, name: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.name == name && !row.runs.is_empty())
    }

    /// How a row does against the one that it is held against.
    pub(crate) fn ratio(&self, row: &Row) -> Option<f64> {
        Some(row.ratio(self.get(row.against)?))
    }

    /// The worst disturbance of any run, as a part of all CPU time.
    pub(crate) fn disturbed(&self) -> f64 {
        let runs = self.0.iter().flat_map(|row| &row.runs);
        runs.map(Measure::disturbed).fold(0.0, f64::max)
    }
}

/// A figure of several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    /// The middle one; of an even number, halfway between the two in the middle.
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// None of no figures.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (low, high) = (figures.len().checked_sub(1)? / 2, figures.len() / 2);
        let median = f64::midpoint(*figures.get(low)?, *figures.get(high)?);
        Some(Self { min: *figures.first()?, median, max: *figures.last()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Cpu, Measure, Row, Rows, Section, Spread};

    fn row(name: &'static str, against: &'static str, seconds: &[f64]) -> Row {
        let run =
            |seconds: &f64| Measure { documents: 100, seconds: *seconds, ..Measure::default() };
        Row { runs: seconds.iter().map(run).collect(), ..Row::new(name, Section::Load, against) }
    }

    #[test]
    fn the_median_is_the_middle_one() {
        let median = |figures: &[f64]| Spread::of(figures.to_vec()).map(|spread| spread.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn ratios_are_those_of_the_rounds() {
        // The machine drifts: every round is slower than the one before, and the ratio stays.
        let ceiling = row("ceiling", "ceiling", &[1.0, 2.0, 4.0]);
        let load = row("load", "ceiling", &[2.0, 4.0, 8.0]);
        let once = row("once", "ceiling", &[8.0]);
        let rows = Rows(vec![ceiling, load, once]);
        let ratio = |name| rows.ratio(rows.get(name).unwrap()).unwrap();
        assert!((ratio("load") - 0.5).abs() < 1e-9);
        assert!((ratio("once") - 0.25).abs() < 1e-9);
        assert!((ratio("ceiling") - 1.0).abs() < 1e-9);
        assert!(rows.get("never").is_none());
    }

    #[test]
    fn shares_are_of_those_who_take_part() {
        let cpu = Cpu { engine: 9.0, databases: 0.5, itself: 0.5, others: 30.0 };
        let run = Measure { documents: 300_000, seconds: 10.0, cpu, ..Measure::default() };
        assert!((run.share() - 0.1).abs() < 1e-9);
        assert!((run.disturbed() - 0.75).abs() < 1e-9);
        assert!((run.itself_per(150_000.0) - 0.25).abs() < 1e-9);
    }
}
