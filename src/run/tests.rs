//! Time is what a test says it is: a schedule of hours passes in no time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::*;
use crate::times::Times;

/// A clock that goes on when somebody turns it, and whoever waits for it.
#[derive(Clone)]
struct Turned(Arc<Mutex<(Timestamp, Vec<Waits>)>>);

/// Until when, and whom to tell.
type Waits = (Timestamp, oneshot::Sender<()>);

impl Turned {
    fn at(now: &str) -> Self {
        Self(Arc::new(Mutex::new((now.parse().unwrap(), Vec::new()))))
    }

    /// Goes to the next moment that somebody waits for, if it is no later than `end`.
    fn turn(&self, end: Timestamp) -> bool {
        let mut clock = self.0.lock().unwrap();
        clock.1.retain(|(_, waits)| !waits.is_canceled());
        let Some(next) = clock.1.iter().map(|(at, _)| *at).min().filter(|at| *at <= end) else {
            return false;
        };
        clock.0 = clock.0.max(next);
        let (due, rest) = std::mem::take(&mut clock.1).into_iter().partition(|(at, _)| *at <= next);
        clock.1 = rest;
        let due: Vec<Waits> = due;
        for (_, waits) in due {
            // Whoever has given up waiting meanwhile does not mind.
            let _gone = waits.send(());
        }
        true
    }

    /// Has time pass until `end`, from one moment that somebody waits for to the next.
    async fn pass(&self, end: Timestamp) {
        loop {
            // All who can do something do it before time goes on.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            if !self.turn(end) {
                return;
            }
        }
    }

    /// Sets it, whatever it shows.
    fn set(&self, now: Timestamp) {
        self.0.lock().unwrap().0 = now;
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn until(&self, at: Option<Timestamp>) -> BoxFuture<'_, ()> {
        let Some(at) = at else { return Box::pin(futures::future::pending()) };
        let (waits, waited) = oneshot::channel();
        self.0.lock().unwrap().1.push((at, waits));
        Box::pin(waited.map(drop))
    }
}

/// What was done: when, by which job, how long it took.
type Log = Vec<(Timestamp, String, Kind, Timestamp)>;

/// Runs that take as long as they are told to, and end as they are told to.
struct Pretended {
    clock: Turned,
    /// Seconds and exit code by job and kind; else a second and 0.
    told: BTreeMap<(&'static str, Kind), (i64, u8)>,
    log: Arc<Mutex<Log>>,
}

impl Runner for Pretended {
    fn run(&self, job: &str, kind: Kind, cancel: CancellationToken) -> BoxFuture<'static, Done> {
        let told = self.told.iter().find(|((name, of), _)| *name == job && *of == kind);
        let (seconds, code) = told.map_or((1, 0), |(_, told)| *told);
        let (clock, log, job) = (self.clock.clone(), Arc::clone(&self.log), job.to_owned());
        Box::pin(async move {
            let began = clock.now();
            let outcome = tokio::select! {
                () = clock.until(Some(began + SignedDuration::from_secs(seconds))) => Outcome::of(code),
                () = cancel.cancelled() => Outcome::Interrupted,
            };
            log.lock().unwrap().push((began, job, kind, clock.now()));
            Done { outcome, told: String::new() }
        })
    }
}

/// A scheduler and the world around it.
struct World {
    clock: Turned,
    zone: TimeZone,
    entries: Vec<Entry>,
    told: BTreeMap<(&'static str, Kind), (i64, u8)>,
    at_a_time: usize,
}

fn world(now: &str, entries: &[(&str, Kind, &str)]) -> World {
    let entry = |(job, kind, text): &(&str, Kind, &str)| Entry {
        job: (*job).to_owned(),
        kind: *kind,
        times: Times::parse(text).unwrap(),
    };
    World {
        clock: Turned::at(now),
        zone: TimeZone::UTC,
        entries: entries.iter().map(entry).collect(),
        told: BTreeMap::new(),
        at_a_time: 4,
    }
}

impl World {
    /// Has time pass until `end`, and tells what was done until then; what is under way then is asked to stop.
    async fn until(self, end: &str) -> (Log, Status) {
        let end = end.parse().unwrap();
        self.passed(async |clock| clock.pass(end).await).await
    }

