//! What happens to runs in production: killed, stopped, doubled, shut out, rolled back.

mod guards;
mod kills;
mod leases;
mod resume;
mod rollback;
mod scene;
mod stopped;
mod takeover;
