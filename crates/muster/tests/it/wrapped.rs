//! What becomes of wrapped processes: started, stopped, killed, orphaned.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use model::Millis;
use model::wrap::{StopRule, StopSignal};
use muster::wrap::{Event, Game};

const LAUNCHER: &str = env!("CARGO_BIN_EXE_muster");
const PATIENCE: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Game {
    Game::start(Path::new(LAUNCHER), &["sh", "-c", script]).expect("starts")
}

async fn line(game: &mut Game) -> String {
    let event = tokio::time::timeout(PATIENCE, game.next()).await;
    match event.expect("in time").expect("works") {
        Event::Line(line) => line,
        Event::Exited(status) => panic!("ended with {status}"),
    }
}

fn stop(signal: StopSignal, grace: u64) -> StopRule {
    StopRule {
        signal,
        grace: Millis(grace),
    }
}

/// Whether a process runs; one that has ended and was not waited for does not.
fn runs(id: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|rest| !rest.starts_with(['Z', 'X']))
}

async fn ends(id: i32) {
    let gone = async {
        while runs(id) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .unwrap_or_else(|_| panic!("{id} still runs"));
}

#[tokio::test]
async fn a_game_writes_lines_and_ends_in_its_own_group() {
    let mut game = shell("echo out; echo err >&2; ps -o pgid= -p $$; exit 3");
    let mut lines = vec![
        line(&mut game).await,
        line(&mut game).await,
        line(&mut game).await,
    ];
    lines.sort();
    assert_eq!(lines.pop().as_deref(), Some("out"));
    assert_eq!(lines.pop().as_deref(), Some("err"));
    assert_eq!(lines.pop().expect("a group").trim(), game.id().to_string());
    match game.next().await.expect("works") {
        Event::Exited(status) => assert_eq!(status.code(), Some(3)),
        Event::Line(line) => panic!("one more line: {line}"),
    }
}

#[tokio::test]
async fn a_command_that_does_not_exist_says_so() {
    let mut game = Game::start(Path::new(LAUNCHER), &["no-such-game"]).expect("starts");
    let said = line(&mut game).await;
    assert!(said.contains("cannot run no-such-game"), "{said}");
    let event = game.next().await.expect("works");
    assert!(matches!(event, Event::Exited(status) if status.code() == Some(127)));
}

#[tokio::test]
async fn a_game_is_asked_with_its_own_signal_and_its_last_words_are_heard() {
    let mut game = shell("trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.01; done");
    assert_eq!(line(&mut game).await, "up");
    let mut last = Vec::new();
    let rule = stop(StopSignal::Int, 20_000);
    let status = game.stop(rule, |line| last.push(line)).await;
    assert!(status.expect("ends").success());
    assert_eq!(last, ["bye"]);
}

#[tokio::test]
async fn a_game_that_ignores_the_signal_is_killed_with_its_whole_group() {
    let script = "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.01; done";
    let mut game = shell(script);
    let child: i32 = line(&mut game).await.parse().expect("an id");
    let status = game.stop(stop(StopSignal::Term, 30), drop).await;
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status.expect("ends")),
        Some(9)
    );
    ends(child).await;
}

#[tokio::test]
async fn what_a_game_leaves_behind_ends_with_it() {
    let mut game = shell("sleep 1000 & echo $!");
    let child: i32 = line(&mut game).await.parse().expect("an id");
    let event = game.next().await.expect("works");
    assert!(matches!(event, Event::Exited(status) if status.success()));
    ends(child).await;
}

/// A wrapper whose game runs ahead of its assignment, and the game's process id.
fn wrapper(script: &str) -> (std::process::Child, i32) {
    let mut wrapper = Command::new(LAUNCHER)
        .args(["wrap", "--rules"])
        .arg(r#"{"start":"ahead","ready":{"log":"never"}}"#)
        .args(["--", "sh", "-c", script])
        .env("MUSTER_PORT", "7001")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let output = wrapper.stdout.take().expect("is piped");
    let mut id = String::new();
    BufReader::new(output).read_line(&mut id).expect("is read");
    (wrapper, id.trim().parse().expect("an id"))
}

#[tokio::test]
async fn a_killed_wrapper_leaves_no_game_behind() {
    let (mut wrapper, game) = wrapper("echo $$; trap '' TERM; exec sleep 1000");
    assert!(runs(game));
    wrapper.kill().expect("is killed");
    wrapper.wait().expect("has ended");
    ends(game).await;
}

#[tokio::test]
async fn a_wrapper_that_is_asked_to_end_stops_its_game_first() {
    let (mut wrapper, game) = wrapper("echo $$; exec sleep 1000");
    let id = rustix::process::Pid::from_child(&wrapper);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("is told");
    assert!(wrapper.wait().expect("has ended").success());
    assert!(!runs(game));
}

#[tokio::test]
async fn what_a_game_starts_in_a_group_of_its_own_ends_with_it() {
    let script = "setsid sh -c 'echo $$; exec sleep 1000' & exec sleep 1000";
    let (mut wrapper, child) = wrapper(script);
    let id = rustix::process::Pid::from_child(&wrapper);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("is told");
    assert!(wrapper.wait().expect("has ended").success());
    assert!(!runs(child));
}

#[test]
fn rules_and_environments_that_cannot_work_are_refused_before_anything_runs() {
    for (rules, port, said) in [
        (
            r#"{"ready":{"log":"("}}"#,
            "7001",
            "ready.log is not a regular expression",
        ),
        (r#"{"ready":{"pop":"1"}}"#, "7001", "unknown variant `pop`"),
        (r#"{"ready":{"tcp":"1"}}"#, "x", "MUSTER_PORT is \"x\""),
        (
            r#"{"ready":{"tcp":"1"}}"#,
            "1",
            "MUSTER_GAME_SERVER_ID is not set",
        ),
        (
            r#"{"ready":{"log":"x"},"start":"ahead"}"#,
            "1",
            "{map} is not known before",
        ),
    ] {
        let output = Command::new(LAUNCHER)
            .args(["wrap", "--rules", rules, "--", "sleep", "{map}"])
            .env("MUSTER_PORT", port)
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{text}");
    }
}

/// `arena`, or `wrap` with these rules, whose server is gone already; both wait for it only shortly.
fn without_server(words: &[&str]) -> std::process::Output {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}", nobody.local_addr().expect("is bound"));
    drop(nobody);
    Command::new("timeout")
        .args(["60", LAUNCHER])
        .args(words)
        .env("MUSTER_URL", url)
        .env("MUSTER_TOKEN", "token")
        .env(
            "MUSTER_GAME_SERVER_ID",
            "00000000-0000-0000-0000-000000000009",
        )
        .env("MUSTER_PORT", "0")
        .env("MUSTER_SERVER_AWAY_MAX", "300ms")
        .output()
        .expect("runs")
}

#[test]
fn our_game_servers_end_when_their_server_is_gone() {
    let ahead = r#"{"start":"ahead","ready":{"log":"up"}}"#;
    let cases: [&[&str]; 3] = [
        &["arena"],
        &["wrap", "--", "sleep", "1000"],
        &[
            "wrap",
            "--rules",
            ahead,
            "--",
            "sh",
            "-c",
            "echo up $$; exec sleep 1000",
        ],
    ];
    for words in cases {
        let output = without_server(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        assert!(said.contains("the server has not answered"), "{said}");
        let said = String::from_utf8_lossy(&output.stdout);
        if let Some(game) = said.trim().strip_prefix("up ") {
            assert!(!runs(game.parse().expect("an id")), "its game goes on");
        }
    }
}
