//! `muster schema`: JSON Schemas of the YAML kinds, for editors.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use model::config::{self, Kind};

use crate::say;

/// Print the JSON Schema of a kind of YAML document, or write those of all kinds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  muster schema SessionType
  muster schema --dir sessiontypes/schema

An editor with yaml-language-server uses such a file by a first line like
  # yaml-language-server: $schema=schema/session-type.json")]
pub struct Args {
    /// SessionType, Queue or Fleet; omitted: all, in one object by kind.
    #[arg(value_parser = kind, conflicts_with = "dir")]
    kind: Option<Kind>,
    /// Write a file for each kind into this folder instead.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| "write SessionType, Queue or Fleet".to_owned())
}

/// Prints or writes.
///
/// # Errors
/// When a file cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match (&args.dir, args.kind) {
        (Some(dir), _) => {
            std::fs::create_dir_all(dir)
                .with_context(|| format!("cannot make the folder {}", dir.display()))?;
            for kind in Kind::ALL {
                let path = dir.join(kind.schema_file());
                let text = format!("{:#}\n", config::schema(kind));
                std::fs::write(&path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                say::line(&path.display());
            }
        }
        (None, Some(kind)) => say::line(&format_args!("{:#}", config::schema(kind))),
        (None, None) => {
            let all: serde_json::Map<_, _> = Kind::ALL
                .into_iter()
                .map(|kind| (kind.as_str().to_owned(), config::schema(kind)))
                .collect();
            say::line(&format_args!("{:#}", serde_json::Value::from(all)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
