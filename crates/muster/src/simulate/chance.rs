//! Chance by seed: a small generator, and the distributions that a population may name.

use std::collections::BTreeMap;

/// A generator of 64 bits of state (SplitMix64): the same seed gives the same numbers on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The generator that begins here.
    pub(crate) fn new(state: u64) -> Chance {
        Chance(state)
    }

    /// The generator of one thing among many that share a seed.
    pub(crate) fn of(seed: u64, number: u64) -> Chance {
        let mut chance = Chance(seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        chance.next();
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// At least 0, below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Of the standard normal distribution: the sum of twelve uniform numbers, which needs no functions that differ
    /// from machine to machine. It never goes beyond six deviations.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// Things with weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weighted<T> {
    /// With the sum of the weights so far.
    items: Vec<(f64, T)>,
}

impl<T> Weighted<T> {
    /// `None` when the weights are not finite, one is negative, or all are zero.
    pub(crate) fn new(items: impl IntoIterator<Item = (f64, T)>) -> Option<Weighted<T>> {
        let mut sum = 0.0;
        let mut weighted = Vec::new();
        for (weight, item) in items {
            if !(weight.is_finite() && weight >= 0.0) {
                return None;
            }
            sum += weight;
            weighted.push((sum, item));
        }
        (sum > 0.0 && sum.is_finite()).then_some(Weighted { items: weighted })
    }

    pub(crate) fn draw(&self, chance: &mut Chance) -> Option<&T> {
        let at = chance.share() * self.items.last()?.0;
        let item = self.items.partition_point(|(sum, _)| *sum <= at);
        self.items.get(item).map(|(_, item)| item)
    }
}

/// A distribution of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spread {
    pub(crate) shape: Shape,
    /// Smaller ones are raised to it.
    pub(crate) min: f64,
    /// Larger ones are lowered to it.
    pub(crate) max: f64,
    /// How far members of one party stray from what was drawn for their party; `None`: each draws for himself.
    pub(crate) within_party: Option<f64>,
}

/// What a distribution looks like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Normal { mean: f64, deviation: f64 },
    Uniform { from: f64, to: f64 },
    Choice(Weighted<f64>),
}

impl Spread {
    pub(crate) fn draw(&self, chance: &mut Chance) -> f64 {
        let x = match &self.shape {
            Shape::Normal { mean, deviation } => mean + deviation * chance.normal(),
            Shape::Uniform { from, to } => from + (to - from) * chance.share(),
            Shape::Choice(values) => values.draw(chance).copied().unwrap_or(0.0),
        };
        self.clamped(x)
    }

    /// For each of the members of a party.
    pub(crate) fn draw_party(&self, chance: &mut Chance, players: usize) -> Vec<f64> {
        match self.within_party {
            None => (0..players).map(|_| self.draw(chance)).collect(),
            Some(deviation) => {
                let center = self.draw(chance);
                let mut one = || self.clamped(center + deviation * chance.normal());
                (0..players).map(|_| one()).collect()
            }
        }
    }

    fn clamped(&self, x: f64) -> f64 {
        x.max(self.min).min(self.max)
    }
}

/// What an attribute's values are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Number(Spread),
    Text(Weighted<String>),
    /// One text of a list.
    OneText(Weighted<String>),
    /// Each text with its own probability.
    Texts(Vec<(f64, String)>),
    Numbers(BTreeMap<String, Spread>),
}
