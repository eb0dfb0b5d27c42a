//! The example's nine services: the same documents from every kind of server, and searches that say what SQL says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use prejoin::sink::index;
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};

use crate::support::engines::TestEngine;
use crate::support::home::{Home, example};
use crate::support::own::{Indexes, unique};
use crate::support::place::Place;
use crate::support::services;
use crate::support::serving::Serving;

const CONTRACTS: &str = "400";

fn project(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// A home with the example's job, whose index is this test's own.
async fn home() -> (Home, Indexes) {
    let index = Indexes::of(TestEngine::OpenSearch, "contracts").await;
    let job =
        project("jobs/contracts.yaml").replace("index: contracts\n", &format!("index: {index}\n"));
    let home = Home::new()
        .file("mappings/contracts.json", &project("mappings/contracts.json"))
        .file("jobs/contracts.yaml", &job)
        .file("config/default.yaml", &project("config/default.yaml").replace(".dev/demo/", ""))
        .file("config/compose.yaml", &project("config/compose.yaml"))
        .engine(TestEngine::OpenSearch)
        .await;
    (home, index)
}

fn generate(arguments: &[&str]) {
    let mut command = Command::new(example("nine-services"));
    command.args(["--contracts", CONTRACTS, "--seed", "7"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// All documents of an index by id, without what prejoin adds.
async fn documents(index: &str) -> BTreeMap<String, Value> {
    let client = TestEngine::OpenSearch.client().await;
    let body = json!({"size": 2_000, "sort": ["_prejoin.id"]});
    let path = [index, "_search"];
    let answer = client.call(prejoin::sink::Method::Post, &path, &[], Some(&body)).await.unwrap();
    let hits = answer["hits"]["hits"].as_array().unwrap();
    let documents = hits.iter().map(|hit| {
        let mut source = hit["_source"].clone();
        source.as_object_mut().unwrap().remove("_prejoin");
        (hit["_id"].as_str().unwrap().to_owned(), source)
    });
    documents.collect()
}

fn reindex(home: &Home, profile: &[&str]) {
    let ran = home.run(&[&["reindex", "contracts", "--json"], profile].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json()["dead_letters"], 0);
}

#[tokio::test]
async fn documents_are_equal_whichever_server_holds_the_services() {
    let (files, files_index) = home().await;
    generate(&["--dir", files.path().to_str().unwrap()]);
    reindex(&files, &[]);

    let (mut servers, servers_index) = home().await;
    let prefix = unique("nine").replace('-', "_") + "_";
    let place = "contract=postgres,settlement=postgres,company=postgres,document=postgres,support=postgres,\
                 account=mariadb,manager=mariadb,product=mariadb,payment=mariadb";
    let (postgres, mariadb) = (services::postgres(), services::mariadb());
    let mut places = Vec::new();
    for pair in place.split(',') {
        let (service, kind) = pair.split_once('=').unwrap();
        let name = format!("{prefix}{service}");
        let on_postgres = kind == "postgres";
        let url = if on_postgres { &postgres } else { &mariadb };
        let variable = |key: &str| format!("PREJOIN__SOURCES__{}__{key}", service.to_uppercase());
        let password = url::Url::parse(url).unwrap().password().unwrap_or_default().to_owned();
        servers = servers
            .variable(&variable("URL"), url)
            .variable(&variable("SCHEMA"), &name)
            .variable(&variable("PASSWORD"), &password);
        places.push(if on_postgres {
            Place::postgres_named(name)
        } else {
            Place::mariadb_named(name)
        });
    }
    let servers_at = ["--postgres", &postgres, "--mariadb", &mariadb];
    generate(&[&servers_at[..], &["--prefix", &prefix, "--place", place]].concat());
    let servers = servers.variable("ELASTIC_PASSWORD", "").variable("READER_PASSWORD", "");
    let servers = servers
        .variable("PREJOIN__ENGINE__USERNAME", "elastic")
        .variable("PREJOIN__ENGINE__PASSWORD", "not-to-be-seen");
    reindex(&servers, &["--profile", "compose"]);

    let (left, right) = (documents(&files_index).await, documents(&servers_index).await);
    assert!(left.len() > 350, "{}", left.len());
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (id, document) in &left {
        assert_eq!(document, &right[id], "contract {id}");
    }
}

/// One connection that sees all nine databases.
async fn attached(folder: &Path) -> SqliteConnection {
    let path = folder.join("contract.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for name in ["manager", "settlement"] {
        let statement =
            format!("ATTACH '{}' AS {name}", folder.join(format!("{name}.db")).display());
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    connection
}

async fn ids_by_sql(connection: &mut SqliteConnection, statement: &'static str) -> Vec<i64> {
    let rows = sqlx::query(statement).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn searches_say_what_sql_says() {
    let (home, index) = home().await;
    generate(&["--dir", home.path().to_str().unwrap()]);
    reindex(&home, &[]);
    let serving = Serving::start(&home).await;
    let mut connection = attached(home.path()).await;

    let by_manager = ids_by_sql(
        &mut connection,
        "SELECT k.id FROM contracts k JOIN manager.managers m ON m.id = k.manager_id
         WHERE k.deleted_at IS NULL AND m.name = '김민준' ORDER BY k.amount DESC NULLS LAST, CAST(k.id AS TEXT)",
    )
    .await;
    let request = json!({"filter": {"manager.name": {"eq": "김민준"}}, "sort": [{"field": "amount", "order": "desc"}],
        "fields": ["id"]});
    let found = serving.all_ids(&index, request, 7).await;
    assert!(by_manager.len() > 5, "{by_manager:?}");
    assert_eq!(found, by_manager);

    let same_element = ids_by_sql(
        &mut connection,
        "SELECT k.id FROM contracts k WHERE k.deleted_at IS NULL AND EXISTS (SELECT 1 FROM settlement.settlements s
         WHERE s.contract_id = k.id AND s.deleted_at IS NULL AND s.status = 'overdue' AND s.amount > 1000000)
         ORDER BY k.id",
    )
    .await;
    let some = json!({"status": {"eq": "overdue"}, "amount": {"gt": 1_000_000}});
    let request = json!({"filter": {"settlements": {"some": some}}, "sort": [{"field": "id"}], "fields": ["id"]});
    assert_eq!(serving.all_ids(&index, request, 50).await, same_element);
    // Conditions on two settlements are another question, with another answer.
    let apart = json!({"and": [{"settlements": {"some": {"status": {"eq": "overdue"}}}},
        {"settlements": {"some": {"amount": {"gt": 1_000_000}}}}]});
    let request = json!({"filter": apart, "sort": [{"field": "id"}], "fields": ["id"]});
    assert!(serving.all_ids(&index, request, 50).await.len() > same_element.len());
}

/// The second mapping needs the Korean analysis plugin, which OpenSearch has here.
#[tokio::test]
async fn both_mappings_of_the_example_are_taken() {
    let client = TestEngine::OpenSearch.client().await;
    for name in ["mappings/contracts.json", "mappings/contracts.nori.json"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let mapping = prejoin::mapping::Mapping::load(&file).unwrap();
        let alias = Indexes::of(TestEngine::OpenSearch, "mapping").await;
        let write_alias = index::write_alias(&alias, 1);
        let made = index::create(&client, &alias, &mapping, &write_alias).await;
        assert!(made.is_ok(), "{name}: {:#}", made.err().unwrap());
    }
}
