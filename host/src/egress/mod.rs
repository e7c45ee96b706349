//! The one place through which any byte leaves towards a provider.

pub mod credential;
pub mod rule;
