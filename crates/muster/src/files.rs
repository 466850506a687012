//! The limit of open files, raised as far as this user may: a connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, as the usual 1,024 is fewer than the players of a small
/// game. Returns what holds now; `None`: no limit.
pub(crate) fn raise_limit() -> Option<u64> {
    let found = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: found.maximum,
        maximum: found.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        // What is there then has to do.
        Err(_) => found.current,
    }
}
