//! TPC-H out of three servers: every document against one SQL query over all tables in one Postgres.

#[path = "../../bench/tpch/compare.rs"]
mod compare;
#[path = "../../bench/tpch/diff.rs"]
mod diff;
#[path = "../../bench/tpch/engine.rs"]
mod engine;
#[path = "../../bench/tpch/load.rs"]
mod load;
#[path = "../../bench/tpch/oracle.rs"]
mod oracle;
#[path = "../../bench/tpch/tables.rs"]
mod tables;

use std::path::Path;

use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::Home;
use crate::support::own::Indexes;
use crate::support::place::Place;
use crate::support::services;

const SCALE: f64 = 0.01;

on_both_engines!(every_document_out_of_three_servers_is_exact);

fn bench(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("bench").join(name)).unwrap()
}

/// The benchmark's home folder, with an index of this test's own.
async fn home(on: TestEngine, index: &str) -> Home {
    Home::new()
        .file("config/default.yaml", &bench("config/default.yaml"))
        .file("mappings/tpch.json", &bench("mappings/tpch.json"))
        .file(
            "jobs/tpch.yaml",
            &bench("jobs/tpch.yaml").replace("index: tpch\n", &format!("index: {index}\n")),
        )
        .engine(on)
        .await
}

async fn every_document_out_of_three_servers_is_exact(on: TestEngine) {
    let (one, three) = (Place::postgres().await, Place::postgres().await);
    let elsewhere = Place::mariadb().await;
    let (postgres, mariadb) = (services::postgres(), services::mariadb());
    let index = Indexes::of(on, "tpch").await;
    let home = home(on, &index)
        .await
        .variable("PREJOIN__SOURCES__ORDERS__URL", &postgres)
        .variable("PREJOIN__SOURCES__ORDERS__SCHEMA", three.schema())
        .variable("PREJOIN__SOURCES__CUSTOMERS__URL", &mariadb)
        .variable("PREJOIN__SOURCES__CUSTOMERS__SCHEMA", elsewhere.schema());
    load::postgres(&postgres, one.schema(), tables::ALL, SCALE).await.unwrap();
    load::postgres(&postgres, three.schema(), tables::ORDERS, SCALE).await.unwrap();
    load::mariadb(&mariadb, elsewhere.schema(), tables::CUSTOMERS, SCALE).await.unwrap();
    load::sqlite(&home.path().join("parts.sqlite"), tables::PARTS, SCALE).await.unwrap();

    let ran = home.run(&["reindex", "tpch"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let engine = engine::Engine::new(&on.url().await, &index).unwrap();
    let compared = || async {
        let mut connection = oracle::connect(&postgres, one.schema()).await.unwrap();
        compare::compare(&mut connection, &engine).await.unwrap()
    };
    let report = compared().await;
    assert_eq!((report.compared, report.differences()), (15_000, 0), "{report}");

    // One digit of one value: exactly that document differs.
    let client = on.client().await;
    let path = [&*index, "_doc", "7"];
    let found = client.call(prejoin::sink::Method::Get, &path, &[], None).await.unwrap();
    let mut source = found["_source"].clone();
    let price = source["lineitems"][0]["l_extendedprice"].to_string();
    let digit = if price.ends_with('1') { "2" } else { "1" };
    let changed = format!("{}{digit}", &price[..price.len() - 1]);
    source["lineitems"][0]["l_extendedprice"] = serde_json::from_str(&changed).unwrap();
    client
        .call(prejoin::sink::Method::Put, &path, &[("refresh", "true")], Some(&source))
        .await
        .unwrap();
    let report = compared().await;
    assert_eq!(
        (report.compared, report.different, report.differences()),
        (15_000, 1, 1),
        "{report}"
    );
}
