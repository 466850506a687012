//! `muster demo`: simulated players go the whole way, through the real server to games that they really play.

mod agent;
mod cast;
mod company;
mod game;
mod house;
mod life;
mod progress;
mod report;
mod stage;

pub mod bzflag;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use model::config::Duration;
use model::wire::PrincipalKind;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::agent::Agent;
use self::house::House;
use self::life::{Life, World};
use self::stage::{Stage, now};
use crate::say;

pub use self::game::Game;

/// Show the whole way: parties queue, are matched, get a game server and really play on it.
///
/// Starts the server with an embedded database in a temporary folder, and game servers as processes of this machine;
/// everything ends with it. All traffic stays on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  muster demo
  muster demo --game bzflag
  muster demo --players 120 --seed 7 --data demo-data")]
pub struct Args {
    /// What is played.
    #[arg(long, value_enum, default_value = "arena")]
    game: Game,
    /// How many players come, in parties of one to four.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(8..=400))]
    players: u32,
    /// Who comes, from where and how good they are; the same seed, the same people.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The folder for database and logs, which stays; without it a temporary one is used and removed.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The folder of session types; without it `sessiontypes` here, or the samples that this program carries.
    #[arg(long, value_name = "DIR")]
    session_types: Option<PathBuf>,
    /// Give up after this.
    #[arg(long, value_name = "DURATION", default_value = "90s")]
    timeout: Duration,
}

/// Why the show ended before its end.
enum Broken {
    /// Somebody could not go on.
    Failed(anyhow::Error),
    TimedOut,
    /// The exit code that says by which signal.
    Signal(u8),
}

/// Runs the demo.
///
/// # Errors
/// What is missing, in a sentence: the game, the folder, or somebody's game.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.game.check_installed()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    if let Some(data) = &args.data {
        let cannot = || {
            format!(
                "cannot make the folder {}: choose another with --data",
                data.display()
            )
        };
        std::fs::create_dir_all(data).with_context(cannot)?;
        return runtime.block_on(demo(args, data));
    }
    let data = tempfile::Builder::new().prefix("muster-demo-").tempdir();
    let mut data = data.context("cannot make a temporary folder: name one with --data")?;
    let ended = runtime.block_on(demo(args, data.path()));
    if ended.is_err() {
        data.disable_cleanup(true);
    }
    ended.with_context(|| {
        format!(
            "the demo failed (its logs stay in {})",
            data.path().display()
        )
    })
}

async fn demo(args: &Args, data: &Path) -> anyhow::Result<ExitCode> {
    // Before anything is started, so that whatever is started is also ended.
    let mut signals = Signals::new()?;
    house::check_free(data).await?;
    house::log_to(&data.join("demo.log"))?;
    let session_types = house::session_types(args.session_types.as_deref(), data)?;
    let began = now();
    let house = House::open(data, session_types).await?;
    let parties = cast::cast(args.seed, args.players);
    let world = Arc::new(World {
        game: args.game,
        stage: Stage::new(&parties),
        parties,
        back_end: house.client(PrincipalKind::Server, "demo")?,
    });
    say::line(&format_args!(
        "{} players in {} parties play {} on {}",
        args.players,
        world.parties.len(),
        args.game.title(),
        house.url()
    ));
    let broken = tokio::select! {
        ended = perform(&house, &world, args.timeout.0.duration()) => ended.err(),
        signal = signals.received() => Some(Broken::Signal(signal)),
        () = progress::show(Arc::clone(&world)) => None,
    };
    let started = house.game_servers_started().await;
    let closed = house.close().await;
    if let Some(Broken::Signal(code)) = broken {
        let left = closed?;
        say::complain(&"interrupted; everything that was started is stopped");
        return match report::left_behind(&left) {
            None => Ok(ExitCode::from(code)),
            Some(left) => Err(anyhow::Error::msg(left)),
        };
    }
    let run = report::Run {
        game: args.game,
        took: began.elapsed(),
        started,
    };
    verdict(&world, run, broken, &closed?)
}

/// All lives, to their end or to the first that cannot go on.
async fn perform(
    house: &House,
    world: &Arc<World>,
    limit: std::time::Duration,
) -> Result<(), Broken> {
    let mut cast = Vec::new();
    for (party, plan) in world.parties.iter().enumerate() {
        for person in &plan.people {
            let client = house.client(PrincipalKind::Player, person.player.as_str());
            let mut agent = Agent::new(person.player.clone(), client.map_err(Broken::Failed)?);
            let left = agent.begin_afresh().await.map_err(anyhow::Error::from);
            left.map_err(Broken::Failed)?;
            let world = Arc::clone(world);
            cast.push(Life {
                world,
                party,
                agent,
            });
        }
    }
    let mut lives = JoinSet::new();
    for life in cast {
        lives.spawn(async move {
            let player = life.agent.player.clone();
            life.live().await.with_context(|| player.to_string())
        });
    }
    let all = async {
        while let Some(life) = lives.join_next().await {
            let lived = life
                .context("a player broke down")
                .map_err(Broken::Failed)?;
            lived.map_err(Broken::Failed)?;
        }
        Ok(())
    };
    timeout(limit, all).await.unwrap_or(Err(Broken::TimedOut))
}

/// The tables, and whether all is well.
fn verdict(
    world: &World,
    run: report::Run,
    broken: Option<Broken>,
    left: &[plugin_process::Found],
) -> anyhow::Result<ExitCode> {
    let state = world.stage.snapshot();
    if let Some(table) = report::matches(&state, &world.parties) {
        say::line(&table);
    }
    say::line(&report::summary(&state, &world.parties, run));
    let mut wrong = Vec::new();
    match broken {
        Some(Broken::Failed(error)) => wrong.push(format!("{error:#}")),
        Some(Broken::TimedOut) => wrong.push("the time for the whole demo is over".to_owned()),
        Some(Broken::Signal(_)) | None => {}
    }
    wrong.extend(report::shortcomings(&state, &world.parties, run));
    wrong.extend(report::left_behind(left));
    if wrong.is_empty() {
        say::line(&"every party got its game, and no process is left");
        return Ok(ExitCode::SUCCESS);
    }
    Err(anyhow::Error::msg(report::told(wrong)))
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them; answers with the exit code that tells of it.
    async fn received(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}
