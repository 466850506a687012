//! The domain behind the routes: what they call, with one answer for everything.

use model::{AllocationId, GameServerId, Millis, PlayerId, SessionId, TicketId, Timestamp, wire};

use crate::{Error, Principal};

/// The domain: sessions, tickets, game servers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Core {}

fn absent<T>() -> Result<T, Error> {
    Err(Error::Unavailable("the core is not wired".into()))
}

macro_rules! verbs {
    ($($name:ident($($arg:ident: $type:ty),* $(,)?) -> $out:ty;)*) => {$(
        /// See the routes.
        pub async fn $name(&self, $($arg: $type),*) -> Result<$out, Error> {
            $(let _ = $arg;)*
            absent()
        }
    )*};
}

type Text<'a> = Option<&'a str>;

impl Core {
    verbs! {
        create_session(who: &Principal, body: wire::CreateSession, idempotency: Text<'_>) -> wire::Session;
        read_session(who: &Principal, id: SessionId) -> wire::Session;
        update_session(who: &Principal, id: SessionId, if_match: Text<'_>, body: wire::UpdateSession) -> wire::Session;
        delete_session(who: &Principal, id: SessionId, if_match: Text<'_>) -> ();
        join(who: &Principal, id: SessionId, player: PlayerId, body: wire::JoinSession, if_match: Text<'_>) -> (bool, wire::Session);
        update_member(who: &Principal, id: SessionId, player: PlayerId, body: wire::UpdateMember, if_match: Text<'_>) -> wire::Session;
        leave(who: &Principal, id: SessionId, player: PlayerId) -> Option<wire::Session>;
        promote(who: &Principal, id: SessionId, player: PlayerId) -> wire::Session;
        move_member(who: &Principal, id: SessionId, player: PlayerId, team: u8) -> wire::Session;
        reserve(who: &Principal, id: SessionId, body: wire::Reserve) -> wire::Session;
        my_sessions(who: &Principal) -> wire::MySessions;
        request_instance(who: &Principal, id: SessionId, body: wire::RequestInstance, idempotency: Text<'_>) -> wire::Session;
        read_instance(who: &Principal, id: SessionId) -> wire::Instance;
        close_instance(who: &Principal, id: SessionId) -> wire::Session;
        host_update(game_server: GameServerId, session: SessionId, body: wire::HostUpdate) -> wire::Instance;
        read_allocation(who: &Principal, id: AllocationId) -> wire::Allocation;
        create_ticket(who: &Principal, session: SessionId, body: wire::CreateTicket, idempotency: Text<'_>) -> wire::Ticket;
        cancel_ticket(who: &Principal, session: SessionId) -> wire::Ticket;
        read_ticket(who: &Principal, id: TicketId) -> wire::Ticket;
        queue(name: &str) -> wire::Queue;
        session_types() -> wire::List<wire::SessionType>;
        session_type(name: &str) -> wire::SessionType;
        events(player: &PlayerId, cursor: Text<'_>, wait: Millis) -> wire::EventPage;
        assignments(who: &Principal, seen: Option<i64>, wait: Millis) -> wire::Assignments;
        acknowledge(id: GameServerId, allocation: AllocationId) -> ();
        health(id: GameServerId, health: wire::Health) -> ();
        shutdown_game_server(id: GameServerId) -> ();
        fleets(who: &Principal) -> wire::List<wire::Fleet>;
        fleet(who: &Principal, name: &str) -> wire::Fleet;
        ready() -> ();
    }

    /// See the routes.
    pub fn queues(&self) -> Result<wire::List<wire::Queue>, Error> {
        absent()
    }

    /// A player made a request.
    pub fn seen(&self, player: &PlayerId) {
        let _ = player;
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000)
    }
}
