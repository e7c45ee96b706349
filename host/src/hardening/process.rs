//! What a process gives up about itself: being traced, dumped, and gaining privileges; and its limits.

use rustix::{
    fs::Mode,
    io,
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask},
    thread::set_no_new_privs,
};

/// Hardens this process: secrets in its memory are for nobody else. Children start with the same, except that executing a
/// program makes it dumpable again: each child calls this first.
///
/// - not dumpable: no core file, also none through a pipe; no tracing and no reading of `/proc/PID/mem` by others of its user
/// - no core files by the limit too, which executing a program keeps
/// - no new privileges by setuid programs
/// - files that it makes are its user's alone
///
/// # Errors
/// What the system refused; the rest is done all the same.
pub fn harden() -> Result<(), io::Errno> {
    umask(Mode::RWXG | Mode::RWXO);
    let dumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let core = limit(Resource::Core, 0);
    let privileges = set_no_new_privs(true);
    dumpable.and(core).and(privileges)
}

/// Sets a limit of this process, or keeps a lower one.
///
/// # Errors
/// What the system refused.
pub fn limit(resource: Resource, most: u64) -> Result<(), io::Errno> {
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |maximum| maximum.min(most));
    setrlimit(
        resource,
        Rlimit {
            current: Some(most),
            maximum: Some(most),
        },
    )
}
