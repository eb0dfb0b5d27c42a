//! The dialects of front-end packages that the query API can be asked in.
//!
//! Promises: each has one word, which stands in the configuration and in its addresses.

use serde::Deserialize;

/// How a package of a front end asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// react-admin's `ra-data-simple-rest`.
    RaDataSimpleRest,
    /// react-admin's `ra-data-json-server`.
    RaDataJsonServer,
    /// Refine's `@refinedev/simple-rest`, of which only what can mean one thing is understood.
    RefineSimpleRest,
    /// The same, where `field=value` is known to mean that they are equal.
    RefineSimpleRestEq,
    /// AG Grid's infinite row model.
    AgGrid,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 5] = [
        Self::RaDataSimpleRest,
        Self::RaDataJsonServer,
        Self::RefineSimpleRest,
        Self::RefineSimpleRestEq,
        Self::AgGrid,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::RaDataSimpleRest => "ra-data-simple-rest",
            Self::RaDataJsonServer => "ra-data-json-server",
            Self::RefineSimpleRest => "refine-simple-rest",
            Self::RefineSimpleRestEq => "refine-simple-rest-eq",
            Self::AgGrid => "ag-grid",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_word() {
        for dialect in Dialect::ALL {
            let word = format!("\"{}\"", dialect.word());
            assert_eq!(serde_json::from_str::<Dialect>(&word).unwrap(), dialect);
        }
        assert!(serde_json::from_str::<Dialect>("\"simple-rest\"").is_err());
    }
}
