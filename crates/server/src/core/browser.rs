//! Sessions that strangers find: the browser with its entries, and keywords (R80, F14, F32).

use model::formation::HiddenWhile;
use model::instance::InstanceStatus;
use model::session::{Command, PlayerSeats, Session};
use model::session_type::CustomData;
use model::{Name, Region, SessionId, wire};

use super::Core;
use super::asked::{Asked, reader};
use super::listings::Listing;
use crate::{Error, Principal};

/// Entries of one page.
const PAGE: usize = 50;
/// Sessions of one page of a keyword.
const FOUND_MAX: usize = 100;
/// Sessions that are looked at for it; those behind so many that the caller may not see are not found.
const HIDDEN_MAX: usize = 1_000;
/// Sessions that are looked at for one page; beyond it the page is shorter than it might be.
const LOOKS_MAX: usize = 200;

/// What somebody looks for.
#[derive(Debug, Default)]
pub struct Search {
    /// Of this session type, without regard to case.
    pub r#type: Option<Name>,
    /// There.
    pub region: Option<Region>,
    /// With each of these among what its entry shows.
    pub params: CustomData,
    /// After this entry of the page before.
    pub after: Option<SessionId>,
}

impl Search {
    fn fits(&self, of_type: &Name, listing: &Listing) -> bool {
        let entry = listing.browser_entry.as_ref();
        let shows = |(key, value): (&String, &String)| {
            // Keys are compared without case (row 46).
            let mut shown = entry.into_iter().flatten();
            shown.any(|(name, shown)| name.eq_ignore_ascii_case(key) && shown == value)
        };
        let asked = self.r#type.as_ref();
        asked.is_none_or(|asked| asked.as_str().eq_ignore_ascii_case(of_type.as_str()))
            && (self.region.is_none() || self.region == listing.region)
            && self.params.iter().all(shows)
    }
}

impl Core {
    /// A page of the browser, the newest sessions first, each settled; see [`Search`].
    ///
    /// # Errors
    /// 503 while the store is away.
    pub async fn browse(&self, search: &Search) -> Result<wire::BrowserPage, Error> {
        let fits = |of_type: &Name, listing: &Listing| search.fits(of_type, listing);
        let found = self.listings.in_browser(fits, search.after, LOOKS_MAX + 1);
        let mut items = Vec::new();
        let mut looked = None;
        for (position, id) in found.into_iter().enumerate() {
            // One more than fits tells that there is another page.
            if items.len() == PAGE || position == LOOKS_MAX {
                return Ok(wire::BrowserPage {
                    items,
                    next: looked,
                });
            }
            looked = Some(id);
            let session = self.settled_if_there(id).await?;
            items.extend(session.and_then(|session| entry(&session)));
        }
        Ok(wire::BrowserPage { items, next: None })
    }

    /// A page of the sessions with a keyword that the caller may see, the newest first, each settled.
    ///
    /// # Errors
    /// 503 while the store is away.
    pub async fn find_sessions(
        &self,
        who: &Principal,
        keyword: &Name,
        after: Option<SessionId>,
    ) -> Result<wire::FoundSessions, Error> {
        let keyword = keyword.folded();
        let found = self.listings.with_keyword(&keyword, after, HIDDEN_MAX);
        let mut items: Vec<wire::FoundSession> = Vec::new();
        for id in found {
            if items.len() == FOUND_MAX {
                // The last one that he sees: a session that he may not see has no name for him either.
                let next = items.last().map(|last| last.id);
                return Ok(wire::FoundSessions { items, next });
            }
            let session = self.settled_if_there(id).await?;
            let seen = session.filter(|session| reader(who, session).is_some());
            items.extend(seen.map(|session| found_one(&session)));
        }
        Ok(wire::FoundSessions { items, next: None })
    }

    /// Sets a session's entry whole, or removes it.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 where the type does not let it be set by hand, 422 for what does not fit.
    pub async fn set_browser_entry(
        &self,
        asked: &Asked<'_>,
        params: Option<CustomData>,
    ) -> Result<wire::Session, Error> {
        self.change(asked, Command::SetBrowserEntry { params })
            .await
    }
}

fn found_one(session: &Session) -> wire::FoundSession {
    let header = session.header();
    wire::FoundSession {
        id: header.id,
        r#type: header.session_type.clone(),
        region: header.region.clone(),
        joinability: header.joinability,
        closed: header.closed,
        seats: header.seats,
        max_members: session.max_members(),
        keywords: header.keywords.clone(),
        change_number: header.change_number,
    }
}

/// What the browser shows of a session; `None` while it is hidden (row 43).
fn entry(session: &Session) -> Option<wire::BrowserEntry> {
    let header = session.header();
    let params = header.browser_entry.clone()?;
    let browser = &session.constants().session_type.formation.browser;
    let seats = PlayerSeats::of(session.constants(), header);
    let status = header.open_instance().map(|instance| instance.status);
    let hidden = browser.hidden_while.iter().any(|when| match when {
        HiddenWhile::Full => seats.open == 0,
        HiddenWhile::Closed => header.closed,
        HiddenWhile::Unjoinable => status.is_some_and(|status| status != InstanceStatus::Joinable),
    });
    (!hidden).then(|| wire::BrowserEntry {
        session: header.id,
        r#type: header.session_type.clone(),
        region: header.region.clone(),
        created_at: header.created_at.into(),
        players: seats.taken,
        max_players: seats.all,
        joinability: header.joinability,
        closed: header.closed,
        password_protected: header.password.is_some(),
        instance: status,
        params,
    })
}
