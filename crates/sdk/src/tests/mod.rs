//! Tests of the client against a real server over TCP.

mod calls;
mod game_servers;
mod harness;
