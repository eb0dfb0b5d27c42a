//! `prejoin schema`: JSON Schemas for editors.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::render;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which format
    #[arg(value_enum)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// jobs/*.yaml
    Job,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match arguments.format {
        Format::Job => render::json(&crate::job::json_schema()),
    }
    Ok(ExitCode::SUCCESS)
}
