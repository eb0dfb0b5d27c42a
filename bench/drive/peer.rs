//! pgsync, the peer that also joins PostgreSQL's tables into nested documents.
//!
//! One shot of it, as its manual has it: `bootstrap`, which makes triggers, a view and a replication slot, then
//! `pgsync`, which loads everything. Only the second is measured. What the first made is removed afterwards, also when
//! the load failed: a slot that nobody reads keeps the server's log for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::engine::PREFIX;
use super::measure::Measure;
use super::meter::{self, Meter};
use super::stage::{Scale, Stage};

/// What it is to load, by pgsync's own rules; schema and names are filled in.
const DOCUMENT: &str = include_str!("../pgsync.json");

/// A full load by the pgsync whose programs are in `programs`, into an index that has the same mapping.
pub(crate) fn load(stage: &Stage, programs: &Path, scale: &Scale) -> Result<Measure> {
    let folder = stage.data.join("pgsync");
    fs::create_dir_all(&folder).with_context(|| format!("creating `{}`", folder.display()))?;
    let (index, schema) = (format!("{PREFIX}pgsync"), scale.all_in_one());
    let config = folder.join("schema.json");
    let text = document(&index, &schema)?.to_string();
    fs::write(&config, text).with_context(|| format!("writing `{}`", config.display()))?;

    let peer = Peer { stage, programs, folder, config };
    stage.clear()?;
    stage.engine.create(&index, with_own_field(stage.mapping()?)?)?;
    let loaded = peer.bootstrap(&[]).and_then(|()| peer.load(&index, scale));
    let removed = peer.bootstrap(&["--teardown"]);
    let measure = loaded?;
    removed.context("removing what pgsync made")?;
    Ok(measure)
}

struct Peer<'a> {
    stage: &'a Stage,
    programs: &'a Path,
    folder: PathBuf,
    config: PathBuf,
}

impl Peer<'_> {
    fn load(&self, index: &str, scale: &Scale) -> Result<Measure> {
        self.stage.engine.rest()?;
        let meter = Meter::start(&self.stage.servers)?;
        let ended = meter::run(&mut self.command("pgsync"), &self.folder)?;
        self.stage.engine.refresh(index)?;
        let measure = meter.stop(scale.documents())?;
        self.stage.engine.expect(index, scale.documents())?;
        Ok(Measure { peak: ended.peak, ..measure })
    }

    fn bootstrap(&self, options: &[&str]) -> Result<()> {
        meter::run(self.command("bootstrap").args(options), &self.folder).map(drop)
    }

    /// With its defaults it gives up on an answer that takes ten seconds; these settings finish.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .arg("--config")
            .arg(&self.config)
            .current_dir(&self.folder)
            .env("CHECKPOINT_PATH", &self.folder)
            .env("PG_URL", self.stage.postgres.replacen("postgres://", "postgresql://", 1))
            .env("ELASTICSEARCH", "false")
            .env("OPENSEARCH", "true")
            .env("ELASTICSEARCH_URL", self.stage.engine.url())
            .env("ELASTICSEARCH_TIMEOUT", "120")
            .env("ELASTICSEARCH_CHUNK_SIZE", "500")
            .env("ELASTICSEARCH_THREAD_COUNT", "2");
        command
    }
}

fn document(index: &str, schema: &str) -> Result<Value> {
    let mut nodes: Value = serde_json::from_str(DOCUMENT).context("reading bench/pgsync.json")?;
    name_schema(&mut nodes, schema);
    Ok(json!([{ "database": "postgres", "index": index, "nodes": nodes }]))
}

fn name_schema(node: &mut Value, schema: &str) {
    if let Some(object) = node.as_object_mut() {
        object.insert("schema".to_owned(), schema.into());
    }
    let children = node.get_mut("children").and_then(Value::as_array_mut);
    for child in children.into_iter().flatten() {
        name_schema(child, schema);
    }
}

/// pgsync adds a field of its own to each document. Kept and not indexed, it costs the engine least.
fn with_own_field(mut mapping: Value) -> Result<Value> {
    let fields = mapping.pointer_mut("/mappings/properties").and_then(Value::as_object_mut);
    let fields = fields.context("the mapping has no `properties`")?;
    fields.insert("_meta".to_owned(), json!({ "type": "object", "enabled": false }));
    Ok(mapping)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn every_table_is_looked_for_in_the_schema() {
        let document = super::document("an-index", "tpch_all_1").unwrap();
        fn schemas(node: &Value, found: &mut Vec<(String, String)>) {
            let text = |key| node.get(key).and_then(Value::as_str).unwrap().to_owned();
            found.push((text("table"), text("schema")));
            for child in node.get("children").and_then(Value::as_array).into_iter().flatten() {
                schemas(child, found);
            }
        }
        let mut found = Vec::new();
        schemas(&document[0]["nodes"], &mut found);
        let tables: Vec<&str> = found.iter().map(|(table, _)| table.as_str()).collect();
        let expected =
            ["orders", "customer", "nation", "region", "lineitem", "part", "supplier", "nation"];
        assert_eq!(tables, expected);
        assert!(found.iter().all(|(_, schema)| schema == "tpch_all_1"), "{found:?}");
        assert_eq!(document[0]["index"], "an-index");
    }

    #[test]
    fn its_own_field_is_allowed() {
        let mapping = json!({"mappings": {"dynamic": "strict", "properties": {"a": {}}}});
        let mapping = super::with_own_field(mapping).unwrap();
        assert_eq!(mapping["mappings"]["properties"]["_meta"]["enabled"], false);
        assert!(super::with_own_field(json!({})).is_err());
    }
}
