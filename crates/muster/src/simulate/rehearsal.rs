//! A day that the program carries with it: the sample queue and the sample population, for the bench.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use model::config::SourceFile;
use model::queue::Queue;

use super::crowd::Crowd;
use super::day::Halt;
use super::progress::Progress;
use super::setting::Setting;
use super::{day, population, tally};

const SEED: u64 = 1;
const FOLDER: &str = "samples";
const QUEUE: &str = "tdm-4v4";
const TYPES: [(&str, &str); 3] = [
    (
        "game.yaml",
        include_str!("../../../../sessiontypes/game.yaml"),
    ),
    (
        "fleets.yaml",
        include_str!("../../../../sessiontypes/fleets.yaml"),
    ),
    (
        "queues.yaml",
        include_str!("../../../../sessiontypes/queues.yaml"),
    ),
];
const POPULATION: &str = include_str!("../../../../populations/evening.yaml");

/// A day of the sample queue.
pub(crate) struct Rehearsal {
    queue: Arc<Queue>,
    crowd: Crowd,
}

/// What the promises of a queue's last quantile were worth.
pub(crate) struct Kept {
    pub(crate) quantile: f64,
    pub(crate) promised: u64,
    pub(crate) share: f64,
}

impl Rehearsal {
    /// With so many tickets.
    pub(crate) fn new(tickets: u64) -> anyhow::Result<Rehearsal> {
        let files = TYPES.map(|(path, text)| SourceFile {
            path: path.into(),
            text: text.into(),
        });
        let checked = model::config::check(&files, &crate::provider_schemas());
        let config = checked
            .config
            .with_context(|| format!("{:?}", checked.diagnostics))?;
        let setting = Setting::of(&config, FOLDER, QUEUE).context("the sample queue")?;
        let mut population = population::parse(POPULATION, std::slice::from_ref(&setting))?;
        population.tickets_per_day = tickets;
        let crowd = Crowd::Population {
            population: Box::new(population),
            seed: SEED,
        };
        Ok(Rehearsal {
            queue: setting.queue,
            crowd,
        })
    }

    /// Makes the tickets and nothing else; how many.
    pub(crate) fn draw(&self) -> u64 {
        self.crowd.arrivals().map(black_box).count() as u64
    }

    /// Plays them, judges every match, and sums up.
    pub(crate) fn play(&self) -> anyhow::Result<Kept> {
        let stop = AtomicBool::new(false);
        let mut progress = Progress::new("simulate", self.crowd.tickets());
        let day = day::run(
            &self.queue,
            &self.crowd,
            SEED,
            &mut progress,
            Halt::at(&stop),
        )?;
        let report = tally::report(day, FOLDER, SEED, self.crowd.starts());
        let promise = report.promises.last().context("it promises nothing")?;
        Ok(Kept {
            quantile: promise.quantile,
            promised: promise.promised,
            share: promise.kept_share.context("no promise came due")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Rehearsal;

    #[test]
    fn nine_of_ten_promises_are_kept_on_a_simulated_day() {
        let rehearsal = Rehearsal::new(10_000).expect("the samples are right");
        assert_eq!(rehearsal.draw(), 10_000);
        let kept = rehearsal.play().expect("no match breaks a rule");
        assert_eq!(kept.quantile, 0.9);
        assert!(kept.promised > 9_000, "{}", kept.promised);
        assert!((0.85..=0.95).contains(&kept.share), "{}", kept.share);
    }
}
