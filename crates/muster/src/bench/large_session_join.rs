//! The rows `large-session-join`: what a join costs among 10,000 members, against one among a hundred (R42).

use std::ops::Range;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use model::SessionId;
use model::wire::{CreateSession, JoinSession, PrincipalKind};
use sdk::{Client, Who};

use super::child::Server;
use super::figure::{Figure, Outcome};
use super::{Length, measure};
use crate::say;

/// Members of the large session, those who come and go included.
const LARGE: usize = 10_000;
/// Members of the small one, before anybody comes.
const SMALL: usize = 100;
/// Who comes and goes in a round, to either.
const ROUND: usize = 100;
/// Joins that are under way at a time.
const OUTSTANDING: usize = 16;

/// Joins of one kind.
#[derive(Default)]
struct Seen {
    /// Milliseconds of each.
    took: Vec<f64>,
    /// What the server's processes took for all of them.
    processor: Duration,
}

impl Seen {
    fn micros(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.took.len() as f64
    }

    fn p50(&mut self) -> f64 {
        self.took.sort_by(f64::total_cmp);
        measure::quantile(&self.took, 0.5)
    }
}

/// Processor time of the server and the median time of a join, over HTTP and durable; the baseline is a session of a
/// hundred, turn by turn in the same run.
pub(super) fn run(length: Length) -> anyhow::Result<Vec<Outcome>> {
    let server = Server::start(0)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let rounds = match length {
        Length::Full => 40,
        Length::Quick => 10,
    };
    let (mut large, mut small) = runtime.block_on(measured(&server, rounds))?;
    let n = large.took.len() as u64;
    let figure = |row, unit, value, baseline| {
        Outcome::Measured(Figure {
            row,
            unit,
            value,
            baseline,
            n,
        })
    };
    Ok(vec![
        figure("large-session-join", "µs", large.micros(), small.micros()),
        figure("large-session-join.p50", "ms", large.p50(), small.p50()),
    ])
}

async fn measured(server: &Server, rounds: usize) -> anyhow::Result<(Seen, Seen)> {
    let bare = Client::new(&server.url, "")?;
    let crowd = Crowd { server, bare };
    let started = measure::now();
    let large = crowd.filled(LARGE - ROUND).await?;
    let small = crowd.filled(SMALL).await?;
    say::complain(&format_args!(
        "filled the sessions in {:.1?}; {rounds} rounds of {ROUND} joins to either",
        started.elapsed()
    ));
    let (mut of_large, mut of_small) = (Seen::default(), Seen::default());
    for _ in 0..rounds {
        crowd.come_and_go(large, &mut of_large).await?;
        crowd.come_and_go(small, &mut of_small).await?;
    }
    Ok((of_large, of_small))
}

struct Crowd<'a> {
    server: &'a Server,
    bare: Client,
}

impl Crowd<'_> {
    fn client(&self, n: usize) -> anyhow::Result<Client> {
        let token = self
            .server
            .token(PrincipalKind::Player, &format!("crowd-{n}"))?;
        Ok(self.bare.with_token(&token)?)
    }

    /// A session with so many active members.
    async fn filled(&self, members: usize) -> anyhow::Result<SessionId> {
        let body = CreateSession {
            r#type: "Crowd".to_owned(),
            ..CreateSession::default()
        };
        let id = self.client(0)?.create_session(&body).await?.id;
        self.join(id, 1..members).await?;
        Ok(id)
    }

    /// Milliseconds of each join.
    async fn join(&self, id: SessionId, players: Range<usize>) -> anyhow::Result<Vec<f64>> {
        futures_util::stream::iter(players)
            .map(async |n| {
                let client = self.client(n)?;
                let body = JoinSession {
                    active: true,
                    ..JoinSession::default()
                };
                let started = measure::now();
                client.join(id, Who::Me, &body).await?;
                Ok(measure::millis(started.elapsed()))
            })
            .buffer_unordered(OUTSTANDING)
            .try_collect()
            .await
    }

    /// [`ROUND`] players join, which is measured; then they leave.
    async fn come_and_go(&self, id: SessionId, seen: &mut Seen) -> anyhow::Result<()> {
        let players = LARGE..LARGE + ROUND;
        let before = measure::processor_time_of(self.server.id());
        seen.took.extend(self.join(id, players.clone()).await?);
        seen.processor += measure::processor_time_of(self.server.id()).saturating_sub(before);
        futures_util::stream::iter(players)
            .map(async |n| {
                self.client(n)?.leave(id, Who::Me).await?;
                anyhow::Ok(())
            })
            .buffer_unordered(OUTSTANDING)
            .try_collect()
            .await
    }
}
