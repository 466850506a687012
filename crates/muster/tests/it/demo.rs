//! The demo as its users start it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    // Not where the sample session types are: the program carries its own.
    let elsewhere = env!("CARGO_TARGET_TMPDIR");
    command.arg("demo").args(arguments).current_dir(elsewhere);
    command
}

/// Live processes whose environment says that they belong to the server at this address.
fn game_servers_of(url: &str) -> usize {
    let variable = format!("MUSTER_URL={url}");
    let processes = std::fs::read_dir("/proc").expect("lists");
    let environments =
        processes.filter_map(|entry| std::fs::read(entry.ok()?.path().join("environ")).ok());
    let belongs = |environment: &Vec<u8>| {
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|one| one == variable.as_bytes())
    };
    environments.filter(belongs).count()
}

#[test]
fn everybody_plays_and_nothing_is_left() {
    let output = demo(&["--players", "21", "--seed", "5"])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("21 of 21"), "{said}");
    assert!(said.ends_with("every party got its game, and no process is left\n"));
    let first = said.lines().next().expect("says something");
    let (_, url) = first.rsplit_once(" on ").expect("says where");
    assert_eq!(game_servers_of(url), 0);
}

/// A demo whose players are on their way.
struct Playing {
    running: Child,
    /// Where its server is.
    url: String,
    progress: BufReader<ChildStderr>,
    /// Kept open, as the demo goes on writing to it.
    _said: BufReader<ChildStdout>,
}

impl Playing {
    fn start(arguments: &[&str]) -> Playing {
        let mut running = demo(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut said = BufReader::new(running.stdout.take().expect("is piped"));
        let mut first = String::new();
        said.read_line(&mut first).expect("says something");
        let (_, url) = first.trim_end().rsplit_once(" on ").expect("says where");
        // The progress comes once a second; with its first line players are on their way.
        let mut progress = BufReader::new(running.stderr.take().expect("is piped"));
        progress.read_line(&mut String::new()).expect("goes on");
        assert!(game_servers_of(url) > 0);
        Playing {
            running,
            url: url.to_owned(),
            progress,
            _said: said,
        }
    }
}

#[test]
fn an_interrupted_demo_stops_what_it_started() {
    let mut demo = Playing::start(&[]);
    let pid = Pid::from_child(&demo.running);
    kill_process(pid, Signal::INT).expect("is there");
    let mut rest = String::new();
    demo.progress.read_to_string(&mut rest).expect("ends");
    let ended = demo.running.wait().expect("ends");
    assert_eq!(ended.code(), Some(130), "{rest}");
    assert_eq!(game_servers_of(&demo.url), 0);
}

#[test]
fn a_time_that_is_too_short_is_said_with_what_is_missing() {
    let data = tempfile::tempdir().expect("makes a folder");
    let folder = data.path().to_str().expect("is text");
    let output = demo(&["--players", "8", "--timeout", "10ms", "--data", folder])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("the time for the whole demo is over"),
        "{errors}"
    );
    assert!(errors.contains("did not get its game"), "{errors}");
}

#[test]
fn what_a_killed_demo_leaves_behind_ends_by_itself() {
    let mut demo = Playing::start(&["--players", "12"]);
    demo.running.kill().expect("is there");
    demo.running.wait().expect("ends");
    let patience = std::time::Duration::from_secs(60);
    let pause = std::time::Duration::from_millis(100);
    for _ in 0..patience.as_millis() / pause.as_millis() {
        if game_servers_of(&demo.url) == 0 {
            return;
        }
        std::thread::sleep(pause);
    }
    panic!("{} game servers go on", game_servers_of(&demo.url));
}
