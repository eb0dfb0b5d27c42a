//! The one test binary: a module for each behaviour.

#[cfg(test)]
mod api;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod incremental;
#[cfg(test)]
mod load;
#[cfg(test)]
mod project;
#[cfg(test)]
mod reliability;
#[cfg(test)]
mod support;
#[cfg(test)]
mod verify;
