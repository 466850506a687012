//! How well a match keeps what is only wished: `prefer` and soft avoid lists.

/// Complete sets that one event tries in a pool that is small enough for trying all of them.
pub(crate) const WISHED_SETS_EXACT: u32 = 1_024;
/// Complete sets that one event tries in a larger pool: the first one, changed ticket by ticket.
pub(crate) const WISHED_SETS_MAX: u32 = 128;

/// What is kept of the wishes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Score {
    /// Pairs of players of whom one would rather not meet the other.
    pub meetings: u32,
    /// The sum of the weights of the rules that are kept.
    pub preference: f64,
}

impl Score {
    /// Fewer unwelcome meetings first, then more of the wishes.
    pub fn is_better_than(self, other: Score) -> bool {
        self.meetings < other.meetings
            || (self.meetings == other.meetings && self.preference > other.preference)
    }

    pub fn and(self, other: Score) -> Score {
        Score {
            meetings: self.meetings + other.meetings,
            preference: self.preference + other.preference,
        }
    }
}
