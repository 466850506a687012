//! What the rules that are asked at last need to know of a ticket, read once when it comes: a few numbers in a row.
//!
//! The first texts that a queue's tickets bring of an attribute are numbered, so that lists of them are bits of one
//! number. All others are kept as they are, and known by a hash first.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use model::Name;
use model::queue::{Aggregate, AttributeType, Comparison, Queue, Reading};
use model::ticket::{TicketPlayer, Value};

use crate::entry::{common_texts, number, text, texts, value};
use crate::finals::{has_any, summed};

/// So many texts of an attribute are numbered; the bit after theirs stands for all others.
const NUMBERED_MAX: usize = 63;
/// The bit of whatever has no number.
const RARE: u64 = 1 << 63;
/// What stands for players who do not have the same: equal to nothing. No finite number has these bits, and no hash.
const MIXED: u64 = u64::MAX;

/// What is kept of each ticket.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// One cell of each ticket, in this order.
    of_ticket: Vec<Column>,
    /// After them cells of each player, column by column.
    of_player: Vec<PlayerColumn>,
    /// Cells of a player in the columns before each of `of_player`.
    before: Vec<usize>,
    /// Attributes whose texts are numbered.
    numbered: Vec<Name>,
}

/// One cell of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    /// The lowest number of a player.
    Low(Reading),
    /// The highest.
    High(Reading),
    /// The party's number.
    Figure(Reading, Aggregate),
    /// Players who have one of some texts.
    Count(Name, Vec<String>),
    /// Whether a text of each player is this one, or of each another.
    Is(Reading, Comparison, String),
    /// Whether two numbers of each player compare like this.
    Players(Reading, Comparison, Reading),
    /// Whether two numbers of the party do.
    Party(Reading, Comparison, Reading, Aggregate),
    /// What all players have.
    Same(Reading),
    /// The texts that all players have.
    Shared(Name),
}

/// Cells of each player.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PlayerColumn {
    /// A number.
    Number(Reading),
    /// A text or number of which only equality counts.
    Value(Reading),
    /// Which of these roles the player would take, as bits.
    Roles(Name, Vec<Name>),
}

impl PlayerColumn {
    fn width(&self) -> usize {
        match self {
            PlayerColumn::Number(_) | PlayerColumn::Value(_) => 1,
            PlayerColumn::Roles(_, roles) => roles.len().div_ceil(64),
        }
    }

    fn attribute(&self) -> Option<&Name> {
        match self {
            PlayerColumn::Value(read) => Some(&read.attribute),
            PlayerColumn::Number(_) | PlayerColumn::Roles(..) => None,
        }
    }
}

impl Columns {
    /// The place of the cell that holds this.
    pub fn of_ticket(&mut self, column: Column) -> usize {
        if let Some(known) = self.of_ticket.iter().position(|other| *other == column) {
            return known;
        }
        match &column {
            Column::Same(read) => self.number(&read.attribute),
            Column::Shared(attribute) => self.number(attribute),
            _ => {}
        }
        self.of_ticket.push(column);
        self.of_ticket.len() - 1
    }

    /// The number of the column that holds this.
    pub fn of_player(&mut self, column: PlayerColumn) -> usize {
        if let Some(known) = self.of_player.iter().position(|other| *other == column) {
            return known;
        }
        if let Some(attribute) = column.attribute().cloned() {
            self.number(&attribute);
        }
        let ends = self.before.last().zip(self.of_player.last());
        self.before
            .push(ends.map_or(0, |(before, last)| before + last.width()));
        self.of_player.push(column);
        self.of_player.len() - 1
    }

    fn number(&mut self, attribute: &Name) {
        if !self.numbered.contains(attribute) {
            self.numbered.push(attribute.clone());
        }
    }

    /// Where the cells of a player in a column begin, of a ticket of so many players.
    pub fn cells(&self, column: usize, player: usize, players: usize) -> usize {
        let before = self.before.get(column).copied().unwrap_or(0);
        let width = self.of_player.get(column).map_or(1, PlayerColumn::width);
        self.of_ticket.len() + players * before + player * width
    }

    /// The cells of every ticket of so many players.
    fn len(&self, players: usize) -> usize {
        let widths = self.of_player.iter().map(PlayerColumn::width);
        self.of_ticket.len() + players * widths.sum::<usize>()
    }
}

/// The texts of a queue that have numbers, by attribute. A text that has one keeps it; a text that came when all were
/// given away never gets one.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    numbers: BTreeMap<Name, BTreeMap<Box<str>, u8>>,
}

