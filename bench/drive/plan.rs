//! What is measured, in which order: the one place where a row is added.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::ceiling::{self, Pieces};
use super::in_step;
use super::measure::{Measure, Row, Rows, Section};
use super::peer;
use super::say;
use super::searches::{self, Latencies};
use super::sent;
use super::served::{self, Served};
use super::stage::{Scale, Stage};
use super::subject::{self, Job};

/// The names of the rows.
pub(crate) mod name {
    pub(crate) const CEILING: &str = "the engine's ceiling";
    pub(crate) const SENT: &str = "the ceiling of the bytes that prejoin sends";
    pub(crate) const ONE: &str = "prejoin, one Postgres";
    pub(crate) const THREE: &str = "prejoin, three servers";
    pub(crate) const PEER: &str = "pgsync, the same Postgres";
    pub(crate) const READ_ONE: &str = "reading and assembling, one reader";
    pub(crate) const READ_TWO: &str = "reading and assembling, two readers";
    pub(crate) const WATCHED: &str = "full load, rows that tell when they changed";
    pub(crate) const VERIFIED: &str = "verify, everything";
    pub(crate) const NOTHING: &str = "sync, nothing has changed";
    pub(crate) const RENAMED: &str = "sync, 100 parts have other names";
    pub(crate) const CHANGED: &str = "sync, 10,000 line items have changed";
    pub(crate) const LARGE_CEILING: &str = "the engine's ceiling, larger";
    pub(crate) const LARGE_ONE: &str = "prejoin, one Postgres, larger";
    pub(crate) const LARGE_READ: &str = "reading and assembling, two readers, larger";
}

/// How much is measured.
#[derive(Clone)]
pub(crate) struct Extent {
    /// Of all rows but those below.
    pub(crate) scale: Scale,
    /// What pgsync loads; it is slow.
    pub(crate) peer: Scale,
    /// What growth is measured with, if it is.
    pub(crate) large: Option<Scale>,
    /// Ceiling and prejoin alternate so many times.
    pub(crate) rounds: usize,
    /// The ceilings' settings to choose from: MB of a request, and requests under way.
    pub(crate) settings: &'static [(usize, usize)],
}

/// Settings of the ceilings to choose from.
pub(crate) const ALL_SETTINGS: &[(usize, usize)] =
    &[(5, 2), (5, 4), (5, 6), (10, 2), (10, 4), (10, 6)];
/// The one that is mostly the best.
pub(crate) const USUAL_SETTING: &[(usize, usize)] = &[(5, 4)];

/// How long searches are measured with nothing beside.
const SEARCHED: Duration = Duration::from_secs(20);

/// One try of a ceiling.
pub(crate) struct Try {
    /// The row that it was for.
    pub(crate) of: &'static str,
    pub(crate) megabytes: usize,
    pub(crate) in_flight: usize,
    pub(crate) measure: Measure,
}

/// How long readers wait for an answer.
pub(crate) struct Searches {
    pub(crate) alone: Latencies,
    /// While the index is built anew.
    pub(crate) beside: Latencies,
}

/// All that was measured.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) tries: Vec<Try>,
    pub(crate) rows: Rows,
    pub(crate) searches: Option<Searches>,
    pub(crate) served: Option<Served>,
}

/// Documents cut as they are best sent, and how many requests of them are best under way.
struct Ready {
    pieces: Pieces,
    in_flight: usize,
}

/// Measures everything, telling each figure when it is there. What was measured before an error is not lost by it.
pub(crate) fn measure(
    stage: &Stage,
    extent: &Extent,
    pgsync: Option<&Path>,
) -> (Results, Result<()>) {
    let mut results = Results::default();
    let measured = all(stage, extent, pgsync, &mut results);
    results.rows.0.retain(|row| !row.runs.is_empty());
    (results, measured)
}

fn all(stage: &Stage, extent: &Extent, pgsync: Option<&Path>, to: &mut Results) -> Result<()> {
    let bare = stage.data.join(extent.scale.ready_made());
    let bare = choose(stage, extent, (name::CEILING, &bare, stage.mapping()?), &mut to.tries)?;
    let sent = sent::collect(stage, &extent.scale)?;
    let sent = choose(stage, extent, (name::SENT, &sent.file, sent.mapping), &mut to.tries)?;
    let rows = &mut to.rows.0;
    rounds(stage, extent, (&bare, &sent), rows)?;
    if let Some(programs) = pgsync {
        let peer = peer::load(stage, programs, &extent.peer)?;
        rows.push(once(name::PEER, (Section::Load, name::CEILING), peer));
    }
    in_step::measure(stage, &extent.scale, rows)?;
    if let Some(large) = &extent.large {
        growth(stage, large, &bare, rows)?;
    }
    to.searches = Some(searches(stage, extent)?);
    stage.engine.rest()?;
    to.served = Some(served::measure(stage, Job::OneServer, &extent.scale)?);
    Ok(())
}

