//! `muster check`: says exactly what is wrong with a folder of YAML files.

use std::path::PathBuf;
use std::process::ExitCode;

use model::config::{self, Diagnostic, Folder, Severity};

use crate::say;

/// Check a folder of session types, queues and fleets.
///
/// Reads every *.yaml directly in it as one set and reports everything that is wrong with it at once. Exits with 1
/// if the set cannot be used; warnings alone are no failure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  muster check sessiontypes/
  muster check sessiontypes/ --format json | jq .message
  muster check sessiontypes/ --format github   # annotations in a workflow's log")]
pub struct Args {
    /// The folder.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How findings are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: the place, the line and what to write instead.
    Text,
    /// One JSON object a line.
    Json,
    /// Annotations of GitHub workflows.
    Github,
}

/// Checks and reports.
///
/// # Errors
/// When the folder cannot be read or holds nothing to check.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let folder = config::read_dir(&args.dir)?;
    if folder.files.is_empty() && folder.findings.is_empty() {
        anyhow::bail!(
            "{} holds no *.yaml file: name the folder that does",
            args.dir.display()
        );
    }
    let checked = folder.check(&crate::configuration::provider_schemas());
    for diagnostic in &checked.diagnostics {
        say::line(&report(diagnostic, &folder, args.format)?);
    }
    if args.format == Format::Text {
        say::line(&summary(&checked.diagnostics, folder.files.len()));
    }
    Ok(if checked.config.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn report(diagnostic: &Diagnostic, folder: &Folder, format: Format) -> serde_json::Result<String> {
    Ok(match format {
        Format::Text => {
            let mut files = folder.files.iter();
            let source = files.find(|file| file.path == diagnostic.path);
            diagnostic.render(source.map_or("", |file| &file.text))
        }
        Format::Json => serde_json::to_string(diagnostic)?,
        Format::Github => diagnostic.github(),
    })
}

fn summary(diagnostics: &[Diagnostic], files: usize) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    let warnings = diagnostics.len() - errors;
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}: {}, {}",
        count(files, "file"),
        count(errors, "error"),
        count(warnings, "warning")
    )
}
