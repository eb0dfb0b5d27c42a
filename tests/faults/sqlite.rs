//! A SQLite file that is no database, or is broken.

use super::{Scene, source};
use crate::support::place::Place;

/// A scene, and its database's file.
async fn scene() -> (Scene, std::path::PathBuf) {
    let place = Place::sqlite().await;
    let prejoin::config::Server::Sqlite { path } = place.config().server else { unreachable!() };
    let source = source(&place);
    (Scene::of(place, &source).await.hiding(&path.display(), "FILE"), path)
}

#[tokio::test]
async fn a_file_that_is_no_database() {
    let (scene, path) = scene().await;
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, "this is no database".repeat(1_000)).unwrap();
    insta::assert_snapshot!(scene.told(&scene.run().await), @"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to sqlite file FILE: file is not a database

    hint: does `path` name the right file?
    ");
    std::fs::write(&path, whole).unwrap();
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_file_that_is_broken_half_way() {
    let (scene, path) = scene().await;
    let whole = std::fs::read(&path).unwrap();
    let mut broken = whole.clone();
    broken[whole.len() / 2..].fill(0xff);
    std::fs::write(&path, broken).unwrap();
    insta::assert_snapshot!(scene.told(&scene.run().await), @"
    exit 4
    error: source `shop`: `INDEX`: database disk image is malformed

    hint: the file is damaged: `PRAGMA integrity_check` tells more; restore it
    ");
    std::fs::write(&path, whole).unwrap();
    scene.is_unharmed().await;
}
