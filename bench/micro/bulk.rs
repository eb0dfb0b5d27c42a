//! Bodies of bulk requests, and what the engine answers to them.

use std::convert::Infallible;
use std::fmt::Write;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use prejoin::sink::bulk::{BulkBody, Sealed, verdicts};

/// Documents of a body: 5 MB of them.
const DOCUMENTS: u64 = 2_000;
const DOCUMENT_BYTES: usize = 2_400;
const VERSION: u64 = 1 << 24;

pub(crate) fn all(criterion: &mut Criterion) {
    let document = document();
    let ids: Vec<String> = (0..DOCUMENTS).map(|id| id.to_string()).collect();
    let body = filled(&ids, &document);
    let bytes = body.bytes() as u64;
    let mut group = criterion.benchmark_group("bulk");
    group.throughput(Throughput::ElementsAndBytes { elements: DOCUMENTS, bytes });
    group.bench_function("put", |bencher| {
        bencher.iter_with_large_drop(|| measured_put(&ids, &document));
    });
    group.throughput(Throughput::Elements(DOCUMENTS));
    group.bench_function("seal", |bencher| {
        let body = || filled(&ids, &document);
        bencher.iter_batched(body, measured_seal, BatchSize::PerIteration);
    });
    let (sealed, _) = body.seal();
    let every_other: Vec<usize> = sealed.positions().into_iter().step_by(2).collect();
    group.throughput(Throughput::Bytes(sealed.size(&every_other) as u64));
    group.bench_function("part, every other document", |bencher| {
        bencher.iter(|| measured_part(&sealed, &every_other));
    });
    group.throughput(Throughput::Elements(DOCUMENTS));
    let versions: Vec<u64> = ids.iter().map(|_| VERSION).collect();
    for (name, refused) in [("all applied", 0), ("a tenth refused", 10)] {
        let answer = answer(refused);
        group.bench_function(format!("answer, {name}"), |bencher| {
            bencher.iter(|| measured_answer(answer.as_bytes(), &versions));
        });
    }
    group.finish();
}

#[inline(never)]
fn measured_put(ids: &[String], document: &[u8]) -> BulkBody {
    black_box(filled(ids, document))
}

fn filled(ids: &[String], document: &[u8]) -> BulkBody {
    let mut body = BulkBody::with_capacity(5 << 20);
    for id in ids {
        let put = body.put(id, VERSION, |out| {
            out.extend_from_slice(document);
            Ok::<_, Infallible>(())
        });
        put.unwrap();
    }
    body
}

#[inline(never)]
fn measured_seal(body: BulkBody) -> Sealed {
    body.seal().0
}

#[inline(never)]
fn measured_part(sealed: &Sealed, positions: &[usize]) {
    black_box(sealed.part(positions));
}

#[inline(never)]
fn measured_answer(answer: &[u8], versions: &[u64]) {
    black_box(verdicts("POST /orders/_bulk", answer, versions).unwrap());
}

fn document() -> Vec<u8> {
    let mut document = br#"{"o_comment":""#.to_vec();
    document.resize(DOCUMENT_BYTES, b'x');
    document.extend_from_slice(br#""}"#);
    document
}

/// As the engine answers when it is asked for no more than is looked at; one in `refused` items is a refusal, or none.
fn answer(refused: u64) -> String {
    let mut items = String::new();
    for at in 0..DOCUMENTS {
        let comma = if at == 0 { "" } else { "," };
        if refused > 0 && at % refused == 0 {
            let reason =
                "failed to parse field [o_totalprice] of type [double] in document with id '1'";
            let _fits = write!(
                items,
                r#"{comma}{{"index":{{"status":400,"error":{{"type":"mapper_parsing_exception","reason":"{reason}"}}}}}}"#
            );
        } else {
            let _fits = write!(items, r#"{comma}{{"index":{{"status":201}}}}"#);
        }
    }
    format!(r#"{{"errors":{},"items":[{items}]}}"#, refused > 0)
}
