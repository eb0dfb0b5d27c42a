//! Generations of an index: built aside, settled, swapped in, pruned.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prejoin::finding::Finding;
use prejoin::mapping::Mapping;
use prejoin::sink::PatienceSettings;
use prejoin::sink::bulk::{BulkBody, BulkWriter};
use prejoin::sink::index::{self, Extent, Generations, SwapError};
use prejoin::sink::{Client, Method};
use serde_json::{Value, json};

use super::put;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::own::Indexes;

on_both_engines!(
    a_generation_is_loaded_and_then_set_up_as_its_file_says,
    readers_see_one_generation_or_the_other,
    generations_are_told_apart,
    what_readers_see_is_not_discarded,
    an_index_of_the_aliass_name_is_refused,
);

fn mapping() -> Mapping {
    let text = r#"{
        "settings": {"index": {"refresh_interval": "7s"}, "number_of_shards": 1},
        "mappings": {"dynamic": "strict", "properties": {
            "n": {"type": "long"}, "list": {"type": "nested", "properties": {"x": {"type": "long"}}}}}}"#;
    Mapping::parse(Path::new("mappings/test.json"), text).unwrap()
}

/// A generation that is being built.
struct Made {
    index: String,
    write_alias: String,
}

/// The next generation, with the write alias of this epoch.
async fn create(client: &Client, alias: &str, epoch: u64) -> anyhow::Result<Made> {
    let all = Generations::read(client, alias).await?;
    let index = all.name(all.next_number(0));
    let write_alias = index::write_alias(&index, epoch);
    index::create(client, &index, &mapping(), &write_alias).await?;
    Ok(Made { index, write_alias })
}

/// Points readers to an index, as its next writer.
async fn swap(client: &Client, alias: &str, index: &str) -> Result<Vec<String>, SwapError> {
    let write_alias = index::write_alias(index, 9);
    index::add_write_alias(client, index, &write_alias).await.unwrap();
    index::swap(client, alias, (index, &write_alias), None).await
}

/// Writes documents with a nested part through the generation's write alias, and settles it.
async fn load(client: &Client, generation: &Made, documents: u64) -> u64 {
    let mut body = BulkBody::default();
    for n in 0..documents {
        put(&mut body, &n.to_string(), 1, &json!({"n": n, "list": [{"x": 1}, {"x": 2}]}));
    }
    let writer = BulkWriter::new(client.clone(), PatienceSettings::default());
    writer.write(&generation.write_alias, body).await.unwrap();
    index::settle(client, &generation.index, &mapping()).await.unwrap()
}

/// Creates, loads and swaps in.
async fn reindexed(client: &Client, alias: &str, documents: u64) -> String {
    let generation = create(client, alias, 7).await.unwrap();
    load(client, &generation, documents).await;
    index::swap(client, alias, (&generation.index, &generation.write_alias), None).await.unwrap();
    generation.index
}

async fn settings(client: &Client, index: &str) -> Value {
    let found = client.call(Method::Get, &[index, "_settings"], &[], None).await.unwrap();
    found[index]["settings"]["index"].clone()
}

async fn a_generation_is_loaded_and_then_set_up_as_its_file_says(engine: TestEngine) {
    let client = engine.client().await;
    let alias = Indexes::of(engine, "load").await;
    let generation = create(&client, &alias, 7).await.unwrap();
    assert_eq!(generation.index, format!("{alias}-000001"));
    let loading = settings(&client, &generation.index).await;
    assert_eq!([&loading["refresh_interval"], &loading["number_of_replicas"]], ["-1", "0"]);
    assert_eq!(loading["gc_deletes"], "1h");

    // Documents, not the parts that the engine stores beside each.
    assert_eq!(load(&client, &generation, 30).await, 30);
    let loaded = settings(&client, &generation.index).await;
    assert_eq!([&loaded["refresh_interval"], &loaded["number_of_replicas"]], ["7s", "1"]);
    assert_eq!(Generations::read(&client, &alias).await.unwrap().serving, [""; 0]);
    assert_eq!(
        index::swap(&client, &alias, (&generation.index, &generation.write_alias), None)
            .await
            .unwrap(),
        [""; 0]
    );

    let mut late = BulkBody::default();
    put(&mut late, "late", 2, &json!({"n": 1}));
    let writer = BulkWriter::new(client.clone(), PatienceSettings::default());
    let error = writer.write(&generation.write_alias, late).await.unwrap_err();
    assert_eq!(error.error_type(), "invalid_index_name_exception", "{error}");

    let read = Generations::read(&client, &alias).await.unwrap();
    assert_eq!(read.serving, [generation.index]);
    let only = &read.all[0];
    assert!(only.live, "{only:?}");
    let extent = Extent::read(&client, &only.name).await.unwrap();
    assert!(extent.documents == Some(30) && extent.bytes > Some(0), "{extent:?}");
    assert!(only.created_at.is_some());
}

