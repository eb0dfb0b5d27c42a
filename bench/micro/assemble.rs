//! Writing the documents of a page of joined orders.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use prejoin::assemble::Assembler;
use prejoin::hydrate::Level;

use crate::scene::{ROOTS, Scene};

pub(crate) fn all(criterion: &mut Criterion) {
    let scene = Scene::new();
    let level = scene.level(&scene.hydrator());
    let mut assembler = Assembler::new(&scene.plan, None, "2026-01-01T00:00:00Z", 1 << 20);
    let mut out = Vec::new();
    assemble(&mut assembler, &level, &mut out);
    let bytes = out.len() as u64;
    let mut group = criterion.benchmark_group("assemble");
    group.throughput(Throughput::ElementsAndBytes { elements: ROOTS, bytes });
    group.bench_function("orders", |bencher| {
        bencher.iter(|| measured_assemble(&mut assembler, &level, &mut out));
    });
    group.finish();
}

#[inline(never)]
fn measured_assemble(assembler: &mut Assembler<'_>, level: &Level, out: &mut Vec<u8>) {
    assemble(assembler, level, out);
    black_box(out);
}

fn assemble(assembler: &mut Assembler<'_>, level: &Level, out: &mut Vec<u8>) {
    out.clear();
    for row in 0..level.rows.len() {
        let mut id = String::new();
        assert!(assembler.id(level, row, &mut id));
        assembler.document(level, row, &id, out).unwrap();
    }
}
