//! How a session is found and kept: its entry in the browser, the instance that launches by itself (R77, R80).

use super::{Actor, BROWSER_ENTRY_BYTES_MAX, Draft, Error, HEADER_BYTES_MAX, deadlines, limits};
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
            limits::check_size("browser entry", BROWSER_ENTRY_BYTES_MAX, params)?;
        }
        if self.work.header.browser_entry.as_ref() == params {
            return Ok(());
        }
        let header = self.header_mut();
        header.browser_entry = params.cloned();
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        self.header_changed(ChangeType::Everything);
        Ok(())
    }

    /// One that is kept running is as it was made once the last of its visitors has gone: nobody is there who could
    /// open it to the next ones (row 19).
    pub(super) fn open_again(&mut self) {
        let of_type = self.base.constants.session_type.clone();
        let browser = &of_type.formation.browser;
        let before = self.work.header.clone();
        let header = self.header_mut();
        header.joinability = of_type.joinability;
        header.closed = false;
        header.password = None;
        if browser.auto_register {
            header.browser_entry = Some(browser.params.clone());
        }
        if *header != *before {
            self.header_changed(ChangeType::Joinability);
        }
    }

    /// Whether emptiness ends it no more, as one of those that are kept running.
    pub(super) fn keep(&mut self, actor: &Actor, kept: bool) -> Result<(), Error> {
        Self::require_service(actor)?;
        if self.work.header.kept != kept {
            self.header_mut().kept = kept;
            self.header_changed(ChangeType::Everything);
        }
        Ok(())
    }
}