async fn readers_see_one_generation_or_the_other(engine: TestEngine) {
    let client = engine.client().await;
    let alias = Indexes::of(engine, "swap").await;
    let first = reindexed(&client, &alias, 3).await;
    let second = create(&client, &alias, 8).await.unwrap();
    load(&client, &second, 5).await;

    let ended = Arc::new(AtomicBool::new(false));
    let reading = {
        let (client, alias, ended) = (client.clone(), alias.to_string(), Arc::clone(&ended));
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                let counted = client.call(Method::Get, &[&alias, "_count"], &[], None).await;
                seen.push(counted.map(|counted| counted["count"].as_u64()));
            }
            seen
        })
    };
    for _ in 0..10 {
        assert_eq!(swap(&client, &alias, &second.index).await.unwrap(), [first.as_str()]);
        let before = swap(&client, &alias, &first).await.unwrap();
        assert_eq!(before, [second.index.as_str()]);
    }
    ended.store(true, Ordering::Relaxed);
    let seen: Vec<_> = reading.await.unwrap().into_iter().map(Result::unwrap).collect();
    assert!(seen.len() > 20, "{}", seen.len());
    assert!(seen.iter().all(|count| matches!(count, Some(3 | 5))), "{seen:?}");
}

async fn generations_are_told_apart(engine: TestEngine) {
    let client = engine.client().await;
    let alias = Indexes::of(engine, "prune").await;
    // Its name begins like a generation's, and it is none.
    let neighbour = format!("{alias}-eu");
    reindexed(&client, &neighbour, 1).await;
    for _ in 0..3 {
        reindexed(&client, &alias, 1).await;
    }
    create(&client, &alias, 9).await.unwrap();

    let all = Generations::read(&client, &alias).await.unwrap();
    assert_eq!([all.next_number(0), all.next_number(7)], [5, 8]);
    let numbers: Vec<_> = all
        .all
        .iter()
        .map(|generation| (generation.number, generation.live, generation.open))
        .collect();
    assert_eq!(numbers, [(1, false, false), (2, false, false), (3, true, false), (4, false, true)]);
    assert_eq!(Generations::read(&client, &neighbour).await.unwrap().all.len(), 1);
}

async fn what_readers_see_is_not_discarded(engine: TestEngine) {
    let client = engine.client().await;
    let alias = Indexes::of(engine, "discard").await;
    let live = reindexed(&client, &alias, 1).await;
    let failed = create(&client, &alias, 9).await.unwrap();
    index::discard(&client, &failed.index).await.unwrap();
    index::discard(&client, &failed.index).await.unwrap();
    let said = index::discard(&client, &live).await.unwrap_err().to_string();
    assert_eq!(said, format!("index `{live}` is not deleted: the alias `{alias}` points to it"));
    assert_eq!(Generations::read(&client, &alias).await.unwrap().all.len(), 1);
}

async fn an_index_of_the_aliass_name_is_refused(engine: TestEngine) {
    let client = engine.client().await;
    let alias = Indexes::of(engine, "taken").await;
    client.call(Method::Put, &[&alias], &[], None).await.unwrap();
    let refused = [
        Generations::read(&client, &alias).await.err().unwrap(),
        create(&client, &alias, 7).await.err().unwrap(),
        match index::swap(&client, &alias, (&alias, "W"), None).await {
            Err(SwapError::NotSent(error)) => error,
            other => panic!("{other:?}"),
        },
    ];
    for error in refused {
        let finding = error.downcast_ref::<Finding>().unwrap();
        assert_eq!(
            finding.what,
            format!("`{alias}` is an index of its own, where an alias is needed")
        );
        assert!(finding.hint.is_some());
    }
}
