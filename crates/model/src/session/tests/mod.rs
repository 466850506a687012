//! Tests of the session law.
