//! What the chart renders, with several files of values: accepted by Kubernetes' own schemas, as little privilege as there is, and
//! nothing of one instance in another's pod.

use finops_tests::deploy::{
    USER, chart, examples,
    pod::{Pod, list, of_kind, pods, selects, text},
    yaml,
};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// Every example of values, rendered; its name with it.
fn rendered() -> Vec<(String, Vec<Value>)> {
    let found = chart::examples_of_values().unwrap();
    let rendered = found.iter().map(|values| {
        let name = values.file_name().unwrap().to_string_lossy().into_owned();
        (name, chart::render(values).unwrap())
    });
    rendered.collect()
}

/// Calls with each pod of each example; there must be some of both forms.
fn each_pod(mut look: impl FnMut(&str, &[Value], &Pod<'_>)) {
    let mut makers = Vec::new();
    for (name, manifests) in rendered() {
        for pod in pods(&manifests) {
            makers.push(text(pod.maker, "/kind").to_owned());
            look(&name, &manifests, &pod);
        }
    }
    makers.sort();
    assert_eq!(makers, ["CronJob", "CronJob", "StatefulSet", "StatefulSet"]);
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn helm_likes_the_chart_and_kubernetes_takes_what_it_makes() {
    for values in chart::examples_of_values().unwrap() {
        let said = chart::lint(&values).unwrap();
        assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{said}");
    }
    let kinds: Vec<(String, Vec<String>)> = rendered()
        .into_iter()
        .map(|(name, manifests)| {
            let mut kinds: Vec<_> = manifests
                .iter()
                .map(|one| text(one, "/kind").to_owned())
                .collect();
            kinds.sort();
            (name, kinds)
        })
        .collect();
    let of = |name: &str| kinds.iter().find(|(found, _)| found == name).unwrap().1.join(" ");
    assert_eq!(
        of("default-values.yaml"),
        "ConfigMap NetworkPolicy NetworkPolicy Service ServiceAccount StatefulSet"
    );
    assert_eq!(
        of("two-collectors-values.yaml"),
        "ConfigMap ConfigMap NetworkPolicy NetworkPolicy NetworkPolicy Service ServiceAccount ServiceMonitor StatefulSet"
    );
    assert_eq!(
        of("cronjob-values.yaml"),
        "ConfigMap CronJob CronJob NetworkPolicy NetworkPolicy NetworkPolicy PersistentVolumeClaim PersistentVolumeClaim \
         ServiceAccount ServiceAccount"
    );
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn the_schemas_do_refuse_what_kubernetes_does_not_know() {
    let refused = yaml::manifests(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: x}, spec: {serviceName: x, replica: 1, \
         selector: {}, template: {}}}",
    );
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("StatefulSet x in Kubernetes 1.27") && refused.contains("replica"),
        "{refused}"
    );
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn every_pod_is_restricted_as_pod_security_means_it_and_its_root_is_read_only() {
    each_pod(|name, _, pod| {
        let security = &pod.spec["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert_eq!(security["runAsUser"], USER, "{name}");
        assert_eq!(
            security["seccompProfile"],
            json!({ "type": "RuntimeDefault" }),
            "{name}"
        );
        for host in ["hostNetwork", "hostPID", "hostIPC", "hostUsers"] {
            assert!(pod.spec.get(host).is_none(), "{name}: {host}");
        }
        let one = pod.only().unwrap();
        assert_eq!(
            one["securityContext"],
            json!({
                "allowPrivilegeEscalation": false,
                "privileged": false,
                "readOnlyRootFilesystem": true,
                "runAsNonRoot": true,
                "capabilities": { "drop": ["ALL"] },
            }),
            "{name}"
        );
        assert!(one["resources"]["limits"]["memory"].is_string(), "{name}");
        assert!(one["resources"]["requests"]["cpu"].is_string(), "{name}");
        for port in list(one, "/ports") {
            assert!(port.get("hostPort").is_none(), "{name}");
        }
        for volume in list(pod.spec, "/volumes") {
            let kinds: Vec<&str> = volume.as_object().unwrap().keys().map(String::as_str).collect();
            let allowed = ["configMap", "name", "persistentVolumeClaim", "projected"];
            assert!(
                kinds.iter().all(|kind| allowed.contains(kind)),
                "{name}: {volume}"
            );
        }
        // What is mounted can be read only, but for the ledger.
        for mount in list(one, "/volumeMounts") {
            let ledger = text(mount, "/name") == "state";
            assert_eq!(
                mount.get("readOnly") == Some(&Value::Bool(true)),
                !ledger,
                "{name}: {mount}"
            );
        }
        // Bare numbers and names of images that can move are for the operator to choose; a latest nobody chose is not.
        assert!(!text(one, "/image").ends_with(":latest"), "{name}");
    });
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn no_pod_has_a_token_of_the_api_server() {
    each_pod(|name, manifests, pod| {
        assert_eq!(pod.spec["automountServiceAccountToken"], false, "{name}");
        assert_eq!(pod.spec["enableServiceLinks"], false, "{name}");
        let account = text(pod.spec, "/serviceAccountName");
        let accounts = of_kind(manifests, "ServiceAccount");
        let found = accounts.iter().find(|one| text(one, "/metadata/name") == account);
        assert_eq!(found.unwrap()["automountServiceAccountToken"], false, "{name}");
        for volume in list(pod.spec, "/volumes") {
            for source in list(volume, "/projected/sources") {
                if let Some(token) = source.get("serviceAccountToken") {
                    // For another's audience, and only where it is asked for.
                    assert_eq!(name, "two-collectors-values.yaml");
                    assert_eq!(token["audience"], "sts.amazonaws.com");
                }
            }
        }
    });
    for (_, manifests) in rendered() {
        for kind in [
            "Role",
            "ClusterRole",
            "RoleBinding",
            "ClusterRoleBinding",
            "Secret",
        ] {
            assert!(of_kind(&manifests, kind).is_empty(), "{kind}");
        }
    }
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn secrets_are_files_and_each_cronjob_has_its_own_instances_alone() {
    each_pod(|name, manifests, pod| {
        let one = pod.only().unwrap();
        for variable in list(one, "/env") {
            assert!(variable.get("valueFrom").is_none(), "{name}: {variable}");
        }
        assert!(one.get("envFrom").is_none(), "{name}");
        let mut named = Vec::new();
        for volume in list(pod.spec, "/volumes") {
            let secrets = list(volume, "/projected/sources").iter();
            named.extend(
                secrets
                    .map(|source| text(source, "/secret/name"))
                    .filter(|name| !name.is_empty()),
            );
        }
        if text(pod.maker, "/kind") == "CronJob" {
            let instance = text(pod.labels, "/finops-host~1instance");
            assert_eq!(named, [format!("finops-{instance}")], "{name}");
            let claims: Vec<&str> = list(pod.spec, "/volumes")
                .iter()
                .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
                .filter(|claim| !claim.is_empty())
                .collect();
            assert_eq!(claims, [text(pod.maker, "/metadata/name")]);
            let found = of_kind(manifests, "PersistentVolumeClaim");
            let claim = found
                .iter()
                .find(|claim| text(claim, "/metadata/name") == claims[0])
                .unwrap();
            assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOnce"]));
            assert_eq!(
                claim["metadata"]["annotations"]["helm.sh/resource-policy"],
                "keep"
            );
            assert_eq!(pod.maker["spec"]["concurrencyPolicy"], "Forbid");
            assert_eq!(pod.maker["spec"]["timeZone"], "Etc/UTC");
        } else {
            let claim = &pod.maker["spec"]["volumeClaimTemplates"][0]["spec"];
            assert_eq!(claim["accessModes"], json!(["ReadWriteOnce"]));
            let kept = &pod.maker["spec"]["persistentVolumeClaimRetentionPolicy"];
            assert_eq!(kept, &json!({ "whenDeleted": "Retain", "whenScaled": "Retain" }));
        }
    });
}

/// The addresses of a block as their first and last number.
fn range(cidr: &str) -> Option<(u32, u32)> {
    let (address, bits) = cidr.split_once('/').unwrap();
    let first = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let bits: u32 = bits.parse().unwrap();
    let size = 1_u64 << (32 - bits);
    Some((first, u32::try_from(u64::from(first) + size - 1).unwrap()))
}

/// Whether a rule for egress lets an address through, on whatever port.
fn lets_through(rule: &Value, address: &str) -> bool {
    let address = u32::from(address.parse::<Ipv4Addr>().unwrap());
    let within = |cidr: &str| range(cidr).is_some_and(|(first, last)| (first..=last).contains(&address));
    list(rule, "/to").iter().any(|peer| {
        let except = list(peer, "/ipBlock/except").iter().filter_map(Value::as_str);
        let cidr = text(peer, "/ipBlock/cidr");
        !cidr.is_empty() && within(cidr) && !except.into_iter().any(within)
    })
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn every_pod_is_under_policies_that_keep_it_from_the_metadata_service_and_the_cluster() {
    each_pod(|name, manifests, pod| {
        let policies: Vec<&Value> = of_kind(manifests, "NetworkPolicy")
            .into_iter()
            .filter(|policy| selects(policy, pod))
            .collect();
        let denies = |kind: &str| {
            policies
                .iter()
                .any(|policy| list(policy, "/spec/policyTypes").contains(&kind.into()))
        };
        assert!(denies("Ingress") && denies("Egress"), "{name}");
        let rules: Vec<&Value> = policies
            .iter()
            .flat_map(|policy| list(policy, "/spec/egress"))
            .collect();
        for rule in &rules {
            // An absent or empty list is everywhere, or every port.
            assert!(
                !list(rule, "/to").is_empty() && !list(rule, "/ports").is_empty(),
                "{name}: {rule}"
            );
            for forbidden in [
                "169.254.169.254",
                "10.0.0.1",
                "172.20.0.1",
                "192.168.1.1",
                "100.64.0.1",
                "127.0.0.1",
            ] {
                assert!(!lets_through(rule, forbidden), "{name}: {forbidden}: {rule}");
            }
        }
        let reached = |address: &str| rules.iter().any(|rule| lets_through(rule, address));
        let own = text(pod.labels, "/finops-host~1instance");
        // Without a list of its own, public addresses; with one, those alone. In the form serve the lists add up.
        match (name, own) {
            ("default-values.yaml", _) | ("two-collectors-values.yaml", _) | (_, "openai") => {
                assert!(reached("8.8.8.8"), "{name}");
            }
            (_, "snowflake") => {
                assert!(reached("203.0.113.9") && !reached("8.8.8.8"), "{name}");
            }
            other => panic!("{other:?}"),
        }
        let asks_for_names = |rule: &&Value| list(rule, "/ports").iter().any(|port| port["port"] == 53);
        assert_eq!(
            rules.iter().copied().filter(|rule| asks_for_names(rule)).count(),
            1,
            "{name}"
        );
    });
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn metrics_are_for_those_who_are_named() {
    for (name, manifests) in rendered() {
        let rules: Vec<&Value> = of_kind(&manifests, "NetworkPolicy")
            .into_iter()
            .flat_map(|policy| list(policy, "/spec/ingress"))
            .collect();
        if name != "two-collectors-values.yaml" {
            assert!(rules.is_empty(), "{name}");
            continue;
        }
        let from = json!([{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } } }]);
        assert_eq!(
            rules,
            [&json!({ "from": from, "ports": [{ "protocol": "TCP", "port": 9500 }] })]
        );
        let monitors = of_kind(&manifests, "ServiceMonitor");
        assert_eq!(monitors[0]["spec"]["endpoints"][0]["port"], "metrics");
        assert_eq!(monitors[0]["metadata"]["labels"]["release"], "prometheus");
    }
}

#[test]
#[ignore = "needs Debian's package npm: cargo xtask test-extra"]
fn what_would_not_work_is_refused_with_a_sentence() {
    let instance = "instances: {a: {config: \"[collector]\\ncomponent = \\\"/collectors/a.wasm\\\"\\n\"";
    let image = "image: {repository: r}";
    for (values, says) in [
        (format!("{image}\n"), "instances: name at least one"),
        (format!("{instance}}}}}\n"), "image.repository: name your image"),
        (
            format!("{image}\ninstances: {{a: {{config: \"[settings]\\ncomponent = \\\"x\\\"\"}}}}\n"),
            "instances.a.config: name the collector under [collector]",
        ),
        (
            format!("{image}\nform: cronjob\n{instance}}}}}\n"),
            "instances.a.schedule: say when it runs",
        ),
        (
            format!("{image}\nform: cronjob\nhostFile: x\n{instance}, schedule: \"1 2 * * *\"}}}}\n"),
            "hostFile: ceilings are of the form serve",
        ),
        (format!("{image}\nreplicas: 2\n{instance}}}}}\n"), "replicas"),
        (format!("{image}\n{instance}, schedule: hourly}}}}\n"), "schedule"),
        (
            format!("{image}\n{instance}, secrets: [{{name: s, key: k}}]}}}}\n"),
            "key",
        ),
        (
            format!("image: {{repository: r, digest: latest}}\n{instance}}}}}\n"),
            "digest",
        ),
        (format!("{image}\ninstances: {{Prod: {{config: x}}}}\n"), "Prod"),
    ] {
        let refusal = chart::refusal(&values).unwrap();
        assert!(refusal.contains(says), "{values}\n{refusal}");
    }
}

#[test]
fn every_value_is_in_the_schema_and_every_one_of_the_schema_has_a_default_or_an_example() {
    let schema = std::fs::read_to_string(examples().join("chart/values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let values = std::fs::read_to_string(examples().join("chart/values.yaml")).unwrap();
    let top: Vec<&str> = values
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .map(|line| line.split(':').next().unwrap())
        .collect();
    let mut known: Vec<&str> = schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    // Helm's own, which every chart may be given.
    known.retain(|name| *name != "global");
    let mut sorted = top.clone();
    sorted.sort_unstable();
    known.sort_unstable();
    assert_eq!(sorted, known);
}
