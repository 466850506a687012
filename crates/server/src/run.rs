//! One server: lease, store, core and HTTP put together, from start to drained stop.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::config::{Diagnostic, ProviderSchema, Severity, SourceFile};
use model::{Millis, Namespace};
use store::{Lease, LeaseError, Store};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::auth::Keys;
use crate::clock::{Clock, monotonic};
use crate::config::Limits;
use crate::core::{Activated, Core, Drivers, Parts, Settings};
use crate::ids::Ids;
use crate::{holder, http};

/// The lease that lets one server at a time work a database.
const LEASE: &str = "cell";
/// How long it lasts without being renewed.
const LEASE_TTL: Millis = Millis::seconds(10);
/// How often it is renewed.
const LEASE_RENEWAL: Duration = Duration::from_secs(3);
/// How often an address in use is tried: a game server that was being started as the last server was killed holds its
/// listener until it is executed.
const LISTEN_TRIES: usize = 150;
/// Between them.
const LISTEN_PAUSE: Duration = Duration::from_millis(20);
/// How often the files of the session types are looked at.
const RELOAD_LOOK: Duration = Duration::from_secs(1);

/// What a server is started with.
pub struct Options {
    /// `sqlite:///path/file.db` or `postgres://…`.
    pub database: String,
    /// The namespace that is served.
    pub namespace: Namespace,
    /// What tokens are signed with; at least 32 bytes.
    pub secret: Vec<u8>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where game servers reach this server; `None`: the address that is listened on.
    pub public_url: Option<String>,
    /// The folder of session types; `None`: what the store has.
    pub session_types: Option<PathBuf>,
    /// Schemas of the providers' parts of fleets.
    pub providers: Vec<ProviderSchema>,
    /// Limits of HTTP.
    pub limits: Limits,
    /// What else the operator set.
    pub settings: Settings,
    /// The clock; `None`: the database's.
    pub clock: Option<Clock>,
    /// Who runs the timers.
    pub drivers: Drivers,
}

/// Why a server did not start; each is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("{0}")]
    Store(String),
    /// Another server works this database.
    #[error(
        "another server works this database: {holder}; stop it first, or wait {expires_in} if it is gone"
    )]
    Held {
        /// Who.
        holder: String,
        /// How long at most.
        expires_in: Millis,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {reason}; stop whoever uses it, or choose another with --listen"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        reason: io::Error,
    },
    /// The secret is too short.
    #[error("the secret: {0}")]
    Secret(#[from] crate::auth::AuthError),
    /// The session types have errors and the store has no earlier revision.
    #[error("the session types have {} error(s); `muster check` shows them", .0.len())]
    SessionTypes(Vec<Diagnostic>),
    /// The folder of the session types cannot be read.
    #[error(
        "cannot read the session types in {folder}: {reason}; say where they are with --session-types"
    )]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// Something in the store cannot be read.
    #[error("{0}")]
    Core(String),
}

/// A server that has started and does not serve yet.
pub struct Server {
    core: Core,
    keys: Arc<Keys>,
    store: Store,
    lease: Lease,
    listener: TcpListener,
    address: SocketAddr,
    session_types: Option<PathBuf>,
    limits: Limits,
}

