//! How often and when a server is killed: at moments drawn from a seed.

/// The moments are drawn from this seed; what the environment says repeats a run.
const SEED: &str = "MUSTER_KILL_SEED";
/// Kills of each test, in place of its own number: for hours of them.
const KILLS: &str = "MUSTER_KILLS";

/// Draws from a seed, so that a run can be repeated.
#[derive(Debug)]
pub struct Draw(u64);

impl Draw {
    /// From the seed of the environment, or another one in each run, which is printed.
    pub fn new() -> Draw {
        Draw(crate::seed(SEED))
    }

    /// Another that goes its own way from here.
    #[must_use]
    pub fn fork(&mut self) -> Draw {
        Draw(self.below(u64::MAX))
    }

    /// The next number, below `end` (SplitMix64).
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

impl Default for Draw {
    fn default() -> Self {
        Self::new()
    }
}

/// So many kills, if the environment says nothing else.
///
/// # Panics
/// When it says something else than a whole number.
pub fn kills(unless_told: u32) -> u32 {
    let given = std::env::var(KILLS).ok();
    given.map_or(unless_told, |text| {
        text.parse().expect("a number of kills is a whole number")
    })
}