    async fn passed(self, time: impl AsyncFnOnce(&Turned)) -> (Log, Status) {
        let log = Arc::<Mutex<Log>>::default();
        let runner =
            Pretended { clock: self.clock.clone(), told: self.told, log: Arc::clone(&log) };
        let board = Board::new(&self.entries);
        let scheduler = Scheduler {
            timetable: Timetable::new(self.entries, self.zone, self.clock.now()),
            board: &board,
            clock: &self.clock,
            runner: &runner,
            at_a_time: self.at_a_time,
        };
        let cancel = CancellationToken::new();
        let time = async {
            time(&self.clock).await;
            cancel.cancel();
        };
        tokio::join!(scheduler.run(&cancel), time);
        let log = std::mem::take(&mut *log.lock().unwrap());
        (log, board.status())
    }
}

/// When runs of a job and kind began, by the clocks of a zone.
fn began(log: &Log, job: &str, kind: Kind, zone: &TimeZone) -> Vec<String> {
    let of = log.iter().filter(|(_, name, of, _)| name == job && *of == kind);
    of.map(|(at, ..)| at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()).collect()
}

/// Nothing was under way twice, and never more runs than may be.
fn assert_apart(log: &Log, at_a_time: usize) {
    for (at, (began, job, kind, _)) in log.iter().enumerate() {
        let beside =
            |(from, _, _, to): &&(Timestamp, String, Kind, Timestamp)| from <= began && began < to;
        let others = log.iter().enumerate().filter(|(other, run)| *other != at && beside(run));
        let others: Vec<_> = others.map(|(_, run)| run).collect();
        let is_same = |(_, other, of, _): &&(_, String, Kind, _)| other == job && of == kind;
        assert!(!others.iter().any(is_same), "{job} at {began}");
        assert!(others.len() < at_a_time, "{began}: {others:?}");
    }
}

#[tokio::test]
async fn two_hours_of_a_schedule_are_what_it_says() {
    let mut world = world(
        "2026-11-30T00:59:30Z",
        &[
            ("contracts", Kind::Sync, "0 */5 * * * *"),
            ("contracts", Kind::Sweep, "0 30 1 * * *"),
            ("orders", Kind::Sync, "30 */10 * * * MON-FRI"),
            ("people", Kind::Sync, "0 0 2 * * SUN"),
            ("places", Kind::Sync, "0 0 * * * *"),
        ],
    );
    // The sweep goes on beyond two of the job's times, beside them; a sync goes on beyond the next one's.
    world.told.insert(("contracts", Kind::Sweep), (12 * 60, 0));
    world.told.insert(("orders", Kind::Sync), (11 * 60, 0));
    world.told.insert(("places", Kind::Sync), (5, 4));
    let zone = TimeZone::UTC;
    let (log, status) = world.until("2026-11-30T02:59:30Z").await;
    assert_apart(&log, 4);
    let of = |job: &str, kind: Kind| began(&log, job, kind, &zone);
    insta::assert_snapshot!(of("contracts", Kind::Sync).join(" "), @"01:00:00 01:05:00 01:10:00 01:15:00 01:20:00 01:25:00 01:30:00 01:35:00 01:40:00 01:45:00 01:50:00 01:55:00 02:00:00 02:05:00 02:10:00 02:15:00 02:20:00 02:25:00 02:30:00 02:35:00 02:40:00 02:45:00 02:50:00 02:55:00");
    assert_eq!(of("contracts", Kind::Sweep), ["01:30:00"]);
    insta::assert_snapshot!(of("orders", Kind::Sync).join(" "), @"01:00:30 01:11:30 01:22:30 01:33:30 01:44:30 01:55:30 02:06:30 02:17:30 02:28:30 02:39:30 02:50:30");
    assert_eq!(of("people", Kind::Sync), [""; 0]);
    assert_eq!(of("places", Kind::Sync), ["01:00:00", "02:00:00"]);
    assert_eq!(status.unhealthy, ["places"]);
}

#[tokio::test]
async fn a_time_that_clocks_skip_or_show_twice_is_one_run() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let schedules = [
        ("night", Kind::Sync, "0 30 2 * * *"),
        ("early", Kind::Sync, "0 30 1 * * *"),
        ("often", Kind::Sync, "0 */30 * * * *"),
    ];
    // From 02:00 to 03:00.
    let mut spring = world("2026-03-08T06:15:00Z", &schedules);
    spring.zone = zone.clone();
    let (log, _) = spring.until("2026-03-08T08:15:00Z").await;
    assert_eq!(began(&log, "night", Kind::Sync, &zone), ["03:00:00"]);
    assert_eq!(began(&log, "early", Kind::Sync, &zone), ["01:30:00"]);
    assert_eq!(
        began(&log, "often", Kind::Sync, &zone),
        ["01:30:00", "03:00:00", "03:30:00", "04:00:00"]
    );
    // From 02:00 back to 01:00.
    let mut autumn = world("2026-11-01T05:15:00Z", &schedules);
    autumn.zone = zone.clone();
    let (log, _) = autumn.until("2026-11-01T07:45:00Z").await;
    assert_eq!(began(&log, "night", Kind::Sync, &zone), ["02:30:00"]);
    assert_eq!(began(&log, "early", Kind::Sync, &zone), ["01:30:00"]);
    let often = began(&log, "often", Kind::Sync, &zone);
    assert_eq!(often, ["01:30:00", "01:00:00", "01:30:00", "02:00:00", "02:30:00"]);
}