impl Server {
    /// Opens the store, takes the lease, loads what is live, activates the session types and binds the address.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Server, StartError> {
        let keys = Keys::new(options.namespace.clone(), &options.secret)?;
        let core_keys = Keys::new(options.namespace.clone(), &options.secret)?;
        let listener = listen(options.listen).await;
        let listener = listener.map_err(|reason| StartError::Listen {
            address: options.listen,
            reason,
        })?;
        let address = listener.local_addr().map_err(|reason| StartError::Listen {
            address: options.listen,
            reason,
        })?;
        let store = open(&options.database).await?;
        let lease = take_lease(&store).await?;
        let mut settings = options.settings;
        settings.public_url = options
            .public_url
            .unwrap_or_else(|| format!("http://{address}"));
        let clock = match options.clock {
            Some(clock) => clock,
            None => Clock::running(
                store
                    .now()
                    .await
                    .map_err(|e| StartError::Store(e.to_string()))?,
            ),
        };
        let core = Core::start(Parts {
            namespace: options.namespace,
            store: store.clone(),
            clock,
            ids: Ids::from_entropy(),
            keys: core_keys,
            providers: options.providers,
            settings,
            drivers: options.drivers,
        })
        .await
        .map_err(|error| StartError::Core(error.cause()))?;
        let server = Server {
            core,
            keys: Arc::new(keys),
            store,
            lease,
            listener,
            address,
            session_types: options.session_types,
            limits: options.limits,
        };
        server.first_revision().await?;
        Ok(server)
    }

    /// The core, for plugins and tests in the same process.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// What tokens are signed with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then drains: long polls end with what they have, requests are finished, what
    /// waits is committed, the lease is given back. `reload` asks for a look at the session types at once.
    ///
    /// # Errors
    /// When the lease was lost to another server or could not be renewed in time, or the listener is of no use.
    pub async fn run(
        self,
        shutdown: CancellationToken,
        reload: Arc<tokio::sync::Notify>,
    ) -> io::Result<()> {
        let Server {
            core,
            keys,
            store,
            lease,
            listener,
            session_types,
            limits,
            ..
        } = self;
        let over = CancellationToken::new();
        let http = http::serve(listener, core.clone(), keys, limits, over.clone());
        let renewing = renew(core.clone(), store.clone(), lease.clone(), over.clone());
        let reloading = watch(core.clone(), session_types, reload, over.clone());
        let stopping = async {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = over.cancelled() => {}
            }
            core.begin_shutdown();
            over.cancel();
        };
        let (served, renewed, (), ()) = tokio::join!(http, renewing, reloading, stopping);
        core.stop_tasks().await;
        if renewed.is_ok()
            && let Err(error) = store.release_lease(&lease).await
        {
            tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
        }
        store.close().await;
        renewed?;
        served
    }

    /// The files' set becomes the active revision; with errors the store's last good one stays, if there is one.
    async fn first_revision(&self) -> Result<(), StartError> {
        let Some(folder) = &self.session_types else {
            return Ok(());
        };
        let folder = model::config::read_dir(folder).map_err(|reason| StartError::Folder {
            folder: folder.clone(),
            reason,
        })?;
        let activated = self
            .core
            .activate_folder(&folder)
            .await
            .map_err(|e| StartError::Core(e.cause()))?;
        match activated {
            Ok((revision, warnings)) => {
                report(&warnings, &folder.files);
                tracing::info!(?revision, "session types are active");
                Ok(())
            }
            Err(errors) => {
                report(&errors, &folder.files);
                if self.core.config().session_types.is_empty() {
                    let errors = errors.into_iter();
                    let errors = errors
                        .filter(|one| one.severity == Severity::Error)
                        .collect();
                    return Err(StartError::SessionTypes(errors));
                }
                tracing::error!(
                    "the session types have errors; the last good set of the store stays active"
                );
                Ok(())
            }
        }
    }
}

/// Connections that the kernel completes before they are accepted; it cuts this to its own limit
/// (`net.core.somaxconn`). The usual 128 is full when many clients come at one moment, and who is
/// turned away tries again after 1 s, then 2, then 4: a stall that no figure of the server shows.
const BACKLOG: u32 = 4_096;

/// Binds the address, for some seconds where somebody has it.
async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    for tried in 1..LISTEN_TRIES {
        match try_listen(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if tried == 1 {
                    tracing::info!(%address, "the address is in use; trying for a few seconds");
                }
                tokio::time::sleep(LISTEN_PAUSE).await;
            }
            bound => return bound,
        }
    }
    try_listen(address)
}

fn try_listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that starts again takes its address from connections that are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether a server may work this database now: another one that runs keeps it. Makes the database if there is none.
///
/// # Errors
/// [`StartError::Held`] and [`StartError::Store`].
pub async fn check_free(database: &str) -> Result<(), StartError> {
    let store = open(database).await?;
    let lease = take_lease(&store).await?;
    let released = store.release_lease(&lease).await;
    store.close().await;
    released.map_err(lease_error)
}

async fn open(database: &str) -> Result<Store, StartError> {
    Store::open(database, store::Options::default())
        .await
        .map_err(|error| StartError::Store(error.to_string()))
}

