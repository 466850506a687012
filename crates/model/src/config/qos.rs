//! The YAML of connections and of starting together: rules between the knobs `capabilities`, `qos` and
//! `member_initialization`.

use super::diagnostic::Report;
use super::document::Document;
use super::duration::Duration;
use super::lint::Lint;
use super::raw_members as raw;
use super::raw_session_type::SessionType;
use crate::qos::{
    HostSelectionMetric, InitializationSettings, MEASUREMENT_SERVERS_MAX, Metrics, PeerToHost,
    PeerToPeer, Qos, Together,
};

/// Reports what is wrong; `players_max` are the seats of a session without those of spectators.
pub(super) fn validate(
    raw: &SessionType,
    players_max: u32,
    document: &Document,
    reports: &mut Vec<Report>,
) -> Together {
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    if let Some(qos) = &raw.qos
        && !document.is_unsure(&["qos"])
    {
        lint.servers(qos);
        lint.metrics_cover(qos);
        if raw.member_initialization.is_none() && !document.is_unsure(&["member_initialization"]) {
            lint.nobody_judges(qos);
        }
    }
    if let Some(initialization) = &raw.member_initialization {
        lint.initialization(initialization, players_max);
    }
    Together {
        qos: raw.qos.as_ref().map(qos),
        initialization: raw.member_initialization.as_ref().map(initialization),
    }
}

impl Lint<'_, SessionType> {
    fn servers(&mut self, qos: &raw::Qos) {
        let servers = &qos.measurement_servers;
        if servers.len() > MEASUREMENT_SERVERS_MAX {
            self.error(
                "too-many-servers",
                &["qos", "measurement_servers"],
                format!(
                    "{} servers to measure against, but at most {MEASUREMENT_SERVERS_MAX} are allowed",
                    servers.len()
                ),
                "name fewer",
            );
        }
        for (name, server) in servers {
            let parts = server.address.rsplit_once(':');
            let good = parts.is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
            });
            if !good {
                self.error(
                    "server-address",
                    &["qos", "measurement_servers", name.as_str(), "address"],
                    format!("`{}` is no address to measure against", server.address),
                    "write `host:port`, as in `192.0.2.1:9000`",
                );
            }
        }
    }

    /// What is demanded must be measured (F21).
    fn metrics_cover(&mut self, qos: &raw::Qos) {
        let metrics = qos.metrics.clone();
        let mut need = |measured: bool, path: &[&str], metric: &str| {
            if !measured {
                self.error(
                    "demand-not-measured",
                    path,
                    format!("`{}` is demanded, but not measured", path.join(".")),
                    format!("write `metrics: {{ {metric}: true }}`"),
                );
            }
        };
        if let Some(demand) = &qos.peer_to_peer {
            const AT: &str = "peer_to_peer";
            need(metrics.latency, &["qos", AT, "latency_maximum"], "latency");
            if demand.bandwidth_minimum_kbps > 0 {
                let path = ["qos", AT, "bandwidth_minimum_kbps"];
                need(metrics.bandwidth_down, &path, "bandwidth_down");
                need(metrics.bandwidth_up, &path, "bandwidth_up");
            }
        }
        if let Some(demand) = &qos.peer_to_host {
            const AT: &str = "peer_to_host";
            use raw::HostSelectionMetric as By;
            need(metrics.latency, &["qos", AT, "latency_maximum"], "latency");
            let by = demand.host_selection_metric;
            let (down, up) = (
                demand.bandwidth_down_minimum_kbps > 0,
                demand.bandwidth_up_minimum_kbps > 0,
            );
            if down {
                let path = ["qos", AT, "bandwidth_down_minimum_kbps"];
                need(metrics.bandwidth_down, &path, "bandwidth_down");
            } else if matches!(by, By::BandwidthDown | By::Bandwidth) {
                let path = ["qos", AT, "host_selection_metric"];
                need(metrics.bandwidth_down, &path, "bandwidth_down");
            }
            if up {
                let path = ["qos", AT, "bandwidth_up_minimum_kbps"];
                need(metrics.bandwidth_up, &path, "bandwidth_up");
            } else if matches!(by, By::BandwidthUp | By::Bandwidth) {
                let path = ["qos", AT, "host_selection_metric"];
                need(metrics.bandwidth_up, &path, "bandwidth_up");
            }
        }
    }

    /// Demands are judged as newcomers are brought together, at no other time.
    fn nobody_judges(&mut self, qos: &raw::Qos) {
        let demands = [
            ("peer_to_peer", qos.peer_to_peer.is_some()),
            ("peer_to_host", qos.peer_to_host.is_some()),
        ];
        for (key, demanded) in demands {
            if demanded {
                let path = ["qos", key];
                let message = "newcomers are not brought together, so nobody is judged by this";
                let help = "add the section `member_initialization`";
                self.warning("demand-not-judged", &path, message, help);
            }
        }
    }

    fn initialization(&mut self, raw: &raw::MemberInitialization, players_max: u32) {
        const AT: &str = "member_initialization";
        if self.document.is_unsure(&[AT]) {
            return;
        }
        let timeouts = [
            ("join_timeout", raw.join_timeout, "nobody could join"),
            (
                "measurement_timeout",
                raw.measurement_timeout,
                "nobody could measure",
            ),
            (
                "evaluation_timeout",
                raw.evaluation_timeout,
                "nobody could decide",
            ),
        ];
        for (key, timeout, why) in timeouts {
            if timeout == Duration::seconds(0) {
                self.error(
                    "zero",
                    &[AT, key],
                    format!("`{AT}.{key}` is 0: {why} in time"),
                    "write a longer time, or remove the key",
                );
            }
        }
        let needed = raw.members_needed_to_start;
        if needed > players_max && !self.document.is_unsure(&["size"]) {
            self.error(
                "never-starts",
                &[AT, "members_needed_to_start"],
                format!(
                    "{needed} members are needed to start, but a session has {players_max} seats for players"
                ),
                "need fewer, or allow more members",
            );
        }
    }
}

