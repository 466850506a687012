//! The suites of the plugin contracts over the real server, on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use tests::{Fleets, Kind, run};

use crate::faults::ProviderHarness;
use crate::race::Race;

mod fleets_sqlite {
    allocator::fleet_api_conformance!(optional super::Fleets::start(super::Kind::Sqlite));
}

mod fleets_postgres {
    allocator::fleet_api_conformance!(optional super::Fleets::start(super::Kind::Postgres));
}

mod hosts_sqlite {
    allocator::allocator_conformance!(optional tests::Hosts::start(super::Kind::Sqlite));
}

mod hosts_postgres {
    allocator::allocator_conformance!(optional tests::Hosts::start(super::Kind::Postgres));
}

mod provider {
    crate::faults::provider_conformance!(async {
        super::Fleets::start(super::Kind::Sqlite)
            .await
            .expect("SQLite is always there")
    });
}

/// Fleets whose races run side by side, so that they share commits.
const RACES: u32 = 16;

#[test]
fn ten_thousand_races_of_retirement_and_allocation_sqlite() {
    run(races(Kind::Sqlite, 10_000));
}

#[test]
fn two_thousand_races_of_retirement_and_allocation_postgres() {
    run(races(Kind::Postgres, 2_000));
}

async fn races(kind: Kind, rounds: u32) {
    let Some(fleets) = Fleets::start(kind).await else {
        return;
    };
    let retired = Arc::new(AtomicU32::new(0));
    let races = (0..RACES).map(|number| {
        let fleets = fleets.beside(&format!("race-{number}-"));
        let (retired, rounds) = (retired.clone(), rounds.div_ceil(RACES));
        async move {
            let race = Race::new(fleets, retired, rounds).await;
            allocator::conformance::fleet_api::retire_and_allocate_never_both_win(&race).await;
        }
    });
    join_all(races).await;
    let retired = retired.load(Ordering::Relaxed);
    assert!(
        (rounds / 20..rounds - rounds / 20).contains(&retired),
        "{retired} of {rounds} were retired: that is no race"
    );
}

#[async_trait::async_trait]
impl ProviderHarness for Fleets {
    async fn put_fleet_of(
        &self,
        name: &str,
        capacity: model::fleet::Capacity,
        config: serde_json::Value,
    ) -> allocator::conformance::fleet_api::FleetKey {
        self.put(name, capacity, config).await
    }

    fn game(&self, behaviour: &str) -> Vec<String> {
        let asks = r#"u="${MUSTER_URL#http:}"; u="${u//\//}"; exec 3<>"/dev/tcp/${u/:/\/}"; printf 'GET /v1/game-servers/me/assignments HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n' "$MUSTER_TOKEN" >&3; read -r line <&3; exec 3>&-; "#;
        ["bash", "-c", &format!("{asks}{behaviour}")]
            .map(str::to_owned)
            .to_vec()
    }
}
