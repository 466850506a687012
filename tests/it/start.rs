//! Starting and stopping `muster serve`: what keeps it from starting is one sentence that says what to do.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use model::GameServerId;
use model::game_server::GameServerState;
use model::instance::InstanceStatus;
use model::wire::{CreateSession, PrincipalKind};
use tests::world::{LAW_TYPES, create, of};
use tests::{
    Database, Kind, SECRET, SESSION_TYPES, ServeProcess, muster, processes_of, run, samples,
};

/// A folder with session types in `types`, none of which starts a game server.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let types = folder.path().join("types");
    std::fs::create_dir(&types).expect("a folder");
    std::fs::write(types.join("types.yaml"), LAW_TYPES).expect("a file");
    folder
}

/// `muster serve`, which is expected to end by itself; killed after a minute.
fn serve(folder: &Path, before: &[&str], arguments: &[&str]) -> Output {
    let mut words = vec!["timeout", "--signal=KILL", "60"];
    words.extend(before);
    let executable = muster::executable();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(executable).arg("serve");
    command.arg("--session-types").arg(folder.join("types"));
    command.env("MUSTER_SECRET", String::from_utf8_lossy(SECRET).as_ref());
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(arguments).output().expect("it runs")
}

/// It ended with 1, and its last words are one sentence with these in it.
#[track_caller]
fn ended_saying(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("muster: "), "{text}");
    for word in words {
        assert!(last.contains(word), "{word:?} is missing in {last:?}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn a_second_serve_on_the_same_database_is_refused_and_told_who_holds_it_sqlite() {
    run(second_serve(Kind::Sqlite));
}

#[test]
fn a_second_serve_on_the_same_database_is_refused_and_told_who_holds_it_postgres() {
    run(second_serve(Kind::Postgres));
}

async fn second_serve(kind: Kind) {
    let Some(database) = Database::new(kind, "second_serve").await else {
        return;
    };
    let folder = folder();
    let first = ServeProcess::start(&database, folder.path(), &folder.path().join("types"));
    let data = path(folder.path(), "other");
    let arguments = ["--database", &database.url, "--data-dir", &data];
    let output = serve(folder.path(), &[], &arguments);
    let held = [
        "another server works this database: process ",
        "stop it first",
    ];
    ended_saying(&output, &held);
    // The first one never noticed.
    create(&first.client(PrincipalKind::Player, "ann"), "Teams").await;
    first.kill();
    // Whoever died here holds nothing.
    let second = ServeProcess::start(&database, folder.path(), &folder.path().join("types"));
    create(&second.client(PrincipalKind::Player, "ann"), "Teams").await;
}

#[test]
fn a_demo_in_the_folder_of_a_running_server_is_refused_before_it_writes_there() {
    run(async {
        let folder = folder();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        let database = Database::at(&format!("sqlite:{}", data.join("muster.db").display()));
        let types = folder.path().join("types");
        let _server = ServeProcess::start(&database, &data, &types);
        let mut demo = Command::new(muster::executable());
        demo.arg("demo").arg("--data").arg(&data);
        let output = demo.current_dir(folder.path()).output().expect("it runs");
        ended_saying(&output, &["another server works this database: process "]);
        for written in ["sessiontypes", "demo.log"] {
            assert!(!data.join(written).exists(), "{written} is there");
        }
    });
}

/// Of those whom the kernel turns away, each tries again only after a second.
#[test]
fn a_thousand_who_connect_at_one_moment_are_not_turned_away() {
    run(async {
        let Some(database) = Database::new(Kind::Sqlite, "backlog").await else {
            return;
        };
        let folder = folder();
        let types = folder.path().join("types");
        let server = ServeProcess::start(&database, folder.path(), &types);
        let somaxconn = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux");
        let many = somaxconn
            .trim()
            .parse::<usize>()
            .expect("a number")
            .min(1_000);
        let address = server.url.trim_start_matches("http://");
        let address: SocketAddr = address.parse().expect("an address");
        // Stopped, so that only the kernel answers.
        server.signal(rustix::process::Signal::STOP);
        let connected: Vec<_> = (0..many)
            .map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(900)).ok())
            .collect();
        server.signal(rustix::process::Signal::CONT);
        assert_eq!(connected.len(), many);
    });
}

#[test]
fn what_keeps_serve_from_starting_is_said_in_one_sentence() {
    let folder = folder();
    let at = |name: &str| path(folder.path(), name);
    let data = at("data");
    let file = at("no.db");
    std::fs::write(&file, "this is no database ".repeat(100)).expect("a file");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("its address").to_string();
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["--data-dir", &data, "--database", &format!("sqlite:{file}")],
            &["no database", "restore a backup or give another path"],
        ),
        (
            &[
                "--data-dir",
                &data,
                "--database",
                &format!("sqlite:{}", at("types")),
            ],
            &["cannot open the database", "check that its folder exists"],
        ),
        (
            &["--data-dir", &data, "--database", "mysql://nowhere"],
            &["not supported"],
        ),
        (
            &["--data-dir", "/proc/nothing"],
            &["cannot make the data directory /proc/nothing", "--data-dir"],
        ),
        (
            &["--data-dir", &file],
            &["cannot make the data directory", "--data-dir"],
        ),
        (
            &["--data-dir", &data, "--listen", &taken],
            &["cannot listen on", &taken, "--listen"],
        ),
    ];
    for (arguments, words) in cases {
        ended_saying(&serve(folder.path(), &[], arguments), words);
    }
}

