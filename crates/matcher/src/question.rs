//! A rule as it is asked of a set of tickets: what it needs of each is read beforehand, see [`crate::facts`].

use model::queue::{Aggregate, Comparison, Operand, Reading, RuleKind, Scope};

use crate::entry::Entry;
use crate::facts::{Column, Columns, Common, Facts, PlayerColumn};
use crate::finals::base;

/// So many numbers are summed up without a box for them.
const INLINE: usize = 16;

/// Some tickets, or all of them on their teams.
#[derive(Clone, Copy)]
pub(crate) struct Seated<'a> {
    pub columns: &'a Columns,
    pub entries: &'a [&'a Entry],
    /// The team of each ticket; empty where no rule asks for it.
    pub team_of: &'a [u16],
    /// How many there are.
    pub teams: u16,
}

/// Whom a rule speaks of as one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Group {
    All,
    /// Each team that has players: of a match that is played one may be empty, and nothing is asked of it.
    Teams,
    /// One team, if it has players.
    Team(u16),
    /// One team, also if nobody is in it.
    TeamOrNobody(u16),
}

/// A number of a group; of cells or columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    Low(usize),
    High(usize),
    Sum(usize),
    Mean(usize),
}

/// What a number is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Other {
    /// The limit that widens.
    Limit,
    Figure(Figure),
}

/// A rule that knows where to look.
#[derive(Debug, PartialEq)]
pub(crate) enum Question {
    /// The highest of one cell is not too far above the lowest of the other.
    Gap {
        low: usize,
        high: usize,
    },
    /// The figures of any two teams are near enough.
    TeamGap(Figure),
    /// A cell is the same for all of a group.
    Same {
        cell: usize,
        group: Group,
    },
    /// No two players of a group have the same in a column.
    Different {
        column: usize,
        group: Group,
    },
    /// A group shares texts enough.
    Shared {
        cell: usize,
        group: Group,
    },
    /// The sum of a cell is within limits.
    Count {
        cell: usize,
        group: Group,
    },
    /// It was asked of each ticket alone.
    Holds {
        cell: usize,
        group: Group,
    },
    /// A cell of each ticket compares with the limit.
    Tickets {
        cell: usize,
        by: Comparison,
        group: Group,
    },
    /// A number of each player does.
    Players {
        column: usize,
        by: Comparison,
        group: Group,
    },
    /// The figure of a group compares as it should.
    Figure {
        own: Figure,
        by: Comparison,
        with: Other,
        group: Group,
    },
    All(Vec<Question>),
    Any(Vec<Question>),
    Not(Box<Question>),
    /// A part, with its limits as they are written.
    Part {
        question: Box<Question>,
        max: f64,
        min: f64,
    },
}

fn team_group(per: Scope, team: Option<usize>) -> Group {
    let number = |team: usize| u16::try_from(team).unwrap_or(u16::MAX);
    match (per, team) {
        (Scope::Team, None) => Group::Teams,
        (Scope::Team, Some(team)) => Group::Team(number(team)),
        (_, Some(team)) => Group::TeamOrNobody(number(team)),
        (_, None) => Group::All,
    }
}

fn figure(columns: &mut Columns, read: &Reading, of: Aggregate) -> Figure {
    let read = read.clone();
    match of {
        Aggregate::Min => Figure::Low(columns.of_ticket(Column::Low(read))),
        Aggregate::Max => Figure::High(columns.of_ticket(Column::High(read))),
        Aggregate::Sum => Figure::Sum(columns.of_player(PlayerColumn::Number(read))),
        Aggregate::Mean => Figure::Mean(columns.of_player(PlayerColumn::Number(read))),
    }
}

