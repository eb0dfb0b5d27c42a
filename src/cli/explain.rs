//! `prejoin explain`: one document, part by part, and what tells the services and the index apart.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::failure::{Failure, LOOK};
use super::{Shared, prepare, render};
use crate::sink::Client;
use crate::state::State;
use crate::sync::{Difference, Explain, Explanation, Kind, Part, Verdict, explain, root_key};

/// Differences that are printed; `--json` has all of them.
const SHOWN: usize = 100;
/// Characters of a value that are printed.
const SHOWN_OF_VALUE: usize = 200;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job
    job: String,
    /// The root's key; the parts of a composite one joined by `:`
    id: String,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let client = Client::connect(&config.engine).await.map_err(Failure::not_started)?;
    let prepared = prepare::job(&config, &arguments.job).await;
    let plan = prepare::usable(prepared.planned, &arguments.job)?;
    let id = root_key(&plan, &arguments.id).map_err(Failure::not_started)?;
    let asked = Explain {
        plan: &plan,
        sources: &prepared.sources,
        client: &client,
        state: &State::new(client.clone(), &config.engine.state_prefix),
        load: config.load,
        masking: prepare::masking(&config).map_err(Failure::not_started)?,
    };
    let explained = Box::pin(explain(&asked, &id)).await.map_err(Failure::stopped)?;
    if shared.json {
        render::json(&explained);
    } else {
        render::data(&text(&explained));
    }
    Ok(ExitCode::from(if explained.needs_a_look() { LOOK } else { 0 }))
}

fn text(explained: &Explanation) -> String {
    let mut lines = vec![format!("{} {}: {}", explained.job, explained.id, verdict(explained))];
    let rows: Vec<Vec<String>> = explained.parts.iter().map(part).collect();
    let head = ["part", "source", "table", "joined by", "rows"];
    lines.push(String::new());
    lines.push(render::indent(&render::table(&head, &rows)));
    if explained.unclaimed > 0 {
        lines.push(format!("  {} joined rows that no key asked for", explained.unclaimed));
    }
    if explained.ambiguous > 0 {
        lines.push(format!("  {} rows beyond the first of a to-one relation", explained.ambiguous));
    }
    lines.push("\n  read by".to_owned());
    let statement =
        |part: &Part| format!("    {}: {}", name(part), part.statement.replace('\n', "\n      "));
    lines.extend(explained.parts.iter().map(statement));
    lines.push(String::new());
    lines.push(format!("  {}", index(explained)));
    lines.extend(explained.dead_letter.as_ref().map(|letter| {
        let field = letter.field.as_ref().map(|field| format!(": {field}")).unwrap_or_default();
        format!("  dead letter of {:.0}: {}{field}", letter.at, letter.error_type)
    }));
    if !explained.differences.is_empty() {
        lines.push("\n  difference (- the index, + the services)".to_owned());
        lines.extend(explained.differences.iter().take(SHOWN).map(difference));
    }
    if explained.differences.len() > SHOWN {
        let more = explained.differences.len() - SHOWN;
        lines.push(format!("    and {more} more: --json tells all"));
    }
    lines.join("\n")
}

fn verdict(explained: &Explanation) -> String {
    let row = match explained.left_out {
        true => "its row is there, but `where` or `deleted_at` leaves it out",
        false => "there is no such row",
    };
    match explained.verdict {
        Verdict::Equal => "the index holds what the services say".to_owned(),
        Verdict::Different => {
            let places = explained.differences.len();
            format!("the index differs from what the services say now, in {places} place(s)")
        }
        Verdict::NotIndexed => "the services have it, the index does not".to_owned(),
        Verdict::OnlyIndexed => format!("only the index has it: {row}"),
        Verdict::Nowhere => format!("neither the services nor the index have it: {row}"),
        Verdict::Refused => {
            let why = explained.refused.as_ref();
            let why = why.map(|why| format!(": {}: {}", why.error_type, why.field));
            format!(
                "the services have it, but it cannot become a document{}",
                why.unwrap_or_default()
            )
        }
    }
}

fn name(part: &Part) -> &str {
    if part.path.is_empty() { "(root)" } else { &part.path }
}

fn part(part: &Part) -> Vec<String> {
    let matching = part.matching.as_ref().map(|matching| format!(" (match: {matching})"));
    vec![
        name(part).to_owned(),
        part.source.clone(),
        part.table.clone().unwrap_or_else(|| "(query)".to_owned()),
        format!("{}{}", part.joined_by.join(", "), matching.unwrap_or_default()),
        part.rows.map_or_else(|| "-".to_owned(), render::count),
    ]
}

fn index(explained: &Explanation) -> String {
    let Some(index) = &explained.index else {
        return format!("nothing is loaded yet: `prejoin reindex {}`", explained.job);
    };
    let built = match explained.same_job {
        true => String::new(),
        false => format!(
            "\n  {index} was not built by the job as it is now: `prejoin reindex {}`",
            explained.job
        ),
    };
    let Some(held) = &explained.held else { return format!("{index} does not hold it{built}") };
    let told = |value: &Option<Value>| {
        let text = value.as_ref().and_then(Value::as_str);
        text.unwrap_or("?").to_owned()
    };
    format!(
        "{index} holds it: version {} (epoch {}, batch {}), built at {}, digest {}{built}",
        held.version,
        held.epoch,
        held.batch,
        told(&held.built_at),
        told(&held.digest)
    )
}

fn difference(difference: &Difference) -> String {
    let kind = match difference.kind {
        Kind::Added => "added",
        Kind::Missing => "missing",
        Kind::Changed => "changed",
    };
    let sides = [("-", &difference.index), ("+", &difference.services)];
    let sides = sides.into_iter().filter_map(|(sign, value)| {
        let value = value.as_ref()?.to_string();
        let cut = value.char_indices().nth(SHOWN_OF_VALUE).map(|(at, _)| at);
        let shown = cut.and_then(|at| value.get(..at)).map(|shown| format!("{shown}…"));
        Some(format!("\n      {sign} {}", shown.unwrap_or(value)))
    });
    format!("    {kind} {}{}", difference.path, sides.collect::<String>())
}
