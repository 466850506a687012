//! Laws over random histories.
