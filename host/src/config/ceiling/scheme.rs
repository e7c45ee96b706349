//! What a scheme of a credential is to a ceiling: its name, and the hosts that the host itself calls for it.
//!
//! Every scheme is listed here by hand: what a new one may reach is decided before it can be used by a tenant.

use crate::egress::{credential::Scheme, rule::HostPattern};

/// The scheme's name in the operator's file.
pub(in crate::config) fn scheme_name(scheme: &Scheme) -> &'static str {
    match scheme {
        Scheme::Bearer { .. } => "bearer",
        Scheme::Headers { .. } => "headers",
        Scheme::SnowflakeKeyPair { .. } => "snowflake-key-pair",
    }
}

/// The hosts that it sends secrets or signed requests to by itself, such as token URLs, and the keys that name them.
pub(super) fn hosts(scheme: &Scheme) -> Vec<(&'static str, HostPattern)> {
    match scheme {
        Scheme::Bearer { .. } | Scheme::Headers { .. } | Scheme::SnowflakeKeyPair { .. } => Vec::new(),
    }
}
