//! The tables of cases: read, made into a database's table, and into a job over it.

use std::collections::BTreeMap;
use std::path::Path;

use prejoin::config::Server;
use prejoin::state::DeadLetter;
use serde_json::{Value, json};

use super::{Home, Members, Place, TestEngine};
use crate::support::services;

/// What one file says.
pub(super) struct Matrix {
    pub(super) file: String,
    /// Statements that come first.
    before: Vec<String>,
    pub(super) cases: Vec<Case>,
}

/// One line of a table.
pub(super) struct Case {
    pub(super) line: usize,
    ty: String,
    value: String,
    cast: Option<String>,
    zone: Option<String>,
    mapping: Value,
    /// On OpenSearch, and on Elasticsearch.
    documents: [String; 2],
}

impl Matrix {
    pub(super) fn read(name: &str) -> Self {
        let file = format!("tests/documents/types/{name}.md");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file));
        let text = text.unwrap();
        let before = text.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let before = before.map(ToOwned::to_owned).collect();
        let lines = (1..).zip(text.lines()).filter(|(_, line)| {
            line.starts_with("| ") && !line.starts_with("| column") && !line.starts_with("| ---")
        });
        let cases = lines.map(|(line, text)| Case::parse(line, text)).collect();
        Self { file, before, cases }
    }

    /// Makes the table: a column for each case, and a row in which it alone has a value.
    pub(super) async fn fill(&self, place: &Place) {
        for statements in &self.before {
            place.run(statements).await;
        }
        let columns = self.cases.iter().map(|case| {
            // MariaDB's `timestamp` is the one type that is not nullable by itself.
            let null = if place.is_mariadb() { " NULL" } else { "" };
            format!(", {} {}{null}", case.column(), case.ty)
        });
        let columns: String = columns.collect();
        place.run(&format!("CREATE TABLE cases (id INTEGER PRIMARY KEY{columns})")).await;
        // What a server with other settings, or an import, may have let in.
        let mode = match place.is_mariadb() {
            true => "SET sql_mode = 'ALLOW_INVALID_DATES', check_constraint_checks = OFF;",
            false => "",
        };
        let inserts = self.cases.iter().map(|case| {
            let Case { line, value, .. } = case;
            format!("INSERT INTO cases (id, {}) VALUES ({line}, {value});\n", case.column())
        });
        let inserts: String = inserts.collect();
        place.run(&format!("{mode}{inserts}")).await;
    }

    /// A home with a job over these cases: those without a zone at the root, those of a zone below it, read by a source of
    /// that zone.
    pub(super) fn home(&self, place: &Place, cases: &[&Case], index: &str) -> Home {
        let mut groups: BTreeMap<Option<&str>, Vec<&Case>> = BTreeMap::from([(None, Vec::new())]);
        for case in cases {
            groups.entry(case.zone.as_deref()).or_default().push(case);
        }
        let (mut sources, mut one) = (json!({}), json!({}));
        let mut properties = json!({"id": {"type": "integer"}});
        let mut fields = vec![json!("id")];
        let mut home = Home::new();
        for (zone, cases) in groups {
            let name = zone.map_or("plain".to_owned(), short);
            (sources[&name], home) = source(home, place, &name);
            let fields_here = cases.iter().map(|case| case.field());
            let properties_here = cases.iter().map(|case| (case.column(), case.mapping.clone()));
            match zone {
                None => {
                    fields.extend(fields_here);
                    properties.as_object_mut().unwrap().extend(properties_here);
                }
                Some(zone) => {
                    sources[&name]["time_zone"] = json!(zone);
                    let fields: Vec<_> = fields_here.collect();
                    let on = json!({"id": "id"});
                    one[&name] =
                        json!({"source": name, "table": "cases", "on": on, "fields": fields});
                    let properties_here: serde_json::Map<_, _> = properties_here.collect();
                    properties[&name] = json!({"properties": properties_here});
                }
            }
        }
        let root = json!({"source": "plain", "table": "cases", "fields": fields, "one": one});
        let mapping = json!({"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": properties}});
        // JSON is YAML.
        home.file("config/default.yaml", &json!({"sources": sources}).to_string())
            .file(
                "jobs/types.yaml",
                &json!({"index": index, "mapping": "types.json", "root": root}).to_string(),
            )
            .file("mappings/types.json", &mapping.to_string())
    }
}

