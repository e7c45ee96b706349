//! Room for a run: in the outbox's quota and on the disk. Where there is none nothing is collected and nothing dropped; what
//! waits goes on being delivered, and a run begins once there is room.

use super::{Failed, exit::Exit};
use crate::{
    config::show_size,
    ledger::{
        Ledger,
        ballast::{self, Ballast},
        quota::{self, Outbox},
    },
};
use std::{fmt, path::Path, time::Duration};

/// The longest pause between two looks whether there is room again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How often a pause is doubled while runs end for want of space.
const MOST_DOUBLINGS: u32 = 5;

/// What a run lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// Room in the outbox.
    Quota(Outbox),
    /// Space on the disk.
    Disk {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be.
        needed: u64,
    },
}

/// What is lacking for a run to begin; makes the ballast where it is missing.
pub(super) async fn lack(ledger: &Ledger, directory: &Path, delivers: bool) -> Result<Option<Lack>, Failed> {
    if let Ballast::Missing { free, needed } = ballast::ensure(directory)? {
        return Ok(Some(Lack::Disk { free, needed }));
    }
    // Without a destination nothing that waits could be brought away by this file.
    if !delivers {
        return Ok(None);
    }
    let outbox = ledger
        .store()
        .with(|connection| quota::outbox(connection))
        .await?;
    Ok(outbox.blocks().then_some(Lack::Quota(outbox)))
}

impl Lack {
    /// How a program ends that could not begin a run for it.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Quota(_) => Exit::NotDelivered,
            Self::Disk { .. } => Exit::Storage,
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota(outbox) => write!(
                f,
                "no run was started: {} (a run starts below 80 %); what waits is being delivered, and nothing is dropped: \
                 see to the destination with `finops-host destination list`, or raise outbox-quota under [openfinops]",
                waiting(outbox)
            ),
            Self::Disk { free, needed } => write!(
                f,
                "no run was started: the disk of the state directory is full ({} free, {} are needed to begin); nothing is \
                 lost: free some space, or move the state directory to another disk",
                megabytes(*free),
                megabytes(*needed)
            ),
        }
    }
}

/// What waits, and how much may, in words.
pub(super) fn waiting(outbox: &Outbox) -> String {
    format!(
        "{} entries wait in the outbox with {}, {} % of its quota of {}",
        outbox.entries,
        megabytes(outbox.bytes),
        outbox.percent,
        show_size(outbox.quota)
    )
}

/// Bytes for people: in whole MiB, or KiB where there are few.
fn megabytes(bytes: u64) -> String {
    if bytes >= 10 << 20 {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{} KiB", bytes >> 10)
    }
}

/// How a round went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// The exit code that it asks for.
    pub(super) exit: Exit,
    /// Whether a run was begun.
    pub(super) collected: bool,
    /// Whether it ended because the disk was full.
    pub(super) full: bool,
}

impl Round {
    /// One in which nothing was collected.
    pub(super) fn of(exit: Exit) -> Self {
        Self {
            exit,
            collected: false,
            full: false,
        }
    }
}

/// Tells of a lack once, until it is over, and spaces out what would fail again.
#[derive(Debug, Default)]
pub(super) struct Patience {
    told: bool,
    full: u32,
}

impl Patience {
    /// Tells of a lack that is new, or that it is over.
    pub(super) fn tell(&mut self, lack: Option<&Lack>) {
        match lack {
            Some(lack) if !self.told => tracing::warn!("{lack}"),
            Some(lack) => tracing::debug!("still {lack}"),
            None if self.told => tracing::info!("there is room again"),
            _ => {}
        }
        self.told = lack.is_some();
    }

    /// A round that a full disk ended.
    pub(super) fn full(&mut self, message: &str) -> Round {
        if !self.told {
            tracing::warn!("{message}");
        }
        self.told = true;
        Round {
            full: true,
            ..Round::of(Exit::Storage)
        }
    }

    /// What passes until the next round: the interval; less while there is no room to begin, since looking costs nothing; more
    /// while runs that had begun end for want of space, since calls cost.
    pub(super) fn pause(&mut self, interval: Duration, round: &Round) -> Duration {
        self.full = if round.full && round.collected {
            (self.full + 1).min(MOST_DOUBLINGS)
        } else {
            0
        };
        match round.collected {
            true => interval.saturating_mul(1 << self.full.saturating_sub(1)),
            false => interval.min(LOOK_AGAIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn runs_that_a_full_disk_ends_grow_rarer_and_looking_for_room_does_not_wait_for_the_interval() {
        let mut patience = Patience::default();
        let full = Round {
            exit: Exit::Storage,
            collected: true,
            full: true,
        };
        let pauses = [(); 7].map(|()| patience.pause(HOUR, &full).as_secs() / 3_600);
        assert_eq!(pauses, [1, 2, 4, 8, 16, 16, 16]);
        let none = Round::of(Exit::Storage);
        assert_eq!(patience.pause(HOUR, &none), LOOK_AGAIN);
        assert_eq!(patience.pause(Duration::from_secs(5), &none).as_secs(), 5);
        let well = Round {
            exit: Exit::Done,
            collected: true,
            full: false,
        };
        assert_eq!(patience.pause(HOUR, &well), HOUR);
    }
}
