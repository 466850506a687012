//! How sessions of a type come about and are found: hub, auto-launch, a number kept running, the browser (R77-R80).

use std::collections::BTreeSet;

use crate::session_type::CustomData;

/// How sessions of a type come about and are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formation {
    /// The instance that nobody has to ask for; `None`: somebody has to.
    pub auto_launch: Option<AutoLaunch>,
    /// How players are led to a session with space; `None`: it is no hub.
    pub hub: Option<Hub>,
    /// Sessions kept running in each region of its fleet, players or not (F5).
    pub min_session_count: u32,
    /// The session browser.
    pub browser: Browser,
}

/// When an instance is requested without anybody asking (R77).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoLaunch {
    /// As the session is made.
    Created,
    /// As soon as so many members have joined.
    MinMembers(u32),
}

/// How players are led to a session with space (R78, rows 18, 40).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hub {
    /// Which of those with space.
    pub placement: Placement,
    /// Only those of the region that the caller states.
    pub match_region: bool,
    /// A party goes to one session.
    pub keep_parties_together: bool,
}

/// Which of the sessions with space is taken; the oldest of those that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// With the fewest free seats.
    Fullest,
    /// With the fewest seats taken.
    Emptiest,
    /// Made first.
    Oldest,
}

/// The session browser, for sessions of one type (R80).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Browser {
    /// Every session has an entry from the start.
    pub auto_register: bool,
    /// The leader, the host or a server may set and remove the entry.
    pub allow_manual: bool,
    /// What an entry shows at first, and is searched by.
    pub params: CustomData,
    /// While one of these holds, the entry is not listed (row 43).
    pub hidden_while: BTreeSet<HiddenWhile>,
}

/// What keeps an entry out of the browser's lists for as long as it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HiddenWhile {
    /// No seat is free.
    Full,
    /// The session takes in nobody but reserved players.
    Closed,
    /// It has an instance, and that is not joinable.
    Unjoinable,
}
