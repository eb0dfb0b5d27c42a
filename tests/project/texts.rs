//! Documents whose examples are read by a parser.

use std::path::Path;

use prejoin::job::JobFile;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Code blocks of `language` in a Markdown text.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("```").next().map(ToOwned::to_owned))
        .collect()
}

#[test]
fn jobs_in_the_documents_are_jobs() {
    let mut jobs = 0;
    for name in ["README.md", "docs/jobs.md"] {
        for block in blocks(&read(name), "yaml").iter().filter(|block| block.starts_with("# jobs/"))
        {
            let parsed = prejoin::yaml::parse::<JobFile>(Path::new(name), block);
            assert!(parsed.is_ok(), "{name}: {}\n{block}", parsed.unwrap_err());
            jobs += 1;
        }
    }
    assert!(jobs >= 2, "only {jobs} jobs were found in the documents");
}

#[test]
fn the_readme_is_short_and_names_both_commands() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 200);
    assert!(readme.contains("dev/demo") && readme.contains("dev/test"));
    assert!(!readme.contains("OUTPUT-"), "a placeholder was left");
}

#[test]
fn each_production_and_default_configuration_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for profile in [None, Some("production")] {
        let config = prejoin::config::Config::load(root, profile);
        assert!(config.is_ok(), "{profile:?}: {:#}", config.unwrap_err());
    }
}
