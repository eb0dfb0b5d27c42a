//! Patches that switch off one rule each (`dev/mutants`): they go with the code as it is, and with the tests that they name.

use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `incremental::kills::opensearch::killed` is a function of that name in `tests/incremental/kills.rs`.
fn is_there(test: &str) -> bool {
    let mut path: Vec<&str> =
        test.split("::").filter(|part| !["opensearch", "elasticsearch"].contains(part)).collect();
    let function = path.pop().unwrap_or_default();
    let file = root().join("tests").join(path.join("/")).with_extension("rs");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    text.contains(&format!("async fn {function}("))
}

#[test]
fn every_patch_applies_and_names_tests_that_are_there() {
    let patches = std::fs::read_dir(root().join("tests/mutants")).unwrap();
    let patches: Vec<_> = patches.map(|entry| entry.unwrap().path()).collect();
    assert!(patches.len() >= 19, "there are {} patches only", patches.len());
    for patch in patches {
        let (name, text) = (patch.display(), std::fs::read_to_string(&patch).unwrap());
        let tests = text.lines().next().and_then(|line| line.strip_prefix("# caught by: "));
        let tests = tests.unwrap_or_else(|| panic!("{name} does not say by what it is caught"));
        for test in tests.split(' ') {
            assert!(is_there(test), "{name}: there is no test {test}");
        }
        let mut git = Command::new("git");
        git.args(["apply", "--check", "--unidiff-zero"]).arg(&patch).current_dir(root());
        // An archive of the sources may lie in a folder of somebody else's.
        git.env("GIT_CEILING_DIRECTORIES", root().parent().unwrap());
        let checked = git.output().unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{name} has to be made anew: {said}");
    }
}
