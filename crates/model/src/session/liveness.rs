//! Whether members are there: asked by settle, answered by the shell (A.2).

use crate::PlayerId;

/// What is known of a member's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Connected.
    Present,
    /// Silent, not yet for `presence_window`; or nothing is known.
    Unknown,
    /// Gone: the only answer that makes a transition.
    Gone,
}

/// Answers for one session at one instant. Whether its type requires a connection of active members
/// (`connection_required_for_active_members`), and for how long silence is no loss (`presence_window`), is
/// the shell's to weigh: it alone knows of connections.
///
/// Settle asks for each active member, so for as many members as are ready or active, unless
/// [`suspects`](Self::suspects) narrows that down.
pub trait Liveness {
    /// What is known of this active member.
    fn of(&self, player: &PlayerId) -> Presence;

    /// Who may be gone at all. A shell that hears of closed connections names the few.
    fn suspects(&self) -> Suspects<'_> {
        Suspects::Anybody
    }
}

/// Who may be gone.
#[derive(Debug, Clone, Copy)]
pub enum Suspects<'a> {
    /// Each active member is asked for.
    Anybody,
    /// Only these are asked for.
    Only(&'a [PlayerId]),
}

/// No presence source is configured: everybody counts as present.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllPresent;

impl Liveness for AllPresent {
    fn of(&self, _: &PlayerId) -> Presence {
        Presence::Present
    }

    fn suspects(&self) -> Suspects<'_> {
        Suspects::Only(&[])
    }
}
