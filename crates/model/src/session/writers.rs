//! Who may write what in a session (B.20), as data: the table of the law, which a test walks over HTTP.

/// Somebody who may want to write, by where he stands in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A player without a seat.
    Stranger,
    /// A player with an invite and without a seat.
    Invited,
    /// A player for whom a seat is held.
    Reserved,
    /// A member on the way in.
    Ready,
    /// A member who takes part.
    Active,
    /// A member who does not.
    Inactive,
    /// The leader.
    Leader,
    /// The game server that hosts the session's instance.
    Host,
    /// A server of the studio's.
    Server,
    /// An operator.
    Admin,
    /// Whoever keeps game servers running.
    Fleet,
}

impl Who {
    /// All of them.
    pub const ALL: [Who; 11] = [
        Who::Stranger,
        Who::Invited,
        Who::Reserved,
        Who::Ready,
        Who::Active,
        Who::Inactive,
        Who::Leader,
        Who::Host,
        Who::Server,
        Who::Admin,
        Who::Fleet,
    ];
}

/// What is written; each is written as a whole, and by one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Constants of the session, after its creation (R7).
    SessionConstants,
    /// Custom data, custom JSON and `closed` (R8).
    SessionProperties,
    /// Joinability of a type with `joinability_by: members` (row 30).
    Joinability,
    /// The password, where members decide on the joinability.
    Password,
    /// The host among the members, while there is no instance (R64).
    HostToken,
    /// One's own constants, after one has joined (R9).
    OwnConstants,
    /// One's own state and properties (R9, R28).
    OwnProperties,
    /// One's own subscriptions, while one takes part (R39).
    OwnSubscriptions,
    /// Another member's state and properties.
    OthersProperties,
    /// One's own team, where the type lets members change it.
    OwnTeam,
    /// Another member's team.
    OthersTeam,
    /// Who leads.
    Leader,
    /// What a member may do beyond his own affairs (F2).
    Permissions,
    /// Seats held for others (R25).
    Reservations,
    /// Invites, where members may invite (R68).
    Invites,
    /// Another's seat, taken away (R66).
    OthersSeat,
    /// The entry in the session browser, where the type lets it be set by hand (R80).
    BrowserEntry,
    /// Servers that take part (R10).
    Servers,
    /// The instance's status and join data.
    InstanceStatus,
    /// The instance's end.
    InstanceEnd,
    /// The session's end.
    SessionEnd,
}

use Who::{Active, Admin, Host, Inactive, Leader, Ready, Server};

const NOBODY: &[Who] = &[];
const JOINED: &[Who] = &[Ready, Active, Inactive, Leader];
const MEMBERS: &[Who] = &[Ready, Active, Inactive, Leader, Server, Admin];
const MEMBERS_AND_HOST: &[Who] = &[Ready, Active, Inactive, Leader, Host, Server, Admin];
const LEADER: &[Who] = &[Leader, Server, Admin];
const LEADER_AND_HOST: &[Who] = &[Leader, Host, Server, Admin];

/// The table: each element with everybody who may write it. Whoever is not listed is refused.
pub const WRITERS: &[(Element, &[Who])] = &[
    (Element::SessionConstants, NOBODY),
    (Element::SessionProperties, MEMBERS),
    (Element::Joinability, MEMBERS),
    (Element::Password, MEMBERS),
    (Element::HostToken, MEMBERS),
    (Element::OwnConstants, NOBODY),
    (Element::OwnProperties, JOINED),
    (Element::OwnSubscriptions, &[Active, Leader]),
    (Element::OthersProperties, NOBODY),
    (Element::OwnTeam, MEMBERS),
    (Element::OthersTeam, LEADER),
    (Element::Leader, LEADER),
    (Element::Permissions, LEADER),
    (Element::Reservations, LEADER_AND_HOST),
    (Element::Invites, MEMBERS_AND_HOST),
    (Element::OthersSeat, LEADER),
    (Element::BrowserEntry, LEADER_AND_HOST),
    (Element::Servers, &[Server]),
    (Element::InstanceStatus, &[Host]),
    (Element::InstanceEnd, LEADER),
    (Element::SessionEnd, LEADER),
];
