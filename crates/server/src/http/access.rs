//! Who may call: kinds of principals, each with the relation to the resource that the law looks for.

use crate::PrincipalKind::{Admin, Fleet, GameServer, Player, Server};

type Kinds = &'static [(crate::PrincipalKind, &'static str)];

pub(super) const LEADER: Kinds = &[(Player, "leader"), (Server, ""), (Admin, "")];
pub(super) const MEMBER: Kinds = &[(Player, "member"), (Server, ""), (Admin, "")];
pub(super) const INVITER: Kinds = &[
    (Player, "member; only the leader if the type says so"),
    (Server, ""),
    (Admin, ""),
    (GameServer, "host of the session"),
];
pub(super) const INVITER_OR_INVITED: Kinds = &[
    (Player, "invited, who invited him, or the leader"),
    (Server, ""),
    (Admin, ""),
    (GameServer, "host of the session, who invited him"),
];
pub(super) const MEMBER_OF_BOTH: Kinds = &[
    (
        Player,
        "member of both; only the leader of the first if the type says so",
    ),
    (Server, ""),
    (Admin, ""),
];
pub(super) const LEADER_OF_BOTH: Kinds = &[
    (Player, "leader of the first and member of the other"),
    (Server, ""),
    (Admin, ""),
];
pub(super) const HOST_TO_BE: Kinds = &[
    (
        Player,
        "member; while another member hosts only he or the leader",
    ),
    (Server, ""),
    (Admin, ""),
];
pub(super) const MEMBER_OR_HOST: Kinds = &[
    (Player, "member"),
    (Server, ""),
    (GameServer, "host of the session"),
    (Admin, ""),
];
pub(super) const LEADER_OR_HOST: Kinds = &[
    (Player, "leader, or the host"),
    (Server, ""),
    (GameServer, "host of the session"),
    (Admin, ""),
];
pub(super) const BACKFILLER: Kinds = &[
    (Server, ""),
    (GameServer, "host of the session"),
    (Admin, ""),
];
pub(super) const SELF: Kinds = &[(Player, "himself"), (Server, ""), (Admin, "")];
pub(super) const OWNER: Kinds = &[(Player, "owner"), (Server, ""), (Admin, "")];
pub(super) const SELF_OR_OWNER: Kinds = &[
    (Player, "himself; where owners manage it, an owner"),
    (Server, "where owners manage it"),
    (Admin, "where owners manage it"),
];
pub(super) const SELF_OR_KICKER: Kinds = &[
    (
        Player,
        "himself, the leader, an owner, or with the permission `kick`",
    ),
    (Server, ""),
    (Admin, ""),
];
pub(super) const SELF_OR_MOVER: Kinds = &[
    (Player, "himself, the leader, or with the permission `move`"),
    (Server, ""),
    (Admin, ""),
];
pub(super) const MOVER: Kinds = &[
    (Player, "leader, or with the permission `move`"),
    (Server, ""),
    (Admin, ""),
];
pub(super) const READER: Kinds = &[
    (Player, "who may see the session"),
    (Server, ""),
    (Admin, ""),
];
pub(super) const TICKET_PLAYER: Kinds = &[(Player, "of the ticket"), (Server, ""), (Admin, "")];
pub(super) const PEOPLE: Kinds = &[(Player, ""), (Server, ""), (Fleet, ""), (Admin, "")];
pub(super) const SERVER: Kinds = &[(Server, "")];
pub(super) const ME: Kinds = &[(Player, "himself")];
pub(super) const HOST: Kinds = &[(GameServer, "host of the session")];
pub(super) const GAME_SERVER: Kinds = &[(GameServer, "itself")];
pub(super) const OPERATORS: Kinds = &[(Server, ""), (Fleet, ""), (Admin, "")];