impl Question {
    /// Notes in `columns` what has to be read.
    pub fn new(columns: &mut Columns, kind: &RuleKind) -> Question {
        let part = |columns: &mut Columns, kind: &RuleKind| {
            let (max, min) = base(kind);
            Question::Part {
                question: Box::new(Question::new(columns, kind)),
                max,
                min,
            }
        };
        match kind {
            RuleKind::Distance {
                read,
                per: Scope::Player,
                ..
            } => Question::Gap {
                low: columns.of_ticket(Column::Low(read.clone())),
                high: columns.of_ticket(Column::High(read.clone())),
            },
            RuleKind::Distance { read, of, .. } => {
                let cell = columns.of_ticket(Column::Figure(read.clone(), *of));
                Question::Gap {
                    low: cell,
                    high: cell,
                }
            }
            RuleKind::Balance { read, of, .. } => Question::TeamGap(figure(columns, read, *of)),
            RuleKind::Equal { read, per } => Question::Same {
                cell: columns.of_ticket(Column::Same(read.clone())),
                group: team_group(*per, None),
            },
            RuleKind::Different { read, per } => Question::Different {
                column: columns.of_player(PlayerColumn::Value(read.clone())),
                group: team_group(*per, None),
            },
            RuleKind::Intersect { attribute, per, .. } => Question::Shared {
                cell: columns.of_ticket(Column::Shared(attribute.clone())),
                group: team_group(*per, None),
            },
            RuleKind::Contains {
                attribute,
                values,
                per,
                team,
                ..
            } => Question::Count {
                cell: columns.of_ticket(Column::Count(attribute.clone(), values.clone())),
                group: team_group(*per, *team),
            },
            RuleKind::Compare { .. } => Question::compare(columns, kind),
            RuleKind::All(parts) => {
                Question::All(parts.iter().map(|kind| part(columns, kind)).collect())
            }
            RuleKind::Any(parts) => {
                Question::Any(parts.iter().map(|kind| part(columns, kind)).collect())
            }
            RuleKind::Not(inner) => Question::Not(Box::new(part(columns, inner))),
        }
    }

    fn compare(columns: &mut Columns, kind: &RuleKind) -> Question {
        let RuleKind::Compare {
            read,
            per,
            of,
            team,
            by,
            with,
        } = kind
        else {
            return Question::All(Vec::new());
        };
        let (by, group) = (*by, team_group(*per, *team));
        let asks_low = matches!(by, Comparison::AtLeast | Comparison::Greater);
        let asks_high = matches!(by, Comparison::AtMost | Comparison::Less);
        let own = read.clone();
        let (column, cell) = match (per, with) {
            (_, Operand::Text(text)) => (Column::Is(own, by, text.clone()), Cell::Holds),
            (Scope::Player, Operand::Reading(other)) => {
                (Column::Players(own, by, other.clone()), Cell::Holds)
            }
            (Scope::Party, Operand::Reading(other)) => {
                (Column::Party(own, by, other.clone(), *of), Cell::Holds)
            }
            (Scope::Player, Operand::Number(_)) if asks_low => (Column::Low(own), Cell::Number),
            (Scope::Player, Operand::Number(_)) if asks_high => (Column::High(own), Cell::Number),
            (Scope::Player, Operand::Number(_)) => {
                let column = columns.of_player(PlayerColumn::Number(own));
                return Question::Players { column, by, group };
            }
            (Scope::Party, Operand::Number(_)) => (Column::Figure(own, *of), Cell::Number),
            (Scope::Team | Scope::Match, with) => {
                return Question::Figure {
                    own: figure(columns, read, *of),
                    by,
                    with: match with {
                        Operand::Reading(other) => Other::Figure(figure(columns, other, *of)),
                        _ => Other::Limit,
                    },
                    group,
                };
            }
        };
        let number = columns.of_ticket(column);
        match cell {
            Cell::Holds => Question::Holds {
                cell: number,
                group,
            },
            Cell::Number => Question::Tickets {
                cell: number,
                by,
                group,
            },
        }
    }
}

