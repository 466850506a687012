//! The studio's servers as participants of a session (R10): no seat, never leader, not counted (row 42).

use serde_json::Value;

use super::{Actor, Draft, Error, HEADER_BYTES_MAX, Participant, SERVERS_MAX, limits};
use crate::Name;
use crate::subscriptions::ChangeType;

impl Draft<'_> {
    pub(super) fn put_server(
        &mut self,
        actor: &Actor,
        name: &Name,
        constants: &Value,
        custom: Option<&Value>,
    ) -> Result<(), Error> {
        require_server(actor)?;
        let name = self.as_it_came(name);
        let known = self.work.header.servers.get(&name);
        if known.is_none() && self.work.header.servers.len() >= SERVERS_MAX {
            return Err(Error::Invalid("a session has at most 100 servers"));
        }
        let mut server = known.cloned().unwrap_or_else(|| Participant {
            constants: constants.clone(),
            ..Participant::default()
        });
        if !constants.is_null() && *constants != server.constants {
            return Err(Error::ConstantsConflict("the server's `constants`"));
        }
        if let Some(custom) = custom {
            server.custom.clone_from(custom);
        }
        if known == Some(&server) {
            return Ok(());
        }
        let header = self.header_mut();
        header.servers.insert(name, server);
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        self.header_changed(ChangeType::Everything);
        Ok(())
    }

    pub(super) fn remove_server(&mut self, actor: &Actor, name: &Name) -> Result<(), Error> {
        require_server(actor)?;
        let name = self.as_it_came(name);
        if !self.work.header.servers.contains_key(&name) {
            return Err(Error::NoSuchServer);
        }
        self.header_mut().servers.remove(&name);
        self.header_changed(ChangeType::Everything);
        Ok(())
    }
}

impl Draft<'_> {
    /// The name as its server wrote it first; names are compared without case (row 46). O(servers).
    fn as_it_came(&self, name: &Name) -> Name {
        let mut names = self.work.header.servers.keys();
        let same = names.find(|known| known.as_str().eq_ignore_ascii_case(name.as_str()));
        same.unwrap_or(name).clone()
    }
}

/// What stands of servers is theirs alone to write (B.20).
fn require_server(actor: &Actor) -> Result<(), Error> {
    match actor {
        Actor::Server | Actor::Service => Ok(()),
        Actor::Player(_) | Actor::Admin | Actor::Host(_) => Err(Error::NotServer),
    }
}
