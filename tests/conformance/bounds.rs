//! Bounds: pages and batches end where they are told to, however wide the rows are.

use prejoin::row::{Key, Match, Page};
use prejoin::source::{Budget, PageSize};

use super::reading::{PLENTY, by, fetch, read, rows, scan};
use crate::support::place::Place;

const MIB: usize = 1 << 20;

/// Forty rows of a megabyte each, among thin ones.
async fn wide(place: &Place) {
    let ty = if place.is_mariadb() { "LONGTEXT" } else { "TEXT" };
    place
        .run(&format!("CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER, body {ty})"))
        .await;
    for start in [0, 10, 20, 30] {
        let rows: Vec<String> = (start..start + 10)
            .map(|id| format!("({id}, {}, '{}')", id % 2, "x".repeat(MIB)))
            .collect();
        place.run(&format!("INSERT INTO things VALUES {}", rows.join(", "))).await;
    }
    let thin: Vec<String> = (40..2_000).map(|id| format!("({id}, 2, 'thin')")).collect();
    place.run(&format!("INSERT INTO things VALUES {}", thin.join(", "))).await;
}

async fn wide_rows_make_small_pages(place: Place) {
    wide(&place).await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "body"], &["id"]).await;
    let size = PageSize { rows: 4_000, bytes: 4 * MIB };
    let pages = scan(&*source, &read, size).await.unwrap();
    assert_eq!(pages.iter().map(Page::len).sum::<usize>(), 2_000);
    for page in &pages {
        // The row that passes the bound is the last.
        assert!(page.bytes() < size.bytes + 2 * MIB, "{}", page.bytes());
    }
    assert!((10..40).contains(&pages.len()), "{}", pages.len());
    let ids: Vec<String> = pages
        .iter()
        .flat_map(|page| (0..page.len()).map(|row| page.cell(row, 0).text.to_owned()))
        .collect();
    assert!(ids.into_iter().eq((0..2_000).map(|id| id.to_string())));
}

/// Reading stops, says so, and the source is as good as before.
async fn a_budget_ends_the_reading(place: Place) {
    wide(&place).await;
    let source = place.source();
    let read = by(
        read(&*source, "things", &["id", "owner", "body"], &["id"]).await,
        &["owner"],
        Match::Exact,
    );
    let keys = ["0", "1", "2"].map(Key::from);
    for _ in 0..5 {
        let fetched = source.fetch_by_keys(&read, &keys, &Budget::new(3 * MIB)).await.unwrap();
        assert!(!fetched.complete);
        let bytes: usize = fetched.answers.iter().map(|answer| answer.page.bytes()).sum();
        assert!((3 * MIB..5 * MIB).contains(&bytes), "{bytes}");
    }
    let fetched = source.fetch_by_keys(&read, &keys, &Budget::new(PLENTY)).await.unwrap();
    assert!(fetched.complete);
    assert_eq!(fetched.answers.iter().map(|answer| answer.page.len()).sum::<usize>(), 2_000);
    assert_eq!(fetch(&*source, &read, &["7"]).await.len(), 0);
    let mut all = read.clone();
    all.columns.truncate(1);
    assert_eq!(rows(&*source, &all).await.len(), 2_000);
}

on_every_server!(wide_rows_make_small_pages, a_budget_ends_the_reading);
