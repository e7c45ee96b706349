//! Descriptors kept beside the code, by the component's digest: `describe` need not run again for bytes that are known.

use super::{CacheDir, WORLD_VERSION, descriptor::Descriptor};

/// The descriptor of a component, if it was kept by this version of the program.
#[must_use]
pub fn get(cache: &CacheDir, sha256: &str) -> Option<Descriptor> {
    serde_json::from_slice(&cache.get(&name(sha256))?).ok()
}

/// Keeps a descriptor. That it cannot be kept is no error.
pub fn put(cache: &CacheDir, sha256: &str, descriptor: &Descriptor) {
    let kept = serde_json::to_vec(descriptor)
        .map_err(std::io::Error::from)
        .and_then(|json| cache.put(&name(sha256), &json));
    if let Err(error) = kept {
        tracing::debug!(%error, "the descriptor is not kept");
    }
}

fn name(sha256: &str) -> String {
    format!(
        "{sha256}-{WORLD_VERSION}-{}.descriptor",
        env!("CARGO_PKG_VERSION")
    )
}
