//! A database of its own for every test, on each of the two kinds.

use model::InstallationId;
use tempfile::TempDir;

/// The two databases that everything runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The embedded default.
    Sqlite,
    /// A server; see `store::testing::POSTGRES`.
    Postgres,
}

/// A database that is empty at first; a file goes away with this.
#[derive(Debug)]
pub struct Database {
    /// As `muster serve --database` takes it.
    pub url: String,
    _folder: Option<TempDir>,
}

impl Database {
    /// A database that somebody else keeps.
    pub fn at(url: &str) -> Database {
        Database {
            url: url.to_owned(),
            _folder: None,
        }
    }

    /// The installation that it is.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn installation(&self) -> InstallationId {
        let options = store::Options::default();
        let store = store::Store::open(&self.url, options).await.expect("it");
        let epoch = store.epoch().await.expect("its epoch");
        store.close().await;
        InstallationId(epoch)
    }

    /// A new database; `None`, said aloud, where PostgreSQL is wanted, absent, and this is not CI.
    ///
    /// # Panics
    /// When it cannot be made, or is absent in CI.
    pub async fn new(kind: Kind, test: &str) -> Option<Database> {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}", folder.path().join("muster.db").display());
                Some(Database {
                    url,
                    _folder: Some(folder),
                })
            }
            Kind::Postgres => {
                let Ok(server) = std::env::var(store::testing::POSTGRES) else {
                    let name = store::testing::POSTGRES;
                    assert!(
                        std::env::var("CI").as_deref() != Ok("true"),
                        "{name} must be set in CI"
                    );
                    skipped(test);
                    return None;
                };
                let url = store::testing::new_postgres_database(&server)
                    .await
                    .expect("a database");
                Some(Database { url, _folder: None })
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the test runner reads this line")]
fn skipped(test: &str) {
    let name = store::testing::POSTGRES;
    println!("SKIPPED {test}: {name} is not set; run cargo xtask test");
}
