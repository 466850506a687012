//! Explanations of tickets: where one stands and why, in words and as data.

use matcher::{
    Explanation, Gate, NearestMiss, Outlook, RegionStanding, RegionView, Search, Sessions,
};
use model::ticket::TicketState;
use model::wire;
use model::{Name, Ticket, TicketId};

use super::Core;
use crate::{Error, Principal};

impl Core {
    /// Says where a ticket stands and why; of one that searches what keeps it waiting, in each of its queues. `queue`,
    /// without regard to case, is the one to say the most of.
    ///
    /// # Errors
    /// 404 when it does not exist or is another party's, 400 with its queues for a queue that is none of them.
    pub async fn explain_ticket(
        &self,
        who: &Principal,
        id: TicketId,
        queue: Option<&Name>,
    ) -> Result<wire::TicketExplanation, Error> {
        let ticket = self.ticket_for(who, id).await?;
        let asked = queue.map(|queue| own_queue(&ticket, queue)).transpose()?;
        let mut said = Vec::new();
        if ticket.state == TicketState::Searching {
            said = self
                .matchmaker
                .explain(ticket.clone(), asked.cloned())
                .await;
        }
        let config = self.config();
        for said in &mut said {
            // The matcher knows a queue that is closed as one that is paused.
            let queue = config.queue(said.queue.as_str());
            if queue.is_some_and(|queue| !queue.active) {
                said.gate = Gate::Paused;
            }
        }
        Ok(view(&ticket, asked, &said))
    }
}

/// One of a ticket's queues, as it is spelt.
fn own_queue<'a>(ticket: &'a Ticket, asked: &Name) -> Result<&'a Name, Error> {
    let own = ticket.all_queues();
    let is_asked = |name: &&Name| name.as_str().eq_ignore_ascii_case(asked.as_str());
    own.iter().find(is_asked).ok_or_else(|| {
        let own: Vec<&str> = own.iter().map(Name::as_str).collect();
        Error::Malformed(format!(
            "queue must be one of the ticket's, not {:?}; known: {}",
            asked.as_str(),
            own.join(", ")
        ))
    })
}

fn view(ticket: &Ticket, asked: Option<&Name>, said: &[Explanation]) -> wire::TicketExplanation {
    let is_searching = ticket.state == TicketState::Searching;
    let asked = asked.filter(|_| is_searching);
    let first = asked.or(said.first().map(|said| &said.queue));
    let queue = first.unwrap_or(&ticket.queue);
    let mut queues: Vec<wire::QueueExplanation> = Vec::new();
    if is_searching {
        let own = ticket.all_queues().iter();
        queues.extend(own.map(|queue| of_queue(queue, said)));
    }
    let mut summary = vec![matcher::ticket_sentence(ticket)];
    let mut search = None;
    if let Some(shown) = queues.iter().find(|shown| shown.queue == *queue) {
        summary.extend(shown.summary.iter().cloned());
        search.clone_from(&shown.search);
    }
    if queues.len() == 1 {
        queues.clear();
    }
    let others = queues
        .iter()
        .filter(|one| one.queue != *queue && one.search.is_some());
    let others: Vec<Name> = others.map(|one| one.queue.clone()).collect();
    summary.extend(matcher::elsewhere_sentence(&others));
    wire::TicketExplanation {
        ticket: ticket.id,
        queue: queue.clone(),
        state: ticket.state,
        reason: ticket.reason,
        match_id: ticket.match_id,
        session: ticket.session,
        summary,
        search,
        queues,
    }
}

fn of_queue(queue: &Name, all: &[Explanation]) -> wire::QueueExplanation {
    let said = all.iter().find(|said| said.queue == *queue);
    let matched = all.iter().find(|said| said.search == Search::InMatch);
    wire::QueueExplanation {
        queue: queue.clone(),
        summary: match said {
            Some(said) => matcher::sentences(said),
            None if all.is_empty() => Vec::new(),
            None => vec![matcher::absence_sentence(
                queue,
                matched.map(|said| &said.queue),
            )],
        },
        search: said.map(search),
    }
}