fn qos(raw: &raw::Qos) -> Qos {
    Qos {
        metrics: Metrics {
            latency: raw.metrics.latency,
            bandwidth_down: raw.metrics.bandwidth_down,
            bandwidth_up: raw.metrics.bandwidth_up,
            custom: raw.metrics.custom,
        },
        peer_to_peer: raw.peer_to_peer.as_ref().map(|demand| PeerToPeer {
            latency_maximum: demand.latency_maximum,
            bandwidth_minimum_kbps: demand.bandwidth_minimum_kbps,
        }),
        peer_to_host: raw.peer_to_host.as_ref().map(|demand| PeerToHost {
            latency_maximum: demand.latency_maximum,
            bandwidth_down_minimum_kbps: demand.bandwidth_down_minimum_kbps,
            bandwidth_up_minimum_kbps: demand.bandwidth_up_minimum_kbps,
            host_selection_metric: match demand.host_selection_metric {
                raw::HostSelectionMetric::Latency => HostSelectionMetric::Latency,
                raw::HostSelectionMetric::BandwidthDown => HostSelectionMetric::BandwidthDown,
                raw::HostSelectionMetric::BandwidthUp => HostSelectionMetric::BandwidthUp,
                raw::HostSelectionMetric::Bandwidth => HostSelectionMetric::Bandwidth,
            },
        }),
        measurement_servers: raw
            .measurement_servers
            .iter()
            .map(|(name, server)| (name.clone(), server.address.clone()))
            .collect(),
    }
}

fn initialization(raw: &raw::MemberInitialization) -> InitializationSettings {
    InitializationSettings {
        join_timeout: raw.join_timeout.0,
        measurement_timeout: raw.measurement_timeout.0,
        evaluation_timeout: raw.evaluation_timeout.0,
        external_evaluation: raw.external_evaluation,
        members_needed_to_start: raw.members_needed_to_start,
    }
}
