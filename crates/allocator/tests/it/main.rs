//! The `Allocator` suite over a model that keeps the contract: the suite can be passed.

mod memory;

allocator::allocator_conformance!(async { memory::Harness::default() });
