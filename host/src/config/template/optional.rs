//! Which wishes stand for something that the operator may leave out: those whose host waits for an optional setting without
//! default, and credentials for such hosts alone.

use crate::component::descriptor::{CredentialWish, Descriptor, HostWish, Setting};

/// The host of a wish as long as nothing is set: defaults are in their places.
pub(super) fn host_by_default(wish: &HostWish, settings: &[Setting]) -> String {
    let defaults = settings
        .iter()
        .filter_map(|setting| Some((setting.key.clone(), setting.default.clone()?)))
        .collect();
    wish.host_under(&serde_json::Value::Object(defaults))
}

/// The first optional setting that the host waits for; none: every operator needs the rule.
pub(super) fn waits_for<'d>(wish: &HostWish, settings: &'d [Setting]) -> Option<&'d str> {
    let mut open = settings
        .iter()
        .filter(|setting| !setting.required && setting.default.is_none());
    let found = open.find(|setting| wish.host.contains(&format!("{{{}}}", setting.key)))?;
    Some(&found.key)
}

/// The setting that all hosts of a credential wait for, so that it is left out with them.
pub(super) fn credential_waits_for<'d>(wish: &CredentialWish, descriptor: &'d Descriptor) -> Option<&'d str> {
    let uses = |host: &&HostWish| host.credential.as_ref() == Some(&wish.name);
    let mut waits = descriptor
        .hosts
        .iter()
        .filter(uses)
        .map(|host| waits_for(host, &descriptor.settings));
    let first = waits.next()??;
    waits.all(|wait| wait.is_some()).then_some(first)
}
