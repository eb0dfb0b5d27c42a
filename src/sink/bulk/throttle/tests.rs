//! The throttle in front of an engine that is a formula.

use super::*;

const MIB: usize = 1 << 20;

const BOUNDS: Bounds = Bounds { bytes: 5 * MIB, in_flight: 4, tuning: true };

/// By so much bodies pass their size.
const DOCUMENT: usize = 40 << 10;

/// Bytes per second that an engine takes with so many bodies of that size under way.
type Engine = fn(f64, f64) -> f64;

/// What is lost with each body, however small, as if it were so many bytes more.
fn overhead(bytes: f64, lost: f64) -> f64 {
    bytes / (bytes + lost * 1e6)
}

/// As on two cores: best with four.
fn small(n: f64, bytes: f64) -> f64 {
    let part = if n < 4.0 { 1.0 - (4.0 - n) * 0.15 } else { 1.0 - (n - 4.0) * 0.05 };
    30e6 * part.max(0.2) * overhead(bytes, 0.25)
}

/// Takes ever more, as long as it comes in many.
fn cluster(n: f64, bytes: f64) -> f64 {
    60e6 * (n.min(12.0) / 12.0) * overhead(bytes, 0.1)
}

/// Best with one or two.
fn narrow(n: f64, bytes: f64) -> f64 {
    8e6 / (1.0 + (n - 2.0).abs() * 0.15) * overhead(bytes, 0.1)
}

/// Short of memory: small bodies go better.
fn cramped(n: f64, bytes: f64) -> f64 {
    20e6 / (1.0 + (bytes / 4e6).powi(2) * n / 4.0) * n.min(3.0) / 3.0
}

/// The best that one setting for all the time makes of it, within the bounds.
fn best(engine: Engine) -> f64 {
    let sizes = (0..=15).map(|step| 1.25 * MIB as f64 * (1.0 + f64::from(step) / 5.0));
    let settings = sizes.flat_map(|bytes| (1..=16).map(move |n| (f64::from(n), bytes)));
    let within = settings.filter(|(n, bytes)| n * bytes <= 20.0 * MIB as f64);
    within.map(|(n, bytes)| engine(n, bytes)).fold(0.0, f64::max)
}

/// A run in front of engines.
struct Run {
    throttle: Throttle,
    now: f64,
    flying: Vec<Body>,
    /// What is under way beyond this is turned away.
    takes: usize,
    /// Whether there is always one more body.
    pressed: bool,
    noise: f64,
    random: u64,
    refused: usize,
    /// The most bytes that were under way.
    most: usize,
}

struct Body {
    ends: f64,
    bytes: usize,
    generation: u64,
    refused: bool,
}

impl Run {
    fn new(bounds: Bounds, seed: u64) -> Self {
        Self {
            throttle: Throttle::new(bounds),
            now: 0.0,
            flying: Vec::new(),
            takes: usize::MAX,
            pressed: true,
            noise: 0.1,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            refused: 0,
            most: 0,
        }
    }

    /// Between -1 and 1.
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Sends a body, or one that was refused once more, when there may be one more request.
    fn send(&mut self, engine: Engine, bytes: usize, generation: u64) {
        let under_way = self.flying.iter().filter(|body| !body.refused);
        let (taken, first) =
            under_way.fold((0, f64::MAX), |(taken, first), body| (taken + 1, first.min(body.ends)));
        if taken >= self.throttle.setting().in_flight {
            // A moment after the next answer.
            self.flying.push(Body { ends: first + 1e-6, bytes, generation, refused: true });
            return;
        }
        let refused = taken >= self.takes;
        let n = (taken + 1) as f64;
        let noise = 1.0 + self.noise * self.random();
        let took = if refused { 0.2 } else { n * bytes as f64 / engine(n, bytes as f64) * noise };
        self.flying.push(Body { ends: self.now + took, bytes, generation, refused });
        if refused {
            self.refused += 1;
            self.throttle.refused(self.throttle.generation());
        }
    }

    /// What counts of the bytes under way.
    fn under_way(&self) -> usize {
        self.flying.iter().map(|body| self.throttle.counted(body.bytes)).sum()
    }

