//! What loads, runs and the API are held to. Each figure is computed from the rows; none is typed.

use std::time::Duration;

use super::measure::{Measure, Row, Rows};
use super::plan::{Results, name};
use super::searches::Latencies;
use super::served::{BEARABLE, Served};

/// The documents of one run at scale 0.1, which some goals are about.
const DOCUMENTS: f64 = 150_000.0;

/// One goal and what was reached.
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) bound: Bound,
    /// What the figures count; empty for ratios.
    pub(crate) unit: &'static str,
    /// None where the rows for it were not measured.
    pub(crate) reached: Option<f64>,
}

/// On which side of a figure is good.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// Whether it is met, if it was measured.
    pub(crate) fn met(&self) -> Option<bool> {
        self.reached.map(|reached| match self.bound {
            Bound::AtLeast(bound) => reached >= bound,
            Bound::AtMost(bound) => reached <= bound,
        })
    }
}

/// All goals, as far as the rows tell.
pub(crate) fn all(results: &Results) -> Vec<Goal> {
    let mut goals = of_rows(&results.rows);
    goals.extend(of_the_api(results.served.as_ref()));
    goals
}

/// What the API may add to a search, in milliseconds.
fn of_the_api(served: Option<&Served>) -> [Goal; 3] {
    let added = |figure: fn(&Latencies) -> Duration| {
        let costs = &served?.costs;
        let added = costs.iter().map(|cost| ms(figure(&cost.served)) - ms(figure(&cost.straight)));
        added.reduce(f64::max)
    };
    let held = served.and_then(|served| Some(ms(served.held.served?.p99)));
    let goal =
        |what, bound, reached| Goal { what, bound: Bound::AtMost(bound), unit: " ms", reached };
    [
        goal("what the API adds to a search, p50", 1.0, added(|times| times.p50)),
        goal("what the API adds to a search, p99", 5.0, added(|times| times.p99)),
        goal("1,000 light searches a second through the API, p99", ms(BEARABLE), held),
    ]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn of_rows(rows: &Rows) -> Vec<Goal> {
    use Bound::{AtLeast, AtMost};
    let goal = |what, bound, unit, reached| Goal { what, bound, unit, reached };
    let speed = |what, bound, own, other| {
        let ratio = || Some(rows.get(own)?.ratio(rows.get(other)?));
        goal(what, AtLeast(bound), "", ratio())
    };
    let cpu = |what, bound, unit, figure: fn(&Measure) -> f64| {
        goal(what, AtMost(bound), unit, rows.get(name::ONE).map(|row| row.median(figure)))
    };
    let peak = |name| rows.get(name).and_then(largest_peak);
    let nothing = rows.get(name::NOTHING).map(|row| row.median(|run| run.seconds));
    let growth = || Some(peak(name::LARGE_ONE)? / peak(name::ONE)?);
    vec![
        speed("full load from one Postgres, of the ceiling", 0.95, name::ONE, name::CEILING),
        speed("the same, of the ceiling of the bytes sent", 0.95, name::ONE, name::SENT),
        cpu("CPU time of prejoin and Postgres, of all in that load", 12.0, " %", |run| {
            run.share() * 100.0
        }),
        speed("full load from three servers, of the ceiling", 0.9, name::THREE, name::CEILING),
        speed("the same, of the ceiling of the bytes sent", 0.9, name::THREE, name::SENT),
        speed("full load from one Postgres, of pgsync's", 8.0, name::ONE, name::PEER),
        speed("reading with one reader, of the ceiling", 4.0, name::READ_ONE, name::CEILING),
        cpu("CPU time of prejoin for 150,000 documents", 2.0, " s", |run| {
            run.itself_per(DOCUMENTS)
        }),
        speed(
            "what 100 renamed parts lead to, of its full load",
            0.7,
            name::RENAMED,
            name::WATCHED,
        ),
        goal("a run with nothing to do", AtMost(0.5), " s", nothing),
        speed("verify, of its full load", 2.0, name::VERIFIED, name::WATCHED),
        goal("peak memory at the usual size", AtMost(64.0), " MiB", peak(name::ONE)),
        goal("peak memory at the larger size", AtMost(64.0), " MiB", peak(name::LARGE_ONE)),
        goal("peak memory at the larger size, of the usual one's", AtMost(1.1), "", growth()),
        speed("speed at the larger size, of the usual one's", 0.95, name::LARGE_ONE, name::ONE),
    ]
}

/// A bound holds for every run, so the worst one counts.
fn largest_peak(row: &Row) -> Option<f64> {
    row.spread(Measure::peak_mib).map(|spread| spread.max)
}

#[cfg(test)]
mod tests {
    use super::super::measure::{Cpu, Measure, Row, Rows, Section};
    use super::super::plan::name;
    use super::of_rows;

    fn run(seconds: f64, peak: u64) -> Measure {
        let cpu = Cpu { engine: 9.0, databases: 0.5, itself: 0.5, others: 0.0 };
        Measure { documents: 300_000, seconds, cpu, peak: Some(peak << 20), sent: None }
    }

    fn rows(one: Vec<Measure>) -> Rows {
        let ceiling = vec![run(10.0, 0); one.len()];
        let row = |name, runs| Row { runs, ..Row::new(name, Section::Load, name::CEILING) };
        Rows(vec![row(name::CEILING, ceiling), row(name::ONE, one)])
    }

    fn met(rows: &Rows, what: &str) -> Option<bool> {
        of_rows(rows).iter().find(|goal| goal.what.starts_with(what)).unwrap().met()
    }

    #[test]
    fn a_goal_is_met_or_not_by_its_figures() {
        let good = rows(vec![run(10.0, 60), run(10.5, 61)]);
        assert_eq!(met(&good, "full load from one Postgres, of the c"), Some(true));
        assert_eq!(met(&good, "CPU time of prejoin and"), Some(true));
        assert_eq!(met(&good, "CPU time of prejoin for"), Some(true));
        assert_eq!(met(&good, "peak memory at the usual"), Some(true));
        // The median may be within the bound; one run that is not counts.
        let bad = rows(vec![run(11.0, 60), run(12.0, 65), run(11.0, 60)]);
        assert_eq!(met(&bad, "full load from one Postgres, of the c"), Some(false));
        assert_eq!(met(&bad, "peak memory at the usual"), Some(false));
    }

    #[test]
    fn what_was_not_measured_is_neither() {
        let rows = rows(vec![run(10.0, 60)]);
        for what in ["full load from three", "peak memory at the larger", "speed at the larger"] {
            assert_eq!(met(&rows, what), None, "{what}");
        }
    }
}
