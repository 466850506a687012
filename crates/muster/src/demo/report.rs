//! What the demo shows at its end, and whether everything was as it should be. Pure.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use plugin_process::Found;

use super::cast::Party;
use super::game::Game;
use super::stage::{Match, State};

/// More matches than this have no rows of their own.
const ROWS_MAX: usize = 24;
/// Troubles that are told in full.
const TOLD_MAX: usize = 5;
/// With so many players BZFlag has to be hosted several times at once.
const PLAYERS_FOR_SEVERAL: usize = 24;
/// As many times.
const SEVERAL: usize = 3;

/// What was measured outside of the stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub game: Game,
    pub took: Duration,
    /// Game servers that the provider started, with those kept ready; `None`: it could not be asked.
    pub started: Option<u64>,
}

/// A row for each match, unless there are many.
pub(super) fn matches(state: &State, parties: &[Party]) -> Option<Table> {
    if state.order.len() > ROWS_MAX {
        return None;
    }
    let mut table = new_table(&[
        "match",
        "region",
        "address",
        "game server",
        "teams",
        "parties",
        "skill gap",
        "worst ping",
        "seen",
    ]);
    for (number, game) in state
        .order
        .iter()
        .filter_map(|id| state.matches.get(id))
        .enumerate()
    {
        let server = game.game_server.map_or("-".to_owned(), |id| {
            let id = id.to_string();
            // The end of a time-ordered id is what differs.
            id.get(id.len().saturating_sub(6)..)
                .unwrap_or_default()
                .to_owned()
        });
        let seen = game
            .played
            .iter()
            .filter(|(player, played)| played.seen.contains(player.as_str()));
        table.add_row([
            (number + 1).to_string(),
            game.region.clone(),
            game.address.clone(),
            server,
            teams(game, parties),
            game.parties.len().to_string(),
            format!("{:.0}", skill_gap(game, parties)),
            format!("{} ms", worst_latency(game, parties)),
            format!("{}/{}", seen.count(), game.players),
        ]);
    }
    numbers_right(&mut table, &[0, 5, 6, 7, 8]);
    Some(table)
}

/// The figures of the whole run.
pub(super) fn summary(state: &State, parties: &[Party], run: Run) -> Table {
    let mut table = new_table(&["what", "value"]);
    let mut row = |what: &str, value: String| {
        table.add_row([what, &value]);
    };
    let (placed, all) = state.players();
    let matches = state.matches.len();
    let games = || state.matches.values();
    row(
        "players placed",
        format!("{placed} of {all}, in {} parties", parties.len()),
    );
    row(
        "matches",
        format!("{matches}, up to {} at a time", state.games_max),
    );
    let again = state
        .parties
        .iter()
        .filter(|party| party.games.len() > 1)
        .count();
    row(
        "parties that played again, to fill a match",
        again.to_string(),
    );
    row("wait, ticket to match, p50 / p95", quantiles(&state.found));
    row(
        "wait, ticket to address, p50 / p95",
        quantiles(&state.addressed),
    );
    let gaps = games().map(|game| skill_gap(game, parties));
    row(
        "skill gap within a match, mean / worst",
        mean_and_worst(gaps, ""),
    );
    let worst = games().map(|game| f64::from(worst_latency(game, parties)));
    row(
        "worst latency of a match, mean / worst",
        mean_and_worst(worst, " ms"),
    );
    let trips: Vec<Duration> = games()
        .flat_map(|game| {
            game.played
                .values()
                .flat_map(|played| played.round_trips.iter().copied())
        })
        .collect();
    if !trips.is_empty() {
        row("round trips to game servers, p50 / p95", quantiles(&trips));
    }
    let hosts = state.hosts();
    row(
        "game servers started, with those kept ready",
        run.started.map_or("unknown".to_owned(), |n| n.to_string()),
    );
    row("game servers that hosted", hosts.to_string());
    row(
        "matches on a reused game server",
        matches.saturating_sub(hosts).to_string(),
    );
    row("run time", format!("{:.1} s", run.took.as_secs_f64()));
    numbers_right(&mut table, &[1]);
    table
}