#[tokio::test]
async fn what_was_missed_while_the_machine_slept_is_run_once() {
    let world = world("2026-11-30T09:58:00Z", &[("contracts", Kind::Sync, "0 */5 * * * *")]);
    let (log, _) = world
        .passed(async |clock| {
            let end = "2026-11-30T10:07:00Z".parse().unwrap();
            clock.pass(end).await;
            clock.set("2026-11-30T13:31:07Z".parse().unwrap());
            let end = "2026-11-30T13:36:00Z".parse().unwrap();
            clock.pass(end).await;
        })
        .await;
    let runs = began(&log, "contracts", Kind::Sync, &TimeZone::UTC);
    assert_eq!(runs, ["10:00:00", "10:05:00", "13:31:07", "13:35:00"]);
}

/// A clock that was a day ahead by mistake: nobody waits for tomorrow.
#[test]
fn a_clock_that_is_set_back_is_followed() {
    let now = |text: &str| -> Timestamp { text.parse().unwrap() };
    let entry =
        world("2026-12-01T10:02:00Z", &[("contracts", Kind::Sync, "0 */5 * * * *")]).entries;
    let mut table = Timetable::new(entry, TimeZone::UTC, now("2026-12-01T10:02:00Z"));
    assert_eq!(table.wake(4), Some(now("2026-12-01T10:05:00Z")));
    assert_eq!(table.take(now("2026-11-30T10:02:00Z"), 4), []);
    assert_eq!(table.wake(4), Some(now("2026-11-30T10:05:00Z")));
    assert_eq!(table.take(now("2026-11-30T10:05:00Z"), 4).len(), 1);
}

#[tokio::test]
async fn what_waits_longest_has_its_turn_first() {
    let mut world = world(
        "2026-11-30T00:00:30Z",
        &[
            ("c", Kind::Sync, "30 1 * * * *"),
            ("b", Kind::Sync, "0 1 * * * *"),
            ("a", Kind::Sweep, "0 1 * * * *"),
            ("a", Kind::Sync, "0 1 * * * *"),
        ],
    );
    world.at_a_time = 1;
    for (job, kind) in [("a", Kind::Sync), ("a", Kind::Sweep), ("b", Kind::Sync), ("c", Kind::Sync)]
    {
        world.told.insert((job, kind), (60, 0));
    }
    let (log, _) = world.until("2026-11-30T00:10:00Z").await;
    assert_apart(&log, 1);
    let order: Vec<_> = log.iter().map(|(_, job, kind, _)| (job.as_str(), *kind)).collect();
    assert_eq!(
        order,
        [("a", Kind::Sync), ("a", Kind::Sweep), ("b", Kind::Sync), ("c", Kind::Sync)]
    );
}

/// Looks that take hours leave room for what keeps indexes in step.
#[tokio::test]
async fn long_looks_do_not_take_every_place() {
    let mut world = world(
        "2026-11-30T00:00:30Z",
        &[
            ("a", Kind::Sweep, "0 1 0 * * *"),
            ("b", Kind::Sweep, "0 1 0 * * *"),
            ("c", Kind::Verify, "0 1 0 * * *"),
            ("a", Kind::Sync, "0 */5 * * * *"),
            ("b", Kind::Sync, "0 */5 * * * *"),
        ],
    );
    world.at_a_time = 2;
    for (job, kind) in [("a", Kind::Sweep), ("b", Kind::Sweep), ("c", Kind::Verify)] {
        world.told.insert((job, kind), (20 * 60, 0));
    }
    let (log, _) = world.until("2026-11-30T01:05:30Z").await;
    assert_apart(&log, 2);
    for job in ["a", "b"] {
        assert_eq!(began(&log, job, Kind::Sync, &TimeZone::UTC).len(), 13, "{job}");
    }
    let looks = [("a", Kind::Sweep), ("b", Kind::Sweep), ("c", Kind::Verify)];
    let begun = looks.map(|(job, kind)| began(&log, job, kind, &TimeZone::UTC).concat());
    assert_eq!(begun, ["00:01:00", "00:21:00", "00:41:00"]);
}