    /// Goes on for so many seconds; returns bytes per second.
    fn go_on(&mut self, engine: Engine, seconds: f64) -> f64 {
        let (began, mut bytes) = (self.now, 0);
        while self.now < began + seconds {
            loop {
                // A body is full only when it has passed its size.
                let size = self.throttle.setting().bytes + DOCUMENT;
                let under_way = self.under_way();
                if !self.throttle.admits(size, (self.flying.len(), under_way)) {
                    break;
                }
                self.most = self.most.max(under_way + self.throttle.counted(size));
                let generation = self.throttle.generation();
                self.send(engine, size, generation);
            }
            assert_eq!(reached(&self.throttle), self.throttle.setting().in_flight);
            if self.pressed {
                self.throttle.pressed();
            }
            let first = self.flying.iter().enumerate().min_by(|a, b| a.1.ends.total_cmp(&b.1.ends));
            let first = first.unwrap().0;
            let body = self.flying.swap_remove(first);
            self.now = body.ends;
            if body.refused {
                self.send(engine, body.bytes, body.generation);
                continue;
            }
            bytes += body.bytes;
            let now = Duration::from_secs_f64(self.now);
            self.throttle.landed(body.generation, body.bytes, now);
        }
        bytes as f64 / (self.now - began)
    }
}

/// So many bodies of the size that holds may be under way at a time.
fn reached(throttle: &Throttle) -> usize {
    let size = throttle.counted(throttle.setting().bytes + DOCUMENT);
    (0..).find(|&others| !throttle.admits(size, (others, others * size))).unwrap()
}

#[test]
fn it_settles_within_a_tenth_of_the_best_setting() {
    for (name, engine) in
        [("small", small as Engine), ("cluster", cluster), ("narrow", narrow), ("cramped", cramped)]
    {
        for seed in 0..20 {
            let mut run = Run::new(BOUNDS, seed);
            run.go_on(engine, 1_000.0);
            let settled = run.go_on(engine, 600.0) / best(engine);
            let setting = run.throttle.setting();
            println!("{name} {seed}: {settled:.3} {setting:?}");
            assert!(settled >= 0.9, "{name}, seed {seed}: {settled:.3} with {setting:?}");
            assert!(run.most <= 20 * MIB, "{name}, seed {seed}: {} bytes under way", run.most);
        }
    }
}

#[test]
fn looking_costs_little_where_nothing_is_better() {
    let mut run = Run::new(BOUNDS, 1);
    let from_the_start = run.go_on(small, 180.0) / best(small);
    assert!(from_the_start >= 0.94, "{from_the_start:.3}");
}

#[test]
fn what_is_turned_away_lowers_the_number_for_all() {
    for (takes, tuning) in [1, 2, 3].into_iter().flat_map(|takes| [(takes, true), (takes, false)]) {
        let mut run = Run::new(Bounds { tuning, ..BOUNDS }, 7);
        run.takes = takes;
        run.go_on(small, 600.0);
        let early = run.refused;
        let settled = run.go_on(small, 600.0);
        let possible = small(takes as f64, 5.0 * MIB as f64);
        assert!(settled >= 0.9 * possible, "{takes}: {settled:.0} of {possible:.0}");
        // It hardly asks for more than is taken any longer; where no other number is looked for, now and then.
        let late = run.refused - early;
        let often = if tuning { 12 } else { 40 };
        assert!(early <= 40 && late <= often, "{takes}, {tuning}: {early}, {late}");
    }
}

#[test]
fn of_what_is_turned_away_again_and_again_only_what_was_too_much_is_given_up() {
    for tuning in [true, false] {
        let mut run = Run::new(Bounds { tuning, ..BOUNDS }, 5);
        run.takes = 3;
        run.go_on(small, 600.0);
        // The engine has room again, after a long time without.
        run.takes = usize::MAX;
        run.go_on(small, 600.0);
        let setting = run.throttle.setting();
        assert!(setting.in_flight >= 3 && (tuning || setting.in_flight == 4), "{setting:?}");
    }
    // Four refusals of four: three were held each time.
    let mut throttle = Throttle::new(BOUNDS);
    for _ in 0..4 {
        throttle.ceiling.in_flight = usize::MAX;
        throttle.refused(throttle.generation());
    }
    assert_eq!(throttle.climb.setting().in_flight, 3);
}

