//! The process plugin against real processes, over a registry that keeps the fleet API's contract in memory.

mod faults;
mod registry;
mod world;

mod contract {
    //! The registry of these tests is a model, not a mock: it passes what every registry has to pass.

    allocator::fleet_api_conformance!(crate::registry::Registry::start());
}

faults::provider_conformance!(crate::registry::Registry::start());
