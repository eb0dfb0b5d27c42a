//! Log lines on stderr.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging: what happens, with `-v` in more detail, with `-vv` all of it. `PREJOIN_LOG` overrides.
pub(super) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Of other crates only warnings: their finer lines may quote statements with values.
    let default = format!("warn,prejoin={level}");
    let wanted = std::env::var("PREJOIN_LOG").ok();
    let filter = wanted.as_ref().map_or_else(|| Ok(EnvFilter::new(&default)), EnvFilter::try_new);
    let understood = filter.is_ok();
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(default));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init();
    // A second start, in tests, keeps the first one's settings.
    drop(started);
    if !understood {
        tracing::warn!("PREJOIN_LOG is not a log filter such as `prejoin=debug`, and is left out");
    }
}
