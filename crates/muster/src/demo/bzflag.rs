//! Players of real BZFlag: they join by `bzadmin`, as observers, and are seen by `bzfquery`.
//!
//! Both come with Debian's package bzflag-server and stand in `/usr/games`; `bzfquery` is a Perl script. A player
//! who has the server's observer places against him is refused, so `bzfs` needs enough of them (`-mp`, last number).

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// How long a step of `bzadmin` or `bzfquery` may take.
const STEP: Duration = Duration::from_secs(15);
/// A query meets a message of the game's own now and then, and is asked again.
const QUERIES_MAX: u32 = 5;
/// A callsign is 32 bytes on the wire, the last one zero.
const CALLSIGN_BYTES_MAX: usize = 31;

/// Why a player could not play, or the list could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not on this machine.
    #[error(
        "{program} is not installed; install Debian's package bzflag-server (apt-get install bzflag-server)"
    )]
    NotInstalled {
        /// Which program.
        program: &'static str,
    },
    /// BZFlag would cut it off.
    #[error(
        "the callsign {callsign:?} is longer than {CALLSIGN_BYTES_MAX} bytes or has an @ or : in it"
    )]
    Callsign {
        /// Which.
        callsign: String,
    },
    /// A program could not be run.
    #[error("cannot run {program}")]
    Run {
        /// Which program.
        program: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The server let the player not in, or threw him out.
    #[error("{callsign} could not join {server}: {said}")]
    Refused {
        /// Who.
        callsign: String,
        /// Where.
        server: String,
        /// The last words of `bzadmin`.
        said: String,
    },
    /// The server did not answer a query.
    #[error("{server} does not tell who plays: {said}")]
    Query {
        /// Where.
        server: String,
        /// The last words of `bzfquery`.
        said: String,
    },
    /// A step took too long.
    #[error("{program} for {server} did not come to an end within {STEP:?}")]
    TimedOut {
        /// Which program.
        program: &'static str,
        /// Where.
        server: String,
    },
}

/// Joins, stays for a while, and leaves.
///
/// # Errors
/// Anything in [`Error`].
pub async fn join(
    address: &str,
    port: u16,
    callsign: &str,
    duration: Duration,
) -> Result<(), Error> {
    let player = Player::enter(address, port, callsign).await?;
    sleep(duration).await;
    player.leave().await
}

/// A player who is in the game. Dropped, he is gone as well, less politely.
#[derive(Debug)]
pub struct Player {
    bzadmin: Child,
    output: Lines<BufReader<ChildStdout>>,
    callsign: String,
    server: String,
}

impl Player {
    /// Joins; answers once the server has let him in.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn enter(address: &str, port: u16, callsign: &str) -> Result<Self, Error> {
        if callsign.len() > CALLSIGN_BYTES_MAX || callsign.contains(['@', ':']) {
            return Err(Error::Callsign {
                callsign: callsign.to_owned(),
            });
        }
        let program = "bzadmin";
        let server = format!("{address}:{port}");
        let failed = |source| Error::Run { program, source };
        let mut bzadmin = Command::new(found(program)?)
            // Without a terminal: commands from standard input, whose end is good-bye.
            .args(["-ui", "stdboth"])
            .arg(format!("{callsign}@{server}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let output = bzadmin.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe);
        let output = output.map_err(|kind| failed(kind.into()))?;
        let mut player = Self {
            bzadmin,
            output: BufReader::new(output).lines(),
            callsign: callsign.to_owned(),
            server: server.clone(),
        };
        match timeout(STEP, player.is_let_in()).await {
            Ok(result) => result.map(|()| player),
            Err(_) => Err(Error::TimedOut { program, server }),
        }
    }

    async fn is_let_in(&mut self) -> Result<(), Error> {
        let welcome = format!("*** '{}' joined the game", self.callsign);
        let mut said = String::new();
        while let Ok(Some(line)) = self.output.next_line().await {
            if line.starts_with(&welcome) {
                return Ok(());
            }
            said = line;
        }
        // Why it ended stands on the other pipe.
        if let Some(mut stderr) = self.bzadmin.stderr.take() {
            let mut why = String::new();
            let read = stderr.read_to_string(&mut why).await;
            if read.is_ok() && !why.trim().is_empty() {
                said = why.trim().to_owned();
            }
        }
        Err(self.refused(said))
    }

    fn refused(&self, said: String) -> Error {
        Error::Refused {
            callsign: self.callsign.clone(),
            server: self.server.clone(),
            said,
        }
    }

    /// Leaves; answers once he has.
    ///
    /// # Errors
    /// Anything in [`Error`]; [`Error::Refused`] when the server had ended or had thrown him out before.
    pub async fn leave(mut self) -> Result<(), Error> {
        let program = "bzadmin";
        drop(self.bzadmin.stdin.take());
        let ended = timeout(STEP, async {
            // A full pipe would keep it from ending.
            while let Ok(Some(_)) = self.output.next_line().await {}
            self.bzadmin.wait().await
        });
        match ended.await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.refused(format!("bzadmin ended with {status}"))),
            Ok(Err(source)) => Err(Error::Run { program, source }),
            Err(_) => Err(Error::TimedOut {
                program,
                server: self.server.clone(),
            }),
        }
    }
}

/// The callsigns that the server's own player list shows, in its order.
///
/// # Errors
/// Anything in [`Error`].
pub async fn query(address: &str, port: u16) -> Result<Vec<String>, Error> {
    let program = "bzfquery";
    let path = found(program)?;
    let server = format!("{address}:{port}");
    let mut said = String::new();
    for _ in 0..QUERIES_MAX {
        let output = Command::new(&path)
            .args([address, &port.to_string()])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match timeout(STEP, output).await {
            Ok(output) => output.map_err(|source| Error::Run { program, source })?,
            Err(_) => return Err(Error::TimedOut { program, server }),
        };
        if output.status.success() {
            return Ok(callsigns(&String::from_utf8_lossy(&output.stdout)));
        }
        said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        sleep(Duration::from_millis(100)).await;
    }
    Err(Error::Query { server, said })
}

/// Of lines such as `player Ann (Observer team) is a tank:`.
fn callsigns(report: &str) -> Vec<String> {
    let player = |line: &str| {
        let (who, _) = line.strip_prefix("player ")?.rsplit_once(" team) is a")?;
        let (callsign, _) = who.rsplit_once(" (")?;
        Some(callsign.to_owned())
    };
    report.lines().filter_map(player).collect()
}

/// Whether the game and its tools are on this machine.
///
/// # Errors
/// [`Error::NotInstalled`] with the first that is not.
pub fn check_installed() -> Result<(), Error> {
    for program in ["bzfs", "bzadmin", "bzfquery"] {
        found(program)?;
    }
    Ok(())
}

/// Where a program stands: in the path, or where Debian puts games, which is not in every path.
fn found(program: &'static str) -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/games")])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or(Error::NotInstalled { program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callsigns_are_read_from_the_report_of_bzfquery() {
        let report = "style: TeamFFA\nmaxPlayers: 8\n\nplayer Ann (Observer team) is a tank:\n  score: 0\n  \
                      bzadmin\nplayer Bob (x) (Red team) is a tank:\n";
        assert_eq!(callsigns(report), ["Ann", "Bob (x)"]);
        assert!(callsigns("").is_empty());
    }
}
