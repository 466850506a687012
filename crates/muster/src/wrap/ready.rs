//! Whether a game lets players in: a line of its log, a TCP connection, or an answer over UDP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::Context;
use model::wrap::ReadyRule;
use regex::Regex;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

use super::fill::Values;
use super::lines::compiled;

/// How long one connection or answer is waited for.
const PROBE: Duration = Duration::from_millis(500);
/// The pause between two probes.
const PAUSE: Duration = Duration::from_millis(25);
/// The largest datagram.
const DATAGRAM_BYTES: usize = 64 * 1024;

/// The rule, checked, before anything runs.
#[derive(Debug, Clone)]
pub(crate) enum Ready {
    /// As soon as it runs.
    AtOnce,
    /// A line matches.
    Log(Regex),
    /// A connection to this port, a template, succeeds.
    Tcp(String),
    /// It answers a datagram.
    Udp {
        send: Vec<u8>,
        /// The answer begins with this.
        expect: Vec<u8>,
    },
}

impl Ready {
    /// Checks a rule; none: ready at once.
    pub(crate) fn new(rule: Option<&ReadyRule>) -> anyhow::Result<Self> {
        Ok(match rule {
            None => Self::AtOnce,
            Some(ReadyRule::Log(rule)) => Self::Log(compiled("ready.log", rule)?),
            Some(ReadyRule::Tcp(port)) => Self::Tcp(port.clone()),
            Some(ReadyRule::Udp(probe)) => Self::Udp {
                send: bytes("ready.udp.send_hex", &probe.send_hex)?,
                expect: bytes("ready.udp.expect_hex", &probe.expect_hex)?,
            },
        })
    }

    /// Whether this line says so.
    pub(crate) fn is_said_by(&self, line: &str) -> bool {
        matches!(self, Self::Log(rule) if rule.is_match(line))
    }

    /// What to probe once it runs.
    pub(crate) fn probe(&self, values: Values<'_>) -> anyhow::Result<Probe> {
        let address = values.place.address.as_str();
        Ok(match self {
            Self::AtOnce => Probe::Succeeds,
            Self::Log(_) => Probe::None,
            Self::Tcp(port) => {
                let port = values.fill(port)?;
                let port = port
                    .parse()
                    .with_context(|| format!("ready.tcp: {port:?} is not a port"))?;
                Probe::Tcp(reachable(address), port)
            }
            Self::Udp { send, expect } => Probe::Udp {
                to: (reachable(address), values.place.port),
                send: send.clone(),
                expect: expect.clone(),
            },
        })
    }
}

/// What to try until it succeeds.
#[derive(Debug, Clone)]
pub(crate) enum Probe {
    /// Nothing: the log will say.
    None,
    /// Nothing: it is ready.
    Succeeds,
    /// Connect.
    Tcp(String, u16),
    /// Send and compare.
    Udp {
        to: (String, u16),
        send: Vec<u8>,
        expect: Vec<u8>,
    },
}

impl Probe {
    /// Waits until the probe succeeds. The instance's `boot_timeout` bounds it: the assignment is taken back then.
    pub(crate) async fn succeeded(self) {
        loop {
            let yes = match &self {
                Self::None => std::future::pending().await,
                Self::Succeeds => true,
                Self::Tcp(host, port) => {
                    let connect = TcpStream::connect((host.as_str(), *port));
                    matches!(timeout(PROBE, connect).await, Ok(Ok(_)))
                }
                Self::Udp { to, send, expect } => {
                    let answer = ask((&to.0, to.1), send);
                    // A datagram that is lost, or came too early, is sent again.
                    matches!(timeout(PROBE, answer).await, Ok(Ok(got)) if got.starts_with(expect))
                }
            };
            if yes {
                return;
            }
            sleep(PAUSE).await;
        }
    }
}

async fn ask(to: (&str, u16), send: &[u8]) -> std::io::Result<Vec<u8>> {
    let address = tokio::net::lookup_host(to).await?.next();
    let address = address.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let any: IpAddr = if address.is_ipv6() {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    socket.send(send).await?;
    let mut answer = vec![0; DATAGRAM_BYTES];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// A game that listens everywhere is probed at home.
fn reachable(address: &str) -> String {
    match address {
        "" | "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "::1",
        other => other,
    }
    .to_owned()
}

fn bytes(place: &str, hex: &str) -> anyhow::Result<Vec<u8>> {
    let wrong = || format!("{place} ({hex:?}) is not bytes in hexadecimal, two digits each");
    anyhow::ensure!(hex.is_ascii() && hex.len().is_multiple_of(2), wrong());
    let digits: Vec<char> = hex.chars().collect();
    digits
        .chunks(2)
        .map(|pair| {
            let pair: String = pair.iter().collect();
            // from_str_radix alone would take a sign.
            anyhow::ensure!(pair.chars().all(|c| c.is_ascii_hexdigit()), wrong());
            u8::from_str_radix(&pair, 16).with_context(wrong)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::wrap::UdpProbe;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;
    use crate::host::Place;

    fn place(port: u16) -> Place {
        Place {
            address: "0.0.0.0".to_owned(),
            port,
        }
    }

    async fn is_ready(rule: ReadyRule, port: u16) {
        let place = place(port);
        let values = Values {
            place: &place,
            game: None,
        };
        let ready = Ready::new(Some(&rule)).expect("is a rule");
        let probe = ready.probe(values).expect("is a probe");
        timeout(Duration::from_secs(20), probe.succeeded())
            .await
            .expect("becomes ready");
    }

    #[tokio::test]
    async fn tcp_is_ready_once_the_port_listens() {
        // A port that nobody listens on for a while.
        let reserved = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = reserved.local_addr().expect("has an address");
        drop(reserved);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            sleep(2 * PAUSE).await;
            let listener = TcpListener::bind(address).await.expect("binds");
            listener.accept().await.expect("accepts");
        });
        is_ready(ReadyRule::Tcp("{port}".to_owned()), address.port()).await;
        tasks.join_all().await;
    }

    #[tokio::test]
    async fn udp_is_ready_once_the_right_answer_comes() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
        let port = socket.local_addr().expect("has an address").port();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut asked = [0; 16];
            for answer in [&b"\x00no"[..], b"\x01\x02yes"] {
                let (length, from) = socket.recv_from(&mut asked).await.expect("is asked");
                assert_eq!(asked.get(..length), Some(&b"\xff\xfe"[..]));
                socket.send_to(answer, from).await.expect("answers");
            }
        });
        let probe = UdpProbe {
            send_hex: "fFFe".to_owned(),
            expect_hex: "0102".to_owned(),
        };
        is_ready(ReadyRule::Udp(probe), port).await;
        tasks.join_all().await;
    }

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(bytes("x", "00fF").ok(), Some(vec![0, 255]));
        for bad in ["0", "0x", "+1", "ää", "zz"] {
            assert!(bytes("x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rule_over_the_log_matches_lines() {
        let rule = ReadyRule::Log("^LIBCURL version".to_owned());
        let ready = Ready::new(Some(&rule)).expect("is a rule");
        assert!(ready.is_said_by("LIBCURL version:  libcurl/7"));
        assert!(!ready.is_said_by("  LIBCURL version"));
    }
}
