//! A limit of rows a second, on real servers: rows come no faster, none is lost, and nobody's connection is kept meanwhile.

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::future::{Either, select};
use prejoin::row::{Key, Match, Page};
use prejoin::source::{self, Budget, From, KeyRange, PageSize, Source};

use super::reading::{PLENTY, by, insert, read};
use crate::support::place::Place;

/// Forty owners of ten things each.
async fn things(place: &Place) {
    let rows = (0..400).map(|id| format!("{id}, {}", id % 40));
    let table = "CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER)";
    place.run(&format!("{table}; {}", insert("things", rows))).await;
}

/// The place, read at this speed over a single connection.
fn slow(place: &Place, per_second: u32) -> Arc<dyn Source> {
    let mut config = place.config();
    config.max_connections = 1;
    config.max_rows_per_second = NonZeroU32::new(per_second);
    source::open(&config).unwrap()
}

fn time(rows: u32, per_second: u32) -> Duration {
    Duration::from_secs(1) * rows / per_second
}

async fn readers_side_by_side_keep_to_one_limit(place: Place) {
    things(&place).await;
    let begun = Instant::now();
    let source = slow(&place, 320);
    let read = Arc::new(read(&*source, "things", &["id", "owner"], &["id"]).await);
    let size = PageSize { rows: 4_000, bytes: PLENTY };
    let scan = || source.scan(Arc::clone(&read), KeyRange::default(), size).try_collect();
    let (one, other): (Vec<Page>, Vec<Page>) = tokio::try_join!(scan(), scan()).unwrap();
    assert!(begun.elapsed() >= time(800, 320), "{:?}", begun.elapsed());
    for pages in [one, other] {
        assert_eq!(pages.iter().map(Page::len).sum::<usize>(), 400);
        // A page is a second's worth at most.
        assert!(pages.iter().all(|page| page.len() <= 320));
    }
}

async fn lookups_count_and_lose_nothing(place: Place) {
    things(&place).await;
    let begun = Instant::now();
    let source = slow(&place, 320);
    let read = read(&*source, "things", &["id", "owner"], &["id"]).await;
    let by = by(read, &["owner"], Match::Exact);
    let keys: Vec<Key> = (0..40).map(|owner| Key::from(owner.to_string().as_str())).collect();
    let found = source.fetch_by_keys(&by, &keys, &Budget::new(PLENTY)).await.unwrap();
    assert!(found.complete);
    let mut asked = 0;
    for answer in &found.answers {
        assert_eq!(answer.keys.start, asked);
        asked = answer.keys.end;
        assert_eq!(answer.page.len(), answer.keys.len() * 10);
        for row in 0..answer.page.len() {
            let owner = answer.page.cell(row, 1).text.parse().unwrap();
            assert!(answer.keys.contains(&owner), "{owner} in {:?}", answer.keys);
        }
        // Nobody knows at first how many rows a key has.
        assert!(answer.page.len() <= 320, "{}", answer.page.len());
    }
    assert_eq!(asked, 40);
    // Whatever was more than foreseen is made up for by the next.
    source.fetch_by_keys(&by, &keys[..1], &Budget::new(PLENTY)).await.unwrap();
    assert!(begun.elapsed() >= time(400 + 1, 320), "{:?}", begun.elapsed());
}

async fn who_waits_keeps_no_connection(place: Place) {
    things(&place).await;
    let source = slow(&place, 1);
    let read = read(&*source, "things", &["id", "owner"], &["id"]).await;
    let (by, one) = (by(read, &["owner"], Match::Exact), [Key::from("7")]);
    // Ten rows for one: the next one waits for nine seconds and more.
    source.fetch_by_keys(&by, &one, &Budget::new(PLENTY)).await.unwrap();
    let plenty = Budget::new(PLENTY);
    let waiting = pin!(source.fetch_by_keys(&by, &one, &plenty));
    let table = From::Table("things".to_owned());
    let other = pin!(source.describe(&table));
    match select(waiting, other).await {
        Either::Left(_) => panic!("the only connection was kept"),
        Either::Right((described, _)) => assert!(described.unwrap().is_some()),
    }
}

on_every_server!(
    readers_side_by_side_keep_to_one_limit,
    lookups_count_and_lose_nothing,
    who_waits_keeps_no_connection,
);
