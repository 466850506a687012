//! From one list of assignments to the next: pure.

use std::collections::BTreeMap;

use model::AllocationId;
use model::wire::{Assignment, Assignments};

use super::{Change, Quit};

/// What is hosted now.
#[derive(Debug, Default)]
pub(crate) struct Hosted {
    games: BTreeMap<AllocationId, Assignment>,
}

impl Hosted {
    /// Takes the list as it stands now; answers what to react to, in the order in which it matters:
    /// what is over first, as it makes room for what is new.
    pub(crate) fn replace(&mut self, page: Assignments) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut self.games);
        let mut news = Vec::new();
        for game in page.assignments {
            match before.remove(&game.allocation_id) {
                None => news.push(Change::Assigned(game.clone())),
                Some(old) if differs(&old, &game) => news.push(Change::Updated(game.clone())),
                Some(_) => {}
            }
            self.games.insert(game.allocation_id, game);
        }
        changes.extend(before.into_values().map(Change::Over));
        changes.extend(news);
        if page.quit {
            changes.extend(self.end(Quit::Told));
        }
        changes
    }

    /// Everything that is hosted is over, and so is the game server.
    pub(crate) fn end(&mut self, why: Quit) -> Vec<Change> {
        let games = std::mem::take(&mut self.games);
        let over = games.into_values().map(Change::Over);
        over.chain([Change::Quit(why)]).collect()
    }
}

/// Whether the game has to know; that its own acknowledgement arrived is no news.
fn differs(old: &Assignment, new: &Assignment) -> bool {
    let old = Assignment {
        acknowledged: new.acknowledged,
        ..old.clone()
    };
    old != *new
}