/// A game server that was being started as the last server was killed has its listener for a moment.
#[test]
fn serve_waits_a_little_for_an_address_in_use() {
    run(async {
        let Some(database) = Database::new(Kind::Sqlite, "address_in_use").await else {
            return;
        };
        let folder = folder();
        let here = folder.path().to_owned();
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = held.local_addr().expect("its address").to_string();
        let starting = tokio::task::spawn_blocking(move || {
            ServeProcess::start_by(&[], &address, &database, &here, &here.join("types"))
        });
        let log = folder.path().join("serve.log");
        tests::eventually("it to find the address in use", async || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            text.contains("the address is in use").then_some(())
        })
        .await;
        drop(held);
        let server = starting.await.expect("it starts");
        create(&server.client(PrincipalKind::Player, "ann"), "Teams").await;
    });
}

#[test]
fn a_full_disk_ends_serve_with_one_sentence() {
    let folder = folder();
    // From the schema's first pages to the first revision; then with space, where it could not start before.
    for kibibytes in [20, 60, 100] {
        let data = path(folder.path(), &format!("data-{kibibytes}"));
        std::fs::create_dir(&data).expect("a folder");
        let small = small_disk(&data, kibibytes);
        let small: Vec<&str> = small.iter().map(String::as_str).collect();
        let output = serve(folder.path(), &small, &["--data-dir", &data]);
        ended_saying(&output, &["disk"]);
    }
    run(async {
        let types = folder.path().join("types");
        let data = folder.path().join("data-100");
        let database = Database::at(&format!("sqlite:{}", data.join("muster.db").display()));
        let server = ServeProcess::start(&database, &data, &types);
        create(&server.client(PrincipalKind::Player, "ann"), "Teams").await;
    });
}

#[test]
fn a_disk_that_fills_up_makes_serve_unready_and_ends_it_with_one_sentence() {
    run(async {
        let folder = folder();
        let small = folder.path().join("small");
        std::fs::create_dir(&small).expect("a folder");
        let database = Database::at(&format!("sqlite:{}", small.join("muster.db").display()));
        let disk = small_disk(&small.display().to_string(), 3 * 1_024);
        let types = folder.path().join("types");
        let mut server =
            ServeProcess::start_by(&disk, "127.0.0.1:0", &database, folder.path(), &types);
        let ann = server.client(PrincipalKind::Player, "ann");
        ann.readyz().await.expect("there is room yet");
        let text = "x".repeat(4_000);
        let large = CreateSession {
            custom_data: [("text".to_owned(), text)].into(),
            ..of("Teams")
        };
        let mut unready = false;
        let filled = async {
            loop {
                if let Some(code) = server.ended() {
                    return code;
                }
                if ann.create_session(&large).await.is_err() {
                    let answer = ann.readyz().await;
                    unready |= answer.is_err_and(|error| error.status() == Some(503));
                }
            }
        };
        // Renewals of the lease find a little room for a while yet, three seconds each.
        let filled = tokio::time::timeout(Duration::from_secs(120), filled).await;
        assert_eq!(filled.expect("serve goes on for ever"), 1);
        assert!(unready, "/readyz was never 503");
        let log = tests::eventually("its last words", async || {
            let log = std::fs::read_to_string(folder.path().join("serve.log")).expect("a log");
            log.contains("muster: ").then_some(log)
        })
        .await;
        let last = log.lines().last().unwrap_or_default();
        let start = "muster: the server stopped: nothing could be written to the database for 1";
        assert!(last.starts_with(start), "{last}");
        for word in [
            "start the server again",
            "the disk is full",
            "free some space",
        ] {
            assert!(last.contains(word), "{word:?} is missing in {last:?}");
        }
        // Whatever fails again and again is said when it begins and when it ends.
        let warnings = log.lines().filter(|line| line.contains("\"WARN\""));
        assert!(warnings.count() < 60, "{log}");
    });
}

/// What runs a command on a disk of this size: a real one for root, otherwise files that cannot grow.
fn small_disk(data: &str, kibibytes: u32) -> Vec<String> {
    let script = if rustix::process::geteuid().is_root() {
        format!("mount -t tmpfs -o size={kibibytes}k none '{data}' && exec \"$@\"")
    } else {
        // Without the signal that usually comes with it, a write beyond the limit is an error like any other.
        format!(
            "trap '' XFSZ; exec prlimit --fsize={} \"$@\"",
            kibibytes * 1_024
        )
    };
    let namespace = if rustix::process::geteuid().is_root() {
        ["unshare", "--mount"]
    } else {
        ["env", "--"]
    };
    let shell = ["sh", "-c", &script, "sh"];
    namespace
        .into_iter()
        .chain(shell)
        .map(str::to_owned)
        .collect()
}

