//! What is measured, in which order: the one place where a row is added.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::ceiling::{self, Pieces};
use super::measure::{Measure, Row, Rows, Section};
use super::peer;
use super::say;
use super::searches::{self, Latencies};
use super::sent;
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
    /// The ceiling's settings to choose from: MB of a request, and requests under way.
    pub(crate) settings: &'static [(usize, usize)],
}

/// Settings of the ceiling to choose from.
pub(crate) const ALL_SETTINGS: &[(usize, usize)] =
    &[(5, 2), (5, 4), (5, 6), (10, 2), (10, 4), (10, 6)];
/// The one that is mostly the best.
pub(crate) const USUAL_SETTING: &[(usize, usize)] = &[(5, 4)];

/// How long searches are measured with nothing beside.
const SEARCHED: Duration = Duration::from_secs(20);

/// One try of the ceiling.
pub(crate) struct Try {
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
pub(crate) struct Results {
    pub(crate) tries: Vec<Try>,
    pub(crate) rows: Rows,
    pub(crate) searches: Searches,
}

/// Measures everything, telling each figure when it is there.
pub(crate) fn measure(stage: &Stage, extent: &Extent, pgsync: Option<&Path>) -> Result<Results> {
    let mut rows = Vec::new();
    let (best, tries) = choose(stage, extent)?;
    rows.extend(rounds(stage, extent, best)?);
    for (name, readers) in [(name::READ_ONE, 1), (name::READ_TWO, 2)] {
        let mut row = Row::new(name, Section::Read, name::CEILING);
        for _ in 0..extent.rounds {
            add(&mut row, subject::read(stage, readers, &extent.scale)?);
        }
        rows.push(row);
    }
    if let Some(programs) = pgsync {
        let mut row = Row::new(name::PEER, Section::Load, name::CEILING);
        add(&mut row, peer::load(stage, programs, &extent.peer)?);
        rows.push(row);
    }
    if let Some(large) = &extent.large {
        rows.extend(growth(stage, large, best)?);
    }
    let searches = searches(stage, extent)?;
    Ok(Results { tries, rows: Rows(rows), searches })
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

/// The best of the ceiling's settings, as MB and requests under way, and what each reached where there is a choice.
fn choose(stage: &Stage, extent: &Extent) -> Result<((usize, usize), Vec<Try>)> {
    if let [only] = extent.settings {
        return Ok((*only, Vec::new()));
    }
    let mut tries: Vec<Try> = Vec::new();
    let documents = stage.data.join(extent.scale.ready_made());
    let mut cut: Option<Pieces> = None;
    for &(megabytes, in_flight) in extent.settings {
        let pieces = match cut.take() {
            Some(pieces) if pieces.megabytes == megabytes => pieces,
            _ => Pieces::cut(&documents, stage.mapping()?, megabytes)?,
        };
        let measure = ceiling::run(stage, &pieces, in_flight)?;
        say(&format!("ceiling, {in_flight} requests of {megabytes} MB: {:.0}/s", measure.rate()));
        tries.push(Try { megabytes, in_flight, measure });
        cut = Some(pieces);
    }
    let best = tries.iter().max_by(|a, b| a.measure.rate().total_cmp(&b.measure.rate()));
    Ok((best.map_or((5, 4), |best| (best.megabytes, best.in_flight)), tries))
}

/// Both ceilings, one server and three, one after the other, round by round; each round begins with another one.
fn rounds(
    stage: &Stage,
    extent: &Extent,
    (megabytes, in_flight): (usize, usize),
) -> Result<[Row; 4]> {
    let sent = sent::collect(stage, &extent.scale)?;
    let sent = Pieces::cut(&sent.file, sent.mapping, megabytes)?;
    let bare = stage.data.join(extent.scale.ready_made());
    let bare = Pieces::cut(&bare, stage.mapping()?, megabytes)?;
    let row = |name| Row::new(name, Section::Load, name::CEILING);
    let mut rows = [row(name::CEILING), row(name::SENT), row(name::ONE), row(name::THREE)];
    for round in 0..extent.rounds {
        rows.rotate_left(round % 4);
        for row in &mut rows {
            let measure = match row.name {
                name::CEILING => ceiling::run(stage, &bare, in_flight)?,
                name::SENT => ceiling::run(stage, &sent, in_flight)?,
                name::ONE => subject::load(stage, Job::OneServer, &extent.scale)?,
                _ => subject::load(stage, Job::ThreeServers, &extent.scale)?,
            };
            add(row, measure);
        }
        rows.rotate_right(round % 4);
    }
    Ok(rows)
}

fn growth(
    stage: &Stage,
    large: &Scale,
    (megabytes, in_flight): (usize, usize),
) -> Result<[Row; 3]> {
    let mut ceiling = Row::new(name::LARGE_CEILING, Section::Growth, name::CEILING);
    let pieces = Pieces::cut(&stage.data.join(large.ready_made()), stage.mapping()?, megabytes)?;
    add(&mut ceiling, ceiling::run(stage, &pieces, in_flight)?);
    drop(pieces);
    let mut one = Row::new(name::LARGE_ONE, Section::Growth, name::ONE);
    add(&mut one, subject::load(stage, Job::OneServer, large)?);
    let mut read = Row::new(name::LARGE_READ, Section::Growth, name::READ_TWO);
    add(&mut read, subject::read(stage, 2, large)?);
    Ok([ceiling, one, read])
}

fn add(row: &mut Row, measure: Measure) {
    say(&format!("{}: {:.0}/s, {:.1} s", row.name, measure.rate(), measure.seconds));
    row.runs.push(measure);
}
