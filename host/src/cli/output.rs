//! Files on standard output: as they are into a pipe, escaped onto a terminal.
//! What must hold: what providers wrote cannot fool a terminal; a reader that goes away ends the output without an error.

use crate::{export::Sink, foreign::for_output};
use std::io::{self, IsTerminal, Write};

/// Whether a person sees standard output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Standard output as a file's sink.
pub(super) fn sink() -> Sink {
    let output = Output {
        pipe: Some(io::BufWriter::with_capacity(64 * 1024, io::stdout())),
        line: is_terminal().then(Vec::new),
    };
    Sink::output(Box::new(output))
}

struct Output {
    /// None once its reader has gone.
    pipe: Option<io::BufWriter<io::Stdout>>,
    /// The line under way, where a terminal shows it.
    line: Option<Vec<u8>>,
}

impl Output {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        match pipe.write_all(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // Not dropped: that would try to write again.
                if let Some(pipe) = self.pipe.take() {
                    drop(pipe.into_parts());
                }
                Ok(())
            }
            other => other,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(line) = &mut self.line else {
            self.send(bytes)?;
            return Ok(bytes.len());
        };
        line.extend_from_slice(bytes);
        if let Some(end) = line.iter().rposition(|byte| *byte == b'\n') {
            let rest = line.split_off(end + 1);
            let whole = std::mem::replace(line, rest);
            self.send(for_output(&String::from_utf8_lossy(&whole)).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(line) = self.line.as_mut().map(std::mem::take) {
            self.send(for_output(&String::from_utf8_lossy(&line)).as_bytes())?;
        }
        match self.pipe.as_mut().map(Write::flush) {
            Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}
