//! How a session is found and kept: its entry in the browser, the instance that launches by itself (R77, R80).

use super::{Actor, Draft, Error, Event, HEADER_BYTES_MAX, deadlines, limits};
use crate::Timestamp;
use crate::session_type::CustomData;
use crate::subscriptions::ChangeType;

impl Draft<'_> {
    /// When the instance is to be requested without anybody asking (R77); `None`: not as things stand.
    pub fn launch_at(&self) -> Option<Timestamp> {
        if self.work.deleted {
            return None;
        }
        deadlines::launch(&self.base.constants, &self.work.header)
    }

    /// Sets the entry whole, or removes it.
    pub(super) fn set_browser_entry(
        &mut self,
        actor: &Actor,
        params: Option<&CustomData>,
    ) -> Result<(), Error> {
        self.require_leader_or_host(actor)?;
        let of_type = &self.base.constants.session_type;
        if !of_type.formation.browser.allow_manual {
            return Err(Error::NotListable);
        }
        if let Some(params) = params {
            limits::check_custom_data(params, &of_type.custom_data_limits)?;
        }
        if self.work.header.browser_entry.as_ref() == params {
            return Ok(());
        }
        let header = self.header_mut();
        header.browser_entry = params.cloned();
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        self.work
            .events
            .push(Event::HeaderChanged(ChangeType::Everything));
        Ok(())
    }

    /// Whether emptiness ends it no more, as one of those that are kept running.
    pub(super) fn keep(&mut self, actor: &Actor, kept: bool) -> Result<(), Error> {
        Self::require_service(actor)?;
        if self.work.header.kept != kept {
            self.header_mut().kept = kept;
            self.work
                .events
                .push(Event::HeaderChanged(ChangeType::Everything));
        }
        Ok(())
    }
}
