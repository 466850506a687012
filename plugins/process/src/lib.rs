//! Game servers as local processes.
