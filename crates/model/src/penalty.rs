//! What a player pays for deserting: for a while some queues refuse him, for longer each time (F14).

use serde::{Deserialize, Serialize};

use crate::session_type::CustomData;
use crate::{Millis, Name, Timestamp};

/// The most steps of a queue's penalties.
pub const STEPS_MAX: usize = 16;
/// The longest name of a penalty, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The most that a server may keep with a penalty, in bytes of its JSON.
pub const CUSTOM_DATA_BYTES_MAX: usize = 1_024;
/// The furthest ahead that a penalty may last, or be remembered.
pub const AHEAD_MAX: Millis = Millis::seconds(10 * 365 * 86_400);

/// What a queue says about deserters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Penalties {
    /// Queues that name the same penalty refuse the same players.
    pub name: Name,
    /// How long the first offence bars a player, the second, and so on; the last one counts for all further ones.
    pub steps: Vec<Millis>,
    /// After so long without an offence the next one is the first again.
    pub forget_after: Millis,
    /// What counts.
    pub offences: Vec<Offence>,
}

/// What a player is barred for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offence {
    /// He left a match while its game was running, or was lost and did not come back in time.
    Left,
    /// He refused a match, or did not answer in time.
    NotAccepted,
}

/// What a player pays under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Penalty {
    /// Until then he may not queue.
    pub expiration: Timestamp,
    /// From then on it is forgotten what he did.
    pub reset: Timestamp,
    /// What he did so far.
    pub count: u32,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
}

impl Penalties {
    /// What a player pays after one more offence; what ran longer before runs on.
    pub fn after(&self, known: Option<&Penalty>, now: Timestamp) -> Penalty {
        let counted = known.filter(|known| now < known.reset);
        let count = counted.map_or(0, |known| known.count).saturating_add(1);
        let place = usize::try_from(count - 1).unwrap_or(usize::MAX);
        let step = self.steps.get(place).or(self.steps.last());
        let expiration = now + step.copied().unwrap_or(Millis(0));
        let (runs, resets) =
            known.map_or((expiration, now), |known| (known.expiration, known.reset));
        Penalty {
            expiration: expiration.max(runs),
            reset: (now + self.forget_after).max(resets),
            count,
            custom_data: known
                .map(|known| known.custom_data.clone())
                .unwrap_or_default(),
        }
    }
}

impl Penalty {
    /// Whether it bars the player now.
    pub fn runs(&self, now: Timestamp) -> bool {
        now < self.expiration
    }

    /// When nothing is left of it.
    pub fn ends(&self) -> Timestamp {
        self.expiration.max(self.reset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranked() -> Penalties {
        Penalties {
            name: "ranked".parse().expect("a name"),
            steps: [300, 900, 3_600].map(Millis::seconds).to_vec(),
            forget_after: Millis::seconds(86_400),
            offences: vec![Offence::Left],
        }
    }

    #[test]
    fn f14_each_offence_takes_the_next_step_until_it_is_forgotten() {
        let ranked = ranked();
        let second = |n: i64| Timestamp(n * 1_000);
        let mut penalty = ranked.after(None, second(0));
        assert_eq!((penalty.expiration, penalty.count), (second(300), 1));
        assert!(penalty.runs(second(299)) && !penalty.runs(second(300)));
        for (at, step, count) in [(1_000, 900, 2), (5_000, 3_600, 3), (9_000, 3_600, 4)] {
            penalty = ranked.after(Some(&penalty), second(at));
            assert_eq!(
                (penalty.expiration, penalty.count),
                (second(at + step), count)
            );
        }
        let day = 9_000 + 86_400;
        assert_eq!(penalty.ends(), second(day));
        assert_eq!(ranked.after(Some(&penalty), second(day - 1)).count, 5);
        assert_eq!(ranked.after(Some(&penalty), second(day)).count, 1);
    }

    proptest! {
        /// An offence never shortens what a player pays already.
        #[test]
        fn penalties_only_grow(
            expiration in 0_i64..200_000_000,
            reset in 0_i64..200_000_000,
            count in any::<u32>(),
            now in 0_i64..200_000_000,
        ) {
            let known = Penalty {
                expiration: Timestamp(expiration),
                reset: Timestamp(reset),
                count,
                custom_data: CustomData::new(),
            };
            let next = ranked().after(Some(&known), Timestamp(now));
            prop_assert!(next.expiration >= known.expiration && next.runs(Timestamp(now)));
            prop_assert!(next.ends() >= known.ends() && next.count >= 1);
        }
    }
}