/// `seoul` of `Asia/Seoul`.
fn short(zone: &str) -> String {
    zone.rsplit('/').next().unwrap().to_lowercase()
}

/// The place as a configuration names it; what is secret goes into variables.
pub(super) fn source(home: Home, place: &Place, name: &str) -> (Value, Home) {
    if let Server::Sqlite { path } = place.config().server {
        return (json!({"kind": "sqlite", "path": path}), home);
    }
    let (kind, url) = match place.is_postgres() {
        true => ("postgres", services::postgres()),
        false => ("mysql", services::mariadb()),
    };
    let password = url::Url::parse(&url).unwrap().password().unwrap_or_default().to_owned();
    let variable = |key: &str| format!("PREJOIN__SOURCES__{}__{key}", name.to_uppercase());
    let home = home
        .variable(&variable("URL"), &url)
        .variable(&variable("SCHEMA"), place.schema())
        .variable(&variable("PASSWORD"), &password);
    (json!({"kind": kind}), home)
}

impl Case {
    /// Reads `| column type | value | field | mapping | in the document |`.
    fn parse(line: usize, text: &str) -> Self {
        let cells: Vec<&str> = text.trim_matches('|').split(" | ").map(str::trim).collect();
        let [ty, value, field, mapping, document] = cells[..] else {
            panic!("line {line} has {} cells", cells.len())
        };
        let option = |name: &str| {
            let options = field.split(", ").find_map(|option| option.strip_prefix(name));
            options.map(|value| value.trim().to_owned())
        };
        let mapping = match serde_json::from_str(mapping) {
            Ok(mapping) => mapping,
            Err(_) => json!({"type": mapping}),
        };
        let each = document.strip_prefix("OpenSearch: ");
        let documents = match each.map(|each| each.split_once("; Elasticsearch: ").unwrap()) {
            Some((left, right)) => [left, right],
            None => [document; 2],
        };
        Self {
            line,
            ty: ty.to_owned(),
            value: value.to_owned(),
            cast: option("as:"),
            zone: option("zone:"),
            mapping,
            documents: documents.map(ToOwned::to_owned),
        }
    }

    fn column(&self) -> String {
        format!("c{}", self.line)
    }

    fn field(&self) -> Value {
        match &self.cast {
            Some(cast) => json!({"column": self.column(), "as": cast}),
            None => json!(self.column()),
        }
    }

    pub(super) fn document(&self, engine: TestEngine) -> &str {
        let [opensearch, elasticsearch] = &self.documents;
        match engine {
            TestEngine::OpenSearch => opensearch,
            TestEngine::Elasticsearch => elasticsearch,
        }
    }

    /// Types of plugins are OpenSearch's only: the other engine here is the bare core.
    pub(super) fn runs_on(&self, engine: TestEngine) -> bool {
        let plugin =
            matches!(self.mapping["type"].as_str(), Some("unsigned_long" | "scaled_float"));
        engine == TestEngine::OpenSearch || !plugin
    }

    /// The value in the document, which has no other.
    pub(super) fn value_in(&self, source: &Members) -> String {
        let below: Members;
        let level = match &self.zone {
            None => source,
            Some(zone) => {
                below = serde_json::from_str(source[&short(zone)].get()).unwrap();
                &below
            }
        };
        let column = self.column();
        for (name, value) in level.iter().filter(|(name, _)| name.starts_with('c')) {
            assert!(*name == column || value.get() == "null", "{name} in {column}: {value}");
        }
        level[&column].get().to_owned()
    }

    /// The dead letter, in the words of the tables.
    pub(super) fn told(&self, letter: &DeadLetter) -> String {
        // Each engine has its own name for the same thing.
        let error = letter.error_type.trim_start_matches("mapper_");
        let error = error.trim_start_matches("document_");
        let path = match &self.zone {
            None => self.column(),
            Some(zone) => format!("{}.{}", short(zone), self.column()),
        };
        match letter.field.as_deref() {
            None => format!("dead letter: {error}"),
            Some(field) if field == path => format!("dead letter: {error} at the field"),
            Some(field) => format!("dead letter: {error} at {field}"),
        }
    }
}
