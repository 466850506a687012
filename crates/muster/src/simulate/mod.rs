//! `muster simulate`: a day of traffic through the matcher of the server, in seconds.

mod chance;
mod compare;
mod crowd;
mod day;
mod page;
mod page_file;
mod plot;
mod population;
mod progress;
mod reads;
mod rehearsal;
mod setting;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod trace;
mod yaml;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::say;
pub(crate) use chance::Chance;
use compare::{Difference, Unlike};
use crowd::Crowd;
use day::Halt;
use page_file::PageFile;
use progress::Progress;
pub(crate) use rehearsal::Rehearsal;
use setting::Setting;
use tally::Report;

/// Run a day of traffic through a queue, in seconds, before players do.
///
/// The matcher is the server's, fed in virtual time with a crowd: one that is drawn from a description, or one that was
/// recorded. A match stands at once, as if hosts were always ready, and players do not come back unless the population
/// says so. Every match is judged by the independent checker. The same input and seed give the same output, byte for
/// byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  muster simulate --queue tdm-4v4 --population populations/evening.yaml
  muster simulate --queue tdm-4v4 --players trace.csv --html day.html
  muster simulate --queue tdm-4v4 --config edited/ --against sessiontypes/ \\
    --population populations/evening.yaml --html compared.html
  muster simulate --queue duel-1v1 --population populations/small.yaml --json | jq .runs[0].all")]
#[command(group(clap::ArgGroup::new("crowd").required(true).args(["players", "population"])))]
pub struct Args {
    /// The queue, without regard to case.
    #[arg(long, value_name = "NAME")]
    queue: String,
    /// The folder of session types, queues and fleets.
    #[arg(long, value_name = "DIR", default_value = "sessiontypes")]
    config: PathBuf,
    /// Players that came, as CSV with a line for each: ticket,time,player,leaves,platform,latency.REGION,attribute.NAME.
    #[arg(long, value_name = "FILE")]
    players: Option<PathBuf>,
    /// A YAML description of who comes when.
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,
    /// Another folder, whose queue of the same name gets the same crowd; told is what --config changes.
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// What chance follows.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write a page with plots, which needs nothing but a browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// One JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

/// Simulates and reports.
///
/// # Errors
/// When the configuration, the population or the trace is wrong, when a file cannot be written, or when it was stopped.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut folders = vec![args.config.as_path()];
    folders.extend(args.against.as_deref());
    let settings: Vec<Setting> = folders
        .iter()
        .map(|folder| Setting::read(folder, &args.queue))
        .collect::<anyhow::Result<_>>()?;
    let crowd = match (&args.population, &args.players) {
        (Some(path), _) => Crowd::Population {
            population: Box::new(population::read(path, &settings)?),
            seed: args.seed,
        },
        (None, Some(path)) => Crowd::Trace(trace::read(path, &settings)?),
        (None, None) => bail!("say who comes: --population FILE or --players FILE"),
    };
    let page_file = args.html.as_deref().map(PageFile::take).transpose()?;
    let stop = stopped()?;
    let mut reports = Vec::new();
    for setting in &settings {
        let mut progress = Progress::new(&setting.folder, crowd.tickets());
        let halt = Halt::at(&stop);
        let day = day::run(&setting.queue, &crowd, args.seed, &mut progress, halt)?;
        drop(progress);
        reports.push(tally::report(
            day,
            &setting.folder,
            args.seed,
            crowd.starts(),
        ));
    }
    let outcome = Outcome::new(&crowd, &settings, reports);
    match args.json {
        true => say::line(&serde_json::to_string_pretty(&outcome)?),
        false => outcome.say(),
    }
    if let Some(file) = page_file {
        file.write(&page::page(
            &outcome.runs,
            &outcome.differences,
            &outcome.assumptions,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What came of it, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Outcome {
    assumptions: Vec<String>,
    runs: Vec<Report>,
    differences: Vec<Difference>,
}

impl Outcome {
    /// Of the runs of one crowd, each with what it was set in.
    fn new(crowd: &Crowd, settings: &[Setting], runs: Vec<Report>) -> Outcome {
        let mut assumptions = assumptions(crowd, settings);
        let mut differences = Vec::new();
        if let ([this, against], [own, other]) = (runs.as_slice(), settings) {
            assumptions.extend(reads::of_different_things(
                (&this.config, &this.gaps_of),
                (&against.config, &against.gaps_of),
            ));
            let unlike = Unlike::of(crowd, (this, &own.queue), (against, &other.queue));
            assumptions.extend(unlike.iter().map(|it| it.sentence().to_owned()));
            differences = compare::differences(this, against, unlike.as_ref());
        }
        Outcome {
            assumptions,
            runs,
            differences,
        }
    }

    /// Prints it as tables.
    fn say(&self) {
        for run in &self.runs {
            say::line(&table::report(run));
        }
        if let [this, against] = self.runs.as_slice() {
            say::line(&table::differences(this, against, &self.differences));
        }
        for assumption in &self.assumptions {
            say::line(assumption);
        }
    }
}

/// What is not as it would be on a real day.
fn assumptions(crowd: &Crowd, settings: &[Setting]) -> Vec<String> {
    let back = match crowd.comes_back() {
        true => "Of those who were matched a share queues again later, as the population says.",
        false => "Players do not come back after a match.",
    };
    let asked = settings.iter().any(|one| one.queue.acceptance.is_some());
    let stands = match asked {
        true => "A match stands at once, as if everybody accepted it and hosts were always ready.",
        false => "A match stands at once, as if hosts were always ready.",
    };
    let mut all = vec![
        stands.into(),
        back.into(),
        "Regions are those that are nearest to the tickets, wherever they play; hours are those of arrival.".into(),
    ];
    let named = settings
        .iter()
        .map(|one| (one.folder.as_str(), &*one.queue));
    all.extend(reads::unsaid(crowd, &named.collect::<Vec<_>>()));
    all
}

/// Becomes true with Ctrl-C.
fn stopped() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // Before the thread is there: from then on no signal is missed.
    let mut interrupts = {
        let _in_runtime = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    // It ends with the process.
    std::thread::Builder::new()
        .name("ctrl-c".into())
        .spawn(move || {
            if runtime.block_on(interrupts.recv()).is_some() {
                set.store(true, Ordering::Relaxed);
            }
        })?;
    Ok(stop)
}
