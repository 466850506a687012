//! `muster serve`: the server, from its configuration to its drained stop.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use plugin_process::ProcessProvider;
use server::config::{Config, Effective, LogFormat, OnShutdown, Process};
use server::core::{Drivers, InMemoryFleetApi, Settings};
use server::{Options, Server};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::configuration::{self, Flags};
use crate::{files, say};

/// Run the server.
///
/// Every setting is a key of the configuration file, an environment variable (log.format is MUSTER_LOG_FORMAT) and,
/// for those below, a flag; the later wins. SIGTERM and SIGINT drain and stop, a second one stops at once; SIGHUP
/// reads the session types again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  muster serve
  muster serve --session-types sessiontypes/ --listen 0.0.0.0:7350 --public-url https://muster.example
  MUSTER_SECRET=... muster serve --database postgres://muster@db/muster --log json
  muster serve --config muster.yaml --print-config")]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// How players and game servers reach this server, if not by the address that it listens on.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The folder of session types, queues and fleets.
    #[arg(long, value_name = "DIR")]
    session_types: Option<String>,
    /// What the log looks like: text or json.
    #[arg(long, value_name = "FORMAT")]
    log: Option<String>,
    /// What is logged: a level, or directives such as `info,server::http=debug`.
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
    /// How often due sessions are brought up to date although nobody looks; 0s: never.
    #[arg(long, value_name = "DURATION")]
    sweep_interval: Option<String>,
    /// Show the effective configuration with where each value came from, and end.
    #[arg(long)]
    print_config: bool,
}

/// Serves until it is told to stop.
///
/// # Errors
/// One sentence that says what to do: about the configuration, the secret, the port or the database.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let effective = args.flags.layers(&[
        ("--listen", "listen", args.listen.as_deref()),
        ("--public-url", "public_url", args.public_url.as_deref()),
        (
            "--session-types",
            "session_types",
            args.session_types.as_deref(),
        ),
        ("--log", "log.format", args.log.as_deref()),
        ("--log-filter", "log.filter", args.log_filter.as_deref()),
        (
            "--sweep-interval",
            "sweep_interval",
            args.sweep_interval.as_deref(),
        ),
    ])?;
    if args.print_config {
        for line in effective.lines() {
            say::line(&line);
        }
        return Ok(ExitCode::SUCCESS);
    }
    log(&effective.config)?;
    for name in &effective.unknown_variables {
        tracing::warn!("the environment variable {name} is no setting of Muster");
    }
    let mut effective = effective;
    fit_connections(&mut effective.config.limits.connections_max);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(serve(effective))?;
    Ok(ExitCode::SUCCESS)
}

/// Files that are no connections: the database's, logs, sockets of game servers.
const OTHER_FILES: u64 = 512;

/// No more connections than files may be open: the one too many is told so, instead of waiting unseen.
fn fit_connections(connections_max: &mut usize) {
    let Some(files) = files::raise_limit() else {
        return;
    };
    let room = usize::try_from(files.saturating_sub(OTHER_FILES).max(1)).unwrap_or(usize::MAX);
    if *connections_max > room {
        tracing::info!(
            "this process may open {files} files: {room} connections instead of \
             limits.connections_max {connections_max}; raise it with `ulimit -n` or LimitNOFILE"
        );
        *connections_max = room;
    }
}

async fn serve(Effective { config, .. }: Effective) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let reload = Arc::new(Notify::new());
    // Before anything is started, so that a signal during the start is not lost.
    let signals = signals(shutdown.clone(), Arc::clone(&reload))?;
    let server = Server::start(options(&config)?).await?;
    tracing::info!(
        address = %server.address(), namespace = %config.namespace,
        "listening on {}", config.url(server.address())
    );
    let provider = provider(&config, &server)?;
    // The provider ends first: while it retires its game servers the registry has to answer.
    let drained = CancellationToken::new();
    let providing = async {
        match provider {
            Some(provider) => provider.run(shutdown.clone()).await,
            None => shutdown.cancelled().await,
        }
        drained.cancel();
    };
    let serving = async {
        let served = server.run(drained.clone(), reload).await;
        // It may have ended by itself, its lease lost: then the provider ends too.
        shutdown.cancel();
        served
    };
    let (served, ()) = tokio::join!(serving, providing);
    drop(signals);
    served.context("the server stopped")?;
    tracing::info!("stopped");
    Ok(())
}

fn options(config: &Config) -> anyhow::Result<Options> {
    std::fs::create_dir_all(&config.data_dir).with_context(|| {
        format!(
            "cannot make the data directory {}: choose another with --data-dir",
            config.data_dir.display()
        )
    })?;
    let defaults = Settings::default();
    Ok(Options {
        database: config.database_url(),
        namespace: config.namespace.clone(),
        secret: configuration::secret_or_new(config)?,
        listen: config.listen,
        public_url: (!config.public_url.is_empty()).then(|| config.url(config.listen)),
        session_types: Some(config.session_types.clone()),
        providers: configuration::provider_schemas(),
        limits: config.limits.clone(),
        settings: Settings {
            sweep_interval: config.sweep_interval.0,
            large_members_max: config.large_members_max,
            ..defaults
        },
        clock: None,
        drivers: Drivers::Running,
    })
}

/// The process provider inside this server, if it is enabled: the one place where a plugin meets the server.
fn provider(config: &Config, server: &Server) -> anyhow::Result<Option<ProcessProvider>> {
    let Process {
        enabled: true,
        address,
        on_shutdown,
    } = &config.process
    else {
        return Ok(None);
    };
    let executable = std::env::current_exe().context("cannot find this program's own file")?;
    let core = server.core();
    let mut options =
        plugin_process::Options::new(core.installation(), config.data_dir.clone(), executable);
    options.address.clone_from(address);
    options.url = Some(core.public_url().to_owned());
    options.on_shutdown = match on_shutdown {
        OnShutdown::Leave => plugin_process::OnShutdown::Leave,
        OnShutdown::Stop => plugin_process::OnShutdown::Stop,
    };
    Ok(Some(ProcessProvider::new(
        Arc::new(InMemoryFleetApi::new(core.clone())),
        options,
    )))
}

/// Turns signals into what they mean.
fn signals(
    shutdown: CancellationToken,
    reload: Arc<Notify>,
) -> anyhow::Result<tokio_util::task::AbortOnDropHandle<()>> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let task = async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hang_up.recv() => {
                    reload.notify_one();
                    continue;
                }
            }
            if shutdown.is_cancelled() {
                tracing::warn!("told to stop again: stopping at once");
                std::process::exit(EXIT_AT_ONCE);
            }
            tracing::info!("told to stop: draining");
            shutdown.cancel();
        }
    };
    let tracker = tokio_util::task::TaskTracker::new();
    Ok(tokio_util::task::AbortOnDropHandle::new(
        tracker.spawn(task),
    ))
}

/// The exit code of a stop without draining.
const EXIT_AT_ONCE: i32 = 3;

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log.filter)
        .with_context(|| format!("log.filter {:?} cannot be read", config.log.filter))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match config.log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
