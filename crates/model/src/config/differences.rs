//! Numbers of which some are at most others plus a constant: whether there are such, and between which limits.
//!
//! A chain of such demands that leads back to its beginning and sums up to less than nothing is what nobody can meet.
//! What rounding could have made is not called impossible.

/// Relative to what was summed up: what rounding could have made, and what matches are forgiven for it.
const TOLERANCE: f64 = 1e-8;

/// A limit: at most so much, or less than that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    /// At most this.
    pub value: f64,
    /// Below zero: less than `value`, as so many demands of the chain say.
    strict: i32,
    /// The magnitudes that were summed up to it, by which rounding is judged.
    size: f64,
}

impl Limit {
    /// At most so much.
    pub fn at_most(value: f64) -> Limit {
        Limit {
            value,
            strict: 0,
            size: value.abs(),
        }
    }

    /// Less than so much.
    pub fn below(value: f64) -> Limit {
        Limit {
            strict: -1,
            ..Limit::at_most(value)
        }
    }

    /// At most so much, or more by what is tolerated where means are compared.
    pub fn about(value: f64) -> Limit {
        Limit {
            strict: 1 << 20,
            ..Limit::at_most(value)
        }
    }

    /// Whether `value` itself is out.
    pub fn is_strict(self) -> bool {
        self.strict < 0
    }

    /// The limit of two numbers together.
    pub fn plus(self, other: Limit) -> Limit {
        Limit {
            value: self.value + other.value,
            strict: self.strict + other.strict,
            size: self.size + other.size,
        }
    }

    /// The limit of so many times the number; `n` is above zero.
    pub fn times(self, n: f64) -> Limit {
        let value = self.value * n;
        self.scaled(value, self.size * n, self.value.mul_add(n, -value) == 0.0)
    }

    /// The limit of one of so many parts of the number; `n` is above zero.
    pub fn over(self, n: f64) -> Limit {
        let value = self.value / n;
        self.scaled(value, self.size / n, value.mul_add(n, -self.value) == 0.0)
    }

    /// What was rounded may be a number that was out before.
    fn scaled(self, value: f64, size: f64, is_exact: bool) -> Limit {
        Limit {
            value,
            strict: if is_exact {
                self.strict
            } else {
                self.strict.max(0)
            },
            size,
        }
    }

    /// Of two limits, of which either may hold, the one that is farther away.
    pub fn looser(self, other: Limit) -> Limit {
        if other.is_tighter(self) { self } else { other }
    }

    fn is_tighter(self, than: Limit) -> bool {
        let margin = 1e-12 * (self.value.abs() + than.value.abs());
        self.value < than.value - margin || self.value <= than.value && self.strict < than.strict
    }

    /// Whether a number would have to be less than itself.
    fn is_impossible(self) -> bool {
        self.value < -TOLERANCE * self.size || self.value == 0.0 && self.strict < 0
    }
}

/// One of the numbers.
pub(super) type Node = usize;

/// `to` is at most `from` plus `by`.
#[derive(Debug, Clone, Copy)]
struct Edge {
    from: Node,
    to: Node,
    by: Limit,
}

/// Numbers and what is demanded of them.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Each number is at most this.
    upper: Vec<Limit>,
    /// The negative of each number is at most this.
    lower: Vec<Limit>,
    edges: Vec<Edge>,
}

/// No numbers meet the demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Impossible;

impl Differences {
    /// Another number, at most so large either way.
    pub fn add(&mut self, magnitude: f64) -> Node {
        self.upper.push(Limit::at_most(magnitude));
        self.lower.push(Limit::at_most(magnitude));
        self.upper.len() - 1
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.upper.len()
    }

    /// `a` is at most `b` plus a limit.
    pub fn relate(&mut self, a: Node, b: Node, by: Limit) {
        if a != b || by.is_impossible() {
            self.edges.push(Edge { from: b, to: a, by });
        }
    }

    /// Two numbers are one.
    pub fn same(&mut self, a: Node, b: Node) {
        self.relate(a, b, Limit::at_most(0.0));
        self.relate(b, a, Limit::at_most(0.0));
    }

