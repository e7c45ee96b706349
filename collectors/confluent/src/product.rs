//! Confluent's products and line types: which are known, and FOCUS's category of each product.

/// Products and their ServiceCategory. Support plans are told by their prefix.
const PRODUCTS: [(&str, &str); 10] = [
    ("KAFKA", "Integration"),
    ("CONNECT", "Integration"),
    ("CUSTOM_CONNECT", "Integration"),
    ("CLUSTER_LINK", "Integration"),
    ("KSQL", "Analytics"),
    ("FLINK", "Analytics"),
    ("TABLEFLOW", "Analytics"),
    ("STREAM_GOVERNANCE", "Management and Governance"),
    ("AUDIT_LOG", "Management and Governance"),
    ("USM", "Management and Governance"),
];

/// Beginnings of resource ids and ResourceType.
const RESOURCES: [(&str, &str); 7] = [
    ("lkc-", "Kafka Cluster"),
    ("lcc-", "Connector"),
    ("clcc-", "Custom Connector"),
    ("lksqlc-", "ksqlDB Cluster"),
    ("lsrc-", "Schema Registry Cluster"),
    ("lfcp-", "Flink Compute Pool"),
    ("link-", "Cluster Link"),
];

/// The category of a product; none where it is not known.
pub(crate) fn category(product: &str) -> Option<&'static str> {
    if is_support(product) {
        return Some("Other");
    }
    PRODUCTS
        .iter()
        .find(|known| known.0 == product)
        .map(|known| known.1)
}

/// Whether it is a support plan.
pub(crate) fn is_support(name: &str) -> bool {
    name == "SUPPORT" || name.starts_with("SUPPORT_")
}

/// The type of a resource, as its id tells it.
pub(crate) fn resource_type(id: &str) -> Option<&'static str> {
    RESOURCES
        .iter()
        .find(|(beginning, _)| id.starts_with(beginning))
        .map(|(_, kind)| *kind)
}
