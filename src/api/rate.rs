//! How much one caller may ask for in a while, and how much all may at a time.
//!
//! Promises: each caller has a quota that comes back evenly, charged by what a request costs; a request over it is refused
//! before the engine is asked, and told when to come again. No more callers than configured are remembered: those beyond share
//! one quota, so that many addresses are worth no more than one. Never remembers what was asked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::peer::Peer;
use super::problem::Problem;
use crate::access::{Caller, How};
use crate::config::RateConfig;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Who is charged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    /// Somebody who has said who they are, with their role; one name is two callers where it is known in two ways.
    Subject(How, String, String),
    /// Whoever asks from there.
    Address(IpAddr),
    /// Whoever cannot be told apart.
    Anybody,
}

/// The quotas of all callers.
pub(super) struct Quotas {
    config: RateConfig,
    ledger: Mutex<Ledger>,
}

tokio::task_local! {
    /// The charging of the request that is being answered.
    static METER: Meter;
}

/// Has the request that is being answered cost so much in all, at most a whole quota; a search that is asked again for it costs
/// once.
///
/// # Errors
/// When its caller has not so much left. What it has cost before stays charged.
pub(super) fn charge(cost: u32) -> Result<(), Problem> {
    METER.try_with(|meter| meter.charge(cost)).unwrap_or(Ok(()))
}

#[derive(Clone)]
struct Meter(Option<Arc<Charged>>);

struct Charged {
    quotas: Arc<Quotas>,
    payer: Payer,
    cost: AtomicU32,
}

impl Quotas {
    pub(super) fn new(config: RateConfig) -> Arc<Self> {
        Arc::new(Self { config, ledger: Mutex::new(Ledger::default()) })
    }

    fn charge(&self, payer: &Payer, cost: u32) -> Balance {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.charge(self.config, payer, cost, Instant::now())
    }
}

impl Meter {
    fn charge(&self, cost: u32) -> Result<(), Problem> {
        let Some(charged) = &self.0 else { return Ok(()) };
        let RateConfig { quota, window, .. } = charged.quotas.config;
        let before = charged.cost.load(Ordering::Relaxed);
        let more = cost.min(quota).saturating_sub(before);
        if more == 0 {
            return Ok(());
        }
        match charged.quotas.charge(&charged.payer, more).wait {
            None => {
                charged.cost.fetch_add(more, Ordering::Relaxed);
                Ok(())
            }
            // What was charged before is charged once more then.
            Some(again) => Err(Problem::too_many_requests(again + window / quota * before)),
        }
    }

    fn tell(&self, headers: &mut HeaderMap) {
        let Some(charged) = &self.0 else { return };
        let RateConfig { quota, window, .. } = charged.quotas.config;
        let left = charged.quotas.charge(&charged.payer, 0);
        let policy = format!("\"default\";q={quota};w={}", window.as_secs().max(1));
        let limit = format!("\"default\";r={};t={}", left.remaining, seconds(left.whole_again));
        let each = [(POLICY, policy), (LIMIT, limit)];
        for (name, text) in each {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Charges each request for itself; [`charge`] adds what more it costs.
pub(super) async fn meter(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let charged = state.shared.quotas.as_ref().map(|quotas| {
        let (quotas, payer) = (Arc::clone(quotas), payer(request.extensions()));
        Arc::new(Charged { quotas, payer, cost: AtomicU32::new(0) })
    });
    let meter = Meter(charged);
    let mut response = match meter.charge(1) {
        Ok(()) => METER.scope(meter.clone(), next.run(request)).await,
        Err(problem) => problem.into_response(),
    };
    meter.tell(response.headers_mut());
    response
}

/// Lets in no more than may be answered at a time.
pub(super) async fn crowd(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match state.shared.places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => Problem::overloaded().into_response(),
    }
}

/// Who pays for a request.
pub(super) fn payer(request: &Extensions) -> Payer {
    let caller = request.get::<Arc<Caller>>();
    if let Some(caller) = caller.filter(|caller| caller.how != How::Anyone) {
        let (role, subject) = (caller.role.name().to_owned(), caller.subject.clone());
        return Payer::Subject(caller.how, role, subject);
    }
    request.get::<Peer>().map_or(Payer::Anybody, |Peer(address)| Payer::Address(network(*address)))
}

/// An address as one is given them: of the newer kind, each network has as many as it likes.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address => address,
    }
}

/// Whole seconds, none of them too few.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// What each caller has spent.
#[derive(Default)]
struct Ledger {
    /// When each has its whole quota again; who has it is not remembered.
    spent: HashMap<Payer, Instant>,
    cleared: Option<Instant>,
}

/// How a caller stands.
#[derive(Debug, PartialEq, Eq)]
struct Balance {
    /// How long to wait before so much can be charged; nothing was charged then.
    wait: Option<Duration>,
    remaining: u32,
    whole_again: Duration,
}

