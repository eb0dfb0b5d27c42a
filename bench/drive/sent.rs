//! The very documents that prejoin sends, read out of an index that it filled.
//!
//! They hold what prejoin adds for itself, so their ceiling tells apart what that costs the engine and what prejoin
//! costs beside it. Not a digit is changed: numbers are kept as their text.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::engine::Engine;
use super::stage::{Scale, Stage};
use super::subject::{self, Job};

const DOCUMENTS_A_REQUEST: u32 = 2000;

/// Documents in `_bulk` format, and the settings and mappings of the index that they were in.
pub(crate) struct Sent {
    pub(crate) file: PathBuf,
    pub(crate) mapping: Value,
}

/// Lets prejoin fill an index, and reads it out.
pub(crate) fn collect(stage: &Stage, scale: &Scale) -> Result<Sent> {
    let job = Job::OneServer;
    subject::load(stage, job, scale)?;
    let mut mapping = stage.mapping()?;
    let indexes = stage.engine.call("GET", &format!("{}/_mapping", job.index()), None)?;
    let index = indexes.as_object().and_then(|indexes| indexes.values().next());
    let mappings =
        index.and_then(|index| index.get("mappings")).context("the index has no mapping")?;
    mapping.as_object_mut().context("no object")?.insert("mappings".to_owned(), mappings.clone());
    let file = stage.data.join(format!("sent-{scale}.ndjson"));
    let writing = || format!("writing `{}`", file.display());
    let mut writer = BufWriter::new(File::create(&file).with_context(writing)?);
    let written = read_out(&stage.engine, &job.index(), &mut writer)?;
    writer.flush().with_context(writing)?;
    ensure!(written == scale.documents(), "only {written} documents were read out of the index");
    Ok(Sent { file, mapping })
}

fn read_out(engine: &Engine, index: &str, writer: &mut impl Write) -> Result<u64> {
    let first = json!({ "size": DOCUMENTS_A_REQUEST, "sort": ["_doc"] });
    let mut page = engine.call("POST", &format!("{index}/_search?scroll=2m"), Some(&first))?;
    let mut written = 0;
    loop {
        let hits = page.pointer("/hits/hits").and_then(Value::as_array).context("no hits")?;
        for hit in hits {
            let id = hit.get("_id").context("a document without `_id`")?;
            let source = hit.get("_source").context("a document without `_source`")?;
            let action = json!({"index": {"_id": id, "version": 1, "version_type": "external"}});
            writeln!(writer, "{action}\n{source}").context("writing documents")?;
            written += 1;
        }
        let scroll = json!({ "scroll": "2m", "scroll_id": page.get("_scroll_id") });
        if hits.is_empty() {
            let scroll = json!({ "scroll_id": page.get("_scroll_id") });
            engine.call("DELETE", "_search/scroll", Some(&scroll))?;
            return Ok(written);
        }
        page = engine.call("POST", "_search/scroll", Some(&scroll))?;
    }
}
