//! `muster token`: mints tokens for trying things out and for back ends without a JWT library.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::ValueEnum;
use model::config::Duration;
use model::ticket::Value;
use model::wire::{Claims, PrincipalKind};
use model::{Name, PlayerId, Timestamp};
use server::auth::Keys;

use crate::configuration::{self, Flags};
use crate::say;

/// Mint a token, signed with the server's own secret.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  muster token --kind player --sub alice
  muster token --kind server --sub lobby --ttl 24h
  muster token --kind player --sub bob --attribute skill=1500 --attribute platform=pc
  curl -H \"Authorization: Bearer $(muster token --kind admin --sub me)\" localhost:7350/v1/fleets")]
pub struct Args {
    /// What its bearer is.
    #[arg(long, value_enum)]
    kind: KindArg,
    /// Which one: a player's id, a game server's id, or the name of a service.
    #[arg(long, value_name = "ID")]
    sub: String,
    /// How long it is good.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    ttl: Duration,
    /// An attribute that the token vouches for, for queue attributes with `source: claim`. Text that looks like a
    /// number stands in quotes: 'client_version="1.4"'.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(Name, Value)>,
    /// The device that a player plays on, for joinability `local`.
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// The platform that a player plays on, for sessions without `cross_play`.
    #[arg(long, value_name = "NAME")]
    platform: Option<Name>,
    /// A player whom he follows, for joinability `followed`.
    #[arg(long = "follows", value_name = "PLAYER")]
    follows: Vec<PlayerId>,
    #[command(flatten)]
    flags: Flags,
}

/// The kinds of principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum KindArg {
    /// A player.
    Player,
    /// A back end of the studio.
    Server,
    /// Whoever keeps game servers running.
    Fleet,
    /// An operator.
    Admin,
    /// One game server.
    GameServer,
}

fn attribute(text: &str) -> Result<(Name, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let name = name.parse().map_err(|error| format!("the name {error}"))?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let value = match (quoted, value.parse::<f64>()) {
        (Some(text), _) => Value::String(text.to_owned()),
        (None, Ok(number)) if number.is_finite() => Value::Number(number),
        (None, _) => Value::String(value.to_owned()),
    };
    Ok((name, value))
}

/// Prints a token.
///
/// # Errors
/// When there is no secret, or no such principal.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = args.flags.layers(&[])?.config;
    let keys = Keys::new(config.namespace.clone(), &configuration::secret(&config)?)?;
    let kind = match args.kind {
        KindArg::Player => PrincipalKind::Player,
        KindArg::Server => PrincipalKind::Server,
        KindArg::Fleet => PrincipalKind::Fleet,
        KindArg::Admin => PrincipalKind::Admin,
        KindArg::GameServer => PrincipalKind::GameServer,
    };
    let now = now()?;
    let mut claims = Claims::new(config.namespace, kind, &*args.sub, now, args.ttl.0);
    claims.attributes = args.attributes.iter().cloned().collect();
    claims.device.clone_from(&args.device);
    claims.platform.clone_from(&args.platform);
    claims.follows.clone_from(&args.follows);
    let token = keys.mint(&claims)?;
    keys.verify(&token, now)
        .with_context(|| format!("no token for {:?}", args.sub))?;
    say::line(&token);
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a token's times are those of this machine's clock"
)]
pub(crate) fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(Timestamp(
        i64::try_from(since.as_millis()).context("the clock is beyond all years")?,
    ))
}
