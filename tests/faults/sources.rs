//! A service's database that cannot be reached, refuses, ends the connection or falls silent.

use super::{Scene, kind, reached_at, url};
use crate::support::place::Place;
use crate::support::tcp_proxy::{TcpProxy, Traffic};

on_both_servers!(
    nobody_listens,
    a_wrong_password,
    closed_half_way,
    restarted_between_two_runs,
    silent_at_connect,
    silent_half_way,
);

/// Of some two megabytes that a load reads.
const HALF_WAY: usize = 1_000_000;

/// A scene whose database is behind a proxy.
async fn behind_a_proxy(place: Place) -> (Scene, TcpProxy) {
    let proxy = TcpProxy::to(&url(&place)).await;
    let source = reached_at(&place, &proxy.instead(&url(&place)));
    let kind = kind(&place);
    let scene = Scene::of(place, &source).await;
    (scene.hiding(&proxy.port(), "PORT").hiding(&kind, "SERVER at"), proxy)
}

async fn nobody_listens(place: Place) {
    let (scene, mut proxy) = behind_a_proxy(place).await;
    proxy.down().await;
    let told = scene.told(&scene.run().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to SERVER at 127.0.0.1:PORT: Connection refused (os error 111)

    hint: is the server running, and does `url` name its host and port?
    ") }
    proxy.up();
    scene.is_unharmed().await;
}

async fn a_wrong_password(place: Place) {
    let mut wrong = url(&place);
    wrong.set_password(Some("hunter2")).unwrap();
    let (right, wrong) = (super::source(&place), reached_at(&place, &wrong));
    let port = url(&place).port().unwrap();
    let scene = Scene::of(place, &right).await.hiding(&port, "PORT").reading(&wrong);
    let told = scene.told(&scene.run().await);
    if scene.place.is_postgres() {
        insta::assert_snapshot!(told, @r#"
        exit 2
        error: source `shop`: describing table `things`: cannot connect to postgres at 127.0.0.1:PORT: password authentication failed for user "postgres"

        hint: check the user in `url`, and its password there or in `password`
        "#);
    } else {
        insta::assert_snapshot!(told, @"
        exit 2
        error: source `shop`: describing table `things`: cannot connect to mysql at 127.0.0.1:PORT: Access denied for user 'root'@'127.0.0.1' (using password: YES)

        hint: check the user in `url`, and its password there or in `password`
        ");
    }
    scene.reading(&right).is_unharmed().await;
}

async fn closed_half_way(place: Place) {
    let (scene, proxy) = behind_a_proxy(place).await;
    proxy.set_after(HALF_WAY, Traffic::Close);
    let told = scene.told(&scene.run().await);
    assert_eq!(proxy.now(), Traffic::Close);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 4
    error: source `shop`: `INDEX`: the server ended the connection

    hint: was the server stopped or restarted? its log may tell; run it again when it is back
    ") }
    proxy.set(Traffic::Pass);
    scene.is_unharmed().await;
}

/// Nothing of an earlier run is needed: not its connections, not what it had open.
async fn restarted_between_two_runs(place: Place) {
    let (scene, mut proxy) = behind_a_proxy(place).await;
    proxy.set_after(HALF_WAY, Traffic::Close);
    assert_eq!(scene.run().await.code, Some(4));
    proxy.down().await;
    assert_eq!(scene.run().await.code, Some(2));
    proxy.set(Traffic::Pass);
    proxy.up();
    scene.is_unharmed().await;
}

async fn silent_at_connect(place: Place) {
    let (scene, proxy) = behind_a_proxy(place).await;
    let source = reached_at(&scene.place, &proxy.instead(&url(&scene.place)));
    let scene = scene.reading(&format!("{source}, connect_timeout: 2s"));
    proxy.set(Traffic::Hang);
    let told = scene.told(&scene.run().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to SERVER at 127.0.0.1:PORT: no answer within 2s

    hint: is something else listening there? a server that is only slow needs a longer `connect_timeout`
    ") }
    proxy.set(Traffic::Pass);
    scene.is_unharmed().await;
}

async fn silent_half_way(place: Place) {
    let (scene, proxy) = behind_a_proxy(place).await;
    let source = reached_at(&scene.place, &proxy.instead(&url(&scene.place)));
    let scene = scene.reading(&format!("{source}, statement_timeout: 3s"));
    proxy.set_after(HALF_WAY, Traffic::Hang);
    let told = scene.told(&scene.run().await);
    assert_eq!(proxy.now(), Traffic::Hang);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 4
    error: source `shop`: `INDEX`: no end within 8s

    hint: is the server, or the network to it, stuck?
    ") }
    proxy.set(Traffic::Pass);
    scene.is_unharmed().await;
}
