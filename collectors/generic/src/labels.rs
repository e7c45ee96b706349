//! The labels of a series: what identifies it, what of it names a resource, and how a rate's condition matches.

use std::collections::BTreeMap;

/// Labels by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// A meter's series as Prometheus writes it, `cpu{instance="n1"}`: the same for the same labels.
pub(crate) fn identity(meter: &str, labels: &Labels) -> String {
    let pairs = labels.iter().map(|(name, value)| format!("{name}={value:?}"));
    format!("{meter}{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

/// The resource that labels speak of, and its kind: the operator's labels, else a pod, a host or a node.
pub(crate) fn resource(labels: &Labels, chosen: &[String]) -> Option<(String, &'static str)> {
    let of = |name: &str| labels.get(name).filter(|value| !value.is_empty());
    if !chosen.is_empty() {
        let values: Vec<&str> = chosen
            .iter()
            .filter_map(|name| of(name))
            .map(String::as_str)
            .collect();
        return (!values.is_empty()).then(|| (values.join("/"), "Resource"));
    }
    if let Some(pod) = of("pod") {
        let namespace = of("namespace").map(|namespace| format!("{namespace}/"));
        return Some((format!("{}{pod}", namespace.unwrap_or_default()), "Pod"));
    }
    for (name, kind) in [
        ("instance", "Host"),
        ("Hostname", "Host"),
        ("host", "Host"),
        ("node", "Node"),
    ] {
        if let Some(value) = of(name) {
            return Some((value.clone(), kind));
        }
    }
    None
}

/// Whether a text is what a pattern says, in which `*` stands for any characters.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pairs.collect()
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, fits) in [
            ("NVIDIA H100*", "NVIDIA H100 80GB", true),
            ("NVIDIA H100", "NVIDIA H100 80GB", false),
            ("*:9100", "n1:9100", true),
            ("db-*:9*0", "db-1:9100", true),
            ("db-*:9*1", "db-1:9100", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("n1.*", "n1x", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pod_comes_before_the_host_that_was_scraped_and_chosen_labels_before_both() {
        let of = |pairs: &[(&str, &str)], chosen: &[&str]| {
            let chosen: Vec<String> = chosen.iter().map(ToString::to_string).collect();
            resource(&labels(pairs), &chosen).map(|(id, _)| id)
        };
        let pod = [("instance", "n1:9100"), ("namespace", "shop"), ("pod", "web-1")];
        assert_eq!(of(&pod, &[]).as_deref(), Some("shop/web-1"));
        assert_eq!(of(&pod, &["instance", "absent"]).as_deref(), Some("n1:9100"));
        assert_eq!(of(&[("instance", "n1")], &[]).as_deref(), Some("n1"));
        assert_eq!(of(&[("rack", "r1")], &[]), None);
    }

    #[test]
    fn a_series_is_written_so_that_no_two_agree() {
        let (one, two) = (labels(&[("a", "b\",c=\"d")]), labels(&[("a", "b"), ("c", "d")]));
        assert_ne!(identity("m", &one), identity("m", &two));
        assert_eq!(identity("m", &two), r#"m{a="b",c="d"}"#);
    }
}
