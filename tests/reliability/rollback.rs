//! The way back to a generation that served before.

use super::scene::Scene;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(readers_go_back_and_forth, there_must_be_a_way_back);

async fn readers_go_back_and_forth(engine: TestEngine) {
    let scene = Scene::new(engine, 30, "10s").await;
    scene.runs(&["reindex", "shop"]).await;
    let first = scene.documents().await;
    scene.add(31, 40).await;
    scene.runs(&["reindex", "shop"]).await;
    assert_eq!(scene.documents().await.len(), 40);
    // Unfinished and unseen generations are no way back.
    scene.runs(&["reindex", "shop", "--no-swap"]).await;

    let back = scene.run(&["rollback", "shop", "--json"]).await;
    assert_eq!(back.code, Some(0), "{}", back.told);
    assert!(back.told.contains(&format!("points to {} now (30 documents)", scene.generation(1))));
    assert_eq!((scene.live().await, scene.documents().await), (scene.generation(1), first));
    assert_eq!(scene.setting(&scene.generation(1), "refresh_interval").await, "7s");
    scene.runs(&["rollback", "shop", "--to", &scene.generation(2)]).await;
    assert_eq!((scene.live().await, scene.documents().await.len()), (scene.generation(2), 40));
    // The next full load goes on as if nothing had been, and what served last is the way back.
    scene.runs(&["rollback", "shop"]).await;
    scene.runs(&["reindex", "shop"]).await;
    scene.assert_right().await;
    let kept: Vec<_> = scene.generations().await.all.into_iter().map(|kept| kept.name).collect();
    assert_eq!(kept, [scene.generation(1), scene.live().await]);
    scene.runs(&["rollback", "shop"]).await;
    assert_eq!(scene.live().await, scene.generation(1));
}

async fn there_must_be_a_way_back(engine: TestEngine) {
    let scene = Scene::new(engine, 30, "10s").await;
    let refused = scene.run(&["rollback", "shop"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.told);
    scene.runs(&["reindex", "shop", "--keep", "0"]).await;
    scene.runs(&["reindex", "shop", "--keep", "0"]).await;
    let unseen = scene.generation(3);
    scene.runs(&["reindex", "shop", "--no-swap"]).await;
    for arguments in [&["rollback", "shop"][..], &["rollback", "shop", "--to", &unseen]] {
        let refused = scene.run(arguments).await;
        assert_eq!(refused.code, Some(2), "{}", refused.told);
        assert!(refused.told.contains("no other generation is kept"), "{}", refused.told);
    }
    assert_eq!(scene.live().await, scene.generation(2));
}
