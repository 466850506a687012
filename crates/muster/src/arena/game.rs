//! One game of the arena: who may play, who does, when it is over. Pure; time is counted in ticks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use model::wire::Assignment;
use model::{PlayerId, SessionId};

/// Ticks in a second.
pub(crate) const TICKS_PER_SECOND: u64 = 10;
/// A player who says nothing for so long has left.
const SILENCE: u64 = 5 * TICKS_PER_SECOND;
/// How long a game that everybody has left waits for members who have not been there yet.
const EMPTY: u64 = 5 * TICKS_PER_SECOND;
/// How long a game lasts at most if its startup parameters do not say so, in seconds.
const SECONDS: u64 = 300;

/// What a player sends, in one datagram of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Join(SessionId, PlayerId),
    Ping,
    Leave(SessionId, PlayerId),
}

impl Message {
    /// `join SESSION PLAYER`, `ping` or `leave SESSION PLAYER`.
    pub(crate) fn read(datagram: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(datagram).ok()?.split_ascii_whitespace();
        let verb = words.next()?;
        let mut who = || Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?));
        match verb {
            "join" => who().map(|(session, player)| Self::Join(session, player)),
            "leave" => who().map(|(session, player)| Self::Leave(session, player)),
            "ping" => Some(Self::Ping),
            _ => None,
        }
    }
}

/// A game that is being played.
#[derive(Debug)]
pub(crate) struct Game {
    pub(crate) assignment: Assignment,
    ends_at: u64,
    /// Who plays from where, and when he was last heard.
    here: BTreeMap<SocketAddr, (PlayerId, u64)>,
    /// Everybody who has been here.
    been: BTreeSet<PlayerId>,
    empty_since: Option<u64>,
    /// Who played when it was last asked.
    told: Vec<String>,
}

impl Game {
    /// Starts at tick `now`.
    ///
    /// # Errors
    /// When the startup parameters cannot be used.
    pub(crate) fn new(assignment: Assignment, now: u64) -> anyhow::Result<Self> {
        let seconds = match assignment.startup_params.custom_data.get("seconds") {
            None => SECONDS,
            Some(text) => text.parse().map_err(|_| {
                anyhow::anyhow!("custom_data.seconds is {text:?}, which is not a number")
            })?,
        };
        Ok(Self {
            assignment,
            ends_at: now.saturating_add(seconds.saturating_mul(TICKS_PER_SECOND)),
            here: BTreeMap::new(),
            been: BTreeSet::new(),
            empty_since: None,
            told: Vec::new(),
        })
    }

    /// Lets a member in: `welcome TEAM MAP`, again if he asks again.
    pub(crate) fn join(&mut self, from: SocketAddr, player: PlayerId, now: u64) -> String {
        let mut members = self.assignment.members.iter();
        let Some(member) = members.find(|member| member.player == player) else {
            return "refused you are not a member of this session".to_owned();
        };
        let team = member.team.map_or("-".to_owned(), |team| team.to_string());
        // Who joins from elsewhere has lost his old socket.
        self.here.retain(|_, (other, _)| *other != player);
        self.been.insert(player.clone());
        self.here.insert(from, (player, now));
        format!("welcome {team} {}", self.assignment.startup_params.map)
    }

    /// `pong PLAYERS`, if somebody plays from there.
    pub(crate) fn ping(&mut self, from: SocketAddr, now: u64) -> Option<String> {
        self.here.get_mut(&from)?.1 = now;
        Some(format!("pong {}", self.here.len()))
    }

    /// Lets a player go: `bye`.
    pub(crate) fn leave(&mut self, player: &PlayerId) -> String {
        self.here.retain(|_, (other, _)| other != player);
        "bye".to_owned()
    }

    /// Who plays now, sorted; `None` if that is what was answered last.
    pub(crate) fn news(&mut self) -> Option<Vec<String>> {
        let here: BTreeSet<&PlayerId> = self.here.values().map(|(player, _)| player).collect();
        let here: Vec<String> = here.into_iter().map(PlayerId::to_string).collect();
        if here == self.told {
            return None;
        }
        self.told.clone_from(&here);
        Some(here)
    }