    /// The upper limit of a number.
    pub fn upper(&self, node: Node) -> Limit {
        self.upper[node]
    }

    /// The upper limit of its negative.
    pub fn lower(&self, node: Node) -> Limit {
        self.lower[node]
    }

    /// A number is at most this; whether that is news.
    pub fn cap(&mut self, node: Node, limit: Limit) -> bool {
        let is_news = limit.is_tighter(self.upper[node]);
        if is_news {
            self.upper[node] = limit;
        }
        is_news
    }

    /// The negative of a number is at most this; whether that is news.
    pub fn floor(&mut self, node: Node, limit: Limit) -> bool {
        let is_news = limit.is_tighter(self.lower[node]);
        if is_news {
            self.lower[node] = limit;
        }
        is_news
    }

    /// A number is not this one.
    pub fn exclude(&mut self, node: Node, value: f64) -> bool {
        let at_end = |limit: Limit, value: f64| !limit.is_strict() && limit.value == value;
        let high = at_end(self.upper[node], value) && self.cap(node, Limit::below(value));
        let low = at_end(self.lower[node], -value) && self.floor(node, Limit::below(-value));
        high || low
    }

    /// Whether what is demanded between numbers leads round to less than nothing, however large they are: beside
    /// large limits a small difference would be lost.
    ///
    /// # Errors
    /// [`Impossible`] if it does.
    pub fn go_round(&self) -> Result<(), Impossible> {
        let mut from_nothing = vec![Limit::at_most(0.0); self.len()];
        tighten(&mut from_nothing, &self.edges)
    }

    /// Tightens the limits of all numbers by each other's.
    ///
    /// # Errors
    /// [`Impossible`] if that leaves nothing.
    pub fn settle(&mut self) -> Result<(), Impossible> {
        let backwards = self.edges.iter().map(|edge| Edge {
            from: edge.to,
            to: edge.from,
            by: edge.by,
        });
        let backwards: Vec<Edge> = backwards.collect();
        tighten(&mut self.upper, &self.edges)?;
        tighten(&mut self.lower, &backwards)?;
        let mut pairs = self.upper.iter().zip(&self.lower);
        match pairs.any(|(upper, lower)| upper.plus(*lower).is_impossible()) {
            true => Err(Impossible),
            false => Ok(()),
        }
    }
}

/// Moves limits along the edges until none gets tighter (Bellman and Ford).
fn tighten(limits: &mut [Limit], edges: &[Edge]) -> Result<(), Impossible> {
    let mut through: Vec<Option<usize>> = vec![None; limits.len()];
    for round in 0..=limits.len() {
        let mut is_news = false;
        for (index, edge) in edges.iter().enumerate() {
            let limit = limits[edge.from].plus(edge.by);
            if limit.is_tighter(limits[edge.to]) {
                limits[edge.to] = limit;
                through[edge.to] = Some(index);
                is_news = true;
            }
        }
        if !is_news {
            return Ok(());
        }
        // Whoever was tightened by himself would be so for ever.
        if round > 2
            && let Some(total) = circle(&through, edges)
        {
            return match total.is_impossible() {
                true => Err(Impossible),
                // Rounding made it; the limits are as good as they get.
                false => Ok(()),
            };
        }
    }
    Ok(())
}

/// What a circle of edges sums up to, if those that tightened last have one.
fn circle(through: &[Option<usize>], edges: &[Edge]) -> Option<Limit> {
    let before = |node: Node| Some(&edges[through[node]?]);
    // Where each walk came by; those of earlier walks ended without a circle.
    let mut seen = vec![usize::MAX; through.len()];
    for start in 0..through.len() {
        let mut at = start;
        while seen[at] == usize::MAX {
            seen[at] = start;
            let Some(edge) = before(at) else { break };
            at = edge.from;
        }
        if seen[at] != start || before(at).is_none() {
            continue;
        }
        let mut total = Limit::at_most(0.0);
        let mut node = at;
        while let Some(edge) = before(node) {
            total = total.plus(edge.by);
            node = edge.from;
            if node == at {
                return Some(total);
            }
        }
    }
    None
}