impl Lexicon {
    fn of(&mut self, attribute: &Name) -> &mut BTreeMap<Box<str>, u8> {
        if !self.numbers.contains_key(attribute) {
            self.numbers.insert(attribute.clone(), BTreeMap::new());
        }
        match self.numbers.get_mut(attribute) {
            Some(numbers) => numbers,
            None => unreachable!("it was put there"),
        }
    }
}

/// The number of a text, a new one if there is any left.
fn number_of(numbers: &mut BTreeMap<Box<str>, u8>, text: &str) -> Option<u8> {
    if let Some(&known) = numbers.get(text) {
        return Some(known);
    }
    if numbers.len() >= NUMBERED_MAX {
        return None;
    }
    let new = numbers.len() as u8;
    numbers.insert(text.into(), new);
    Some(new)
}

/// A text without a number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rare {
    cell: usize,
    text: Arc<str>,
}

/// What is kept of one ticket; what its cells mean its queue's [`Columns`] say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    cells: Box<[u64]>,
    /// Ordered by cell.
    #[expect(clippy::box_collection, reason = "hardly any ticket has some")]
    rare: Option<Box<Vec<Rare>>>,
}

impl Facts {
    /// Those of a party.
    pub fn read(
        columns: &Columns,
        queue: &Queue,
        lexicon: &mut Lexicon,
        players: &[TicketPlayer],
    ) -> Facts {
        let cells = columns.len(players.len());
        if cells == 0 {
            return Facts::default();
        }
        let mut reader = Reader {
            queue,
            lexicon,
            players,
            cells: Vec::with_capacity(cells),
            rare: Vec::new(),
        };
        for column in &columns.of_ticket {
            let cell = reader.of_ticket(column);
            reader.cells.push(cell);
        }
        for column in &columns.of_player {
            for player in players {
                reader.of_player(column, player);
            }
        }
        Facts {
            cells: reader.cells.into(),
            rare: (!reader.rare.is_empty()).then(|| Box::new(reader.rare)),
        }
    }

    fn cell(&self, at: usize) -> u64 {
        self.cells.get(at).copied().unwrap_or(0)
    }

    /// A number.
    pub fn number(&self, at: usize) -> f64 {
        f64::from_bits(self.cell(at))
    }

    /// Some bits.
    pub fn bits(&self, from: usize, cells: usize) -> &[u64] {
        self.cells.get(from..from + cells).unwrap_or_default()
    }

    /// What two values need to have in common to be the same, and in most cases that says all.
    pub fn value(&self, at: usize) -> u64 {
        self.cell(at)
    }

    /// Whether a value is one that all players have.
    pub fn is_one(&self, at: usize) -> bool {
        self.cell(at) != MIXED
    }

    /// Whether the value of one cell is that of another ticket's.
    pub fn is_same(&self, at: usize, other: &Facts, other_at: usize) -> bool {
        let (a, b) = (self.cell(at), other.cell(other_at));
        // Of a number the bit is its sign, and nothing is rare.
        a == b && a != MIXED && (a & RARE == 0 || self.rare(at).eq(other.rare(other_at)))
    }

    /// The texts of a cell that have no numbers.
    fn rare(&self, at: usize) -> impl Iterator<Item = &Arc<str>> {
        let all = self.rare.iter().flat_map(|all| all.iter());
        all.filter(move |rare| rare.cell == at)
            .map(|rare| &rare.text)
    }
}

/// Texts that several tickets share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Common {
    bits: u64,
    rare: Vec<Arc<str>>,
}

impl Common {
    /// Those of a ticket.
    pub fn of(facts: &Facts, at: usize) -> Common {
        let bits = facts.cell(at);
        Common {
            bits,
            rare: match bits & RARE {
                0 => Vec::new(),
                _ => facts.rare(at).cloned().collect(),
            },
        }
    }

    /// Those that this ticket has too.
    pub fn meet(&mut self, facts: &Facts, at: usize) {
        self.bits &= facts.cell(at);
        if !self.rare.is_empty() {
            let has = |text: &Arc<str>| facts.rare(at).any(|other| other == text);
            self.rare.retain(has);
        }
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        (self.bits & !RARE).count_ones() as usize + self.rare.len()
    }

    /// How many would be left, were they met with those of a ticket.
    pub fn len_with(&self, facts: &Facts, at: usize) -> usize {
        let both = self.bits & facts.cell(at);
        let numbered = (both & !RARE).count_ones() as usize;
        if both & RARE == 0 {
            return numbered;
        }
        let has = |text: &&Arc<str>| facts.rare(at).any(|other| other == *text);
        numbered + self.rare.iter().filter(has).count()
    }
}

/// How many texts two tickets share.
pub(crate) fn shared_by_two(a: &Facts, b: &Facts, at: usize) -> usize {
    let both = a.cell(at) & b.cell(at);
    let numbered = (both & !RARE).count_ones() as usize;
    match both & RARE {
        0 => numbered,
        _ => Common::of(a, at).len_with(b, at),
    }
}

