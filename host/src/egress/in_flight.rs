//! The host's memory for bytes in flight: bodies that a guest has not sent yet, request bodies, replies read or unread.
//! What must hold: over one run their sum never passes the limit. Whoever holds the bytes holds the permit for them, so
//! that a body that is dropped anywhere gives its memory back.

use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A run's memory for bytes in flight. Copies share it.
#[derive(Clone, Debug)]
pub struct InFlight {
    free: Arc<Semaphore>,
    limit: usize,
    peak: Arc<AtomicUsize>,
}

/// Memory that is taken until this is dropped.
#[derive(Debug)]
pub struct Held(OwnedSemaphorePermit);

/// All of it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit of the host is used up: bytes in flight: read or drop the replies that are open")]
pub struct Full;

/// Bytes that come piece by piece, each charged before it is kept.
#[derive(Debug)]
pub struct Gathered {
    bytes: Vec<u8>,
    held: Held,
}

impl InFlight {
    /// So many bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        let limit = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(limit)),
            limit,
            peak: Arc::default(),
        }
    }

    /// Takes memory: at once or not at all, since waiting for what a guest holds could last for ever.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&self, bytes: usize) -> Result<Held, Full> {
        let bytes = u32::try_from(bytes).map_err(|_| Full)?;
        let permit = Arc::clone(&self.free)
            .try_acquire_many_owned(bytes)
            .map_err(|_| Full)?;
        let used = self.limit.saturating_sub(self.free.available_permits());
        self.peak.fetch_max(used, Relaxed);
        Ok(Held(permit))
    }

    /// Charges a body that is there already. Its memory is given back with the last copy.
    ///
    /// # Errors
    /// [`Full`]; the body is dropped.
    pub fn body(&self, bytes: Vec<u8>) -> Result<Bytes, Full> {
        let held = self.take(bytes.capacity())?;
        Ok(Gathered { bytes, held }.freeze())
    }

    /// The start of bytes that are to be gathered.
    ///
    /// # Errors
    /// [`Full`], where not even nothing can be taken.
    pub fn gather(&self) -> Result<Gathered, Full> {
        Ok(Gathered {
            bytes: Vec::new(),
            held: self.take(0)?,
        })
    }

    /// The most that was ever taken at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        u64::try_from(self.peak.load(Relaxed)).unwrap_or(u64::MAX)
    }
}

impl Held {
    /// The same, and more of the same account.
    pub fn add(&mut self, more: Self) {
        self.0.merge(more.0);
    }
}

impl Gathered {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`Full`]; what was gathered stays.
    pub fn add(&mut self, account: &InFlight, piece: &[u8]) -> Result<(), Full> {
        let needed = self.bytes.len().saturating_add(piece.len());
        let has = self.bytes.capacity();
        if needed > has {
            // Doubling keeps copying cheap; near the limit what is needed will do.
            let roomy = needed.max(has.saturating_mul(2));
            let (room, more) = match account.take(roomy - has) {
                Ok(more) => (roomy, more),
                Err(Full) => (needed, account.take(needed - has)?),
            };
            self.held.add(more);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes, their memory given back with the last copy.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// The bytes, for one who takes them on at once.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}

impl AsRef<[u8]> for Gathered {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn memory_is_refused_when_all_is_taken_and_comes_back_with_what_held_it() {
        let account = InFlight::new(10);
        let mut held = account.take(4).unwrap();
        assert_eq!(account.take(7).unwrap_err(), Full);
        held.add(account.take(6).unwrap());
        assert_eq!(account.take(1).unwrap_err(), Full);
        drop(held);
        account.take(10).unwrap();
        assert_eq!(account.peak(), 10);
    }

    #[test]
    fn a_body_is_charged_as_long_as_any_copy_of_it_lives() {
        let account = InFlight::new(10);
        let body = account.body(vec![1; 8]).unwrap();
        let copy = body.slice(2..4);
        drop(body);
        assert_eq!(account.take(3).unwrap_err(), Full);
        assert_eq!(&copy[..], [1, 1]);
        drop(copy);
        account.take(10).unwrap();
    }

    #[test]
    fn gathered_bytes_are_charged_before_they_are_kept() {
        let account = InFlight::new(10);
        let mut gathered = account.gather().unwrap();
        gathered.add(&account, &[1; 6]).unwrap();
        assert_eq!(gathered.add(&account, &[2; 5]), Err(Full));
        gathered.add(&account, &[3; 4]).unwrap();
        assert_eq!(gathered.len(), 10);
        let body = gathered.freeze();
        assert_eq!(&body[..], [1, 1, 1, 1, 1, 1, 3, 3, 3, 3]);
        assert_eq!(account.take(1).unwrap_err(), Full);
        drop(body);
        account.take(10).unwrap();
    }
}
