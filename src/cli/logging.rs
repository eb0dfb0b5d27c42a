//! Log lines on stderr.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging: warnings, with `-v` also what happens, with `-vv` everything of ours. `PREJOIN_LOG` overrides.
pub(super) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Of other crates only warnings: their finer lines may quote statements with values.
    let default = format!("warn,prejoin={level}");
    let filter = EnvFilter::try_from_env("PREJOIN_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init();
    // A second start, in tests, keeps the first one's settings.
    drop(started);
}
