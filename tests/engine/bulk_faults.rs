//! What becomes of documents in bulk when the connection or the engine fails on the way.

use std::time::Duration;

use prejoin::sink::PatienceSettings;
use prejoin::sink::bulk::{Bounds, BulkBody, BulkWriter, Outcome};
use prejoin::sink::{Client, EngineError};
use serde_json::json;
use tokio::task::JoinSet;

use super::{count, put, strict_index};
use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy, Oversize};
use crate::support::own::Indexes;

on_both_engines!(
    refused_for_a_moment_is_sent_again,
    one_that_is_turned_away_lowers_the_number_of_all,
    only_the_items_that_were_refused_are_sent_again,
    a_lost_answer_is_no_lost_document,
    an_unreadable_answer_is_asked_for_again_and_not_for_ever,
    an_answer_for_fewer_documents_is_an_error,
    too_large_is_halved,
    too_large_may_come_as_a_closed_connection,
    the_engine_may_be_away_for_a_while,
    the_engine_may_not_be_away_for_ever,
);

/// Short pauses, so that a test ends soon; the limits stay far away where a test does not shorten them.
fn impatient() -> PatienceSettings {
    PatienceSettings {
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(50),
        ..PatienceSettings::default()
    }
}

struct Setup {
    direct: Client,
    proxy: FaultProxy,
    writer: BulkWriter,
    index: Indexes,
}

async fn setup(engine: TestEngine, what: &str, settings: PatienceSettings) -> Setup {
    let direct = engine.client().await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    let client = Client::connect(&config(&proxy.url())).await.unwrap();
    let index = strict_index(engine, what).await;
    Setup { direct, proxy, writer: BulkWriter::new(client, settings), index }
}

fn documents(number: u64, padding: usize) -> BulkBody {
    let mut body = BulkBody::default();
    for n in 0..number {
        put(&mut body, &n.to_string(), 1, &json!({"n": n, "title": "x".repeat(padding)}));
    }
    body
}

fn all_applied(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| *outcome == Outcome::Applied)
}

const BUSY: &str = r#"{"error": {"type": "es_rejected_execution_exception"}, "status": 429}"#;
const UNAVAILABLE: &str = r#"{"error": {"type": "unavailable_shards_exception"}, "status": 503}"#;

async fn refused_for_a_moment_is_sent_again(engine: TestEngine) {
    let Setup { direct, proxy, writer, index } = setup(engine, "busy", impatient()).await;
    let busy = Fault::Answer(429, BUSY);
    let down = Fault::Answer(503, UNAVAILABLE);
    proxy.then("_bulk", [busy.clone(), busy, down, Fault::Answer(502, "<html>Bad Gateway</html>")]);
    let outcomes = writer.write(&index, documents(20, 0)).await.unwrap();
    assert!(proxy.is_spent() && outcomes.len() == 20 && all_applied(&outcomes));
    assert_eq!(proxy.seen("_bulk").len(), 5);
    assert_eq!(count(&direct, &index).await, 20);
}

async fn one_that_is_turned_away_lowers_the_number_of_all(engine: TestEngine) {
    let Setup { direct, proxy, writer, index } = setup(engine, "fewer", impatient()).await;
    let writer = writer.within(Bounds { bytes: 5 << 20, in_flight: 4, tuning: true });
    let send = |first: u64| {
        let (writer, index) = (writer.clone(), index.to_string());
        async move {
            let mut body = writer.body();
            (first..first + 10).for_each(|n| put(&mut body, &n.to_string(), 1, &json!({"n": n})));
            let flight = writer.flight(&body).await;
            writer.send(flight, &index, body).await.unwrap()
        }
    };
    proxy.then("_bulk", [Fault::Answer(429, BUSY)]);
    assert_eq!(send(0).await.applied, 10);
    proxy.then("_bulk", std::iter::repeat_n(Fault::Late, 4));
    let sent: JoinSet<_> = (1..=4).map(|body| send(10 * body)).collect();
    proxy.until_seen("_bulk", 4).await;
    let more = tokio::time::timeout(Duration::from_millis(300), proxy.until_seen("_bulk", 5)).await;
    assert!(more.is_err(), "more than two at a time");
    proxy.let_go();
    let answered = sent.join_all().await;
    assert!(answered.iter().all(|answered| answered.applied == 10 && answered.others.is_empty()));
    writer.all_landed().await;
    assert!(writer.all_answered());
    assert_eq!(count(&direct, &index).await, 50);
}