/// The limit that a comparison reads: what widens is the one on its open side.
pub(crate) fn widening(by: Comparison, max: f64, min: f64) -> f64 {
    match by {
        Comparison::Less | Comparison::AtMost => max,
        _ => min,
    }
}

/// What a column of a comparison holds.
enum Cell {
    /// Whether it is so.
    Holds,
    /// The number to compare.
    Number,
}

/// Those of a group.
#[derive(Clone, Copy)]
struct Members<'a> {
    seated: Seated<'a>,
    /// `None`: all.
    team: Option<u16>,
}

impl<'a> Members<'a> {
    fn entries(self) -> impl Iterator<Item = &'a Entry> + Clone {
        let all = self.seated.entries.iter().enumerate();
        let own = all.filter(move |(n, _)| {
            let own = self.seated.team_of.get(*n).copied();
            self.team.is_none_or(|team| own == Some(team))
        });
        own.map(|(_, entry)| *entry)
    }

    fn facts(self) -> impl Iterator<Item = &'a Facts> + Clone {
        self.entries().map(|entry| &entry.facts)
    }

    fn numbers(self, cell: usize) -> impl Iterator<Item = f64> {
        self.facts().map(move |facts| facts.number(cell))
    }

    /// Each player's cells of a column.
    fn cells(self, column: usize) -> impl Iterator<Item = (&'a Facts, usize)> {
        self.entries().flat_map(move |entry| {
            let players = usize::from(entry.players);
            let cell = move |player| self.seated.columns.cells(column, player, players);
            (0..players).map(move |player| (&entry.facts, cell(player)))
        })
    }

    /// The sum of nobody is zero; the other figures of nobody compare with nothing.
    fn figure(self, figure: Figure) -> f64 {
        let is_sum = matches!(figure, Figure::Sum(_));
        if !is_sum && self.entries().next().is_none() {
            return f64::NAN;
        }
        match figure {
            Figure::Low(cell) => self.numbers(cell).fold(f64::INFINITY, f64::min),
            Figure::High(cell) => self.numbers(cell).fold(f64::NEG_INFINITY, f64::max),
            Figure::Sum(column) => self.sum(column).0,
            Figure::Mean(column) => {
                let (sum, n) = self.sum(column);
                sum / n as f64
            }
        }
    }

    /// Between what the figures of any of them are; `None`: no such bounds are known.
    fn span(self, figure: Figure) -> Option<(f64, f64)> {
        let span = |numbers: &mut dyn Iterator<Item = f64>| {
            let none = (f64::INFINITY, f64::NEG_INFINITY);
            numbers.fold(none, |(low, high), x| (low.min(x), high.max(x)))
        };
        match figure {
            Figure::Low(cell) | Figure::High(cell) => Some(span(&mut self.numbers(cell))),
            Figure::Mean(column) => {
                let cells = self.cells(column);
                Some(span(&mut cells.map(|(facts, cell)| facts.number(cell))))
            }
            Figure::Sum(_) => None,
        }
    }

    /// The sum of all players' numbers and how many there are. From the lowest up, so that it does not depend on the
    /// order of tickets.
    fn sum(self, column: usize) -> (f64, usize) {
        let mut inline = [0.0; INLINE];
        let mut boxed = Vec::new();
        let mut n = 0;
        for (facts, cell) in self.cells(column) {
            let x = facts.number(cell);
            match inline.get_mut(n) {
                Some(place) if boxed.is_empty() => *place = x,
                _ => {
                    if boxed.is_empty() {
                        boxed.extend(inline);
                    }
                    boxed.push(x);
                }
            }
            n += 1;
        }
        let all = match boxed.is_empty() {
            true => inline.get_mut(..n).unwrap_or_default(),
            false => &mut boxed,
        };
        all.sort_unstable_by(f64::total_cmp);
        (all.iter().sum(), n)
    }

    fn are_same(self, cell: usize) -> bool {
        let mut all = self.facts();
        let Some(first) = all.next() else {
            return true;
        };
        first.is_one(cell) && all.all(|other| first.is_same(cell, other, cell))
    }

    fn are_different(self, column: usize) -> bool {
        let mut all: Vec<(&Facts, usize)> = self.cells(column).collect();
        let value = |&(facts, cell): &(&Facts, usize)| facts.value(cell);
        all.sort_unstable_by_key(value);
        // Different ones may look alike.
        all.chunk_by(|a, b| value(a) == value(b)).all(|alike| {
            let pairs = alike.iter().enumerate();
            pairs.into_iter().all(|(n, (a, at))| {
                let mut others = alike.iter().skip(n + 1);
                others.all(|(b, other)| !a.is_same(*at, b, *other))
            })
        })
    }

    fn share(self, cell: usize, min: f64) -> bool {
        let mut all = self.facts();
        let Some(first) = all.next() else {
            return true;
        };
        let mut common = Common::of(first, cell);
        all.for_each(|facts| common.meet(facts, cell));
        common.len() as f64 >= min
    }
}

