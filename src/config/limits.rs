//! What one request to the query API may ask for, as its user writes it.
//!
//! Promises: what is left out has a default, and no limit can be raised beyond what the engines and this program bear.

use anyhow::{Result, bail};
use serde::Deserialize;

use super::ByteSize;

/// What a request may ask for; what is over it is refused before anything is sent, unless only the answer tells.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most bytes of a body.
    pub body: ByteSize,
    /// Most bytes of a query string.
    pub query_string: ByteSize,
    /// Most bytes of an engine's answer, which has its documents whole.
    pub answer: ByteSize,
    /// Most rows of a page.
    pub page_size: usize,
    /// Rows that pages by number reach.
    pub offset_window: usize,
    /// Deepest nesting of a filter.
    pub depth: usize,
    /// Deepest nesting of `some` alone.
    pub some_depth: usize,
    /// Most comparisons in a filter.
    pub comparisons: usize,
    /// Most values of one `in`.
    pub in_values: usize,
    /// Most keys of a sort.
    pub sort_keys: usize,
    /// Most characters of a text whose words, or which as a part of values, is searched.
    pub text_length: usize,
    /// Fewest characters of a part that is looked for anywhere in values.
    pub part_length: usize,
    /// Most places that the words of `q` are looked for: words, times forms of fields.
    pub text_places: usize,
    /// Most fields that show where words were found.
    pub highlights: usize,
    /// Most facets of a search.
    pub facets: usize,
    /// Most values of a facet.
    pub facet_values: usize,
    /// Most ranges of a facet.
    pub facet_ranges: usize,
    /// Most buckets of a date histogram.
    pub date_buckets: usize,
    /// Most aggregates of a search.
    pub aggregates: usize,
    /// Most keys of a group.
    pub group_keys: usize,
    /// Most groups of a page.
    pub groups: usize,
    /// Most metrics of an aggregate.
    pub metrics: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: ByteSize(64 << 10),
            query_string: ByteSize(8 << 10),
            answer: ByteSize(64 << 20),
            page_size: 200,
            offset_window: 10_000,
            depth: 8,
            some_depth: 2,
            comparisons: 200,
            in_values: 1_000,
            sort_keys: 4,
            text_length: 200,
            part_length: 2,
            text_places: 400,
            highlights: 20,
            facets: 12,
            facet_values: 100,
            facet_ranges: 50,
            date_buckets: 1_000,
            aggregates: 4,
            group_keys: 3,
            groups: 1_000,
            metrics: 10,
        }
    }
}

impl Limits {
    /// Greatest values: engines refuse more, or it would take a request's time or memory out of proportion.
    pub(super) fn validate(self) -> Result<Self> {
        let bounds = [
            ("body", self.body.0, 1 << 20),
            ("query_string", self.query_string.0, 64 << 10),
            ("answer", self.answer.0, 1 << 30),
            ("page_size", self.page_size, 1_000),
            ("offset_window", self.offset_window, 10_000),
            ("depth", self.depth, 20),
            ("some_depth", self.some_depth, 4),
            ("comparisons", self.comparisons, 1_000),
            ("in_values", self.in_values, 10_000),
            ("sort_keys", self.sort_keys, 8),
            // Engines take expressions of 1,000 characters, and each of these may be written as two.
            ("text_length", self.text_length, 400),
            ("part_length", self.part_length, 10),
            // OpenSearch takes 1,024 clauses, of which the filter may have the others.
            ("text_places", self.text_places, 400),
            ("highlights", self.highlights, 50),
            ("facets", self.facets, 50),
            // As many as each shard tells, be it that more are asked for.
            ("facet_values", self.facet_values, 1_000),
            ("facet_ranges", self.facet_ranges, 200),
            ("date_buckets", self.date_buckets, 10_000),
            ("aggregates", self.aggregates, 20),
            ("group_keys", self.group_keys, 5),
            ("groups", self.groups, 10_000),
            ("metrics", self.metrics, 50),
        ];
        for (name, given, most) in bounds {
            if !(1..=most).contains(&given) {
                bail!("`{name}` must be between 1 and {most}");
            }
        }
        Ok(self)
    }
}
