//! Players of different platforms meet only with `cross_play` (F21); who names no platform meets anybody.

use super::{Draft, Error};
use crate::Name;

impl Draft<'_> {
    /// That a player on this platform may be in the session together with those who have joined; `own` is the one that
    /// he counts with so far, if he has joined. O(platforms), and without cross-play there is one.
    pub(super) fn require_platform(
        &self,
        platform: Option<&Name>,
        own: Option<&Name>,
    ) -> Result<(), Error> {
        let Some(platform) = platform else {
            return Ok(());
        };
        if self.base.capabilities().cross_play {
            return Ok(());
        }
        let apart = self
            .work
            .header
            .ranks
            .platforms
            .iter()
            .any(|(other, &players)| {
                let himself = u32::from(own == Some(other));
                other != platform && players > himself
            });
        if apart { Err(Error::CrossPlay) } else { Ok(()) }
    }
}
