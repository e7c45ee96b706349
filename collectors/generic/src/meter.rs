//! Meters: what is measured, in which unit, by which PromQL. The usual ones are built in; the operator writes any other as a line.
//! What must hold: a query gives the use of the hour before its time, each hour once.

use crate::{
    category::category,
    words::{Word, words},
};
use finops_collector::{Failure, excerpt};

/// How a line of `meters` is written.
const FORM: &str = "write NAME in UNIT as SERVICE = PROMQL, such as `power in kWh as Power = sum by (rack) \
                    (increase(rack_joules_total[1h])) / 3600000`";

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    /// As rates name it.
    pub(crate) name: String,
    /// FOCUS unit of its samples.
    pub(crate) unit: String,
    /// ServiceName.
    pub(crate) service: String,
    /// ServiceCategory.
    pub(crate) category: &'static str,
    /// PromQL over the hour that ends at its time.
    pub(crate) query: String,
    /// Whether its series may pause: an hour without them is one without use.
    pub(crate) sparse: bool,
}

/// Name, unit, service, category, query: after the conventions of node_exporter, cAdvisor, kube-state-metrics and dcgm-exporter.
const BUILT_IN: [(&str, &str, &str, &str, &str); 15] = [
    (
        "host",
        "Host-Hours",
        "Hosts",
        "Compute",
        r#"max by (instance) (avg_over_time(up{job="node"}[1h]))"#,
    ),
    (
        "cpu",
        "Core-Hours",
        "Compute",
        "Compute",
        r#"sum by (instance) (increase(node_cpu_seconds_total{mode!="idle"}[1h])) / 3600"#,
    ),
    (
        "cpu-capacity",
        "Core-Hours",
        "Compute",
        "Compute",
        r#"count by (instance) (node_cpu_seconds_total{mode="idle"})"#,
    ),
    (
        "memory",
        "GiB-Hours",
        "Memory",
        "Compute",
        "max by (instance) (avg_over_time((node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)[1h:1m])) / 2^30",
    ),
    (
        "memory-capacity",
        "GiB-Hours",
        "Memory",
        "Compute",
        "max by (instance) (avg_over_time(node_memory_MemTotal_bytes[1h])) / 2^30",
    ),
    (
        "disk",
        "GiB-Hours",
        "Storage",
        "Storage",
        r#"sum by (instance) (avg_over_time(node_filesystem_size_bytes{fstype!~"tmpfs|overlay|squashfs"}[1h])) / 2^30"#,
    ),
    (
        "network-out",
        "GiB",
        "Network",
        "Networking",
        r#"sum by (instance) (increase(node_network_transmit_bytes_total{device!="lo"}[1h])) / 2^30"#,
    ),
    (
        "container-cpu",
        "Core-Hours",
        "Containers",
        "Compute",
        r#"sum by (namespace, pod) (increase(container_cpu_usage_seconds_total{container!="",image!=""}[1h])) / 3600"#,
    ),
    (
        "container-cpu-requested",
        "Core-Hours",
        "Containers",
        "Compute",
        r#"sum by (namespace, pod) (avg_over_time(kube_pod_container_resource_requests{resource="cpu"}[1h]))"#,
    ),
    (
        "container-memory",
        "GiB-Hours",
        "Containers",
        "Compute",
        r#"sum by (namespace, pod) (avg_over_time(container_memory_working_set_bytes{container!="",image!=""}[1h])) / 2^30"#,
    ),
    (
        "container-memory-requested",
        "GiB-Hours",
        "Containers",
        "Compute",
        r#"sum by (namespace, pod) (avg_over_time(kube_pod_container_resource_requests{resource="memory"}[1h])) / 2^30"#,
    ),
    (
        "gpu",
        "GPU-Hours",
        "GPU",
        "Compute",
        "count by (Hostname, modelName) (DCGM_FI_DEV_GPU_UTIL)",
    ),
    (
        "gpu-used",
        "GPU-Hours",
        "GPU",
        "Compute",
        "sum by (Hostname, modelName) (avg_over_time(DCGM_FI_DEV_GPU_UTIL[1h])) / 100",
    ),
    (
        "gpu-memory",
        "GiB-Hours",
        "GPU",
        "Compute",
        "sum by (Hostname, modelName) (avg_over_time(DCGM_FI_DEV_FB_USED[1h])) / 1024",
    ),
    (
        "gpu-energy",
        "kWh",
        "Power",
        "Other",
        "sum by (Hostname, modelName) (increase(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[1h])) / 3.6e9",
    ),
];

