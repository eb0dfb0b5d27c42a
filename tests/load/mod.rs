//! Full loads that are large in some direction: wide rows, many rows below one root, many roots, many readers.

#[cfg(target_os = "linux")]
mod allocator;
mod backpressure;
// Where the system tells what a process has held at most.
#[cfg(target_os = "linux")]
mod flat;
mod manners;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod mixed;
mod nested;
mod searches;
mod shop;
#[cfg(target_os = "linux")]
mod wide;
