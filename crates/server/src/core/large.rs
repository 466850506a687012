//! Sessions with many members: how large they may be, and their members a page at a time (R41, R42).

use std::ops::Bound;

use model::SessionId;
use model::session_type::SessionType;
use model::wire;

use super::Core;
use super::asked::reader;
use super::view;
use super::write::not_found;
use crate::{Error, Principal};

/// The most members in one answer.
const PAGE: usize = 50;

impl Core {
    /// The members of a session that the caller may see, by index: all of them, or of a large session his own seat;
    /// servers and operators see all of a large one too. O(members) for a player in a large session, else O(page · log members).
    ///
    /// # Errors
    /// 404 when the session does not exist or is not for this caller to see.
    pub async fn members(
        &self,
        who: &Principal,
        id: SessionId,
        after: Option<u32>,
    ) -> Result<wire::MemberPage, Error> {
        let session = self.settled(id).await?;
        let reader = reader(who, &session).ok_or_else(|| not_found(id))?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut visible = session
            .members_from(from)
            .filter(|member| reader.sees(&session, member));
        let items: Vec<wire::Member> = visible
            .by_ref()
            .take(PAGE)
            .map(|member| view::member(member, &session, reader))
            .collect();
        let more = items.len() == PAGE && visible.next().is_some();
        let next = items.last().filter(|_| more).map(|last| last.index);
        Ok(wire::MemberPage { items, next })
    }

    /// Whether the operator lets sessions of this type be so large (row 6).
    pub(crate) fn allow_size(
        &self,
        of_type: &SessionType,
        asked: Option<u32>,
    ) -> Result<(), Error> {
        let allowed = self.settings.large_members_max;
        let seats = asked.unwrap_or(of_type.size.max_members);
        if !of_type.large || seats <= allowed {
            return Ok(());
        }
        Err(Error::Invalid {
            field: "max_members".into(),
            detail: format!(
                "a session of this type would have {seats} seats, but this server allows {allowed}: ask for fewer, or \
                 have the operator raise large_members_max"
            ),
        })
    }
}