/// What is not as it should be, a sentence for each; empty: all is well.
pub(super) fn shortcomings(state: &State, parties: &[Party], run: Run) -> Vec<String> {
    let mut told = Vec::new();
    for (party, stood) in parties.iter().zip(&state.parties) {
        let played = stood.games.values().any(|players| *players == stood.size);
        if !played {
            let leader = party
                .people
                .first()
                .map_or("nobody", |leader| leader.player.as_str());
            told.push(format!(
                "the party of {leader} ({} players) did not get its game: it {}",
                stood.size, stood.phase
            ));
        }
    }
    for game in state.matches.values() {
        if game.played.len() != game.players {
            told.push(format!(
                "only {} of {} players really played at {}",
                game.played.len(),
                game.players,
                game.address
            ));
        }
        let teams = team_sizes(game, parties);
        if teams.len() != 2 {
            told.push(format!(
                "the match at {} had {} teams instead of two",
                game.address,
                teams.len()
            ));
        }
    }
    let (_, all) = state.players();
    if run.game == Game::Bzflag && all >= PLAYERS_FOR_SEVERAL && state.games_max < SEVERAL {
        told.push(format!(
            "only {} BZFlag servers hosted at a time, {SEVERAL} were to",
            state.games_max
        ));
    }
    told
}

/// Of processes that should have ended.
pub(super) fn left_behind(left: &[Found]) -> Option<String> {
    if left.is_empty() {
        return None;
    }
    let pids: Vec<String> = left.iter().map(|found| found.pid.to_string()).collect();
    Some(format!(
        "{} processes of this demo are left: end them by their ids {}",
        left.len(),
        pids.join(", ")
    ))
}

/// One text of several sentences.
pub(super) fn told(mut sentences: Vec<String>) -> String {
    let more = sentences.len().saturating_sub(TOLD_MAX);
    sentences.truncate(TOLD_MAX);
    if more > 0 {
        sentences.push(format!("and {more} more"));
    }
    sentences.join("; ")
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header.to_vec());
    table
}

fn numbers_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Players by team, of the parties that came.
fn team_sizes(game: &Match, parties: &[Party]) -> Vec<usize> {
    let mut sizes = std::collections::BTreeMap::<Option<u8>, usize>::new();
    for (number, team) in &game.parties {
        *sizes.entry(*team).or_default() +=
            parties.get(*number).map_or(0, |party| party.people.len());
    }
    sizes.into_values().collect()
}

fn teams(game: &Match, parties: &[Party]) -> String {
    let sizes: Vec<String> = team_sizes(game, parties)
        .iter()
        .map(usize::to_string)
        .collect();
    sizes.join(" v ")
}

/// Between the best and the worst party, as the queue's rule counts.
fn skill_gap(game: &Match, parties: &[Party]) -> f64 {
    let skills = game
        .parties
        .keys()
        .filter_map(|number| parties.get(*number));
    let (low, high) = skills
        .map(Party::skill)
        .fold((f64::MAX, f64::MIN), |(low, high), skill| {
            (low.min(skill), high.max(skill))
        });
    (high - low).max(0.0)
}

/// Of any player to the region of the match, in milliseconds.
fn worst_latency(game: &Match, parties: &[Party]) -> u32 {
    let people = game
        .parties
        .keys()
        .filter_map(|number| parties.get(*number));
    let trips = people
        .flat_map(|party| party.people.iter())
        .filter_map(|person| {
            person
                .latencies
                .iter()
                .find(|(region, _)| region.as_str() == game.region)
        });
    trips.map(|(_, trip)| *trip).max().unwrap_or(0)
}

fn mean_and_worst(values: impl Iterator<Item = f64>, unit: &str) -> String {
    let (count, sum, worst) = values.fold((0_u32, 0.0, 0.0_f64), |(count, sum, worst), value| {
        (count + 1, sum + value, worst.max(value))
    });
    let mean = sum / f64::from(count.max(1));
    format!("{mean:.0}{unit} / {worst:.0}{unit}")
}

fn quantiles(spans: &[Duration]) -> String {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable();
    let at = |per_cent: usize| {
        // The smallest value that this share of all does not exceed.
        let rank = (sorted.len() * per_cent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).map_or("-".to_owned(), |span| shown(*span))
    };
    format!("{} / {}", at(50), at(95))
}

fn shown(span: Duration) -> String {
    if span < Duration::from_millis(10) {
        format!("{:.2} ms", span.as_secs_f64() * 1_000.0)
    } else if span < Duration::from_secs(1) {
        format!("{} ms", span.as_millis())
    } else {
        format!("{:.2} s", span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let spans: Vec<Duration> = (1..=20).map(|n| Duration::from_millis(n * 100)).collect();
        assert_eq!(quantiles(&spans), "1.00 s / 1.90 s");
        assert_eq!(quantiles(&[]), "- / -");
    }

    #[test]
    fn many_troubles_are_told_briefly() {
        let many = (0..8).map(|n| n.to_string()).collect();
        assert_eq!(told(many), "0; 1; 2; 3; 4; and 3 more");
    }
}
