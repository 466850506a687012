//! How the secret is found, made and refused.

use std::os::unix::fs::PermissionsExt as _;

use server::config::Config;

use super::{secret, secret_or_new};

fn config(dir: &tempfile::TempDir) -> Config {
    Config {
        data_dir: dir.path().join("data"),
        ..Config::default()
    }
}

#[test]
fn a_fresh_data_directory_gets_a_secret_that_only_its_user_reads_and_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir);
    assert!(
        secret(&config)
            .unwrap_err()
            .to_string()
            .contains("MUSTER_SECRET")
    );
    let made = secret_or_new(&config).unwrap();
    assert_eq!(made.len(), 64);
    assert_eq!(secret_or_new(&config).unwrap(), made);
    assert_eq!(secret(&config).unwrap(), made);
    let mode = std::fs::metadata(config.secret_path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&config.data_dir).unwrap().count(), 1);
}

#[test]
fn a_named_secret_file_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        secret_file: dir.path().join("absent"),
        ..config(&dir)
    };
    let error = secret_or_new(&config).unwrap_err().to_string();
    assert!(error.contains("absent does not exist"), "{error}");
    assert!(!config.secret_file.exists());
}

#[test]
fn a_short_secret_is_refused_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        secret: "hunter2".to_owned(),
        ..config(&dir)
    };
    let error = format!("{:#}", secret_or_new(&config).unwrap_err());
    assert!(
        error.contains("has 7 bytes") && !error.contains("hunter2"),
        "{error}"
    );
}