impl<'a> Seated<'a> {
    fn all_groups(self, group: Group, keeps: impl Fn(Members<'a>) -> bool) -> bool {
        let members = |team| Members { seated: self, team };
        let is_kept = |team: u16| {
            let members = members(Some(team));
            members.entries().next().is_none() || keeps(members)
        };
        match group {
            Group::All => keeps(members(None)),
            Group::Teams => (0..self.teams).all(is_kept),
            Group::Team(team) => is_kept(team),
            Group::TeamOrNobody(team) => keeps(members(Some(team))),
        }
    }

    fn team_gap(self, figure: Figure) -> f64 {
        let teams = (0..self.teams).map(|team| Members {
            seated: self,
            team: Some(team),
        });
        let teams = teams.filter(|members| members.entries().next().is_some());
        let figures = teams.map(|members| members.figure(figure));
        let (low, high) = figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        high - low
    }

    fn cell_gap(self, low: usize, high: usize) -> f64 {
        let all = Members {
            seated: self,
            team: None,
        };
        let high = all.numbers(high).fold(f64::NEG_INFINITY, f64::max);
        high - all.numbers(low).fold(f64::INFINITY, f64::min)
    }

    /// How far apart the tickets are, if that is the question.
    pub fn gap(self, question: &Question) -> Option<f64> {
        match question {
            Question::Gap { low, high } => Some(self.cell_gap(*low, *high)),
            _ => None,
        }
    }

    /// Whether the tickets break a rule within these limits whoever joins them, whose teams may yet be any: each
    /// stands for itself here.
    pub fn breaks(self, question: &Question, max: f64, min: f64) -> bool {
        let part = |question: &Question| self.breaks(question, max, min);
        match question {
            Question::Count {
                group: Group::All | Group::Teams,
                ..
            } => !self.keeps(question, max, f64::NEG_INFINITY),
            Question::Gap { .. }
            | Question::Same { .. }
            | Question::Different { .. }
            | Question::Shared { .. } => !self.keeps(question, max, min),
            Question::Holds {
                group: Group::All | Group::Teams,
                ..
            }
            | Question::Tickets {
                group: Group::All | Group::Teams,
                ..
            }
            | Question::Players {
                group: Group::All | Group::Teams,
                ..
            } => !self.keeps(question, max, min),
            Question::All(parts) => parts.iter().any(part),
            Question::Any(parts) => parts.iter().all(part),
            Question::Part { question, max, min } => self.breaks(question, *max, *min),
            _ => false,
        }
    }

    /// Whether every match of the first of the tickets with some of the others keeps a rule within these limits, whatever
    /// their teams are: only where that is seen at once, so that `false` says nothing.
    pub fn surely_keeps(self, question: &Question, max: f64, min: f64) -> bool {
        let all = Members {
            seated: self,
            team: None,
        };
        match question {
            // What holds for all of them holds for some.
            Question::Gap { .. } => self.keeps(question, max, min),
            Question::Same { cell, .. } => all.are_same(*cell),
            Question::Different { column, .. } => all.are_different(*column),
            Question::Shared { cell, .. } => all.share(*cell, min),
            Question::Holds { cell, .. } => all.numbers(*cell).all(|holds| holds > 0.0),
            Question::Tickets { cell, by, .. } => {
                let limit = widening(*by, max, min);
                all.numbers(*cell).all(|x| by.holds(x, limit))
            }
            Question::Players { column, by, .. } => {
                let limit = widening(*by, max, min);
                let mut cells = all.cells(*column);
                cells.all(|(facts, cell)| by.holds(facts.number(cell), limit))
            }
            Question::Count { cell, group } => {
                let own = match (group, self.entries.first()) {
                    (Group::All, Some(own)) => own.facts.number(*cell),
                    _ => 0.0,
                };
                min <= own && all.numbers(*cell).sum::<f64>() <= max
            }
            Question::TeamGap(figure) => {
                let span = all.span(*figure);
                span.is_some_and(|(low, high)| high - low <= max)
            }
            Question::Figure { own, by, with, .. } => {
                let limit = widening(*by, max, min);
                let is_open = !matches!(by, Comparison::Equal | Comparison::Unequal);
                let span = all.span(*own).filter(|_| is_open && *with == Other::Limit);
                span.is_some_and(|(low, high)| by.holds(low, limit) && by.holds(high, limit))
            }
            Question::All(parts) => parts.iter().all(|part| self.surely_keeps(part, max, min)),
            Question::Any(parts) => parts.iter().any(|part| self.surely_keeps(part, max, min)),
            Question::Not(_) => false,
            Question::Part { question, max, min } => self.surely_keeps(question, *max, *min),
        }
    }

    /// Whether the tickets keep a rule within these limits.
    pub fn keeps(self, question: &Question, max: f64, min: f64) -> bool {
        let part = |question: &Question| self.keeps(question, max, min);
        let limit = |by: Comparison| widening(by, max, min);
        match question {
            Question::Gap { low, high } => self.cell_gap(*low, *high) <= max,
            Question::TeamGap(figure) => self.team_gap(*figure) <= max,
            Question::Same { cell, group } => self.all_groups(*group, |all| all.are_same(*cell)),
            Question::Different { column, group } => {
                self.all_groups(*group, |all| all.are_different(*column))
            }
            Question::Shared { cell, group } => {
                self.all_groups(*group, |all| all.share(*cell, min))
            }
            Question::Count { cell, group } => self.all_groups(*group, |all| {
                let n: f64 = all.numbers(*cell).sum();
                min <= n && n <= max
            }),
            Question::Holds { cell, group } => {
                self.all_groups(*group, |all| all.numbers(*cell).all(|holds| holds > 0.0))
            }
            Question::Tickets { cell, by, group } => self.all_groups(*group, |all| {
                all.numbers(*cell).all(|x| by.holds(x, limit(*by)))
            }),
            Question::Players { column, by, group } => self.all_groups(*group, |all| {
                let mut all = all.cells(*column);
                all.all(|(facts, cell)| by.holds(facts.number(cell), limit(*by)))
            }),
            Question::Figure {
                own,
                by,
                with,
                group,
            } => self.all_groups(*group, |all| {
                let with = match with {
                    Other::Limit => limit(*by),
                    Other::Figure(other) => all.figure(*other),
                };
                by.holds(all.figure(*own), with)
            }),
            Question::All(parts) => parts.iter().all(part),
            Question::Any(parts) => parts.iter().any(part),
            Question::Not(inner) => !part(inner),
            Question::Part { question, max, min } => self.keeps(question, *max, *min),
        }
    }
}

#[cfg(test)]
mod tests;