#[test]
fn it_backs_off_at_once_and_recovers_little_by_little() {
    let mut run = Run::new(Bounds { tuning: false, ..BOUNDS }, 3);
    let in_flight = |run: &Run| run.throttle.setting().in_flight;
    run.go_on(small, 20.0);
    assert_eq!(in_flight(&run), 4);
    // What was sent before the first answer of that kind says the same once more, and no more than that.
    let generation = run.throttle.generation();
    for _ in 0..4 {
        run.throttle.refused(generation);
    }
    assert_eq!(in_flight(&run), 2);
    run.throttle.refused(run.throttle.generation());
    run.throttle.refused(run.throttle.generation());
    assert_eq!(in_flight(&run), 1);
    let mut numbers = vec![1];
    for _ in 0..60 {
        run.go_on(small, 1.0);
        if *numbers.last().unwrap() != in_flight(&run) {
            numbers.push(in_flight(&run));
        }
    }
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(run.throttle.setting(), Setting { in_flight: 4, bytes: 5 * MIB });
}

#[test]
fn it_finds_its_way_when_the_engine_has_become_another() {
    for seed in 0..10 {
        let mut run = Run::new(BOUNDS, seed);
        run.go_on(cluster, 1_000.0);
        run.go_on(narrow, 1_000.0);
        let slow = run.go_on(narrow, 600.0) / best(narrow);
        run.go_on(cluster, 1_000.0);
        let fast = run.go_on(cluster, 600.0) / best(cluster);
        println!("{seed}: {slow:.3}, {fast:.3}");
        assert!(slow >= 0.9 && fast >= 0.9, "seed {seed}: {slow:.3}, {fast:.3}");
        assert!(run.most <= 20 * MIB, "seed {seed}: {} bytes under way", run.most);
    }
}

#[test]
fn where_the_readers_are_slower_nothing_is_tried() {
    let mut run = Run::new(BOUNDS, 1);
    run.pressed = false;
    run.go_on(cluster, 600.0);
    assert_eq!(run.throttle.generation(), 0);
}

#[test]
fn a_size_that_is_too_large_is_not_sent_again() {
    let mut throttle = Throttle::new(BOUNDS);
    throttle.too_large(5 * MIB);
    throttle.too_large(5 * MIB / 2);
    // Of those that were on their way already.
    throttle.too_large(5 * MIB);
    assert_eq!(throttle.setting().bytes, 5 * MIB / 4);
    throttle.too_large(1);
    assert_eq!(throttle.setting().bytes, SMALLEST);
}

#[test]
fn small_bodies_do_not_become_many() {
    let mut throttle = Throttle::new(BOUNDS);
    throttle.too_large(1);
    let mut most = 0;
    for seconds in 0..20_000 {
        let Setting { in_flight, .. } = throttle.setting();
        most = most.max(in_flight);
        for _ in 0..in_flight {
            throttle.pressed();
            // The more, the faster.
            let now = Duration::from_secs(seconds);
            throttle.landed(throttle.generation(), in_flight * MIB, now);
        }
    }
    assert_eq!((most, throttle.setting().bytes), (16, SMALLEST));
}

#[test]
fn a_trial_during_which_the_readers_fell_behind_says_nothing() {
    let mut climb = Climb::new(BOUNDS);
    let usual = climb.setting();
    let next_trial = |climb: &mut Climb| {
        let measured = (1..=4).find(|_| {
            climb.measured(1_000, true);
            climb.setting() != usual
        });
        (measured, climb.setting())
    };
    let trial = next_trial(&mut climb);
    assert!(trial.0.is_some());
    climb.measured(1_000, true);
    climb.measured(1_000, true);
    assert_eq!(climb.setting(), usual);
    climb.measured(1_000, false);
    assert_eq!(next_trial(&mut climb), trial);
    // With the engine waited for all the while it says that the step is of no use.
    for _ in 0..3 {
        climb.measured(1_000, true);
    }
    assert_ne!(next_trial(&mut climb), trial);
}
