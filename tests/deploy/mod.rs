//! What lies in `deploy/` is run as it stands there, line by line, against a real job and a real engine.
//!
//! Promises: a line that is there and not run is a failing test.

mod jenkins;
mod kubernetes;
mod scene;
mod systemd;