fn search(said: &Explanation) -> wire::SearchExplanation {
    let (queue_is, opens_at) = match said.gate {
        Gate::Open => (wire::QueueGate::Open, None),
        Gate::Paused => (wire::QueueGate::Paused, None),
        Gate::Closed { opens_at } => (wire::QueueGate::Closed, opens_at),
    };
    let (outlook, players_missing, undecided_rules) = match &said.outlook {
        Outlook::Possible => (wire::SearchOutlook::Possible, None, Vec::new()),
        Outlook::TooFew { players } => (wire::SearchOutlook::TooFew, Some(*players), Vec::new()),
        Outlook::CannotFillTeams => (wire::SearchOutlook::CannotFillTeams, None, Vec::new()),
        Outlook::ShortOf => (wire::SearchOutlook::ShortOf, None, Vec::new()),
        Outlook::Open { rules } => (wire::SearchOutlook::Open, None, rules.clone()),
    };
    wire::SearchExplanation {
        queue_is,
        opens_at: opens_at.map(Into::into),
        progress: match said.search {
            Search::Done => wire::SearchProgress::Done,
            Search::PutOff => wire::SearchProgress::PutOff,
            Search::GivenUp { .. } => wire::SearchProgress::GivenUp,
            Search::Unsure => wire::SearchProgress::Unsure,
            Search::InMatch => wire::SearchProgress::InMatch,
        },
        position: said.position.place as u64,
        position_of: said.position.of as u64,
        waiting: said.position.in_queue as u64,
        regions: said.regions.iter().map(region).collect(),
        looked_at: said.looked_at,
        is_sample: said.is_sample,
        candidates: crowd(said.candidates),
        kept_out: said
            .kept_out
            .iter()
            .map(|kept| wire::KeptOutCount {
                rule: kept.rule.clone(),
                tickets: kept.tickets,
            })
            .collect(),
        outlook,
        players_missing,
        undecided_rules,
        minimum: minimum(said),
        short_of: said.short_of.iter().map(shortage).collect(),
        nearest_miss: said.nearest_miss.as_ref().map(|miss| nearest(miss, said)),
        sessions: said.sessions.as_ref().map(|all| sessions(all, said)),
        next_expansion: said
            .next
            .iter()
            .map(|widening| wire::ExpansionExplanation {
                rule: widening.rule.clone(),
                from: finite(widening.from),
                to: finite(widening.to),
                off: widening.off,
                at: widening.at.into(),
                in_ms: widening.at.since(said.now).0,
            })
            .collect(),
    }
}

fn minimum(said: &Explanation) -> wire::MinimumExplanation {
    let falls = said.minimum.falls.iter();
    wire::MinimumExplanation {
        players: said.minimum.players,
        of_newcomers: said.minimum.of_newcomers,
        falls: falls
            .map(|fall| wire::FallExplanation {
                players: fall.players,
                players_missing: fall.missing,
                waited_ms: fall.waited.0,
                at: fall.at.into(),
                in_ms: fall.at.since(said.now).0,
            })
            .collect(),
    }
}

fn shortage(short: &matcher::Shortage) -> wire::ShortageExplanation {
    let missing = short.missing();
    let (role, values) = match short.rule {
        None => (short.values.first().cloned(), Vec::new()),
        Some(_) => (None, short.values.clone()),
    };
    wire::ShortageExplanation {
        role,
        rule: short.rule.as_ref().map(ToString::to_string),
        values,
        attribute: short.attribute.clone(),
        players: short.players,
        found: short.found,
        players_missing: missing,
    }
}

fn crowd(crowd: matcher::Crowd) -> wire::CrowdCount {
    wire::CrowdCount {
        tickets: crowd.tickets,
        players: crowd.players,
    }
}

/// JSON has no infinity: no limit is no field.
fn finite(limit: f64) -> Option<f64> {
    Some(limit).filter(|limit| limit.is_finite())
}

fn region(view: &RegionView) -> wire::RegionExplanation {
    let mut said = wire::RegionExplanation {
        region: view.region.clone(),
        standing: wire::RegionStanding::Considered,
        latency_ms: view.latency_ms,
        candidates: None,
        rule: None,
        measured_ms: None,
        limit_ms: None,
        considered_at: None,
    };
    match &view.standing {
        RegionStanding::Considered { candidates } => said.candidates = Some(crowd(*candidates)),
        RegionStanding::TooFar {
            rule,
            measured_ms,
            limit_ms,
            opens_at,
        } => {
            said.standing = wire::RegionStanding::TooFar;
            said.rule = Some((*rule).to_owned());
            said.measured_ms = Some(*measured_ms);
            said.limit_ms = finite(*limit_ms);
            said.considered_at = opens_at.map(Into::into);
        }
        RegionStanding::NotAllowed => said.standing = wire::RegionStanding::NotAllowed,
        RegionStanding::NotListed => said.standing = wire::RegionStanding::NotListed,
    }
    said
}

fn nearest(miss: &NearestMiss, said: &Explanation) -> wire::MissExplanation {
    wire::MissExplanation {
        rule: miss.rule.clone(),
        attribute: miss.attribute.clone(),
        tickets: miss.waiting.tickets,
        players: miss.waiting.players,
        gap: miss.gap,
        own_limit: miss.own_limit.and_then(finite),
        their_limit: miss.their_limit.and_then(finite),
        reached_at: miss.reached_at.map(Into::into),
        reached_in_ms: miss.reached_at.map(|at| at.since(said.now).0),
    }
}

fn sessions(all: &Sessions, said: &Explanation) -> wire::SessionsExplanation {
    let kept = all.kept_from.iter();
    let miss = all.nearest_miss.as_ref();
    wire::SessionsExplanation {
        asking: all.asking,
        is_sample: all.is_sample,
        open: all.open,
        kept_from: kept
            .map(|kept| wire::KeptFromCount {
                rule: kept.rule.clone(),
                sessions: kept.sessions,
            })
            .collect(),
        undecided_rules: all.undecided.clone(),
        nearest_miss: miss.map(|miss| wire::SessionMissExplanation {
            rule: miss.rule.clone(),
            attribute: miss.attribute.clone(),
            gap: miss.gap,
            limit: miss.limit.and_then(finite),
            reached_at: miss.reached_at.map(Into::into),
            reached_in_ms: miss.reached_at.map(|at| at.since(said.now).0),
        }),
    }
}