#[tokio::test]
async fn what_is_under_way_is_waited_for_and_asked_to_stop() {
    let schedules =
        [("contracts", Kind::Sync, "0 0 * * * *"), ("orders", Kind::Sync, "0 0 * * * *")];
    let mut world = world("2026-11-30T00:59:59Z", &schedules);
    world.told.insert(("contracts", Kind::Sync), (3_600, 0));
    world.told.insert(("orders", Kind::Sync), (3_600, 0));
    let (log, status) = world.until("2026-11-30T01:20:00Z").await;
    assert_eq!(log.len(), 2);
    assert!(status.healthy);
    for job in status.jobs.values() {
        let job = serde_json::to_value(job).unwrap();
        assert_eq!(job["running"], serde_json::json!([]));
        assert_eq!(job["runs"]["sync"]["last"]["means"], "stopped on request");
    }
}

/// A lease that somebody else holds is neither good nor bad; a run of another kind does not make up for one that failed.
#[test]
fn health_is_that_of_the_last_run_of_each_kind() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let entries = world(
        "2026-11-30T00:00:00Z",
        &[("a", Kind::Sync, "0 * * * * *"), ("a", Kind::Sweep, "0 0 3 * * *")],
    );
    let board = Board::new(&entries.entries);
    let ended = |kind: Kind, code: u8| {
        let due = Due { at: at("2026-11-30T00:01:00Z"), job: "a".to_owned(), kind };
        board.ended(&due, (due.at, at("2026-11-30T00:01:05Z")), Outcome::of(code));
        board.status().healthy
    };
    assert!(board.status().healthy);
    assert!(ended(Kind::Sync, 3));
    assert!(!ended(Kind::Sync, 4));
    assert!(!ended(Kind::Sync, 3));
    assert!(ended(Kind::Sync, 1));
    assert!(!ended(Kind::Sweep, 2));
    assert!(!ended(Kind::Sync, 0));
    assert!(ended(Kind::Sweep, 0));
}

#[test]
fn a_scheduler_that_is_silent_is_not_alive() {
    let (board, now) = (Board::new(&[]), std::time::Instant::now());
    assert!(board.is_alive(now));
    assert!(!board.is_alive(now + Duration::from_secs(61)));
}

#[test]
fn jitter_stays_within_its_bound_and_with_its_job() {
    let now = |text: &str| -> Timestamp { text.parse().unwrap() };
    let jobs: Vec<String> = (0..100).map(|number| format!("job{number}")).collect();
    let table = |salt: &str| {
        let entries: Vec<_> =
            jobs.iter().map(|job| (job.as_str(), Kind::Sync, "0 */5 * * * *")).collect();
        let start = now("2026-11-30T10:00:00Z");
        let table =
            Timetable::new(world("2026-11-30T10:00:00Z", &entries).entries, TimeZone::UTC, start);
        table.spread(Duration::from_secs(60), salt, start)
    };
    let mut all = table("prejoin");
    let first: Vec<Due> = all.planned().collect();
    assert_eq!(table("prejoin").planned().collect::<Vec<_>>(), first);
    assert_ne!(table("other").planned().collect::<Vec<_>>(), first);
    let late = |due: &Due| due.at.as_second().rem_euclid(300);
    assert!(first.iter().all(|due| late(due) < 60));
    assert!(first.iter().map(late).collect::<std::collections::BTreeSet<_>>().len() > 30);
    // From one time to the next it is as long as the schedule says, and none is left out while it is waited for.
    let taken = all.take(now("2026-11-30T10:01:00Z"), 100);
    assert!(taken.len() >= 99, "one may come on the minute");
    for (next, due) in all.planned().zip(&first).filter(|(_, due)| taken.contains(due)) {
        assert_eq!(next.at, due.at + SignedDuration::from_mins(5));
    }
}
