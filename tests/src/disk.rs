//! A small disk: a test runs again by itself in a mount namespace where it can lay a tmpfs of a few megabytes over a directory.
//! What must hold: nothing outside the namespace sees it; where no namespace can be made the test says so, and fails under
//! `CI=true`. (The ledger's own tests limit SQLite's pages instead, wherever they run.)

use crate::Error;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Tells the test that it is inside.
const INSIDE: &str = "FINOPS_TEST_DISK";

/// Where a test goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In the namespace: the test does its work.
    Inside,
    /// Outside: the test was done inside, or cannot be done here. Nothing is left to do.
    Outside,
}

/// Enters a namespace with the test of this name, as `cargo test` shows it.
///
/// # Errors
/// Where the test failed inside, or under `CI=true` where there can be no namespace.
pub fn enter(test: &str) -> Result<Side, Error> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(Side::Inside);
    }
    let Some(flags) = possible() else {
        let message = format!("{test}: not done, since no mount namespace can be made here");
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            return Err(message.into());
        }
        writeln!(std::io::stdout(), "{message}")?;
        return Ok(Side::Outside);
    };
    crate::program::program()?;
    crate::artifacts::guest("hostile")?;
    let output = Command::new("unshare")
        .args(flags)
        .arg(std::env::current_exe()?)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    // A name that no test has would succeed, too.
    if output.status.success() && said.contains("test result: ok. 1 passed") {
        writeln!(std::io::stdout(), "on a tmpfs of its own:\n{said}")?;
        return Ok(Side::Outside);
    }
    Err(format!("{test} failed on its own disk ({}):\n{said}", output.status).into())
}

/// How a namespace can be made, as root or in a user namespace.
fn possible() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];
    ways.into_iter().find(|flags| {
        Command::new("unshare")
            .args(*flags)
            .args(["sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// A disk over a directory.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Lays a disk of so many bytes over a directory, which is made.
    ///
    /// # Errors
    /// Where it cannot be mounted.
    pub fn over(directory: &Path, bytes: u64) -> Result<Self, Error> {
        fs::create_dir_all(directory)?;
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700"), "tmpfs"])
            .arg(directory)
            .status()?;
        if !status.success() {
            return Err("the tmpfs cannot be mounted".into());
        }
        Ok(Self(directory.to_owned()))
    }

    /// Bytes that are free.
    ///
    /// # Errors
    /// Where the disk does not say.
    pub fn free(&self) -> Result<u64, Error> {
        let space = statvfs(&self.0)?;
        Ok(space.f_bavail * space.f_frsize)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("somebody-elses-file")
    }

    /// Fills it until so many bytes are free, or gives space back for as many.
    ///
    /// # Errors
    /// Where it cannot be filled.
    pub fn leave(&self, bytes: u64) -> Result<(), Error> {
        self.empty()?;
        let free = self.free()?;
        if free > bytes {
            let file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .open(self.filler())?;
            fallocate(&file, FallocateFlags::empty(), 0, free - bytes)?;
        }
        Ok(())
    }

    /// Takes every byte that is free now.
    ///
    /// # Errors
    /// Where it cannot be filled.
    pub fn fill(&self) -> Result<(), Error> {
        let free = self.free()?;
        if free > 0 {
            let name = format!("more-{}", fs::read_dir(&self.0)?.count());
            let file = File::create(self.0.join(name))?;
            fallocate(&file, FallocateFlags::empty(), 0, free)?;
        }
        Ok(())
    }

    /// Gives all of it back that somebody else had.
    ///
    /// # Errors
    /// Where it cannot be deleted.
    pub fn empty(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("more-") || entry.path() == self.filler() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