impl Ledger {
    /// Charges what a request costs; one that costs more than a whole quota takes a whole one.
    fn charge(&mut self, config: RateConfig, payer: &Payer, cost: u32, now: Instant) -> Balance {
        let payer = self.known(config, payer, now);
        let RateConfig { quota, window, .. } = config;
        let unit = window / quota;
        let full = unit * quota;
        let before = self.spent.get(&payer).copied().filter(|whole| *whole > now).unwrap_or(now);
        let after = before + unit * cost.min(quota);
        let owed = after.duration_since(now);
        let (at, wait) = match owed.checked_sub(full) {
            Some(over) if !over.is_zero() => (before, Some(over)),
            _ => (after, None),
        };
        if at > now {
            self.spent.insert(payer, at);
        }
        let whole_again = at.duration_since(now);
        let left = full.saturating_sub(whole_again).as_nanos() / unit.as_nanos().max(1);
        let remaining = u32::try_from(left).unwrap_or(u32::MAX).min(quota);
        Balance { wait, remaining, whole_again }
    }

    /// The caller as it is remembered.
    fn known(&mut self, config: RateConfig, payer: &Payer, now: Instant) -> Payer {
        if self.spent.len() < config.callers || self.spent.contains_key(payer) {
            return payer.clone();
        }
        // Looking through all of them for each request would be work that a stranger can make.
        let a_second_ago = |cleared: Instant| now.duration_since(cleared) > Duration::from_secs(1);
        if self.cleared.is_none_or(a_second_ago) {
            self.cleared = Some(now);
            self.spent.retain(|_, whole| *whole > now);
        }
        match self.spent.len() < config.callers {
            true => payer.clone(),
            false => Payer::Anybody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: RateConfig =
        RateConfig { quota: 10, window: Duration::from_secs(100), callers: 2 };

    struct Scene(Ledger, Instant);

    impl Scene {
        fn new() -> Self {
            Self(Ledger::default(), Instant::now())
        }

        /// What is left, or after how long to come again.
        fn charge(&mut self, who: u8, cost: u32, seconds: u64) -> Result<u32, u64> {
            let now = self.1 + Duration::from_secs(seconds);
            let payer = Payer::Address([127, 0, 0, who].into());
            let balance = self.0.charge(CONFIG, &payer, cost, now);
            match balance.wait {
                None => Ok(balance.remaining),
                Some(wait) => Err(wait.as_secs()),
            }
        }
    }

    #[test]
    fn a_quota_is_spent_by_cost_and_comes_back_evenly() {
        let mut scene = Scene::new();
        assert_eq!(scene.charge(1, 4, 0), Ok(6));
        assert_eq!(scene.charge(1, 6, 0), Ok(0));
        assert_eq!(scene.charge(1, 1, 0), Err(10));
        assert_eq!(scene.charge(1, 3, 5), Err(25));
        // What was refused was not charged.
        assert_eq!(scene.charge(1, 1, 10), Ok(0));
        assert_eq!(scene.charge(1, 0, 60), Ok(5));
        assert_eq!(scene.charge(1, 1, 1_000), Ok(9));
    }

    #[test]
    fn a_key_and_a_token_of_one_name_are_two_callers() {
        let role = Arc::new(crate::access::Role::unlimited());
        let payer = |how| {
            let mut caller = Caller::anyone(Arc::clone(&role));
            (caller.how, caller.subject) = (how, "ada".to_owned());
            let mut request = Request::<axum::body::Body>::default();
            request.extensions_mut().insert(Arc::new(caller));
            payer(request.extensions())
        };
        assert_eq!(payer(How::Key), payer(How::Key));
        assert_ne!(payer(How::Key), payer(How::Token));
    }

    #[test]
    fn a_network_is_one_caller() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(network("10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn what_costs_more_than_a_quota_takes_a_whole_one() {
        let mut scene = Scene::new();
        assert_eq!(scene.charge(1, 11, 0), Ok(0));
        assert_eq!(scene.charge(1, 11, 10), Err(90));
        assert_eq!(scene.charge(1, 11, 100), Ok(0));
    }

    #[test]
    fn what_is_charged_in_parts_is_one_whole_quota_at_most() {
        let meter = |quotas: &Arc<Quotas>| {
            let (quotas, payer) = (Arc::clone(quotas), Payer::Anybody);
            Meter(Some(Arc::new(Charged { quotas, payer, cost: AtomicU32::new(0) })))
        };
        let quotas = Quotas::new(CONFIG);
        let large = meter(&quotas);
        assert!([1, 8, 300].iter().all(|cost| large.charge(*cost).is_ok()));
        assert!(meter(&quotas).charge(1).is_err());
        // Whoever is refused half-way comes again when there is enough for all of it.
        let quotas = Quotas::new(CONFIG);
        meter(&quotas).charge(5).unwrap();
        let small = meter(&quotas);
        small.charge(1).unwrap();
        let refused = small.charge(8).unwrap_err();
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(40)));
    }

    #[test]
    fn callers_do_not_spend_each_others_quota_while_they_are_few() {
        let mut scene = Scene::new();
        assert_eq!((scene.charge(1, 10, 0), scene.charge(2, 1, 0)), (Ok(0), Ok(9)));
        // Those beyond share one.
        assert_eq!((scene.charge(3, 9, 0), scene.charge(4, 2, 0)), (Ok(1), Err(10)));
        assert_eq!(scene.charge(2, 1, 0), Ok(8));
        assert_eq!(scene.0.spent.len(), 3);
        // Who has a whole quota again makes room.
        assert_eq!(scene.charge(5, 10, 101), Ok(0));
        assert_eq!(scene.charge(6, 10, 101), Ok(0));
    }
}
