//! (room delivery)
