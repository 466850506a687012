//! The suites, as data, in the order in which they run.

use std::time::Duration;

use crate::debian::Need;

/// When a suite runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// In `cargo xtask test` and in `cargo xtask ci`.
    Test,
    /// In `cargo xtask ci` alone.
    Ci,
    /// In `cargo xtask soak` alone, which runs nothing else.
    Soak,
}

impl Scope {
    /// Whether a task of this scope runs this suite.
    pub(crate) fn runs(self, suite: &Suite) -> bool {
        match self {
            Self::Soak => suite.scope == Self::Soak,
            Self::Test | Self::Ci => suite.scope <= self,
        }
    }
}

/// How a suite is run, and what is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// One cargo command whose exit code is the verdict; it counts as one test.
    Cargo(&'static [&'static str]),
    /// As [`Work::Cargo`], once for each package of the workspace, whose name follows the arguments.
    CargoForEachPackage(&'static [&'static str]),
    /// One build of the workspace's test executables, then each of them alone, with a row of its own.
    Packages,
    /// One cargo command that prints libtest's results, which are counted.
    LibTest(&'static [&'static str]),
    /// `cargo deny check` with these checks.
    Deny(&'static [&'static str]),
    /// `cargo deny check` with these checks, which fetch a database first.
    DenyOnline(&'static [&'static str]),
}

/// One suite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suite {
    /// The name that `--only` takes; for [`Work::Packages`] the packages' names are taken as well.
    pub(crate) name: &'static str,
    /// What it proves, in a line of `--list`.
    pub(crate) about: &'static str,
    /// The tasks that run it.
    pub(crate) scope: Scope,
    /// What is run.
    pub(crate) work: Work,
    /// What has to be installed. A suite that lacks something is skipped, except [`Work::Packages`], whose tests say
    /// themselves which of them cannot run.
    pub(crate) needs: &'static [Need],
    /// The environment that this suite adds.
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// How long one command of it may take before it is ended and counted as failed.
    pub(crate) limit: Duration,
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

const DEFAULT: Suite = Suite {
    name: "",
    about: "",
    scope: Scope::Test,
    work: Work::Cargo(&[]),
    needs: &[],
    env: &[],
    limit: minutes(20),
};

/// Every suite. The limits leave room for two slow cores and an empty target directory.
pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "lock",
        about: "Cargo.lock fits the manifests",
        work: Work::Cargo(&["fetch", "--locked"]),
        ..DEFAULT
    },
    Suite {
        name: "fmt",
        about: "rustfmt has nothing to change",
        work: Work::Cargo(&["fmt", "--all", "--check"]),
        limit: minutes(2),
        ..DEFAULT
    },
    Suite {
        name: "clippy",
        about: "no lint of rustc or clippy fires, in tests neither",
        work: Work::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
        ..DEFAULT
    },
    Suite {
        name: "doc",
        about: "the documentation builds and its links resolve",
        work: Work::Cargo(&["doc", "--workspace", "--no-deps"]),
        env: &[("RUSTDOCFLAGS", "-D warnings")],
        ..DEFAULT
    },
    Suite {
        name: "packages",
        about: "the tests of every package, one row for each test executable",
        work: Work::Packages,
        needs: &[Need::Postgres, Need::Bzflag],
        ..DEFAULT
    },
    Suite {
        name: "doctests",
        about: "the examples in the documentation",
        work: Work::LibTest(&["test", "--workspace", "--doc", "--no-fail-fast"]),
        ..DEFAULT
    },
    Suite {
        name: "demo",
        about: "the README's first command: 60 players on the game server that ships with Muster",
        work: Work::Cargo(&["run", "--release", "--", "demo"]),
        ..DEFAULT
    },
    Suite {
        name: "demo-bzflag",
        about: "the same on real BZFlag servers",
        work: Work::Cargo(&["run", "--release", "--", "demo", "--game", "bzflag"]),
        needs: &[Need::Bzflag],
        ..DEFAULT
    },
    Suite {
        name: "alone",
        about: "every package builds without the features that others switch on",
        scope: Scope::Ci,
        work: Work::CargoForEachPackage(&["check", "--all-targets", "--package"]),
        ..DEFAULT
    },
    Suite {
        name: "deny",
        about: "licences, sources and banned dependencies (deny.toml)",
        scope: Scope::Ci,
        work: Work::Deny(&["bans", "licenses", "sources"]),
        ..DEFAULT
    },
    Suite {
        name: "advisories",
        about: "no dependency with a known vulnerability",
        scope: Scope::Ci,
        work: Work::DenyOnline(&["advisories"]),
        ..DEFAULT
    },
    Suite {
        name: "kills",
        about: "`muster serve` is killed hundreds of times in each of the tests that do so",
        scope: Scope::Soak,
        work: Work::LibTest(&["test", "--package", "tests", "--test", "it", "kill"]),
        needs: &[Need::Postgres],
        env: &[("MUSTER_KILLS", "500")],
        limit: minutes(120),
    },
    Suite {
        name: "laws",
        about: "the matcher's laws over ten thousand random cases each",
        scope: Scope::Soak,
        work: Work::LibTest(&[
            "test",
            "--release",
            "--package",
            "matcher",
            "--test",
            "laws",
        ]),
        env: &[("PROPTEST_CASES", "10000")],
        limit: minutes(240),
        ..DEFAULT
    },
];
