//! Memory and counts of one store. What must hold: the sum over all memories and tables never exceeds the limit, and
//! what was granted is never given back, so that growing and failing in turn gains nothing.

use wasmtime::ResourceLimiter;

/// Bytes charged for a table entry.
const TABLE_ENTRY: u64 = 16;
const INSTANCES: usize = 256;
const MEMORIES: usize = 16;
const TABLES: usize = 32;

/// Counts what a store's instances hold.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: u64,
    used: u64,
    refused: bool,
}

impl Limiter {
    /// A limiter for so many bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            used: 0,
            refused: false,
        }
    }

    /// Bytes granted: the peak, since nothing is given back.
    pub(super) fn used(&self) -> u64 {
        self.used
    }

    /// Whether it had to refuse.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    fn charge(&mut self, current: usize, desired: usize, size: u64) -> bool {
        let more = (desired.saturating_sub(current) as u64).saturating_mul(size);
        let granted = self.used.saturating_add(more) <= self.limit;
        if granted {
            self.used += more;
        } else {
            self.refused = true;
        }
        granted
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.charge(current, desired, 1))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.charge(current, desired, TABLE_ENTRY))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut limiter = Limiter::new(1000);
        assert!(limiter.memory_growing(0, 500, None).unwrap());
        assert!(limiter.table_growing(0, 31, None).unwrap());
        assert!(!limiter.refused());
        assert!(!limiter.memory_growing(500, 600, None).unwrap());
        assert!(limiter.refused());
        assert_eq!(limiter.used(), 996);
    }

    #[test]
    fn what_exceeds_a_memorys_own_maximum_is_not_charged() {
        let mut limiter = Limiter::new(1000);
        assert!(!limiter.memory_growing(0, 500, Some(400)).unwrap());
        assert_eq!(limiter.used(), 0);
        assert!(!limiter.refused());
    }
}
