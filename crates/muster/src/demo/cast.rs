//! Who plays: parties of one to four with regions, pings and skills, drawn from a seed. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{PlayerId, Region};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Players of a team; parties come in sets that fill one, so that whoever is left over can be completed.
const TEAM: u32 = 4;
/// How teams of four can be made of parties; the first has a partner for a left-over party of any size.
const SETS: [&[u32]; 5] = [&[2, 1, 1], &[3, 1], &[2, 2], &[4], &[1, 1, 1, 1]];
/// The time in which all parties arrive.
const ARRIVAL: Duration = Duration::from_millis(2_500);
/// First names; a number tells those apart who share one.
const NAMES: [&str; 20] = [
    "ada", "ben", "cleo", "dan", "eva", "finn", "gus", "hana", "ivo", "jana", "kai", "lea", "max",
    "nia", "otto", "pia", "quin", "rosa", "sam", "tove",
];
/// The regions, with the round trip in milliseconds from a home in each to all of them.
const REGIONS: [(&str, [u32; 3]); 3] = [
    ("eu-west", [25, 95, 150]),
    ("us-east", [95, 30, 215]),
    ("ap-south", [150, 215, 35]),
];

/// One who plays.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub player: PlayerId,
    pub skill: f64,
    /// Round trip in whole milliseconds, by region.
    pub latencies: BTreeMap<Region, u32>,
}

/// Friends who play together; the first leads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Party {
    pub people: Vec<Person>,
    /// When they come, from the start.
    pub arrives: Duration,
}

impl Party {
    /// What the queue's rules compare: the mean of the party.
    pub fn skill(&self) -> f64 {
        let sum: f64 = self.people.iter().map(|person| person.skill).sum();
        sum / self.people.len().max(1) as f64
    }
}

/// All parties, in the order in which they arrive; the same for the same seed and number of players.
pub(super) fn cast(seed: u64, players: u32) -> Vec<Party> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sizes: Vec<u32> = Vec::new();
    for set in 0..players / TEAM {
        let which = if set == 0 {
            0
        } else {
            rng.random_range(0..SETS.len())
        };
        sizes.extend(SETS[which]);
    }
    sizes.extend((!players.is_multiple_of(TEAM)).then_some(players % TEAM));
    sizes.shuffle(&mut rng);
    let mut arrivals: Vec<Duration> = sizes
        .iter()
        .map(|_| ARRIVAL.mul_f64(rng.random_range(0.0..1.0)))
        .collect();
    arrivals.sort();
    let mut number = 0;
    let mut parties = Vec::with_capacity(sizes.len());
    for (size, arrives) in sizes.into_iter().zip(arrivals) {
        let people = people(&mut rng, number, size);
        number += size as usize;
        parties.push(Party { people, arrives });
    }
    parties
}

/// Friends live near each other and play about equally well.
fn people(rng: &mut impl Rng, first: usize, size: u32) -> Vec<Person> {
    // Half of all in the first region, a third in the second.
    let home = match rng.random_range(0..6) {
        0..3 => 0,
        3..5 => 1,
        _ => 2,
    };
    // Three dice: most are in the middle.
    let middle = 900.0 + (0..3).map(|_| rng.random_range(0.0..400.0)).sum::<f64>();
    let person = |offset| {
        let number: usize = first + offset as usize;
        let name = format!("{}-{:02}", NAMES[number % NAMES.len()], number + 1);
        let trips = REGIONS[home].1.map(|trip| trip + rng.random_range(0..30));
        let latencies = REGIONS.iter().zip(trips);
        Person {
            player: name.parse().expect("a name with a number is a player's id"),
            skill: (middle + rng.random_range(-80.0..80.0_f64)).round(),
            latencies: latencies
                .map(|((region, _), trip)| (region.parse().expect("a region"), trip))
                .collect(),
        }
    };
    (0..size).map(person).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_people_and_another_seed_others() {
        assert_eq!(cast(1, 60), cast(1, 60));
        assert_ne!(cast(1, 60), cast(2, 60));
    }

    #[test]
    fn everybody_is_there_once_in_parties_of_one_to_four() {
        for players in 8..100 {
            let parties = cast(7, players);
            let names: BTreeSet<&PlayerId> = parties
                .iter()
                .flat_map(|party| party.people.iter().map(|person| &person.player))
                .collect();
            assert_eq!(names.len(), players as usize);
            assert!(
                parties
                    .iter()
                    .all(|party| (1..=4).contains(&party.people.len()))
            );
        }
    }

    #[test]
    fn a_party_of_any_size_can_be_completed_by_others_to_two_teams() {
        for players in 8..100 {
            let sizes: Vec<usize> = cast(3, players).iter().map(|p| p.people.len()).collect();
            for (own, &size) in sizes.iter().enumerate() {
                let others = sizes.iter().enumerate().filter(|(other, _)| *other != own);
                // Pairs of team fillings that the other parties reach.
                let mut reached = BTreeSet::from([(size, 0)]);
                for (_, other) in others {
                    let more: Vec<(usize, usize)> = reached
                        .iter()
                        .flat_map(|&(a, b)| [(a + other, b), (a, b + other)])
                        .filter(|&(a, b)| a <= 4 && b <= 4)
                        .collect();
                    reached.extend(more);
                }
                assert!(reached.contains(&(4, 4)), "{size} of {sizes:?}");
            }
        }
    }
}
