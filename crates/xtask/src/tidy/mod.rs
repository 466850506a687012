//! The rules of the house that hold for the whole tree, as tests.
