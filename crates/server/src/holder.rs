//! Who holds the lease: a text that names this process, so that its successor on this machine sees that it died.

use std::fs;

/// This process: machine boot, process id and start time.
pub(crate) fn this_process() -> String {
    let pid = std::process::id();
    format!(
        "process {pid} started {} on boot {}",
        start_time(pid).unwrap_or_default(),
        boot()
    )
}

/// Whether `holder` names a process of this very boot of this machine that no longer runs.
pub(crate) fn is_dead_here(holder: &str) -> bool {
    let words: Vec<&str> = holder.split(' ').collect();
    let ["process", pid, "started", start, "on", "boot", at] = words.as_slice() else {
        return false;
    };
    let boot = boot();
    if boot.is_empty() || *at != boot {
        return false;
    }
    pid.parse()
        .is_ok_and(|pid| start_time(pid).as_deref() != Some(*start))
}

fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    // Two containers of one machine share the boot; their process ids mean nothing to each other.
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", id.trim(), namespace.display())
}

/// Field 22 of `/proc/<pid>/stat`; `None` when there is no such process, or it is a zombie.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_is_not_dead() {
        assert!(!is_dead_here(&this_process()));
    }

    #[test]
    fn another_start_time_is_another_process() {
        let other = this_process().replace("started ", "started 1");
        assert!(is_dead_here(&other));
    }

    #[test]
    fn another_machine_is_never_judged() {
        assert!(!is_dead_here("process 1 started 1 on boot elsewhere"));
    }
}
