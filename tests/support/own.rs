//! What is a test's own: names, and the indexes made under them.
//!
//! Promises: every name begins with `test-`, and no other test has it, in this run, beside it or in an earlier one. What
//! was made goes with its guard, also when the test fails. Never fails a test for what could not be removed: that is said.

use std::fmt;
use std::ops::Deref;

use anyhow::Result;
use prejoin::sink::{Client, Method};
use uuid::Uuid;

use super::engines::{TestEngine, config};

/// A name for what a test makes.
pub(crate) fn unique(what: &str) -> String {
    format!("test-{what}-{}", Uuid::new_v4().simple())
}

/// A name on one engine. With the value, all indexes go whose names begin with it: generations, the state, neighbours.
pub(crate) struct Indexes {
    engine: String,
    name: String,
}

impl Indexes {
    /// A unique name on this engine. Nothing is made.
    pub(crate) async fn of(engine: TestEngine, what: &str) -> Self {
        Self { engine: engine.url().await, name: unique(what) }
    }
}

impl Deref for Indexes {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Drop for Indexes {
    fn drop(&mut self) {
        removed(&self.name, async || {
            let client = Client::connect(&config(&self.engine)).await?;
            let pattern = format!("{}*", self.name);
            let query = [("h", "index"), ("format", "json"), ("expand_wildcards", "all")];
            let path = ["_cat", "indices", &pattern];
            let listed = client.call(Method::Get, &path, &query, None).await?;
            // One by one, by name: an engine may forbid deleting by pattern.
            for index in listed.as_array().into_iter().flatten() {
                let name = index["index"].as_str().unwrap_or_default();
                match client.call(Method::Delete, &[name], &[], None).await {
                    Err(error) if !error.is_not_found() => return Err(error.into()),
                    _ => {}
                }
            }
            Ok(())
        });
    }
}

/// Removes, in a `drop`: on a thread of its own, since a test's runtime cannot be waited for within itself.
pub(crate) fn removed(what: &str, remove: impl AsyncFnOnce() -> Result<()> + Send) {
    let apart = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(remove())
    };
    let ended = std::thread::scope(|scope| scope.spawn(apart).join());
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("`{what}` was not removed: {error:#}"),
        Err(_) => eprintln!("`{what}` was not removed: the thread for it panicked"),
    }
}
