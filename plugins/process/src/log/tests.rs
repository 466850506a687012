//! Tests of the logs: what is written stays readable, what is kept stays within its bounds.

use std::io::Write;

use super::*;

const KEEP: Keep = Keep {
    log_bytes_max: 100,
    ended_max: 2,
    ended_bytes_max: 1_000,
};

fn log_of(root: &Path, number: u128) -> (GameServerId, PathBuf) {
    let id = GameServerId(uuid::Uuid::from_u128(number));
    let namespace = "..".parse().expect("a name");
    let fleet = "..".parse().expect("a name");
    (id, path(root, &namespace, &fleet, id))
}

#[test]
fn names_never_lead_out_of_the_folder() {
    let (_, path) = log_of(Path::new("/logs"), 1);
    assert_eq!(path.parent(), Some(Path::new("/logs/..@..")));
}

#[test]
fn a_log_that_is_being_written_is_cut_under_its_writer() {
    let root = tempfile::tempdir().expect("a folder");
    let (id, path) = log_of(root.path(), 1);
    let mut writer = open(&path).expect("opens");
    writer.write_all(&[b'a'; 101]).expect("writes");
    tidy(root.path(), &BTreeSet::from([id]), KEEP).expect("tidies");
    writer.write_all(b"after").expect("writes");
    assert_eq!(
        fs::read(&path).expect("reads"),
        b"after",
        "no hole where the old text was"
    );
    assert_eq!(
        fs::read(path.with_extension("log.1")).expect("reads").len(),
        101
    );
    tidy(root.path(), &BTreeSet::from([id]), KEEP).expect("tidies");
    assert_eq!(
        fs::read(&path).expect("reads"),
        b"after",
        "a small one is left as it is"
    );
}

#[test]
fn of_the_ended_the_newest_are_kept_and_of_the_living_all() {
    let root = tempfile::tempdir().expect("a folder");
    let mut paths = Vec::new();
    for number in 1..=5 {
        let (_, path) = log_of(root.path(), number);
        let file = open(&path).expect("opens");
        let modified = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64);
        file.set_modified(modified).expect("sets");
        paths.push(path);
    }
    let (first, _) = log_of(root.path(), 1);
    tidy(root.path(), &BTreeSet::from([first]), KEEP).expect("tidies");
    let kept: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
    assert_eq!(
        kept,
        [true, false, false, true, true],
        "the living one and the two newest"
    );
}

#[test]
fn bytes_bound_the_ended_too_and_strange_files_are_left_alone() {
    let root = tempfile::tempdir().expect("a folder");
    let (_, large) = log_of(root.path(), 1);
    open(&large)
        .expect("opens")
        .write_all(&[b'a'; 1_001])
        .expect("writes");
    let strange = large.with_file_name("notes.txt");
    fs::write(&strange, "mine").expect("writes");
    tidy(root.path(), &BTreeSet::new(), KEEP).expect("tidies");
    assert!(!large.exists() && strange.exists());
}

#[test]
fn without_a_folder_there_is_nothing_to_tidy() {
    let root = tempfile::tempdir().expect("a folder");
    tidy(&root.path().join("none"), &BTreeSet::new(), KEEP).expect("nothing to do");
}