async fn take_lease(store: &Store) -> Result<Lease, StartError> {
    let me = holder::this_process();
    match store.acquire_lease(LEASE, &me, LEASE_TTL).await {
        Ok(lease) => Ok(lease),
        Err(LeaseError::Held { holder, .. }) if holder::is_dead_here(&holder) => {
            tracing::info!(
                holder,
                "the last server on this machine has died; taking its lease over"
            );
            store
                .expire_lease(LEASE, &holder)
                .await
                .map_err(lease_error)?;
            store
                .acquire_lease(LEASE, &me, LEASE_TTL)
                .await
                .map_err(lease_error)
        }
        Err(error) => Err(lease_error(error)),
    }
}

fn lease_error(error: LeaseError) -> StartError {
    match error {
        LeaseError::Held { holder, expires_in } => StartError::Held { holder, expires_in },
        other => StartError::Store(other.to_string()),
    }
}

/// Keeps the lease; ends everything when it is lost, or has run out because the database takes no writes.
async fn renew(
    core: Core,
    store: Store,
    mut lease: Lease,
    over: CancellationToken,
) -> io::Result<()> {
    let mut renewed_at = monotonic();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LEASE_RENEWAL) => {}
            () = over.cancelled() => return Ok(()),
        }
        let asked_at = monotonic();
        // The same errand keeps this process's clock by the database's.
        if let Err(error) = core.ready().await {
            tracing::debug!(%error, "the database's time could not be asked for");
        }
        let reason = match store.renew_lease(&lease, LEASE_TTL).await {
            Ok(renewed) => {
                lease = renewed;
                renewed_at = asked_at;
                continue;
            }
            // Safety rests on compare-and-set, so the server goes on as long as nobody else can have the lease.
            Err(LeaseError::Store(error)) => {
                tracing::debug!(%error, "the lease could not be renewed");
                let without = renewed_at.elapsed();
                let away = error.is_away();
                // A database that restarts is waited for; one that answers and takes no writes needs somebody.
                if away || without < LEASE_TTL.duration() {
                    continue;
                }
                let cause = store.outage().unwrap_or_else(|| error.to_string());
                format!(
                    "nothing could be written to the database for {} s; \
                     mend this and start the server again: {cause}",
                    without.as_secs()
                )
            }
            Err(error) => format!("another server took over: {error}"),
        };
        over.cancel();
        return Err(io::Error::other(reason));
    }
}

/// Activates the session types again when their files change, or when asked.
async fn watch(
    core: Core,
    folder: Option<PathBuf>,
    reload: Arc<tokio::sync::Notify>,
    over: CancellationToken,
) {
    let Some(folder) = folder else { return };
    let mut seen = fingerprint(&folder);
    loop {
        let asked = tokio::select! {
            () = tokio::time::sleep(RELOAD_LOOK) => false,
            () = reload.notified() => true,
            () = over.cancelled() => return,
        };
        let now = fingerprint(&folder);
        if now == seen && !asked {
            continue;
        }
        seen = now;
        let folder = match model::config::read_dir(&folder) {
            Ok(folder) => folder,
            Err(error) => {
                tracing::error!(%error, "the session types cannot be read; the last good set stays active");
                continue;
            }
        };
        match core.activate_folder(&folder).await {
            Ok(Ok((Activated::Unchanged(revision), _))) if asked => {
                tracing::info!(revision, "the session types are unchanged");
            }
            Ok(Ok((Activated::Unchanged(_), _))) => {}
            Ok(Ok((Activated::New(revision), warnings))) => {
                report(&warnings, &folder.files);
                tracing::info!(revision, "the session types were reloaded");
            }
            Ok(Err(errors)) => {
                report(&errors, &folder.files);
                tracing::error!("the session types have errors; the last good set stays active");
            }
            Err(error) => tracing::error!(%error, "the session types could not be stored"),
        }
    }
}

/// Names, sizes and times of the YAML files; what cannot be read counts as absent.
fn fingerprint(folder: &Path) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            files.push((entry.path(), metadata.len(), metadata.modified().ok()));
        }
    }
    files.sort();
    files
}

fn report(diagnostics: &[Diagnostic], files: &[SourceFile]) {
    for diagnostic in diagnostics {
        let text = files.iter().find(|file| file.path == diagnostic.path);
        let rendered = diagnostic.render(text.map_or("", |file| file.text.as_str()));
        if diagnostic.severity == model::config::Severity::Error {
            tracing::error!("{rendered}");
        } else {
            tracing::warn!("{rendered}");
        }
    }
}
