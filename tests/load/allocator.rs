//! The allocator is set as the bounds on memory take for granted: a build that lost its settings would look right otherwise.

use crate::support::home::Home;

#[test]
fn the_program_is_built_with_the_settings_of_its_allocator() {
    let home = Home::new().variable("_RJEM_MALLOC_CONF", "stats_print:true");
    let ran = home.run(&["schema", "job"]);
    for setting in ["opt.narenas: 1", "opt.dirty_decay_ms: 0", "opt.muzzy_decay_ms: 0"] {
        let mut lines = ran.stderr.lines().map(str::trim);
        let is = |line: &str| line == setting || line.starts_with(&format!("{setting} "));
        assert!(
            lines.any(is),
            "no `{setting}`: was it built with `.cargo/config.toml`?\n{}",
            ran.stderr
        );
    }
}
