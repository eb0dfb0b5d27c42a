//! Which engine answers, read from what it says of itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Which of the two.
    pub flavor: Flavor,
    /// As `9.1.0`.
    pub version: String,
}

/// The two engines differ in a few requests, point in time among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flavor {
            Flavor::Elasticsearch => write!(f, "Elasticsearch {}", self.version),
            Flavor::OpenSearch => write!(f, "OpenSearch {}", self.version),
        }
    }
}

/// The answer to `GET /`.
#[derive(Deserialize)]
pub(super) struct About {
    version: AboutVersion,
}

#[derive(Deserialize)]
struct AboutVersion {
    number: String,
    distribution: Option<String>,
}

/// The answer to `GET /_nodes/_local`.
#[derive(Deserialize)]
pub(super) struct Nodes {
    nodes: BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    version: String,
}

impl From<About> for Engine {
    fn from(about: About) -> Self {
        // Only OpenSearch names its distribution.
        let flavor = match about.version.distribution.as_deref() {
            Some("opensearch") => Flavor::OpenSearch,
            _ => Flavor::Elasticsearch,
        };
        Self { flavor, version: about.version.number }
    }
}

impl Nodes {
    /// The version of the first node.
    pub(super) fn version(self) -> Option<String> {
        self.nodes.into_values().next().map(|node| node.version)
    }
}