/// Reads a party.
struct Reader<'a> {
    queue: &'a Queue,
    lexicon: &'a mut Lexicon,
    players: &'a [TicketPlayer],
    cells: Vec<u64>,
    rare: Vec<Rare>,
}

impl Reader<'_> {
    fn numbers<'a>(&'a self, read: &'a Reading) -> impl Iterator<Item = f64> + 'a {
        let players = self.players.iter();
        players.map(|player| number(self.queue, player, read))
    }

    fn of_ticket(&mut self, column: &Column) -> u64 {
        let figure = |of, read| summed(of, self.numbers(read));
        let whether = |holds: bool| f64::from(u8::from(holds)).to_bits();
        match column {
            Column::Low(read) => figure(Aggregate::Min, read).to_bits(),
            Column::High(read) => figure(Aggregate::Max, read).to_bits(),
            Column::Figure(read, of) => figure(*of, read).to_bits(),
            Column::Count(attribute, values) => {
                let has = |player: &&TicketPlayer| has_any(self.queue, player, attribute, values);
                (self.players.iter().filter(has).count() as f64).to_bits()
            }
            Column::Is(read, by, wanted) => whether(self.players.iter().all(|player| {
                let own = value(self.queue, player, &read.attribute);
                let is = matches!(own, Some(Value::String(own)) if own == wanted);
                is == (*by == Comparison::Equal)
            })),
            Column::Players(read, by, other) => {
                let mut pairs = self.numbers(read).zip(self.numbers(other));
                whether(pairs.all(|(a, b)| by.holds(a, b)))
            }
            Column::Party(read, by, other, of) => {
                whether(by.holds(figure(*of, read), figure(*of, other)))
            }
            Column::Same(read) => self.same(read),
            Column::Shared(attribute) => self.shared(attribute),
        }
    }

    fn of_player(&mut self, column: &PlayerColumn, player: &TicketPlayer) {
        match column {
            PlayerColumn::Number(read) => {
                let x = number(self.queue, player, read);
                self.cells.push(x.to_bits());
            }
            PlayerColumn::Value(read) => {
                let value = self.value(read, player);
                self.cells.push(value);
            }
            PlayerColumn::Roles(attribute, roles) => {
                let own = texts(self.queue, player, attribute);
                self.cells.extend(crate::roles::bits(own, roles));
            }
        }
    }

    /// What all players have, or [`MIXED`].
    fn same(&mut self, read: &Reading) -> u64 {
        let Some((first, others)) = self.players.split_first() else {
            return MIXED;
        };
        if !others.is_empty() {
            let own = text(self.queue, first, read);
            if others.iter().any(|p| text(self.queue, p, read) != own) {
                return MIXED;
            }
        }
        self.value(read, first)
    }

    /// A value of which only equality counts, for the cell that comes next.
    fn value(&mut self, read: &Reading, player: &TicketPlayer) -> u64 {
        let declared = self.queue.attributes.get(&read.attribute);
        let kind = declared.map(|attribute| attribute.kind);
        if let Some(AttributeType::Number | AttributeType::Numbers) = kind {
            // Zero has two signs.
            return (number(self.queue, player, read) + 0.0).to_bits();
        }
        let text = text(self.queue, player, read);
        match number_of(self.lexicon.of(&read.attribute), &text) {
            Some(number) => u64::from(number),
            None => {
                self.keep_rare(&text);
                // Always the same keys: the same input gives the same output.
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                RARE | (hasher.finish() >> 2)
            }
        }
    }

    fn keep_rare(&mut self, text: &str) {
        self.rare.push(Rare {
            cell: self.cells.len(),
            text: text.into(),
        });
    }

    /// The texts that all players have, for the cell that comes next.
    fn shared(&mut self, attribute: &Name) -> u64 {
        let mut common = !RARE;
        let mut is_rare = true;
        let numbers = self.lexicon.of(attribute);
        for player in self.players {
            let mut bits = 0;
            for text in texts(self.queue, player, attribute) {
                bits |= number_of(numbers, text).map_or(RARE, |number| 1 << number);
            }
            is_rare &= bits & RARE != 0;
            common &= bits;
        }
        if !is_rare {
            return common;
        }
        let all = common_texts(self.queue, self.players, attribute).unwrap_or_default();
        let numbers = self.lexicon.of(attribute);
        let rare = all.into_iter().filter(|text| !numbers.contains_key(*text));
        for text in rare.collect::<Vec<&str>>() {
            common |= RARE;
            self.keep_rare(text);
        }
        common
    }
}
