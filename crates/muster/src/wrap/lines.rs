//! A game's output as lines, and what the lines say about its players. Pure.

use std::collections::BTreeSet;

use model::wrap::PlayerLines;
use regex::Regex;

/// A line longer than this is cut into several, so that a game without line ends costs no memory.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// The most players that a report may name.
const PLAYERS_MAX: usize = 1_000;

/// Cuts bytes as they come into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that these bytes complete, without their ends; bytes that are not UTF-8 are replaced.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            for piece in part.chunks(LINE_BYTES_MAX) {
                self.rest.extend_from_slice(piece);
                if piece.ends_with(b"\n") || self.rest.len() >= LINE_BYTES_MAX {
                    lines.extend(self.finish());
                }
            }
        }
        lines
    }

    /// What is left at the end of the output.
    pub(crate) fn finish(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some(String::from_utf8_lossy(line).into_owned())
    }
}

/// Who is connected, as the log says.
#[derive(Debug)]
pub(crate) struct Players {
    joined: Regex,
    left: Regex,
    here: BTreeSet<String>,
}

impl Players {
    /// Nobody is connected yet.
    pub(crate) fn new(rules: &PlayerLines) -> anyhow::Result<Self> {
        Ok(Self {
            joined: player_regex("players.joined", &rules.joined)?,
            left: player_regex("players.left", &rules.left)?,
            here: BTreeSet::new(),
        })
    }

    /// Takes a line; whether somebody came or went.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        if let Some(player) = player_in(&self.joined, line) {
            return self.here.len() < PLAYERS_MAX && self.here.insert(player.to_owned());
        }
        match player_in(&self.left, line) {
            Some(player) => self.here.remove(player),
            None => false,
        }
    }

    /// Who is connected now, sorted.
    pub(crate) fn here(&self) -> Vec<String> {
        self.here.iter().cloned().collect()
    }

    /// The game has ended.
    pub(crate) fn clear(&mut self) {
        self.here.clear();
    }
}

fn player_in<'a>(rule: &Regex, line: &'a str) -> Option<&'a str> {
    let player = rule.captures(line)?.name("player")?.as_str();
    (!player.is_empty()).then_some(player)
}

/// Compiles a rule of the wrapper; `place` is where it stands.
pub(crate) fn compiled(place: &str, rule: &str) -> anyhow::Result<Regex> {
    Regex::new(rule)
        .map_err(|error| anyhow::anyhow!("{place} is not a regular expression: {error}"))
}

fn player_regex(place: &str, rule: &str) -> anyhow::Result<Regex> {
    let regex = compiled(place, rule)?;
    let has_player = regex.capture_names().flatten().any(|name| name == "player");
    anyhow::ensure!(
        has_player,
        "{place} ({rule:?}) has no group named player, as in (?P<player>\\S+)"
    );
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of bzfs 2.4 with `-d`.
    const JOINED: &str = r"^Player (?P<player>.+) \[\d+\] has joined from ";
    const LEFT: &str = r"^Player (?P<player>.+) \[\d+\] removed at ";

    fn players() -> Players {
        let rules = PlayerLines {
            joined: JOINED.to_owned(),
            left: LEFT.to_owned(),
        };
        Players::new(&rules).expect("compiles")
    }

    #[test]
    fn lines_come_out_whole_however_they_go_in() {
        let text = "one\ntwo\r\n\nlast \u{e4}".as_bytes();
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut out: Vec<String> = text
                .chunks(size)
                .flat_map(|chunk| lines.push(chunk))
                .collect();
            out.extend(lines.finish());
            assert_eq!(out, ["one", "two", "", "last \u{e4}"], "chunks of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = Lines::default();
        let out = lines.push(&vec![b'x'; 3 * LINE_BYTES_MAX + 5]);
        assert_eq!(out.len(), 3);
        assert_eq!(lines.finish().map(|rest| rest.len()), Some(5));
        assert_eq!(lines.push(b"\xff\n"), ["\u{fffd}"]);
    }

    #[test]
    fn players_come_and_go_with_the_lines_of_bzfs() {
        let mut players = players();
        for (line, changed) in [
            ("Player [0] accept() from 127.0.0.1:50296 on 7", false),
            (
                "Player Ann B [0] has joined from 127.0.0.1 at 2026-01-01 12:06:11 with token \"NONE\"",
                true,
            ),
            ("Player Ann B [0] -> All: I has joined from here", false),
            (
                "Player Bob.x [1] has joined from 127.0.0.1 at 2026-01-01 12:06:12 with token \"NONE\"",
                true,
            ),
            (
                "Player  [2] removed at 2026-01-01 12:06:13: Disconnected",
                false,
            ),
            (
                "Player Ann B [0] removed at 2026-01-01 12:06:13: Disconnected",
                true,
            ),
        ] {
            assert_eq!(players.read(line), changed, "{line}");
        }
        assert_eq!(players.here(), ["Bob.x"]);
        players.clear();
        assert!(players.here().is_empty());
    }

    #[test]
    fn rules_that_cannot_work_are_refused_with_their_place() {
        let refused = |joined: &str| {
            let rules = PlayerLines {
                joined: joined.to_owned(),
                left: LEFT.to_owned(),
            };
            Players::new(&rules).expect_err(joined).to_string()
        };
        assert!(refused("(").contains("players.joined is not a regular expression"));
        assert!(refused("x").contains("has no group named player"));
    }
}
