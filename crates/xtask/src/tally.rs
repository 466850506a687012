//! Counting tests in the output of a test executable.

/// A test that did not run, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip {
    /// The test.
    pub(crate) test: String,
    /// What kept it from running.
    pub(crate) reason: String,
}

/// What came of the tests of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many passed.
    pub(crate) passed: u64,
    /// How many failed.
    pub(crate) failed: u64,
    /// Those that did not run.
    pub(crate) skipped: Vec<Skip>,
    /// What to read first where something failed: names of tests, or how the command ended.
    pub(crate) failures: Vec<String>,
}

impl Tally {
    /// A command that is one test and passed.
    pub(crate) fn pass() -> Self {
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    /// Something failed that is no test of libtest's.
    pub(crate) fn fail(why: impl Into<String>) -> Self {
        Self {
            failed: 1,
            failures: vec![why.into()],
            ..Self::default()
        }
    }

    /// Something that did not run.
    pub(crate) fn skip(test: &str, reason: impl Into<String>) -> Self {
        let skip = Skip {
            test: test.to_owned(),
            reason: reason.into(),
        };
        Self {
            skipped: vec![skip],
            ..Self::default()
        }
    }

    /// Adds one more failure.
    pub(crate) fn add_failure(&mut self, why: String) {
        self.failed += 1;
        self.failures.push(why);
    }
}

/// Counts libtest's result lines and the lines `SKIPPED <test>: <reason>` in a log.
///
/// libtest counts a test that printed such a line as passed; here it is skipped. Ignored tests are skipped too.
/// `None` if the log has no result line: the executable has a harness of its own, or died.
pub(crate) fn libtest(log: &str) -> Option<Tally> {
    let mut tally = Tally::default();
    let mut results = 0;
    for line in log.lines() {
        if let Some(result) = line.strip_prefix("test result: ") {
            results += 1;
            tally.passed += count(result, "passed");
            tally.failed += count(result, "failed");
        } else if let Some((test, ending)) = test_line(line) {
            if ending == "FAILED" {
                tally.failures.push(test.to_owned());
            } else if let Some(reason) = ending.strip_prefix("ignored") {
                let reason = match reason.trim_start_matches(", ") {
                    "" => "ignored",
                    reason => reason,
                };
                tally.skipped.push(Skip {
                    test: test.to_owned(),
                    reason: reason.to_owned(),
                });
            }
        }
    }
    let declared = skips(log);
    tally.passed = tally.passed.saturating_sub(declared.len() as u64);
    tally.skipped.extend(declared);
    (results > 0).then_some(tally)
}

/// The lines `SKIPPED <test>: <reason>`, each test once.
pub(crate) fn skips(log: &str) -> Vec<Skip> {
    let mut skips: Vec<Skip> = Vec::new();
    for line in log.lines() {
        let Some((test, reason)) = line
            .strip_prefix("SKIPPED ")
            .and_then(|rest| rest.split_once(": "))
        else {
            continue;
        };
        if !skips.iter().any(|skip| skip.test == test) {
            skips.push(Skip {
                test: test.to_owned(),
                reason: reason.to_owned(),
            });
        }
    }
    skips
}

/// The tests that libtest called slow and that have no ending: what to look at when an executable was ended.
pub(crate) fn unfinished(log: &str) -> Vec<&str> {
    let ended = |test: &str| {
        log.lines()
            .filter_map(test_line)
            .any(|(name, _)| name == test)
    };
    log.lines()
        .filter_map(|line| {
            line.strip_prefix("test ")?
                .split_once(" has been running for over ")
        })
        .map(|(test, _)| test)
        .filter(|test| !ended(test))
        .collect()
}

/// `test NAME ... ENDING`, as libtest prints it.
pub(crate) fn test_line(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("test ")?.rsplit_once(" ... ")
}

fn count(result: &str, what: &str) -> u64 {
    result
        .split(['.', ';'])
        .filter_map(|part| part.trim().split_once(' '))
        .find_map(|(number, name)| (name == what).then(|| number.parse().ok()).flatten())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    //! Counting, on output as libtest prints it.

    use super::*;

    const LOG: &str = "
running 5 tests
test a::fine ... ok
test a::bad ... FAILED
test a::old ... ignored, needs a moon
test a::lazy ... ok
test a::lazier ... ok

successes:

---- a::lazy stdout ----
SKIPPED a::lazy: MUSTER_TEST_POSTGRES is not set
SKIPPED a::lazy: MUSTER_TEST_POSTGRES is not set

test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn a_test_that_says_skipped_is_not_counted_as_passed() {
        let tally = libtest(LOG).expect("the log has a result line");
        assert_eq!((tally.passed, tally.failed), (2, 1));
        assert_eq!(tally.failures, ["a::bad"]);
        let names: Vec<_> = tally
            .skipped
            .iter()
            .map(|skip| skip.test.as_str())
            .collect();
        assert_eq!(names, ["a::old", "a::lazy"]);
        assert_eq!(tally.skipped[0].reason, "needs a moon");
        assert_eq!(tally.skipped[1].reason, "MUSTER_TEST_POSTGRES is not set");
    }

    #[test]
    fn several_results_in_one_log_add_up() {
        let log =
            "test result: ok. 2 passed; 0 failed; 0 ignored;\ntest result: ok. 5 passed; 0 failed;";
        assert_eq!(libtest(log).map(|tally| tally.passed), Some(7));
    }

    #[test]
    fn a_slow_test_without_an_ending_is_named() {
        let log = "test a has been running for over 60 seconds
test b has been running for over 60 seconds
test b ... ok
";
        assert_eq!(unfinished(log), ["a"]);
    }

    #[test]
    fn a_log_without_a_result_is_no_result() {
        assert_eq!(libtest("running 3 tests\ntest a ... ok\n"), None);
    }
}