    /// At each tick: whether the game is over now.
    pub(crate) fn is_over(&mut self, now: u64) -> bool {
        self.here
            .retain(|_, (_, heard)| now.saturating_sub(*heard) < SILENCE);
        if !self.here.is_empty() || self.been.is_empty() {
            self.empty_since = None;
            return now >= self.ends_at;
        }
        let empty_since = *self.empty_since.get_or_insert(now);
        let mut members = self.assignment.members.iter();
        members.all(|member| self.been.contains(&member.player))
            || now.saturating_sub(empty_since) >= EMPTY
            || now >= self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(seconds: &str) -> Assignment {
        let id = uuid::Uuid::from_u128(7);
        serde_json::from_value(serde_json::json!({
            "allocation_id": id, "acknowledged": false, "session": id, "session_type": "Game", "instance": id,
            "startup_params": { "map": "Arena", "custom_data": { "seconds": seconds } },
            "members": [{ "player": "ann", "team": 1, "state": "reserved" }, { "player": "bob", "state": "active" }],
        }))
        .expect("is an assignment")
    }

    fn player(name: &str) -> PlayerId {
        name.parse().expect("is a player")
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn members_come_in_and_strangers_do_not() {
        let mut game = Game::new(assignment("60"), 0).expect("starts");
        assert_eq!(game.join(address(1), player("ann"), 0), "welcome 1 Arena");
        assert_eq!(game.join(address(2), player("bob"), 0), "welcome - Arena");
        assert!(
            game.join(address(3), player("cid"), 0)
                .starts_with("refused")
        );
        assert_eq!(game.ping(address(1), 1).as_deref(), Some("pong 2"));
        assert_eq!(game.ping(address(3), 1), None);
        game.join(address(4), player("ann"), 2);
        assert_eq!(game.ping(address(1), 3), None, "she plays from elsewhere");
        assert_eq!(game.news(), Some(vec!["ann".to_owned(), "bob".to_owned()]));
        assert_eq!(game.news(), None);
    }

    #[test]
    fn it_is_over_when_everybody_has_been_there_and_left() {
        let mut game = Game::new(assignment("60"), 0).expect("starts");
        assert!(!game.is_over(1), "nobody has come yet");
        game.join(address(1), player("ann"), 1);
        game.leave(&player("ann"));
        assert!(!game.is_over(2), "bob may come");
        game.join(address(2), player("bob"), 3);
        assert!(!game.is_over(4));
        game.leave(&player("bob"));
        assert!(game.is_over(5));
    }

    #[test]
    fn it_does_not_wait_for_ever_for_who_does_not_come_or_falls_silent() {
        let mut game = Game::new(assignment("60"), 0).expect("starts");
        game.join(address(1), player("ann"), 0);
        assert!(!game.is_over(SILENCE - 1));
        assert!(!game.is_over(SILENCE), "empty from now on");
        assert!(game.is_over(SILENCE + EMPTY));
        let mut game = Game::new(assignment("2"), 0).expect("starts");
        assert!(!game.is_over(2 * TICKS_PER_SECOND - 1));
        assert!(game.is_over(2 * TICKS_PER_SECOND));
        assert!(Game::new(assignment("long"), 0).is_err());
    }

    #[test]
    fn datagrams_are_read_or_ignored() {
        let id = uuid::Uuid::from_u128(7);
        let join = Message::Join(id.into(), player("ann"));
        assert_eq!(
            Message::read(format!("join {id} ann\n").as_bytes()),
            Some(join)
        );
        assert_eq!(Message::read(b"ping"), Some(Message::Ping));
        for bad in [&b""[..], b"join", b"join x ann", b"\xff", b"jump"] {
            assert_eq!(Message::read(bad), None);
        }
    }
}
