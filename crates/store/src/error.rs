//! What can go wrong with the store, said so that the reader knows what to do.

use model::Millis;

use crate::row::Key;
use crate::write_set::ClaimKey;

/// Why the database could not be opened, read or migrated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL names no database that this store knows.
    #[error("the database URL {url:?} is not supported: {reason}")]
    Url {
        /// As given, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {what}: {advice}")]
    Open {
        /// Path or host.
        what: String,
        /// One sentence: what to do.
        advice: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The database would lose acknowledged writes in a power cut.
    #[error(
        "the database setting {setting} is {found:?}; set it to {wanted:?}, or acknowledged writes are lost when the power fails"
    )]
    Unsafe {
        /// Name of the setting.
        setting: &'static str,
        /// As found.
        found: String,
        /// As it must be.
        wanted: &'static str,
    },
    /// The schema is of a version that this program does not know.
    #[error(
        "the database has schema version {found}, this program supports {supported:?}: use the program that wrote it, or restore a backup"
    )]
    SchemaVersion {
        /// As found.
        found: i64,
        /// What this program can work with.
        supported: &'static [i64],
    },
    /// The file is another program's.
    #[error(
        "the database {what} belongs to another program: it has the table {table:?} and none of Muster's; give Muster a file of its own"
    )]
    Foreign {
        /// Path.
        what: String,
        /// One of its tables.
        table: String,
    },
    /// A migration failed; nothing of it was applied.
    #[error("the migration {direction} of schema version {version} failed: {advice}")]
    Migrate {
        /// The version.
        version: i64,
        /// `up` or `down`.
        direction: &'static str,
        /// One sentence: what to do.
        advice: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// A read failed.
    #[error("{operation}: {advice}")]
    Read {
        /// What was attempted.
        operation: &'static str,
        /// One sentence: what to do.
        advice: String,
        /// What the driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored row cannot be understood.
    #[error("the row {id:?} cannot be understood: {reason}")]
    Row {
        /// The row's id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a lease was not given.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else has it.
    #[error("held by {holder:?} for another {expires_in} unless renewed")]
    Held {
        /// Who.
        holder: String,
        /// How long at most, unless the holder renews it.
        expires_in: Millis,
    },
    /// It was ours and no longer is: somebody took it over after it expired.
    #[error("the lease was lost to {holder:?}")]
    Lost {
        /// Who has it now; empty if it was given back.
        holder: String,
    },
    /// The database could not be asked or written.
    #[error("the lease could not be asked for: {}", .0.cause())]
    Store(#[source] Error),
}

/// Why a write set was not committed. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Somebody else was faster: reload what is named here and apply the command again.
    #[error("lost against another write")]
    Conflict {
        /// Rows that are not at the expected number, ordered.
        keys: Vec<Key>,
        /// Names that are taken, with the row that holds each, ordered.
        claims: Vec<(ClaimKey, Key)>,
    },
    /// The database, or the check at the door, refused this very write set.
    #[error("refused: {0}")]
    Refused(String),
    /// More rows, or larger ones, than a write set may have.
    #[error("larger than a write set may be")]
    TooLarge,
    /// The database cannot be reached or written now.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Too many write sets wait already.
    #[error("too many writes are waiting")]
    Overloaded,
}

/// What to do about a driver's error, in one sentence.
pub(crate) fn advice(error: &sqlx::Error) -> String {
    let Some(database) = error.as_database_error() else {
        return match error {
            sqlx::Error::Io(io) => format!("the connection failed ({io}); see that the database runs and can be reached"),
            sqlx::Error::PoolTimedOut => "no connection became free in time; see that the database runs and allows enough connections".into(),
            other => format!("the driver failed ({other}); see the database's log"),
        };
    };
    let message = database.message();
    if let Some(code) = sqlite_code(error) {
        return sqlite_advice(code, message);
    }
    match database.code().as_deref() {
        Some("53100") => full(message),
        Some("28P01" | "28000") => {
            format!("the login was refused ({message}); check user and password in the URL")
        }
        Some("3D000") => {
            format!("there is no such database ({message}); create it with createdb")
        }
        _ => format!("the database answered: {message}"),
    }
}

fn full(message: &str) -> String {
    format!("the disk is full ({message}); free some space and try again")
}

/// What to do about SQLite's primary result code, in one sentence.
pub(crate) fn sqlite_advice(code: i32, message: &str) -> String {
    match code {
        SQLITE_FULL => full(message),
        SQLITE_IOERR => {
            format!(
                "the disk could not be read or written ({message}); check free space and the disk's health"
            )
        }
        SQLITE_READONLY | SQLITE_CANTOPEN | SQLITE_PERM => {
            format!(
                "the file cannot be opened for writing ({message}); check that its folder exists and that this user may write there"
            )
        }
        SQLITE_CORRUPT | SQLITE_NOTADB => {
            format!(
                "the file is damaged or no database ({message}); restore a backup or give another path"
            )
        }
        SQLITE_BUSY => {
            format!("another program holds the file ({message}); end that program first")
        }
        _ => format!("the database answered: {message}"),
    }
}

/// What to do about an error of the connections that are rusqlite's, in one sentence.
pub(crate) fn told(error: &rusqlite::Error) -> String {
    match error.sqlite_error() {
        Some(sqlite) => sqlite_advice(sqlite.extended_code & 0xff, &error.to_string()),
        None => error.to_string(),
    }
}

pub(crate) const SQLITE_PERM: i32 = 3;
pub(crate) const SQLITE_BUSY: i32 = 5;
pub(crate) const SQLITE_NOMEM: i32 = 7;
pub(crate) const SQLITE_READONLY: i32 = 8;
pub(crate) const SQLITE_IOERR: i32 = 10;
pub(crate) const SQLITE_CORRUPT: i32 = 11;
pub(crate) const SQLITE_FULL: i32 = 13;
pub(crate) const SQLITE_CANTOPEN: i32 = 14;
pub(crate) const SQLITE_NOTADB: i32 = 26;

/// SQLite's primary result code, if the error is one of SQLite's.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    let database = error.as_database_error()?;
    let sqlite = database.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let code: i32 = sqlx::error::DatabaseError::code(sqlite)?.parse().ok()?;
    Some(code & 0xff)
}

impl Error {
    pub(crate) fn read(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| Error::Read {
            operation,
            advice: advice(&source),
            source: source.into(),
        }
    }

    /// The same of the connections that are rusqlite's.
    pub(crate) fn read_page(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
        move |source| Error::Read {
            operation,
            advice: told(&source),
            source: source.into(),
        }
    }

    /// Whether the database cannot be reached, which passes by itself: it restarts, or the network is away. A full
    /// disk or a damaged file does not.
    pub fn is_away(&self) -> bool {
        let Error::Read { source, .. } = self else {
            return false;
        };
        if let Some(source) = source.downcast_ref::<rusqlite::Error>() {
            let code = source.sqlite_error().map(|error| error.extended_code);
            return code.is_some_and(|code| code & 0xff == SQLITE_BUSY);
        }
        let Some(source) = source.downcast_ref::<sqlx::Error>() else {
            return false;
        };
        let code = source.as_database_error().and_then(|error| error.code());
        match source {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => true,
            // Shutting down and starting up; connection exceptions; too many connections.
            _ if sqlite_code(source).is_none() => code.is_some_and(|code| {
                code.starts_with("57P") || code.starts_with("08") || code == "53300"
            }),
            _ => sqlite_code(source) == Some(SQLITE_BUSY),
        }
    }

    /// What is wrong and what to do about it, without what was attempted where that is said apart.
    pub(crate) fn cause(&self) -> String {
        match self {
            Error::Read { advice, .. } => advice.clone(),
            other => other.to_string(),
        }
    }
}
