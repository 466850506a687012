//! Ports: given out one to a game server, after a bind has shown that nobody has them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::PortRange;

/// The ports of this machine that our game servers have. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ports(Arc<Mutex<Given>>);

#[derive(Debug, Default)]
struct Given {
    ports: BTreeSet<u16>,
    /// Counts up, so that a port that was just given back rests while others take their turn.
    turn: u32,
}

/// A port of one game server; given back when dropped.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    ports: Ports,
}

impl Ports {
    /// Starts its turns at `turn`, so that several installations on one machine rarely meet.
    pub fn new(turn: u32) -> Self {
        let given = Given {
            ports: BTreeSet::new(),
            turn,
        };
        Self(Arc::new(Mutex::new(given)))
    }

    /// A port of `range` that nobody has; `None` when all are taken. Binds each candidate for a moment.
    pub fn take(&self, range: PortRange) -> Option<Port> {
        for _ in 0..range.count() {
            let number = self.next(range)?;
            // Held while it is tried, so that nobody else tries it at the same moment.
            let port = Port {
                number,
                ports: self.clone(),
            };
            if is_free(number) {
                return Some(port);
            }
        }
        None
    }

    /// The port of a game server that was taken back.
    pub fn adopt(&self, number: u16) -> Port {
        self.given().ports.insert(number);
        Port {
            number,
            ports: self.clone(),
        }
    }

    /// The next port of the range that none of our game servers has.
    fn next(&self, range: PortRange) -> Option<u16> {
        let mut given = self.given();
        for _ in 0..range.count() {
            let offset = given.turn % range.count();
            given.turn = given.turn.wrapping_add(1);
            let number = u16::try_from(u32::from(range.first()) + offset).ok()?;
            if given.ports.insert(number) {
                return Some(number);
            }
        }
        None
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Port {
    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.ports.given().ports.remove(&self.number);
    }
}

/// Whether both protocols can be bound, on every address.
fn is_free(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_port_is_given_once_and_again_when_it_is_back() {
        let ports = Ports::new(5);
        let range: PortRange = "24560-24569".parse().expect("a range");
        let mut given: Vec<Port> = std::iter::from_fn(|| ports.take(range)).collect();
        let numbers: BTreeSet<u16> = given.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), given.len());
        assert!(ports.take(range).is_none());
        let back = given.pop().map(|port| port.number());
        assert_eq!(ports.take(range).map(|port| port.number()), back);
    }

    #[test]
    fn a_port_that_was_taken_back_is_not_given() {
        let ports = Ports::new(0);
        let range: PortRange = "24580".parse().expect("a range");
        let adopted = ports.adopt(24_580);
        assert!(ports.take(range).is_none());
        drop(adopted);
        assert!(ports.take(range).is_some());
    }
}
