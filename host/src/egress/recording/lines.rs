//! The lines of a file that anybody may have edited, one after the other.
//! What must hold: no more than an allowance is ever read without whoever reads it saying that it has put it away.

use std::{
    cell::Cell,
    io::{self, BufRead, Read},
};

/// Bytes that may be read at one stretch: the head of an exchange, or a piece of a body.
pub(super) const STRETCH: usize = 8 << 20;

/// The lines of a file.
pub(super) struct Lines<R> {
    from: R,
    /// The line that was begun last, from 1.
    pub(super) number: usize,
}

/// One line, to be read to its end.
pub(super) struct Line<'a, R> {
    from: &'a mut R,
    allowance: &'a Cell<usize>,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(from: R) -> Self {
        Self { from, number: 0 }
    }

    /// The next line; none at the end of the file.
    pub(super) fn next<'a>(&'a mut self, allowance: &'a Cell<usize>) -> io::Result<Option<Line<'a, R>>> {
        if self.from.fill_buf()?.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        allowance.set(STRETCH);
        Ok(Some(Line {
            from: &mut self.from,
            allowance,
            ended: false,
        }))
    }
}

impl<R: BufRead> Read for Line<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let left = self.allowance.get();
        let buffer = self.from.fill_buf()?;
        let within = buffer.get(..buffer.len().min(into.len())).unwrap_or(buffer);
        let (taken, newline) = match within.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at, 1),
            None => (within.len(), 0),
        };
        if taken > left {
            let why = format!("more than {} MiB stand in one piece", STRETCH >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        for (place, byte) in into.iter_mut().zip(within.iter().take(taken)) {
            *place = *byte;
        }
        self.from.consume(taken + newline);
        self.allowance.set(left - taken);
        self.ended = newline == 1 || within_is_end(taken, newline);
        Ok(taken)
    }
}

/// Whether nothing more can come: the file's last line may lack its end.
fn within_is_end(taken: usize, newline: usize) -> bool {
    taken == 0 && newline == 0
}
