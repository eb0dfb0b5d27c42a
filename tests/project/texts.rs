//! Documents whose examples are read by a parser.

use std::path::{Path, PathBuf};

use prejoin::job::JobFile;
use prejoin::mapping::Mapping;
use prejoin::query::{Fields, RowFilter, parse};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The texts that people start from, and those in `docs/`.
fn documents() -> Vec<PathBuf> {
    let names =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md", "clients/README.md"];
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    names.map(|name| root().join(name)).into_iter().chain(docs).collect()
}

/// What headings are linked by: lower case, no punctuation, hyphens for spaces.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            let words: String = line.trim_start_matches('#').trim().chars().filter(kept).collect();
            words.to_lowercase().replace(' ', "-")
        })
        .collect()
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
fn links_lead_somewhere() {
    let mut links = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(file)
            };
            assert!(file.exists(), "{}: {target}", document.display());
            let known = || anchors(&std::fs::read_to_string(&file).unwrap());
            let found = anchor.is_empty() || known().iter().any(|heading| heading == anchor);
            assert!(found, "{}: {target}", document.display());
            links += 1;
        }
    }
    assert!(links > 30, "only {links} links were found");
}

#[test]
fn json_in_the_documents_is_json() {
    let mut found = 0;
    for document in documents() {
        for block in blocks(&std::fs::read_to_string(&document).unwrap(), "json") {
            let parsed = serde_json::from_str::<serde_json::Value>(&block);
            assert!(parsed.is_ok(), "{}: {}\n{block}", document.display(), parsed.unwrap_err());
            found += 1;
        }
    }
    assert!(found >= 10, "only {found} blocks were found");
}

/// Names in snake case, as `--json` prints them.
fn codes() -> Vec<String> {
    let source = read("src/finding.rs");
    let body = source.split("pub enum Code {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = body.lines().map(|line| line.trim().trim_end_matches(','));
    let names = names.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    let snake = |name: &str| {
        let parts = name.chars().map(|c| match c.is_ascii_uppercase() {
            true => format!("_{}", c.to_ascii_lowercase()),
            false => c.to_string(),
        });
        parts.collect::<String>().trim_start_matches('_').to_owned()
    };
    names.map(snake).collect()
}

#[test]
fn every_kind_of_finding_is_documented() {
    let (page, codes) = (read("docs/check.md"), codes());
    assert!(codes.len() > 40, "{codes:?}");
    let absent: Vec<_> =
        codes.iter().filter(|code| !page.contains(&format!("| `{code}` |"))).collect();
    assert!(absent.is_empty(), "docs/check.md lacks {absent:?}");
}

/// Of the contracts, as its mapping has them.
#[test]
fn searches_to_copy_are_searches() {
    let fields = Fields::new(&Mapping::load(&root().join("mappings/contracts.json")).unwrap());
    for name in ["README.md", "docker-compose.yml"] {
        let text = read(name);
        let bodies = text.split("-d '").skip(1).filter_map(|rest| rest.split('\'').next());
        // In the demo's output lines are cut.
        let bodies: Vec<_> = bodies.filter(|body| !body.contains('…')).collect();
        assert!(!bodies.is_empty(), "{name} shows no search");
        for body in bodies {
            let parsed = parse(&fields, body.as_bytes());
            assert!(parsed.is_ok(), "{name}: {}\n{body}", parsed.unwrap_err());
        }
    }
}

/// `faults::tls::another_name` is a function of that name in `tests/faults/tls.rs`, or in the `mod.rs` of a folder.
#[test]
fn tests_that_are_named_are_there() {
    let text = read("docs/reliability.md");
    let names: Vec<_> = text.split('`').filter(|part| part.matches("::").count() >= 2).collect();
    assert!(names.len() > 40, "only {} tests are named", names.len());
    for name in names {
        let (module, function) = name.rsplit_once("::").unwrap();
        let path = root().join("tests").join(module.replace("::", "/"));
        let file = std::fs::read_to_string(path.with_extension("rs"));
        let file = file.or_else(|_| std::fs::read_to_string(path.join("mod.rs")));
        let file = file.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(file.contains(&format!("async fn {function}(")), "there is no test {name}");
    }
}

#[test]
fn the_readme_is_short_and_names_both_commands() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 200);
    assert!(readme.contains("dev/demo") && readme.contains("dev/test"));
    assert!(!readme.contains("OUTPUT-"), "a placeholder was left");
}

#[test]
fn roles_in_the_documents_are_roles() {
    let blocks = blocks(&read("docs/api.md"), "yaml");
    let roles: Vec<_> = blocks.iter().filter(|block| block.contains("  roles:")).collect();
    assert!(!roles.is_empty());
    let fields = Fields::new(&Mapping::load(&root().join("mappings/contracts.json")).unwrap());
    for text in roles {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("config")).unwrap();
        std::fs::write(home.path().join("config/default.yaml"), text).unwrap();
        let config = prejoin::config::Config::load(home.path(), None);
        let config = config.unwrap_or_else(|error| panic!("{error:#}\n{text}"));
        for index in config.api.roles.values().flat_map(|role| role.indexes.values()) {
            let named = index.fields.iter().chain(&index.hidden).chain(index.masked.keys());
            named.for_each(|path| assert!(fields.get(path).is_some(), "{path}\n{text}"));
            let filter = index.filter.clone().map(|filter| RowFilter::new(filter).unwrap());
            assert_eq!(filter.map(|filter| filter.fits(&fields)), Some(Ok(())), "{text}");
        }
    }
}

#[test]
fn each_production_and_default_configuration_loads() {
    for profile in [None, Some("production")] {
        let config = prejoin::config::Config::load(root(), profile);
        assert!(config.is_ok(), "{profile:?}: {:#}", config.unwrap_err());
    }
}