async fn only_the_items_that_were_refused_are_sent_again(engine: TestEngine) {
    let Setup { direct, proxy, writer, index } = setup(engine, "items", impatient()).await;
    let answer = r#"{"errors": true, "items": [
        {"index": {"status": 201}},
        {"index": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "queue"}}},
        {"index": {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "failed to parse"}}},
        {"index": {"status": 503, "error": {"type": "unavailable_shards_exception", "reason": "primary"}}}]}"#;
    proxy.then("_bulk", [Fault::Answer(200, answer)]);
    let outcomes = writer.write(&index, documents(4, 0)).await.unwrap();
    use Outcome::{Applied, Rejected};
    assert!(matches!(&outcomes[..], [Applied, Applied, Rejected(_), Applied]), "{outcomes:?}");
    let again = &proxy.seen("_bulk")[1].body;
    let again = str::from_utf8(again).unwrap();
    let sent_again = ["1", "3"].map(|id| again.contains(&format!(r#"{{"_id":"{id}","#)));
    assert!(sent_again == [true, true] && again.lines().count() == 4, "{again}");
    // The proxy answered for the engine: only what was sent again is really there.
    assert_eq!(count(&direct, &index).await, 2);
}

async fn a_lost_answer_is_no_lost_document(engine: TestEngine) {
    let direct = engine.client().await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    let request_timeout = Duration::from_secs(2);
    let config = prejoin::config::EngineConfig { request_timeout, ..config(&proxy.url()) };
    let writer = BulkWriter::new(Client::connect(&config).await.unwrap(), impatient());
    let index = strict_index(engine, "lost").await;
    proxy.then("_bulk", [Fault::Close, Fault::CloseAfter, Fault::HoldAfter]);
    let mut body = documents(10, 0);
    body.delete("absent", 1);
    let outcomes = writer.write(&index, body).await.unwrap();
    assert!(proxy.is_spent() && all_applied(&outcomes), "{outcomes:?}");
    assert_eq!(proxy.seen("_bulk").len(), 4);
    assert_eq!(count(&direct, &index).await, 10);
}

async fn an_unreadable_answer_is_asked_for_again_and_not_for_ever(engine: TestEngine) {
    let Setup { proxy, writer, index, .. } = setup(engine, "garbage", impatient()).await;
    let garbage = Fault::AnswerAfter("<html>welcome</html>");
    proxy.then("_bulk", [garbage.clone()]);
    assert!(all_applied(&writer.write(&index, documents(3, 0)).await.unwrap()));

    proxy.then("_bulk", [garbage.clone(), garbage.clone(), garbage]);
    let error = writer.write(&index, documents(3, 0)).await.unwrap_err();
    assert!(matches!(error, EngineError::Garbled { status: 200, .. }), "{error}");
}

async fn an_answer_for_fewer_documents_is_an_error(engine: TestEngine) {
    let Setup { proxy, writer, index, .. } = setup(engine, "fewer", impatient()).await;
    proxy.then(
        "_bulk",
        [Fault::AnswerAfter(r#"{"errors": false, "items": [{"index": {"status": 201}}]}"#)],
    );
    let error = writer.write(&index, documents(2, 0)).await.unwrap_err();
    assert!(matches!(error, EngineError::Garbled { .. }), "{error}");
}

async fn too_large_is_halved(engine: TestEngine) {
    let Setup { direct, proxy, writer, index } = setup(engine, "halved", impatient()).await;
    proxy.limit(8_000, Oversize::Answer413);
    // Some 17 kB.
    assert!(!writer.is_full(&documents(30, 500)));
    let mut body = documents(50, 500);
    put(&mut body, "huge", 1, &json!({"title": "x".repeat(9_000)}));
    let outcomes = writer.write(&index, body).await.unwrap();
    assert!(all_applied(&outcomes[..50]));
    assert!(
        matches!(&outcomes[50], Outcome::Rejected(why) if why.error_type == "request_too_large")
    );
    assert_eq!(count(&direct, &index).await, 50);
    // It has learnt from that.
    assert!(writer.is_full(&documents(30, 500)));
}

async fn too_large_may_come_as_a_closed_connection(engine: TestEngine) {
    let Setup { direct, proxy, writer, index } = setup(engine, "closed", impatient()).await;
    proxy.limit(1 << 20, Oversize::Close);
    let mut body = documents(150, 20_000);
    put(&mut body, "huge", 1, &json!({"title": "x".repeat(1 << 20)}));
    let outcomes = writer.write(&index, body).await.unwrap();
    assert!(all_applied(&outcomes[..150]));
    assert!(
        matches!(&outcomes[150], Outcome::Rejected(why) if why.error_type == "request_too_large")
    );
    assert_eq!(count(&direct, &index).await, 150);
}

async fn the_engine_may_be_away_for_a_while(engine: TestEngine) {
    let Setup { direct, mut proxy, writer, index } = setup(engine, "away", impatient()).await;
    proxy.down().await;
    let name = index.to_string();
    let mut writing = tokio::spawn(async move { writer.write(&name, documents(5, 0)).await });
    // Long enough for several tries to be refused.
    let ended = tokio::time::timeout(Duration::from_millis(300), &mut writing).await;
    assert!(ended.is_err(), "gave up too soon");
    proxy.up();
    assert!(all_applied(&writing.await.unwrap().unwrap()));
    assert_eq!(count(&direct, &index).await, 5);
}

async fn the_engine_may_not_be_away_for_ever(engine: TestEngine) {
    let settings = PatienceSettings {
        unreachable_for: Duration::from_millis(200),
        busy_for: Duration::from_millis(200),
        ..impatient()
    };
    let Setup { mut proxy, writer, index, .. } = setup(engine, "gone", settings).await;
    proxy.then("_bulk", std::iter::repeat_n(Fault::Answer(429, BUSY), 1_000));
    let error = writer.write(&index, documents(5, 0)).await.unwrap_err();
    assert_eq!(error.status(), Some(429), "{error}");
    proxy.down().await;
    let error = writer.write(&index, documents(5, 0)).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}
