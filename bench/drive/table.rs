//! The results as Markdown, for people: goals, loads, reading, growth, the ceilings' settings, the machine.

use std::fmt::{self, Write};

use super::goals::{Bound, Goal};
use super::measure::{Measure, Row, Rows, Section, Spread};
use super::plan::{Extent, Results, Searches, Try, name};
use super::searches::Latencies;
use super::served::Served;

/// From this part of the CPU time on, used by others, figures are not to be believed.
const DISTURBED: f64 = 0.1;

/// What is said about a whole run of the benchmark.
pub(crate) struct Page<'a> {
    pub(crate) date: &'a str,
    pub(crate) quick: bool,
    /// Whether all was measured that was to be.
    pub(crate) whole: bool,
    pub(crate) extent: &'a Extent,
    pub(crate) results: &'a Results,
    pub(crate) goals: &'a [Goal],
    /// Name and value.
    pub(crate) machine: &'a [(String, String)],
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { extent, results, .. } = self;
        writeln!(to, "# Benchmark of {}\n", self.date)?;
        let peer = results.rows.get(name::PEER).is_some();
        if self.quick {
            let pgsync = if peer { "pgsync on a part" } else { "no pgsync" };
            writeln!(
                to,
                "**Quick: one round, {pgsync}, no growth. Good for a look, not for a record.**\n"
            )?;
        }
        if !self.whole {
            writeln!(to, "**Broken off by an error: what is missing was not measured.**\n")?;
        }
        let rounds = match extent.rounds {
            1 => "one round".to_owned(),
            rounds => format!("{rounds} rounds, loads and readings alternated"),
        };
        let documents = thousands(extent.scale.documents());
        writeln!(
            to,
            "TPC-H {}: {documents} documents; {rounds}. What each figure means is in",
            extent.scale
        )?;
        writeln!(to, "[performance](../../docs/performance.md).\n")?;
        disturbance(to, &results.rows)?;
        goals(to, self.goals)?;
        section(to, &results.rows, Section::Load, "Full load", "of the ceiling")?;
        if peer && extent.peer != extent.scale {
            let part = thousands(extent.peer.documents());
            writeln!(to, "pgsync loaded only {part} documents.\n")?;
        }
        section(
            to,
            &results.rows,
            Section::Read,
            "Reading and assembling, nothing sent",
            "of the ceiling",
        )?;
        in_step(to, &results.rows)?;
        if let Some(large) = &extent.large {
            let title = format!("Growth: {} documents", thousands(large.documents()));
            section(to, &results.rows, Section::Growth, &title, "of the usual size")?;
        }
        if let Some(measured) = &results.searches {
            searches(to, measured)?;
        }
        if let Some(measured) = &results.served {
            served(to, measured)?;
        }
        tries(to, results)?;
        writeln!(to, "## Machine\n")?;
        self.machine.iter().try_for_each(|(name, value)| writeln!(to, "- {name}: {value}"))
    }
}

