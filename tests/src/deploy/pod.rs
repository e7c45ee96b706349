//! The pods that manifests make, and each as a container that can be run here.

use super::container::Container;
use crate::Error;
use serde_json::Value;
use std::collections::BTreeMap;

/// A pod of a manifest.
#[derive(Clone, Debug)]
pub struct Pod<'a> {
    /// The object that makes it.
    pub maker: &'a Value,
    /// Its labels.
    pub labels: &'a Value,
    /// Its specification.
    pub spec: &'a Value,
}

/// The files of the Secrets that are in the cluster: by Secret, by key.
pub type Secrets = BTreeMap<&'static str, BTreeMap<&'static str, Vec<u8>>>;

/// A text at a path of keys such as `/spec/replicas`; empty where there is none.
#[must_use]
pub fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// A list at a path; empty where there is none.
#[must_use]
pub fn list<'a>(value: &'a Value, at: &str) -> &'a [Value] {
    value
        .pointer(at)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The manifests of a kind.
pub fn of_kind<'a>(manifests: &'a [Value], kind: &str) -> Vec<&'a Value> {
    manifests
        .iter()
        .filter(|manifest| text(manifest, "/kind") == kind)
        .collect()
}

/// Every pod that these manifests make: whatever holds `containers` is one, so that no form of it is overlooked.
#[must_use]
pub fn pods(manifests: &[Value]) -> Vec<Pod<'_>> {
    let mut found = Vec::new();
    for maker in manifests {
        let mut left = vec![maker];
        while let Some(value) = left.pop() {
            if let (Some(spec), Some(labels)) = (value.get("spec"), value.pointer("/metadata/labels"))
                && spec.get("containers").is_some()
            {
                found.push(Pod { maker, labels, spec });
            }
            match value {
                Value::Object(fields) => left.extend(fields.values()),
                Value::Array(items) => left.extend(items),
                _ => {}
            }
        }
    }
    found
}

impl Pod<'_> {
    /// Its one container's specification.
    ///
    /// # Errors
    /// Where there are more, or init containers.
    pub fn only(&self) -> Result<&Value, Error> {
        match list(self.spec, "/containers") {
            [one] if self.spec.get("initContainers").is_none() => Ok(one),
            _ => Err(format!("{} has not one container", text(self.maker, "/metadata/name")).into()),
        }
    }

    /// The arguments of its program.
    ///
    /// # Errors
    /// Where it has not one container.
    pub fn arguments(&self) -> Result<Vec<String>, Error> {
        let arguments = list(self.only()?, "/args").iter().filter_map(Value::as_str);
        Ok(arguments.map(str::to_owned).collect())
    }

    /// The container that the kubelet would make, out of these manifests' ConfigMaps and the cluster's Secrets, with a new claim.
    ///
    /// # Errors
    /// Where it names what is not there.
    pub fn container(&self, manifests: &[Value], secrets: &Secrets) -> Result<Container, Error> {
        let one = self.only()?;
        let mut container = Container::new()?;
        for variable in list(one, "/env") {
            container.variable(text(variable, "/name"), text(variable, "/value"));
        }
        for mount in list(one, "/volumeMounts") {
            let (name, to) = (text(mount, "/name"), text(mount, "/mountPath"));
            if self.claimed(name) {
                container.claimed_volume()?;
                continue;
            }
            let volumes = list(self.spec, "/volumes");
            let volume = volumes.iter().find(|volume| text(volume, "/name") == name);
            let volume = volume.ok_or_else(|| format!("there is no volume {name}"))?;
            if mount.get("readOnly") != Some(&Value::Bool(true)) {
                return Err(format!("{name} is not mounted read-only").into());
            }
            let (files, mode) = files(volume, manifests, secrets)?;
            let files = files
                .iter()
                .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
            container.projected(files, mode, to)?;
        }
        Ok(container)
    }

    /// Whether a volume is one of a claim, whoever makes the claim.
    fn claimed(&self, name: &str) -> bool {
        let templates = list(self.maker, "/spec/volumeClaimTemplates");
        let volumes = list(self.spec, "/volumes");
        templates
            .iter()
            .any(|claim| text(claim, "/metadata/name") == name)
            || volumes
                .iter()
                .any(|volume| text(volume, "/name") == name && volume.get("persistentVolumeClaim").is_some())
    }
}

type Files = BTreeMap<String, Vec<u8>>;

/// The files of a volume and their mode.
fn files(volume: &Value, manifests: &[Value], secrets: &Secrets) -> Result<(Files, u32), Error> {
    let mode = |value: &Value| value.get("defaultMode").and_then(Value::as_u64).unwrap_or(0o644);
    if let Some(map) = volume.get("configMap") {
        let name = text(map, "/name");
        let maps = of_kind(manifests, "ConfigMap");
        let found = maps.iter().find(|map| text(map, "/metadata/name") == name);
        let data = found.and_then(|map| map.get("data")?.as_object());
        let data = data.ok_or_else(|| format!("there is no ConfigMap {name}"))?;
        let wanted = keys(map);
        let files = data
            .iter()
            .filter(|(key, _)| wanted.is_empty() || wanted.contains(&key.as_str()));
        let files = files
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().into()))
            .collect();
        return Ok((files, u32::try_from(mode(map))?));
    }
    let projected = volume.get("projected");
    let projected = projected.ok_or_else(|| format!("a volume of another kind: {volume}"))?;
    let mut files = Files::new();
    for source in list(projected, "/sources") {
        if let Some(token) = source.get("serviceAccountToken") {
            files.insert(text(token, "/path").to_owned(), b"a token of the cluster".into());
            continue;
        }
        let secret = source
            .get("secret")
            .ok_or_else(|| format!("a source of another kind: {source}"))?;
        let name = text(secret, "/name");
        let found = secrets
            .get(name)
            .ok_or_else(|| format!("there is no Secret {name}"))?;
        let wanted = keys(secret);
        for key in &wanted {
            if !found.contains_key(key) {
                return Err(format!("the Secret {name} has no key {key}").into());
            }
        }
        let some = found
            .iter()
            .filter(|(key, _)| wanted.is_empty() || wanted.contains(key));
        files.extend(some.map(|(key, bytes)| ((*key).to_owned(), bytes.clone())));
    }
    Ok((files, u32::try_from(mode(projected))?))
}

/// The keys that `items` chooses; none where all are wanted.
fn keys(source: &Value) -> Vec<&str> {
    list(source, "/items")
        .iter()
        .map(|item| text(item, "/key"))
        .collect()
}

/// Whether a policy selects a pod.
#[must_use]
pub fn selects(policy: &Value, pod: &Pod<'_>) -> bool {
    let wanted = policy
        .pointer("/spec/podSelector/matchLabels")
        .and_then(Value::as_object);
    wanted.is_some_and(|wanted| {
        wanted
            .iter()
            .all(|(name, value)| pod.labels.get(name) == Some(value))
    })
}