#[test]
fn sigterm_answers_a_waiting_long_poll_and_ends_with_0() {
    run(async {
        let database = Database::new(Kind::Sqlite, "").await.expect("SQLite");
        let folder = folder();
        let server = ServeProcess::start(&database, folder.path(), &folder.path().join("types"));
        let ann = server.client(PrincipalKind::Player, "ann");
        let cursor = ann.events().await.expect("a page").cursor;
        let metrics = server.client(PrincipalKind::Admin, "root");
        let poll = ann.events_after(&cursor, Duration::from_secs(120));
        let stop = async {
            tests::eventually("the poll to wait", async || {
                let text = metrics.metrics().await.expect("metrics");
                text.contains("muster_http_long_polls 1").then_some(())
            })
            .await;
            server.signal(rustix::process::Signal::TERM);
        };
        let (page, ()) = tokio::join!(poll, stop);
        assert_eq!(page.expect("an answer").notices, []);
        assert_eq!(server.wait(), 0);
    });
}

/// A game server has the server's address in its environment and asks nowhere else.
#[test]
fn a_server_that_starts_at_another_address_replaces_the_game_servers_that_it_left() {
    run(async {
        let database = Database::new(Kind::Sqlite, "").await.expect("SQLite");
        let folder = folder();
        let types = folder.path().join("types");
        let one = SESSION_TYPES.replace("{ buffer: 2, max: 8 }", "{ min: 1, buffer: 0, max: 1 }");
        std::fs::write(types.join("types.yaml"), &one).expect("a file");
        let ready = async |server: &ServeProcess, except: Option<GameServerId>| {
            let admin = server.client(PrincipalKind::Admin, "root");
            tests::eventually("a ready game server", async || {
                let fleets = admin.fleets().await.expect("fleets").items;
                let mut rows = fleets.iter().flat_map(|fleet| &fleet.game_servers);
                let row = rows.find(|row| row.state == GameServerState::Ready);
                row.map(|row| row.id).filter(|id| Some(*id) != except)
            })
            .await
        };
        let first = ServeProcess::start(&database, folder.path(), &types);
        let left = ready(&first, None).await;
        // Taken, so that the next start cannot have the same.
        let address = first.url.trim_start_matches("http://").to_owned();
        first.signal(rustix::process::Signal::TERM);
        assert_eq!(first.wait(), 0);
        let taken = std::net::TcpListener::bind(&address);
        let second = ServeProcess::start(&database, folder.path(), &types);
        drop(taken);
        assert!(!second.url.ends_with(&address));
        ready(&second, Some(left)).await;
        let ann = second.client(PrincipalKind::Player, "ann");
        let room = create(&ann, "Room").await.id;
        let asked = ann.request_instance(room, &Default::default()).await;
        asked.expect("a host may be asked for");
        tests::eventually("its game", async || {
            let instance = ann.instance(room).await.ok()?;
            (instance.status == InstanceStatus::Joinable).then_some(())
        })
        .await;
        ann.delete_session(room).await.expect("it ends");
        std::fs::write(types.join("types.yaml"), LAW_TYPES).expect("a file");
        let installation = database.installation().await;
        tests::eventually("every game server to end", async || {
            processes_of(installation).is_empty().then_some(())
        })
        .await;
    });
}

#[test]
fn check_and_schema_say_what_the_committed_files_are() {
    let muster = |arguments: &[&str]| {
        let output = Command::new(muster::executable()).args(arguments).output();
        let output = output.expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let samples = samples().display().to_string();
    let broken = tempfile::tempdir().expect("a folder");
    let text = "apiVersion: v1\nkind: SessionType\nname: Room\njoinabilty: public\n";
    std::fs::write(broken.path().join("room.yaml"), text).expect("a file");
    let broken = broken.path().display().to_string();
    for format in ["text", "json", "github"] {
        let (code, said) = muster(&["check", &samples, "--format", format]);
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = muster(&["check", &broken, "--format", format]);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("joinabilty") && said.contains("room.yaml"),
            "{said}"
        );
        match format {
            "json" => said.lines().for_each(|line| {
                let _: serde_json::Value = serde_json::from_str(line).expect("JSON");
            }),
            "github" => assert!(said.starts_with("::error "), "{said}"),
            _ => assert!(said.contains("room.yaml:4:1"), "{said}"),
        }
    }
    for kind in model::config::Kind::ALL {
        let (code, said) = muster(&["schema", kind.as_str()]);
        let committed = Path::new(&samples).join("schema").join(kind.schema_file());
        let committed = std::fs::read_to_string(committed).expect("the committed schema");
        assert_eq!((code, said), (Some(0), committed));
    }
}