/// Of runs that differ in how much they have to do, the time counts.
fn in_step(to: &mut fmt::Formatter<'_>, rows: &Rows) -> fmt::Result {
    let shown: Vec<&Row> = rows.0.iter().filter(|row| row.section == Section::InStep).collect();
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(to, "## Incremental runs and verification, one Postgres\n")?;
    writeln!(
        to,
        "| | documents written, or looked at | seconds, median (min to max) | documents/s, of the full load | CPU s: engine | databases | itself | peak MiB |"
    )?;
    writeln!(to, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    for row in shown {
        let documents = row.runs.last().map_or(0, |run| run.documents);
        let seconds = row.spread(|run| run.seconds).map_or_else(String::new, |seconds| {
            let Spread { min, median, max } = seconds;
            format!("{median:.2} ({min:.2} to {max:.2})")
        });
        let ratio = rows.ratio(row).filter(|_| documents > 0);
        let ratio = ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let cpu = |figure: fn(&Measure) -> f64| format!("{:.2}", row.median(figure));
        let (engine, databases) = (cpu(|run| run.cpu.engine), cpu(|run| run.cpu.databases));
        let (itself, peak) = (cpu(|run| run.cpu.itself), row.median(Measure::peak_mib));
        let documents = thousands(documents);
        writeln!(
            to,
            "| {} | {documents} | {seconds} | {ratio} | {engine} | {databases} | {itself} | {peak:.0} |",
            row.name
        )?;
    }
    writeln!(to)
}

fn searches(to: &mut fmt::Formatter<'_>, searches: &Searches) -> fmt::Result {
    writeln!(to, "## Searches of the live index\n\n| | searches | p50 ms | p99 ms | longest ms |")?;
    writeln!(to, "|---|---:|---:|---:|---:|")?;
    for (when, of) in [("with nothing beside", searches.alone), ("during a load", searches.beside)]
    {
        let [p50, p99, max] = [of.p50, of.p99, of.max].map(|time| time.as_secs_f64() * 1e3);
        writeln!(to, "| {when} | {} | {p50:.1} | {p99:.1} | {max:.1} |", of.count)?;
    }
    writeln!(to)
}

/// What the API adds.
fn served(to: &mut fmt::Formatter<'_>, served: &Served) -> fmt::Result {
    writeln!(to, "## The query API, and the same searches straight to the engine\n")?;
    writeln!(
        to,
        "| | a second | searches each way | p50 ms: straight | served | p99 ms: straight | served | CPU ms of the API for one |"
    )?;
    writeln!(to, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let times = |times: Option<Latencies>, figure: fn(&Latencies) -> std::time::Duration| {
        times.map_or_else(|| "–".to_owned(), |times| format!("{:.2}", ms(figure(&times))))
    };
    let row = |name: &str, pace: u32, (straight, served): (Latencies, Option<Latencies>)| {
        let p50 = (ms(straight.p50), times(served, |times| times.p50));
        let p99 = (ms(straight.p99), times(served, |times| times.p99));
        let count = straight.count;
        format!(
            "| {name} | {pace} | {count} | {:.2} | {} | {:.2} | {} |",
            p50.0, p50.1, p99.0, p99.1
        )
    };
    for cost in &served.costs {
        let row = row(cost.name, cost.pace, (cost.straight, Some(cost.served)));
        writeln!(to, "{row} {:.2} |", ms(cost.cpu))?;
    }
    let held = &served.held;
    writeln!(to, "{} – |\n", row("light, one way alone", held.pace, (held.straight, held.served)))
}

fn disturbance(to: &mut fmt::Formatter<'_>, rows: &Rows) -> fmt::Result {
    let worst = rows.disturbed();
    if worst > DISTURBED {
        let part = worst * 100.0;
        writeln!(
            to,
            "**The machine was not quiet: in the worst run others used {part:.0} % of the CPU time.**\n"
        )?;
    }
    Ok(())
}

fn goals(to: &mut fmt::Formatter<'_>, goals: &[Goal]) -> fmt::Result {
    writeln!(
        to,
        "## Goals\n\nSpeeds are documents/s, as ratios.\n\n| what | goal | measured | |\n|---|---:|---:|---|"
    )?;
    for goal in goals {
        let Goal { what, unit, .. } = goal;
        let bound = match goal.bound {
            Bound::AtLeast(bound) => format!("≥ {bound}{unit}"),
            Bound::AtMost(bound) => format!("≤ {bound}{unit}"),
        };
        let reached =
            goal.reached.map_or_else(|| "–".to_owned(), |reached| format!("{reached:.2}{unit}"));
        let met = match goal.met() {
            Some(true) => "reached",
            Some(false) => "**not reached**",
            None => "not measured",
        };
        writeln!(to, "| {what} | {bound} | {reached} | {met} |")?;
    }
    writeln!(to)
}

fn section(
    to: &mut fmt::Formatter<'_>,
    rows: &Rows,
    which: Section,
    title: &str,
    ratio: &str,
) -> fmt::Result {
    let shown: Vec<&Row> = rows.0.iter().filter(|row| row.section == which).collect();
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(to, "## {title}\n")?;
    writeln!(
        to,
        "| | documents/s, median (min to max) | {ratio} | CPU s: engine | databases | itself | databases and itself, of all | peak MiB | MB sent |"
    )?;
    writeln!(to, "|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for row in shown {
        let rate = row.spread(Measure::rate).map_or_else(String::new, |rate| rates(&rate));
        let ratio = rows.ratio(row).map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let cpu = |figure: fn(&Measure) -> f64| format!("{:.1}", row.median(figure));
        let (engine, databases) = (cpu(|run| run.cpu.engine), cpu(|run| run.cpu.databases));
        let (itself, share) = (cpu(|run| run.cpu.itself), row.median(Measure::share) * 100.0);
        let peak = row.spread(Measure::peak_mib).filter(|peak| peak.max > 0.0);
        let peak = peak.map_or_else(|| "–".to_owned(), |peak| format!("{:.0}", peak.max));
        let sent = row.runs.last().and_then(|run| run.sent);
        let sent = sent.map_or_else(|| "–".to_owned(), |bytes| format!("{}", bytes / 1_000_000));
        writeln!(
            to,
            "| {} | {rate} | {ratio} | {engine} | {databases} | {itself} | {share:.0} % | {peak} | {sent} |",
            row.name
        )?;
    }
    writeln!(to)
}

fn tries(to: &mut fmt::Formatter<'_>, results: &Results) -> fmt::Result {
    if results.tries.is_empty() {
        return Ok(());
    }
    writeln!(to, "## The ceilings' settings, each tried once\n")?;
    writeln!(to, "| | requests under way | MB of each | documents/s |\n|---|---:|---:|---:|")?;
    for tried in &results.tries {
        let rate = whole(tried.measure.rate());
        let Try { of, megabytes, in_flight, .. } = tried;
        writeln!(to, "| {of} | {in_flight} | {megabytes} | {rate} |")?;
    }
    writeln!(to)
}

fn rates(rate: &Spread) -> String {
    let mut text = whole(rate.median);
    if rate.max > rate.min {
        let _ = write!(text, " ({} to {})", whole(rate.min), whole(rate.max));
    }
    text
}

fn whole(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    digits.parse().map_or(digits, thousands)
}

/// With commas, as people read them.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::goals;
    use super::super::measure::{Cpu, Measure, Row, Rows, Section};
    use super::super::plan::{Extent, Results, Try, USUAL_SETTING, name};
    use super::{Latencies, Page, Searches, thousands};

    fn run(seconds: f64, peak: Option<u64>) -> Measure {
        let cpu = Cpu { engine: 20.0, databases: 1.5, itself: 0.5, others: 1.0 };
        Measure { documents: 150_000, seconds, cpu, peak, sent: Some(342_000_000) }
    }

    #[test]
    fn numbers_have_commas() {
        let shown = [0, 999, 1_000, 150_000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "150,000", "1,234,567"]);
    }

    /// The page of a quick run with these rows.
    fn page(rows: Vec<Row>, scale: &str, peer: &str) -> String {
        let tries =
            vec![Try { of: name::CEILING, megabytes: 5, in_flight: 4, measure: run(10.0, None) }];
        let time = std::time::Duration::from_millis(7);
        let latencies = Latencies { count: 500, p50: time, p99: time, max: time };
        let searches = Some(Searches { alone: latencies, beside: latencies });
        shown(&Results { tries, rows: Rows(rows), searches, served: None }, true, (scale, peer))
    }

    fn shown(results: &Results, whole: bool, (scale, peer): (&str, &str)) -> String {
        let (scale, peer) = (scale.parse().unwrap(), peer.parse().unwrap());
        let extent = Extent { peer, scale, large: None, rounds: 2, settings: USUAL_SETTING };
        let goals = goals::all(results);
        let machine = [("CPU".to_owned(), "two of a kind".to_owned())];
        let page = Page {
            date: "2026-01-02",
            quick: true,
            whole,
            extent: &extent,
            results,
            goals: &goals,
            machine: &machine,
        };
        page.to_string()
    }

    fn row(name: &'static str, runs: Vec<Measure>) -> Row {
        Row { runs, ..Row::new(name, Section::Load, name::CEILING) }
    }

    #[test]
    fn a_page_says_what_was_measured_and_what_was_not() {
        let ceiling = row(name::CEILING, vec![run(10.0, None), run(12.0, None)]);
        let one = row(name::ONE, vec![run(20.0, Some(50 << 20)), run(12.0, Some(48 << 20))]);
        let page = page(vec![ceiling, one], "0.1", "0.1");
        for line in [
            "# Benchmark of 2026-01-02",
            "**Quick: one round, no pgsync, no growth. Good for a look, not for a record.**",
            "TPC-H 0.1: 150,000 documents; 2 rounds, loads and readings alternated. What each figure means is in",
            "| full load from one Postgres, of the ceiling | ≥ 0.95 | 0.75 | **not reached** |",
            "| CPU time of prejoin and Postgres, of all in that load | ≤ 12 % | 9.09 % | reached |",
            "| full load from one Postgres, of pgsync's | ≥ 8 | – | not measured |",
            "| the engine's ceiling | 13,750 (12,500 to 15,000) | 1.00 | 20.0 | 1.5 | 0.5 | 9 % | – | 342 |",
            "| prejoin, one Postgres | 10,000 (7,500 to 12,500) | 0.75 | 20.0 | 1.5 | 0.5 | 9 % | 50 | 342 |",
            "| the engine's ceiling | 4 | 5 | 15,000 |",
            "- CPU: two of a kind",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line}\nis not in\n{page}");
        }
        assert!(!page.contains("Growth") && !page.contains("Broken off"), "{page}");
        assert!(!page.contains("not quiet"), "{page}");
    }

    #[test]
    fn what_was_measured_before_a_failure_is_shown() {
        let rows = Rows(vec![row(name::CEILING, vec![run(10.0, None)])]);
        let page = shown(&Results { rows, ..Results::default() }, false, ("0.1", "0.1"));
        assert!(page.contains("\n**Broken off by an error: what is missing was not "), "{page}");
        assert!(page.contains("\n| the engine's ceiling | 15,000 | 1.00 |"), "{page}");
        assert!(
            page.contains("one Postgres, of the ceiling | ≥ 0.95 | – | not measured |"),
            "{page}"
        );
        assert!(!page.contains("Searches") && !page.contains("NaN"), "{page}");
    }

    #[test]
    fn what_the_peer_loaded_is_said_where_it_did() {
        let ceiling = || row(name::CEILING, vec![run(10.0, None)]);
        let without = page(vec![ceiling()], "0.1", "0.01");
        assert!(!without.contains("pgsync loaded") && !without.contains("pgsync on"), "{without}");
        let peer = || row(name::PEER, vec![run(100.0, None)]);
        let on_a_part = page(vec![ceiling(), peer()], "0.1", "0.01");
        assert!(on_a_part.contains("\npgsync loaded only 15,000 documents.\n"), "{on_a_part}");
        assert!(on_a_part.contains("one round, pgsync on a part, no growth."), "{on_a_part}");
        let on_all = page(vec![ceiling(), peer()], "0.1", "0.1");
        assert!(!on_all.contains("pgsync loaded only"), "{on_all}");
    }
}
