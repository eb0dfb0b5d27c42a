//! Joining a page of orders: keys collected, asked for once each, grouped.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use prejoin::hydrate::{Hydrator, Level};

use crate::scene::{ROOTS, Scene};

/// First without anything known, then with every to-one row read before.
pub(crate) fn all(criterion: &mut Criterion) {
    let scene = Scene::new();
    let hydrator = scene.hydrator();
    // From here on the source only copies its answers.
    scene.level(&hydrator);
    let mut group = criterion.benchmark_group("hydrate");
    group.sample_size(20).throughput(Throughput::Elements(ROOTS));
    group.bench_function("orders, nothing cached", |bencher| {
        bencher.iter_with_large_drop(|| measured_cold(&scene));
    });
    group.bench_function("orders, to-one rows cached", |bencher| {
        bencher.iter_with_large_drop(|| measured_warm(&scene, &hydrator));
    });
    group.finish();
}

#[inline(never)]
fn measured_cold(scene: &Scene) -> (Hydrator, Level) {
    let hydrator = scene.hydrator();
    let level = scene.level(&hydrator);
    black_box((hydrator, level))
}

#[inline(never)]
fn measured_warm(scene: &Scene, hydrator: &Hydrator) -> Level {
    black_box(scene.level(hydrator))
}
