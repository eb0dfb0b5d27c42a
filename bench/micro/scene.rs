//! What the benchmarks of joining and assembling share: the plan of `bench/jobs/tpch-one.yaml`, and a page of its roots.

use std::path::Path;
use std::sync::Arc;

use prejoin::config::Config;
use prejoin::hydrate::{Hydrated, Hydrator, Level};
use prejoin::job::Job;
use prejoin::mapping::Mapping;
use prejoin::plan::{Live, Plan, plan};
use prejoin::row::Page;
use prejoin::source::{Budget, Source, Sources};
use tokio::runtime::Runtime;

use crate::held::{Held, page};

/// Roots of a page, as many as a load reads at a time.
pub(crate) const ROOTS: u64 = 4_000;

/// A plan with all that it takes to run it.
pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) plan: Plan,
    pub(crate) roots: Arc<Page>,
    sources: Sources,
    cache_bytes: usize,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let job = Job::load(&home, "tpch-one").unwrap();
        let config = Config::load(&home, None).unwrap();
        let mapping = Mapping::load(&home.join("mappings/tpch.json")).unwrap();
        let held: Arc<dyn Source> = Arc::new(Held::default());
        let sources = Sources::from([("tpch".to_owned(), held)]);
        let live = runtime.block_on(Live::read(&job, &sources));
        let planned = plan(&job, &config, Some(&mapping), &live);
        let found = planned.findings;
        let plan = planned.plan.ok_or_else(|| format!("{found:?}")).unwrap();
        let keys: Vec<String> = (1..=ROOTS).map(|key| key.to_string()).collect();
        let roots = page(&plan.root.read, keys.iter().map(String::as_str)).unwrap();
        let cache_bytes = config.load.cache_bytes;
        Self { runtime, plan, roots: Arc::new(roots), sources, cache_bytes }
    }

    /// A hydrator that has read nothing yet.
    pub(crate) fn hydrator(&self) -> Hydrator {
        Hydrator::new(&self.plan, &self.sources, self.cache_bytes, None)
    }

    /// The page of roots with all that belongs to them.
    pub(crate) fn level(&self, hydrator: &Hydrator) -> Level {
        let budget = Budget::new(1 << 30);
        let hydrated = hydrator.hydrate(&self.plan.root, Arc::clone(&self.roots), &budget);
        match self.runtime.block_on(hydrated).unwrap() {
            Hydrated::Whole(level, _) => Some(level),
            Hydrated::Overflow(_) => None,
        }
        .unwrap()
    }
}
