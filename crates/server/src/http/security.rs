//! The access table.
