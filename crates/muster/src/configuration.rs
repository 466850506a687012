//! The configuration of the server as this program reads it: file, environment, flags, secret, provider schemas.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use model::config::ProviderSchema;
use server::auth::SECRET_BYTES_MIN;
use server::config::{Config, Effective, Layers};

/// Where the configuration comes from; shared by the subcommands that need the server's secret or database.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// A YAML file with any of the keys that --print-config shows.
    #[arg(long, value_name = "FILE", env = "MUSTER_CONFIG")]
    config: Option<PathBuf>,
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The folder for the embedded database, the secret and logs of game servers.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// The namespace that is served.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// A file with the secret of tokens, at least 32 bytes.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
}

impl Flags {
    /// Built-in values, the file, the environment and these flags, each over the last.
    pub fn layers(&self, more: &[(&str, &str, Option<&str>)]) -> anyhow::Result<Effective> {
        let mut layers = Layers::new();
        if let Some(path) = &self.config {
            layers = layers.file(path)?;
        }
        layers = layers.environment(std::env::vars())?;
        let own = [
            ("--database", "database", self.database.as_deref()),
            ("--data-dir", "data_dir", self.data_dir.as_deref()),
            ("--namespace", "namespace", self.namespace.as_deref()),
            ("--secret-file", "secret_file", self.secret_file.as_deref()),
        ];
        for &(flag, key, text) in own.iter().chain(more) {
            if let Some(text) = text {
                layers = layers.flag(flag, key, text)?;
            }
        }
        Ok(layers.finish()?)
    }
}

/// The schemas of the providers' parts of fleets.
pub fn provider_schemas() -> Vec<ProviderSchema> {
    vec![ProviderSchema {
        provider: "process",
        schema: plugin_process::schema(),
        lint: plugin_process::lint,
    }]
}

/// The secret of tokens, which must exist.
///
/// # Errors
/// When there is none, it cannot be read, or it is too short.
pub fn secret(config: &Config) -> anyhow::Result<Vec<u8>> {
    let path = config.secret_path();
    let found = read_secret(config)?;
    found.with_context(|| {
        format!(
            "there is no secret: set MUSTER_SECRET, or start `muster serve` once, which makes {}",
            path.display()
        )
    })
}

/// The secret of tokens; makes one in the data directory when nobody has said where it is.
///
/// # Errors
/// When it cannot be read or written, or is too short.
pub fn secret_or_new(config: &Config) -> anyhow::Result<Vec<u8>> {
    if let Some(secret) = read_secret(config)? {
        return Ok(secret);
    }
    let path = config.secret_path();
    if !config.secret_file.as_os_str().is_empty() {
        anyhow::bail!(
            "the secret file {} does not exist: make it, or leave it out",
            path.display()
        );
    }
    let secret = fresh_secret().context("cannot draw a secret from /dev/urandom")?;
    match write_secret(&path, &secret) {
        Ok(()) => {
            tracing::info!(path = %path.display(), "made a secret for tokens in {}", path.display());
            Ok(secret)
        }
        // Somebody else was faster: his counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self::secret(config),
        Err(error) => {
            Err(error).with_context(|| format!("cannot write the secret to {}", path.display()))
        }
    }
}

fn read_secret(config: &Config) -> anyhow::Result<Option<Vec<u8>>> {
    let (secret, from) = if config.secret.is_empty() {
        let path = config.secret_path();
        match fs::read(&path) {
            Ok(bytes) => (bytes.trim_ascii().to_vec(), path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot read the secret in {}", path.display()));
            }
        }
    } else {
        (
            config.secret.clone().into_bytes(),
            "MUSTER_SECRET".to_owned(),
        )
    };
    if secret.len() < SECRET_BYTES_MIN {
        anyhow::bail!(
            "the secret in {from} has {} bytes: use at least {SECRET_BYTES_MIN}, such as `openssl rand -hex 32` gives",
            secret.len()
        );
    }
    Ok(Some(secret))
}

/// 32 bytes of the kernel's, as 64 hexadecimal digits.
fn fresh_secret() -> io::Result<Vec<u8>> {
    let mut bytes = [0; 32];
    io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into_bytes())
}

/// Whole or not at all, and never over another: written beside its place, then linked to it.
fn write_secret(path: &Path, secret: &[u8]) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    let written = file
        .write_all(secret)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    written
}

#[cfg(test)]
mod tests;