impl Meter {
    /// The built-in meter of this name.
    pub(crate) fn built_in(name: &str) -> Option<Self> {
        let (name, unit, service, category, query) = BUILT_IN.into_iter().find(|meter| meter.0 == name)?;
        Some(Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            service: service.to_owned(),
            category,
            query: query.to_owned(),
            sparse: false,
        })
    }

    /// The names of all built-in meters.
    pub(crate) fn names() -> String {
        BUILT_IN.map(|meter| meter.0).join(", ")
    }

    /// The meter that a line of `meters` says.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn parse(line: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| {
            let shown = excerpt(line, 80);
            Failure::settings(format_args!("[settings] meters: `{shown}`: {what}; {FORM}"))
        };
        let (head, query) = line.split_once(" = ").ok_or_else(|| wrong("there is no ` = `"))?;
        let words = words(head).ok_or_else(|| wrong("a quote is not closed"))?;
        let mut words = words.into_iter();
        let name = words.next().filter(|name| is_name(name.text()));
        let name = name.ok_or_else(|| wrong("a name is lower-case words joined by hyphens"))?;
        let unit = match (words.next(), words.next()) {
            (Some(keyword), Some(unit)) if keyword.is("in") => unit,
            _ => return Err(wrong("the unit is missing")),
        };
        let (mut service, mut named, mut sparse) = (None, None, false);
        while let Some(keyword) = words.next() {
            match &keyword {
                word if word.is("sparse") => sparse = true,
                word if word.is("as") => service = words.next(),
                word if word.is("category") => named = words.next(),
                word => {
                    return Err(wrong(&format!(
                        "`{}` has no meaning here",
                        excerpt(word.text(), 30)
                    )));
                }
            }
        }
        let service = service.ok_or_else(|| wrong("the service is missing"))?;
        let category = match &named {
            Some(name) => category(name.text()).ok_or_else(|| wrong("FOCUS has no such category"))?,
            None => category(service.text()).unwrap_or("Other"),
        };
        if query.trim().is_empty() || service.text().is_empty() {
            return Err(wrong("the service or the query is empty"));
        }
        let text = |word: &Word| word.text().to_owned();
        Ok(Self {
            name: text(&name),
            unit: text(&unit),
            service: text(&service),
            category,
            query: query.trim().to_owned(),
            sparse,
        })
    }
}

/// Lower-case words joined by hyphens.
pub(crate) fn is_name(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= 64 && text.split('-').all(word)
}

/// Whether a rate is for a meter's unit: `core-hour` is `Core-Hours`.
pub(crate) fn same_unit(one: &str, other: &str) -> bool {
    let plain = |unit: &str| unit.to_lowercase().trim_end_matches('s').to_owned();
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_names_unit_service_and_query() {
        let meter = Meter::parse("rack-power in kWh as Power = sum by (rack) (x{a=\"b\"} == 1)").unwrap();
        assert_eq!(
            (meter.unit.as_str(), meter.category, meter.sparse),
            ("kWh", "Other", false)
        );
        assert_eq!(meter.query, "sum by (rack) (x{a=\"b\"} == 1)");
        let meter = Meter::parse("lake in TB as 'Object Store' category storage sparse = x").unwrap();
        assert_eq!(
            (meter.service.as_str(), meter.category, meter.sparse),
            ("Object Store", "Storage", true)
        );
    }

    #[test]
    fn a_line_that_is_no_meter_is_shown_with_the_form() {
        for (line, says) in [
            ("cpu in Core-Hours as Compute: x", "no ` = `"),
            ("CPU in Core-Hours as Compute = x", "lower-case"),
            ("cpu as Compute = x", "unit is missing"),
            ("cpu in Core-Hours = x", "service is missing"),
            ("cpu in Core-Hours as Compute often = x", "`often` has no meaning"),
            (
                "cpu in Core-Hours as Compute category Cars = x",
                "no such category",
            ),
            ("cpu in Core-Hours as 'Compute = x", "not closed"),
            ("cpu in Core-Hours as Compute =  ", "is empty"),
        ] {
            let failure = Meter::parse(line).unwrap_err();
            assert!(
                failure.message.contains(says) && failure.message.contains(FORM),
                "{failure}"
            );
        }
    }

    #[test]
    fn built_in_meters_have_names_units_and_categories_of_focus() {
        for (name, unit, _, of, query) in BUILT_IN {
            assert!(is_name(name) && Meter::built_in(name).is_some(), "{name}");
            assert_eq!(category(of), Some(of), "{name}");
            assert!(
                !unit.is_empty() && query.matches('(').count() == query.matches(')').count(),
                "{name}"
            );
        }
        assert!(
            same_unit("core-hour", "Core-Hours") && same_unit("kWh", "kwh") && !same_unit("GiB", "GiB-Hours")
        );
    }
}
