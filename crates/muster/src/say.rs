//! The program's own words: standard output for results, standard error for complaints, both without panics.

use std::fmt::Display;
use std::io::Write;

/// A line on standard output. A reader who has gone away is no error of ours.
pub fn line(text: &dyn Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line on standard error, with the program's name before it.
pub fn complain(text: &dyn Display) {
    let _ = writeln!(std::io::stderr().lock(), "muster: {text}");
}
