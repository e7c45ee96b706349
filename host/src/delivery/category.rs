//! OpenFinOps's cost category of an entry: one table. The provider's own value first, else by FOCUS ServiceCategory.

/// A row of the table: provider, service (`None`: any), category. The first that fits is taken.
const OWN: &[(&str, Option<&str>, &str)] = &[
    ("snowflake", Some("STORAGE"), "snowflake_storage"),
    ("snowflake", Some("WAREHOUSE_METERING"), "snowflake_compute"),
    (
        "snowflake",
        Some("WAREHOUSE_METERING_READER"),
        "snowflake_compute",
    ),
    ("snowflake", Some("CLOUD_SERVICES"), "snowflake_compute"),
    ("snowflake", Some("QUERY_ACCELERATION"), "snowflake_compute"),
    ("snowflake", Some("SERVERLESS_TASK"), "snowflake_compute"),
    ("snowflake", Some("SERVERLESS_TASK_FLEX"), "snowflake_compute"),
    (
        "snowflake",
        Some("SNOWPARK_CONTAINER_SERVICES"),
        "snowflake_compute",
    ),
    ("snowflake", Some("SNOWPIPE"), "snowflake_compute"),
    ("snowflake", Some("SNOWPIPE_STREAMING"), "snowflake_compute"),
    ("snowflake", Some("AUTO_CLUSTERING"), "snowflake_compute"),
    ("snowflake", Some("AUTOMATIC_CLUSTERING"), "snowflake_compute"),
    ("snowflake", Some("MATERIALIZED_VIEW"), "snowflake_compute"),
    ("snowflake", Some("SEARCH_OPTIMIZATION"), "snowflake_compute"),
    ("snowflake", None, "snowflake"),
    ("databricks", Some("JOBS"), "databricks_jobs"),
    ("databricks", Some("SQL"), "databricks_sql"),
    ("databricks", Some("ALL_PURPOSE"), "databricks_dbu"),
    ("databricks", Some("INTERACTIVE"), "databricks_dbu"),
    ("databricks", Some("DLT"), "databricks_dbu"),
    ("databricks", Some("MODEL_SERVING"), "databricks_dbu"),
    ("databricks", None, "databricks"),
    ("mongodb-atlas", None, "mongodb_atlas"),
    ("redis-cloud", None, "redis_cloud"),
    ("github", Some("ACTIONS"), "github_actions"),
    ("datadog", None, "datadog"),
    ("elastic", None, "elasticsearch"),
    ("confluent", None, "confluent_kafka"),
];

/// FOCUS ServiceCategory and its category.
const GENERAL: &[(&str, &str)] = &[
    ("Compute", "compute"),
    ("Storage", "storage"),
    ("Networking", "network"),
    ("Databases", "database"),
];

/// A value of OpenFinOps's `CostCategory`.
#[must_use]
pub fn category(provider: &str, service: &str, service_category: &str) -> &'static str {
    let own = OWN
        .iter()
        .find(|(name, of, _)| *name == provider && of.is_none_or(|of| of.eq_ignore_ascii_case(service)));
    if let Some((_, _, category)) = own {
        return category;
    }
    if is_support(service) {
        return "support";
    }
    GENERAL
        .iter()
        .find(|(name, _)| *name == service_category)
        .map_or("software_licenses", |(_, category)| category)
}

/// Whether a service is a support plan: `AWS Support (Business)`, `Premium Support`.
fn is_support(service: &str) -> bool {
    service
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word.eq_ignore_ascii_case("support"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_own_value_comes_first_then_the_service_category() {
        for (provider, service, service_category, expected) in [
            (
                "snowflake",
                "WAREHOUSE_METERING",
                "Databases",
                "snowflake_compute",
            ),
            ("snowflake", "CLOUD_SERVICES", "Databases", "snowflake_compute"),
            ("snowflake", "STORAGE", "Storage", "snowflake_storage"),
            ("snowflake", "DATA_TRANSFER", "Networking", "snowflake"),
            ("snowflake", "SOMETHING_NEW", "Databases", "snowflake"),
            ("databricks", "JOBS", "Analytics", "databricks_jobs"),
            ("databricks", "SQL", "Analytics", "databricks_sql"),
            ("databricks", "ALL_PURPOSE", "Analytics", "databricks_dbu"),
            ("databricks", "VECTOR_SEARCH", "Analytics", "databricks"),
            ("mongodb-atlas", "Atlas", "Databases", "mongodb_atlas"),
            ("redis-cloud", "Redis Cloud Pro", "Databases", "redis_cloud"),
            ("github", "Actions", "Developer Tools", "github_actions"),
            ("github", "copilot", "Developer Tools", "software_licenses"),
            ("datadog", "infra_hosts", "Management and Governance", "datadog"),
            ("elastic", "Elasticsearch", "Databases", "elasticsearch"),
            ("confluent", "KAFKA", "Integration", "confluent_kafka"),
            ("aws", "Amazon EC2", "Compute", "compute"),
            ("aws", "Amazon S3", "Storage", "storage"),
            ("aws", "Amazon VPC", "Networking", "network"),
            ("aws", "Amazon RDS", "Databases", "database"),
            ("aws", "AWS Support (Business)", "Other", "support"),
            (
                "openai",
                "OpenAI API",
                "AI and Machine Learning",
                "software_licenses",
            ),
        ] {
            let found = category(provider, service, service_category);
            assert_eq!(found, expected, "{provider} {service}");
        }
    }
}
