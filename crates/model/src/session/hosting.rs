//! The instance of a session on its way from requested to closed (A.2, F7).

use super::{
    Actor, CONNECTED_MAX, Draft, Error, Event, HEADER_BYTES_MAX, HostData, HostUpdate,
    InstanceRequest, Released, ReservationClock, limits,
};
use crate::instance::{CloseReason, InstanceAllocation, InstanceStatus};
use crate::{AllocationId, Instance, Timestamp};

impl Draft<'_> {
    pub(super) fn request_instance(
        &mut self,
        request: &InstanceRequest,
        now: Timestamp,
    ) -> Result<(), Error> {
        let settings = self.base.instance_settings().ok_or(Error::NoInstances)?;
        if self.work.header.open_instance().is_some() {
            return Err(Error::InstanceExists);
        }
        let startup_params = request
            .startup_params
            .as_ref()
            .or(settings.startup_params.as_ref())
            .ok_or(Error::StartupParamsMissing)?
            .clone();
        let limits = &self.base.constants.session_type.custom_data_limits;
        limits::check_custom_data(&startup_params.custom_data, limits)?;
        self.no_host_among_members();
        let header = self.header_mut();
        // A match's first host may have failed: its players wait for the next one just the same (row 47).
        let was_joinable = header
            .instance
            .as_ref()
            .is_some_and(|old| old.joinable_at.is_some());
        if header.match_id.is_some() && !was_joinable {
            header.reservation_clock = ReservationClock::AwaitsInstance;
        }
        header.instance = Some(Instance {
            id: request.id,
            status: InstanceStatus::Requested,
            since: now,
            fleet: request
                .fleet
                .clone()
                .unwrap_or_else(|| settings.fleet.clone()),
            requested_at: now,
            startup_params,
            allocation: None,
            version: None,
            join_custom_data: crate::session_type::CustomData::new(),
            connected: Vec::new(),
            match_id: header.match_id,
            joinable_at: None,
            closed: None,
        });
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        self.instance_changed(None, Vec::new());
        Ok(())
    }

    pub(super) fn allocate(
        &mut self,
        allocation: &InstanceAllocation,
        now: Timestamp,
    ) -> Result<(), Error> {
        let from = self.open_instance()?.status;
        if from != InstanceStatus::Requested {
            let to = InstanceStatus::Allocated;
            return Err(Error::InstanceTransition { from, to });
        }
        self.change_instance(|instance| {
            instance.allocation = Some(fresh(allocation));
            instance.status = InstanceStatus::Allocated;
            instance.since = now;
        });
        self.instance_changed(Some(from), Vec::new());
        Ok(())
    }

    pub(super) fn hedge(&mut self, allocation: &InstanceAllocation) -> Result<(), Error> {
        let instance = self.open_instance()?;
        let from = instance.status;
        let waits = from == InstanceStatus::Allocated
            && instance
                .allocation
                .as_ref()
                .is_some_and(|first| first.hedge.is_none());
        if !waits {
            let to = InstanceStatus::Allocated;
            return Err(Error::InstanceTransition { from, to });
        }
        self.change_instance(|instance| {
            if let Some(first) = &mut instance.allocation {
                first.hedge = Some(Box::new(fresh(allocation)));
            }
        });
        self.instance_changed(Some(from), Vec::new());
        Ok(())
    }

    pub(super) fn acknowledge(
        &mut self,
        actor: &Actor,
        id: AllocationId,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_attempt(actor, id)?;
        let instance = self.open_instance()?;
        let from = instance.status;
        let Some(first) = instance
            .allocation
            .clone()
            .filter(|first| !first.acknowledged)
        else {
            return Ok(());
        };
        let (winner, loser) = match first.hedge.clone() {
            Some(hedge) if hedge.id == id => (*hedge, Some(first)),
            hedge => (first, hedge.map(|hedge| *hedge)),
        };
        self.change_instance(|instance| {
            instance.allocation = Some(InstanceAllocation {
                acknowledged: true,
                hedge: None,
                ..winner
            });
            instance.status = InstanceStatus::Pending;
            instance.since = now;
        });
        self.instance_changed(Some(from), loser.iter().map(released).collect());
        Ok(())
    }

    pub(super) fn host_update(
        &mut self,
        actor: &Actor,
        update: &HostUpdate,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_attempt(actor, update.allocation_id)?;
        if self.work.header.open_instance().is_none() {
            // Closed is final; a host that says so again agrees.
            let agrees = update.status == Some(InstanceStatus::Closed);
            return if agrees {
                Ok(())
            } else {
                Err(Error::InstanceClosed)
            };
        }
        self.acknowledge(actor, update.allocation_id, now)?;
        self.host_data(update)?;
        let Some(to) = update.status else {
            return Ok(());
        };
        self.host_status(to, now)
    }

    fn host_data(&mut self, update: &HostUpdate) -> Result<(), Error> {
        let range = self
            .base
            .instance_settings()
            .and_then(|settings| settings.version.as_ref());
        if let (Some(range), Some(version)) = (range, &update.version)
            && !range.matches(version)
        {
            return Err(Error::VersionMismatch);
        }
        if let Some(data) = &update.join_custom_data {
            let limits = &self.base.constants.session_type.custom_data_limits;
            limits::check_custom_data(data, limits)?;
        }
        let mut connected = update.connected.clone();
        if let Some(names) = &mut connected {
            if names.len() > CONNECTED_MAX {
                return Err(Error::Invalid(
                    "a host may report at most 1,000 connected players",
                ));
            }
            names.sort_unstable();
            names.dedup();
        }
        let before = self.work.header.instance.clone();
        self.change_instance(|instance| {
            if let Some(version) = &update.version {
                instance.version = Some(version.clone());
            }
            if let Some(data) = &update.join_custom_data {
                instance.join_custom_data.clone_from(data);
            }
            if let Some(connected) = connected {
                instance.connected = connected;
            }
        });
        let header = &self.work.header;
        if header.instance == before {
            return Ok(());
        }
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        if let Some(instance) = &header.instance {
            let id = instance.id;
            let to_join = |instance: &Instance| {
                let data = instance.join_custom_data.clone();
                (data, instance.version.clone())
            };
            let was_joinable = instance.joinable_at.is_some();
            let data = if was_joinable && before.as_ref().map(to_join) != Some(to_join(instance)) {
                HostData::ToJoin
            } else {
                HostData::Passing
            };
            self.work.events.push(Event::InstanceUpdated { id, data });
        }
        Ok(())
    }

    fn host_status(&mut self, to: InstanceStatus, now: Timestamp) -> Result<(), Error> {
        use InstanceStatus::{Closed, Joinable, Pending, Unjoinable};
        let from = self.open_instance()?.status;
        match (from, to) {
            (_, Closed) => self.close_instance(CloseReason::Host, now),
            (Joinable, Joinable) | (Unjoinable, Unjoinable) => {}
            (Pending | Unjoinable, Joinable) | (Joinable, Unjoinable) => {
                self.change_instance(|instance| {
                    instance.status = to;
                    instance.since = now;
                    if to == Joinable {
                        instance.joinable_at.get_or_insert(now);
                    }
                });
                if to == Joinable {
                    self.start_reservation_clock(now);
                }
                self.instance_changed(Some(from), Vec::new());
            }
            _ => return Err(Error::InstanceTransition { from, to }),
        }
        Ok(())
    }

    pub(super) fn lose_host(&mut self, id: AllocationId, now: Timestamp) -> Result<(), Error> {
        self.require_attempt(&Actor::Service, id)?;
        let Ok(instance) = self.open_instance() else {
            return Ok(());
        };
        let from = instance.status;
        let Some(first) = instance.allocation.clone() else {
            return Ok(());
        };
        if first.acknowledged {
            self.close_instance(CloseReason::HostLost, now);
            return Ok(());
        }
        let lost = first
            .hedge
            .as_deref()
            .filter(|hedge| hedge.id == id)
            .unwrap_or(&first);
        let released = vec![released(lost)];
        let left = match first.hedge.clone() {
            Some(hedge) if first.id == id => Some(*hedge),
            Some(_) => Some(InstanceAllocation {
                hedge: None,
                ..first
            }),
            None => None,
        };
        self.change_instance(|instance| {
            if left.is_none() {
                instance.status = InstanceStatus::Requested;
                instance.since = now;
            }
            instance.allocation = left;
        });
        self.instance_changed(Some(from), released);
        Ok(())
    }

    pub(super) fn end_instance(
        &mut self,
        actor: &Actor,
        reason: CloseReason,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_leader(actor)?;
        if self.work.header.instance.is_none() {
            return Err(Error::NoInstance);
        }
        self.open_instance()?;
        self.close_instance(reason, now);
        Ok(())
    }

    /// Closes the instance, if it is open; the members stay. Its allocation stays readable.
    pub(super) fn close_instance(&mut self, reason: CloseReason, now: Timestamp) {
        let Some(instance) = self.work.header.open_instance() else {
            return;
        };
        let from = instance.status;
        let attempts = instance
            .allocation
            .iter()
            .flat_map(InstanceAllocation::attempts)
            .map(released)
            .collect();
        self.change_instance(|instance| {
            instance.status = InstanceStatus::Closed;
            instance.since = now;
            instance.closed = Some(reason);
            instance.connected.clear();
            if let Some(allocation) = &mut instance.allocation {
                allocation.hedge = None;
            }
        });
        // Nobody is to wait for ever for a host that will not come.
        self.start_reservation_clock(now);
        self.instance_changed(Some(from), attempts);
    }

    fn start_reservation_clock(&mut self, now: Timestamp) {
        if self.work.header.reservation_clock == ReservationClock::AwaitsInstance {
            self.header_mut().reservation_clock = ReservationClock::From(now);
        }
    }

    /// That `id` is an attempt of the instance, and the acting host's own.
    fn require_attempt(&self, actor: &Actor, id: AllocationId) -> Result<(), Error> {
        match actor {
            Actor::Service => {}
            Actor::Host(own) if *own == id => {}
            Actor::Host(_) => return Err(Error::ForeignAllocation),
            Actor::Player(_) | Actor::Server | Actor::Admin => return Err(Error::NotHost),
        }
        let instance = self
            .work
            .header
            .instance
            .as_ref()
            .ok_or(Error::NoInstance)?;
        let known = instance
            .allocation
            .iter()
            .flat_map(InstanceAllocation::attempts)
            .any(|held| held.id == id);
        if known {
            Ok(())
        } else {
            Err(Error::ForeignAllocation)
        }
    }

    fn open_instance(&self) -> Result<&Instance, Error> {
        self.work
            .header
            .instance
            .as_ref()
            .ok_or(Error::NoInstance)?;
        self.work
            .header
            .open_instance()
            .ok_or(Error::InstanceClosed)
    }

    fn change_instance(&mut self, change: impl FnOnce(&mut Instance)) {
        if let Some(instance) = &mut self.header_mut().instance {
            change(instance);
        }
    }

    fn instance_changed(&mut self, from: Option<InstanceStatus>, released: Vec<Released>) {
        let Some(instance) = &self.work.header.instance else {
            return;
        };
        let (id, to, reason) = (instance.id, instance.status, instance.closed);
        self.work.events.push(Event::InstanceChanged {
            id,
            from,
            to,
            reason,
            released,
        });
    }
}

/// An attempt as it starts: nobody has acknowledged it, nothing runs beside it.
fn fresh(allocation: &InstanceAllocation) -> InstanceAllocation {
    InstanceAllocation {
        acknowledged: false,
        hedge: None,
        ..allocation.clone()
    }
}

fn released(allocation: &InstanceAllocation) -> Released {
    Released {
        allocation: allocation.id,
        game_server: allocation.game_server,
    }
}
