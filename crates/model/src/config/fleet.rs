//! A raw fleet becomes a validated one: its numbers, and its provider's own settings against the plugin's schema.

use serde_json::Value;

use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::queue::repeated;
use super::raw_fleet as raw;
use super::repair::Bad;
use super::tree::{Data, Node};
use super::walk::walk;
use super::{Finding, Part, ProviderSchema};
use crate::fleet::{Capacity, Fleet, Provider};

/// Reports what is wrong; the validated fleet, if it can be told.
pub(super) fn validate(
    raw: &raw::Fleet,
    document: &Document,
    providers: &[ProviderSchema],
    reports: &mut Vec<Report>,
) -> Option<Fleet> {
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    for (index, region) in repeated(&raw.regions) {
        let message = format!("the region `{region}` is there twice");
        let path = ["regions", &index.to_string()];
        lint.error("duplicate-region", &path, message, "keep one of them");
    }
    let version = raw
        .version
        .as_ref()
        .and_then(|text| match text.parse::<semver::Version>() {
            Ok(version) => Some(version),
            Err(problem) => {
                let message = format!("`{text}` is no version: {problem}");
                lint.error(
                    "bad-version",
                    &["version"],
                    message,
                    "write three numbers, such as `\"2.4.26\"`",
                );
                None
            }
        });
    let capacity = &raw.capacity;
    for (key, value) in [("min", capacity.min), ("buffer", capacity.buffer)] {
        if value > capacity.max && !document.is_unsure(&["capacity", "max"]) {
            let message = format!(
                "`{key}` is {value}, but there are at most {} game servers",
                capacity.max
            );
            let help = format!("make `{key}` no greater than `max`");
            lint.error("min-above-max", &["capacity", key], message, &help);
        }
    }
    let unsure = document.is_unsure(&["provider"]) || document.is_unsure(&["allocator"]);
    let provider = match (raw.provider, raw.allocator) {
        // The only one that there is.
        (None, None) if unsure => Some(Provider::Process),
        (Some(raw::Provider::Process), None) => Some(Provider::Process),
        (Some(_), None) | (None, Some(_)) => None,
        (None, None) => {
            let message = "nobody keeps the game servers of this fleet running".to_owned();
            lint.error("no-provider", &[], message, "add `provider: process`");
            None
        }
        (Some(_), Some(_)) => {
            let message = "a fleet has a provider or an allocator, not both".to_owned();
            lint.error("no-provider", &["allocator"], message, "remove one of them");
            None
        }
    };
    let provider = provider?;
    check_config("process", document, providers, reports);
    enough_ports(raw, document, reports);
    Some(Fleet {
        name: raw.name.clone(),
        provider,
        regions: raw.regions.clone(),
        version,
        capacity: Capacity {
            min: capacity.min,
            buffer: capacity.buffer,
            max: capacity.max,
            slots: capacity.slots,
        },
        config: raw.config.clone(),
    })
}

/// Walks `config` against the schema of its plugin, then asks the plugin for what a schema cannot say.
fn check_config(
    provider: &str,
    document: &Document,
    providers: &[ProviderSchema],
    reports: &mut Vec<Report>,
) {
    let Some(plugin) = providers.iter().find(|plugin| plugin.provider == provider) else {
        let message = format!("this build has no plugin for the provider `{provider}`");
        let names = super::nearest::quoted_list(providers.iter().map(|plugin| plugin.provider));
        let help = format!("it has {names}");
        reports.push(Report::error("no-plugin", document.at(&["provider"]), message).write(help));
        return;
    };
    let missing = Node::new(Data::Map(Vec::new()), document.name_span());
    let config = match document.node.get("config") {
        Some(Node {
            data: Data::Null, ..
        })
        | None => &missing,
        Some(config) => config,
    };
    let bad = walk(&plugin.schema, config, "config", reports);
    for finding in (plugin.lint)(&config.json()) {
        let steps: Vec<String> = std::iter::once("config".to_owned())
            .chain(
                (finding.pointer.split('/').skip(1))
                    .map(|step| step.replace("~1", "/").replace("~0", "~")),
            )
            .collect();
        if !is_told(&bad, &steps) {
            reports.push(report(finding, &steps, document));
        }
    }
}

/// Whether the schema has had its say about the same thing, something in it or something around it.
fn is_told(bad: &Bad, steps: &[String]) -> bool {
    let same = |written: &String, step: &String| {
        written == step || written.strip_prefix('[').and_then(|i| i.strip_suffix(']')) == Some(step)
    };
    bad.iter()
        .any(|path| path.iter().zip(steps).all(|(a, b)| same(a, b)))
}

fn report(finding: Finding, steps: &[String], document: &Document) -> Report {
    let path: Vec<&str> = steps.iter().map(String::as_str).collect();
    let span = match (finding.part, path.split_last()) {
        (Part::Key, Some((key, map))) => document.key_at(map, key),
        _ => document.at(&path),
    };
    let subject = steps.iter().map(|step| match step.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{step}"),
    });
    let subject: String = subject.collect();
    let subject = subject.trim_start_matches('.');
    let message = format!("`{subject}`: {}", finding.message);
    let report = Report::error("provider", span, message);
    match finding.proposal {
        Some(proposal) => report.write(proposal),
        None => report,
    }
}

/// A range of ports under `config.ports` must give every game server of every region its own.
fn enough_ports(raw: &raw::Fleet, document: &Document, reports: &mut Vec<Report>) {
    if document.is_unsure(&["capacity"]) || document.is_unsure(&["regions"]) {
        return;
    }
    let range = raw
        .config
        .get("ports")
        .and_then(Value::as_str)
        .and_then(|text| {
            let (first, last) = text.split_once('-')?;
            Some((
                first.trim().parse::<u16>().ok()?,
                last.trim().parse::<u16>().ok()?,
            ))
        });
    let Some((first, last)) = range else {
        return;
    };
    // A range that ends before it begins is the provider's to refuse.
    if first > last {
        return;
    }
    let path = ["config", "ports"];
    let ports = u64::from(last) - u64::from(first) + 1;
    let servers = u64::from(raw.capacity.max) * raw.regions.len().max(1) as u64;
    if ports < servers {
        let regions = match raw.regions.len() {
            0 | 1 => String::new(),
            several => format!(" in each of {several} regions"),
        };
        let message = format!(
            "{ports} ports, but up to {} game servers{regions}",
            raw.capacity.max
        );
        let help = format!("widen the range to {servers} ports, or lower `capacity.max`");
        reports.push(Report::error("too-few-ports", document.at(&path), message).write(help));
    }
}
