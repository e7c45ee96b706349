//! Wall-clock and CPU time of a piece of this process's work, all its threads included.

use finops_tests::Error;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// A stopwatch that runs.
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

/// What a piece of work took, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) wall: u64,
    pub(crate) cpu: u64,
}

impl Stopwatch {
    /// Starts.
    pub(crate) fn start() -> Result<Self, Error> {
        Ok(Self {
            cpu: cpu()?,
            wall: Instant::now(),
        })
    }

    /// What was spent since the start.
    pub(crate) fn spent(&self) -> Result<Spent, Error> {
        let wall = self.wall.elapsed();
        let cpu = cpu()?.saturating_sub(self.cpu);
        Ok(Spent {
            wall: nanoseconds(wall)?,
            cpu: nanoseconds(cpu)?,
        })
    }
}

/// A duration as a sample.
pub(crate) fn nanoseconds(duration: Duration) -> Result<u64, Error> {
    Ok(u64::try_from(duration.as_nanos())?)
}

fn cpu() -> Result<Duration, Error> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Ok(Duration::new(
        u64::try_from(time.tv_sec)?,
        u32::try_from(time.tv_nsec)?,
    ))
}
