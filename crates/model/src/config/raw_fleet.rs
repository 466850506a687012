//! The raw YAML of a fleet: every knob with its range and default, before any rule between knobs.

use super::raw::{ApiVersion, FleetKind, choices, sections, unnamed};
use crate::{Name, Region};

sections! {
    /// Where dedicated hosts come from.
    #[schemars(title = "Muster fleet", extend("required" = ["apiVersion", "kind", "name", "regions"]))]
    struct Fleet {
        /// The version of this format.
        #[serde(rename = "apiVersion")]
        api_version: ApiVersion = ApiVersion::V1,
        /// What this document describes.
        kind: FleetKind = FleetKind::Fleet,
        /// Unique among fleets, without regard to case.
        name: Name = unnamed(),
        /// Who keeps game servers running; this or `allocator`.
        provider: Option<Provider> = None,
        /// Who brings a host when one is asked for; this or `provider`.
        allocator: Option<Allocator> = None,
        /// Regions that it serves.
        #[schemars(length(min = 1, max = 100))]
        regions: Vec<Region> = Vec::new(),
        /// The version that instances on these game servers report, such as `"2.4.26"`.
        version: Option<String> = None,
        /// How many game servers, in each region.
        capacity: Capacity = Capacity::default(),
        /// The provider's own settings.
        config: serde_json::Value = serde_json::Value::Null,
    }

    /// How many game servers, in each region.
    struct Capacity {
        /// Kept running always.
        #[schemars(range(max = 100000))]
        min: u32 = 0,
        /// Ready above demand.
        #[schemars(range(max = 100000))]
        buffer: u32 = 1,
        /// Never more than this.
        #[schemars(range(min = 1, max = 100000))]
        max: u32 = 64,
        /// Sessions that one game server carries at a time.
        #[schemars(range(min = 1, max = 1000))]
        slots: u16 = 1,
    }
}

choices! {
    /// Who keeps game servers running.
    enum Provider {
        /// Local processes.
        Process,
        /// A GameFleet object of a Kubernetes cluster.
        Kubernetes,
    }

    /// Who brings a host when one is asked for.
    enum Allocator {
        /// Whatever answers HTTP.
        Webhook,
        /// An Agones fleet.
        Agones,
    }
}
