//! Plots as SVG that needs nothing but a browser: curves of percentiles, lines by hour, bars by kind.

use std::fmt::Write as _;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 34.0;
/// Lines across a plot, about.
const TICKS: f64 = 4.0;

/// What is drawn in one colour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// As the legend names it.
    pub(super) name: String,
    /// Which run it is of, which says the colour.
    pub(super) run: usize,
    /// A second figure of the same run, told apart by its dashes.
    pub(super) dashed: bool,
    pub(super) points: Vec<f64>,
}

impl Series {
    /// What the page's style knows it by.
    fn class(&self) -> String {
        let dashed = if self.dashed { " dashed" } else { "" };
        format!("run{}{dashed}", self.run)
    }
}

fn highest(series: &[Series]) -> f64 {
    let all = series.iter().flat_map(|one| &one.points);
    all.copied().fold(0.0, f64::max)
}

/// A text as HTML may hold it.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A plot with its caption and legend; nothing where there is nothing to draw.
fn figure(caption: &str, series: &[Series], body: &str) -> String {
    let mut legend = String::new();
    for one in series {
        let _ = write!(
            legend,
            "<span class=\"key {}\">{}</span> ",
            one.class(),
            escaped(&one.name)
        );
    }
    let caption = escaped(caption);
    format!(
        "<figure><figcaption>{caption}</figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{caption}\">{body}</svg>\
         <p class=\"legend\">{legend}</p></figure>\n"
    )
}

/// A round number of which a few reach up to `max`.
fn tick(max: f64) -> f64 {
    let rough = (max / TICKS).max(1e-9);
    let power = 10_f64.powi(rough.log10().floor() as i32);
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= rough);
    step.unwrap_or(10.0) * power
}

fn short(x: f64) -> String {
    match x {
        x if x >= 1_000_000.0 => format!("{}M", x / 1_000_000.0),
        x if x >= 10_000.0 => format!("{}k", x / 1_000.0),
        x => format!("{}", (x * 1_000.0).round() / 1_000.0),
    }
}

/// Horizontal lines with their numbers; the height of a value.
fn across(body: &mut String, max: f64, unit: &str) -> impl Fn(f64) -> f64 + use<> {
    let step = tick(max);
    let top = step * (max / step).ceil().max(1.0);
    let y = move |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    let mut at = 0.0;
    while at <= top * 1.000_001 {
        let _ = write!(
            body,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}{unit}</text>",
            WIDTH - RIGHT,
            LEFT - 5.0,
            y(at) + 4.0,
            short(at),
            y = y(at),
        );
        at += step;
    }
    y
}

fn label(body: &mut String, x: f64, text: &str) {
    let _ = write!(
        body,
        "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        HEIGHT - BOTTOM + 15.0,
        escaped(text)
    );
}

fn path(body: &mut String, one: &Series, points: impl Iterator<Item = (f64, f64)>) {
    let mut line = String::new();
    for (at, (x, y)) in points.enumerate() {
        let _ = write!(line, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
    }
    let class = one.class();
    let _ = write!(body, "<path class=\"{class}\" d=\"{line}\"/>");
}

/// Percentiles: how large a share (upwards) has at most so much (to the right, in powers of ten from `from` on).
pub(super) fn curve(caption: &str, unit: &str, from: f64, series: &[Series]) -> String {
    let max = highest(series);
    if max <= 0.0 {
        return String::new();
    }
    let (low, high) = (from.log10(), (max.max(from * 10.0)).log10());
    let inner = WIDTH - LEFT - RIGHT;
    let x = |value: f64| LEFT + (value.max(from).log10() - low) / (high - low) * inner;
    let mut body = String::new();
    let y = across(&mut body, 100.0, " %");
    let mut at = low.floor() as i32;
    while f64::from(at) <= high {
        for factor in [1.0, 3.0] {
            let value = factor * 10_f64.powi(at);
            if value >= from && value.log10() <= high {
                label(&mut body, x(value), &format!("{}{unit}", short(value)));
            }
        }
        at += 1;
    }
    for one in series {
        let last = one.points.len().max(2) as f64 - 1.0;
        let points = one.points.iter().enumerate();
        path(
            &mut body,
            one,
            points.map(|(at, &value)| (x(value), y(at as f64 / last * 100.0))),
        );
    }
    figure(caption, series, &body)
}

/// A line over labels, of which every third is written.
pub(super) fn lines(caption: &str, unit: &str, labels: &[String], series: &[Series]) -> String {
    let max = highest(series);
    if max <= 0.0 || labels.len() < 2 {
        return String::new();
    }
    let step = (WIDTH - LEFT - RIGHT) / (labels.len() - 1) as f64;
    let x = |at: usize| LEFT + at as f64 * step;
    let mut body = String::new();
    let y = across(&mut body, max, unit);
    for (at, text) in labels.iter().enumerate().step_by(labels.len().div_ceil(8)) {
        label(&mut body, x(at), text);
    }
    for one in series {
        let points = one.points.iter().enumerate();
        path(&mut body, one, points.map(|(at, &value)| (x(at), y(value))));
    }
    figure(caption, series, &body)
}

/// Bars beside each other, for each label one of each series.
pub(super) fn bars(caption: &str, unit: &str, labels: &[String], series: &[Series]) -> String {
    let max = highest(series);
    if max <= 0.0 || labels.is_empty() {
        return String::new();
    }
    let step = (WIDTH - LEFT - RIGHT) / labels.len() as f64;
    let width = (step * 0.8 / series.len() as f64).min(40.0);
    let mut body = String::new();
    let y = across(&mut body, max, unit);
    for (at, text) in labels.iter().enumerate() {
        let middle = LEFT + (at as f64 + 0.5) * step;
        if at.is_multiple_of(labels.len().div_ceil(10)) {
            label(&mut body, middle, text);
        }
        let left = middle - width * series.len() as f64 / 2.0;
        for (place, one) in series.iter().enumerate() {
            let value = one.points.get(at).copied().unwrap_or(0.0);
            let _ = write!(
                body,
                "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {}{unit}</title></rect>",
                one.class(),
                left + place as f64 * width,
                y(value),
                (width - 1.0).max(0.5),
                (y(0.0) - y(value)).max(0.0),
                escaped(&one.name),
                short(value)
            );
        }
    }
    figure(caption, series, &body)
}
