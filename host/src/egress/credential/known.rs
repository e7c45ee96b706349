//! The secrets of a run so far, for the search in replies. What must hold: a secret in use is among them, however many
//! tokens have been minted since.

use super::{Secret, Watch};
use std::sync::{Mutex, PoisonError};

/// Most root secrets remembered; of more, the longest unused go first: they were rotated away.
const ROOTS: usize = 256;
/// Most minted secrets remembered.
const MINTED: usize = 64;

/// What replies are searched for.
#[derive(Debug)]
pub(super) struct Known(Mutex<Lists>);

#[derive(Debug)]
struct Lists {
    roots: Vec<Secret>,
    minted: Vec<Secret>,
    watch: Watch,
}

impl Known {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Lists {
            roots: Vec::new(),
            minted: Vec::new(),
            watch: Watch::over(std::iter::empty()),
        }))
    }

    /// Remembers secrets that are about to be used.
    pub(super) fn learn(&self, roots: &[Secret], minted: &[Secret]) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for secret in roots {
            changed |= remember(&mut lists.roots, secret, ROOTS);
        }
        for secret in minted {
            changed |= remember(&mut lists.minted, secret, MINTED);
        }
        if changed {
            lists.watch = Watch::over(lists.roots.iter().chain(&lists.minted));
        }
    }

    /// What replies are searched for from now on.
    pub(super) fn watch(&self) -> Watch {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.watch.clone()
    }
}

/// Puts a secret last; whether it is new.
fn remember(list: &mut Vec<Secret>, secret: &Secret, most: usize) -> bool {
    let known = list.iter().position(|known| known == secret);
    if let Some(index) = known {
        list.remove(index);
    }
    list.push(secret.clone());
    let surplus = list.len().saturating_sub(most);
    list.drain(..surplus);
    known.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn secret(text: &str) -> Secret {
        Secret::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_root_in_use_is_known_however_many_tokens_follow() {
        let known = Known::new();
        for number in 0..MINTED * 2 {
            known.learn(
                &[secret("the-root-secret")],
                &[secret(&format!("minted-{number:04}"))],
            );
        }
        let watch = known.watch();
        assert!(watch.is_in(b"the-root-secret"));
        assert!(watch.is_in(format!("minted-{:04}", MINTED * 2 - 1).as_bytes()));
        assert!(!watch.is_in(b"minted-0000"));
    }

    #[test]
    fn a_token_used_again_is_not_the_first_to_be_forgotten() {
        let known = Known::new();
        known.learn(&[], &[secret("used-again-and-again")]);
        for number in 0..MINTED - 1 {
            known.learn(&[], &[secret(&format!("minted-{number:04}"))]);
        }
        known.learn(&[], &[secret("used-again-and-again")]);
        known.learn(&[], &[secret("one-more-token")]);
        assert!(known.watch().is_in(b"used-again-and-again"));
        assert!(!known.watch().is_in(b"minted-0000"));
    }
}
