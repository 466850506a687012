//! Tests of everything HTTP.
