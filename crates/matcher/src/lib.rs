//! The matchmaking decision.
