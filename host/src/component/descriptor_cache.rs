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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_descriptor_is_found_by_its_components_digest_only() {
        let home = tempfile::tempdir().unwrap();
        let cache = CacheDir::open(&home.path().join("cache"));
        let descriptor = Descriptor {
            name: "a".to_owned(),
            version: "1".to_owned(),
            provider: "a".to_owned(),
            text: String::new(),
            settings: Vec::new(),
            streams: Vec::new(),
            observations: Vec::new(),
            hosts: Vec::new(),
            credentials: Vec::new(),
        };
        put(&cache, "abc", &descriptor);
        assert_eq!(get(&cache, "abc"), Some(descriptor));
        assert_eq!(get(&cache, "abd"), None);
    }

    #[test]
    fn a_kept_descriptor_of_another_shape_is_not_taken() {
        let home = tempfile::tempdir().unwrap();
        let cache = CacheDir::open(&home.path().join("cache"));
        cache.put(&name("abc"), b"{\"name\":1}").unwrap();
        assert_eq!(get(&cache, "abc"), None);
    }
}