/// Searches of the index that readers have, with nothing beside and during a load.
fn searches(stage: &Stage, extent: &Extent) -> Result<Searches> {
    let (job, url) = (Job::OneServer, stage.engine.url());
    subject::load(stage, job, &extent.scale)?;
    stage.engine.rest()?;
    let ((), alone) = searches::beside(url, &job.index(), || thread::sleep(SEARCHED))?;
    say(&format!("searches with nothing beside: {alone}"));
    let load = || subject::load_again(stage, job, &extent.scale);
    let (loaded, beside) = searches::beside(url, &job.index(), load)?;
    loaded?;
    say(&format!("searches during a load: {beside}"));
    Ok(Searches { alone, beside })
}

/// Cuts documents for the best of the settings, which are tried once each where there is a choice.
fn choose(
    stage: &Stage,
    extent: &Extent,
    (of, documents, mapping): (&'static str, &Path, Value),
    tries: &mut Vec<Try>,
) -> Result<Ready> {
    let cut = |megabytes, before: Option<Pieces>| match before {
        Some(pieces) if pieces.megabytes == megabytes => Ok(pieces),
        _ => Pieces::cut(documents, mapping.clone(), megabytes),
    };
    if let [(megabytes, in_flight)] = extent.settings {
        return Ok(Ready { pieces: cut(*megabytes, None)?, in_flight: *in_flight });
    }
    let (mut fastest, mut best, mut last) = (0.0, (5, 4), None);
    for &(megabytes, in_flight) in extent.settings {
        let pieces = cut(megabytes, last.take())?;
        let measure = ceiling::run(stage, &pieces, in_flight)?;
        let rate = measure.rate();
        say(&format!("{of}, {in_flight} requests of {megabytes} MB: {rate:.0}/s"));
        if rate > fastest {
            (fastest, best) = (rate, (megabytes, in_flight));
        }
        tries.push(Try { of, megabytes, in_flight, measure });
        last = Some(pieces);
    }
    let (megabytes, in_flight) = best;
    Ok(Ready { pieces: cut(megabytes, last)?, in_flight })
}

/// Both ceilings, both loads and both readings, one after the other, round by round; each round begins with another one.
fn rounds(
    stage: &Stage,
    extent: &Extent,
    (bare, sent): (&Ready, &Ready),
    rows: &mut Vec<Row>,
) -> Result<()> {
    let loads = [name::CEILING, name::SENT, name::ONE, name::THREE];
    let reads = [name::READ_ONE, name::READ_TWO];
    rows.extend(loads.map(|name| Row::new(name, Section::Load, name::CEILING)));
    rows.extend(reads.map(|name| Row::new(name, Section::Read, name::CEILING)));
    for round in 0..extent.rounds {
        let begin = round % rows.len();
        let (last, first) = rows.split_at_mut(begin);
        for row in first.iter_mut().chain(last) {
            let measure = match row.name {
                name::CEILING => ceiling::run(stage, &bare.pieces, bare.in_flight)?,
                name::SENT => ceiling::run(stage, &sent.pieces, sent.in_flight)?,
                name::ONE => subject::load(stage, Job::OneServer, &extent.scale)?,
                name::THREE => subject::load(stage, Job::ThreeServers, &extent.scale)?,
                name::READ_ONE => subject::read(stage, 1, &extent.scale)?,
                _ => subject::read(stage, 2, &extent.scale)?,
            };
            add(row, measure);
        }
    }
    Ok(())
}

/// The same with more rows, each once; the ceiling with the setting that was best before.
fn growth(stage: &Stage, large: &Scale, usual: &Ready, rows: &mut Vec<Row>) -> Result<()> {
    let (documents, megabytes) = (stage.data.join(large.ready_made()), usual.pieces.megabytes);
    let pieces = Pieces::cut(&documents, stage.mapping()?, megabytes)?;
    let ceiling = ceiling::run(stage, &pieces, usual.in_flight)?;
    drop(pieces);
    rows.push(once(name::LARGE_CEILING, (Section::Growth, name::CEILING), ceiling));
    let one = subject::load(stage, Job::OneServer, large)?;
    rows.push(once(name::LARGE_ONE, (Section::Growth, name::ONE), one));
    let read = subject::read(stage, 2, large)?;
    rows.push(once(name::LARGE_READ, (Section::Growth, name::READ_TWO), read));
    Ok(())
}

/// A row that is measured once.
fn once(name: &'static str, (section, against): (Section, &'static str), measure: Measure) -> Row {
    let mut row = Row::new(name, section, against);
    add(&mut row, measure);
    row
}

pub(crate) fn add(row: &mut Row, measure: Measure) {
    say(&format!("{}: {:.0}/s, {:.1} s", row.name, measure.rate(), measure.seconds));
    row.runs.push(measure);
}
