//! Databricks' products and their tiers, in the words of its price lists. What is not known passes through.

use finops_collector::{Failure, Row, Warnings, excerpt};

/// The FOCUS category of each product that Databricks documents.
const CATEGORIES: [(&str, &str); 34] = [
    ("AGENT_BRICKS", AI),
    ("AGENT_EVALUATION", AI),
    ("AI_FUNCTIONS", AI),
    ("AI_GATEWAY", AI),
    ("AI_RUNTIME", AI),
    ("ALL_PURPOSE", ANALYTICS),
    ("APPS", "Compute"),
    ("BASE_ENVIRONMENTS", ANALYTICS),
    ("CLEAN_ROOM", ANALYTICS),
    ("DATABASE", "Databases"),
    ("DATA_CLASSIFICATION", ANALYTICS),
    ("DATA_QUALITY_MONITORING", ANALYTICS),
    ("DATA_SHARING", ANALYTICS),
    ("DEFAULT_STORAGE", "Storage"),
    ("DLT", ANALYTICS),
    ("FINE_GRAINED_ACCESS_CONTROL", "Security"),
    ("FOUNDATION_MODEL_TRAINING", AI),
    ("INTERACTIVE", ANALYTICS),
    ("JOBS", ANALYTICS),
    ("LAKEBASE", "Databases"),
    ("LAKEFLOW_CONNECT", "Integration"),
    ("LAKEHOUSE_MONITORING", ANALYTICS),
    ("MODEL_SERVING", AI),
    ("NETWORKING", "Networking"),
    ("NOTEBOOKS", ANALYTICS),
    ("ONLINE_TABLES", "Databases"),
    ("PREDICTIVE_OPTIMIZATION", ANALYTICS),
    ("SERVERLESS_REAL_TIME_INFERENCE", AI),
    ("SHARED_SERVERLESS_COMPUTE", ANALYTICS),
    ("SQL", ANALYTICS),
    ("STREAMING", ANALYTICS),
    ("STORAGE", "Storage"),
    ("VECTOR_SEARCH", AI),
    ("WORKSPACE", ANALYTICS),
];
const AI: &str = "AI and Machine Learning";
const ANALYTICS: &str = "Analytics";

/// The product and its FOCUS category; a line without a product is of the product UNKNOWN.
pub(crate) fn product<'r>(
    row: &Row<'r>,
    warnings: &Warnings<'_>,
) -> Result<(&'r str, &'static str), Failure> {
    let product = row.text("product")?.filter(|name| !name.is_empty());
    let product = product.unwrap_or("UNKNOWN");
    let known = CATEGORIES.iter().find(|(name, _)| *name == product);
    let category = known.map_or_else(
        || {
            let shown = excerpt(product, 60);
            warnings.once(format_args!(
                "the product `{shown}` is not known: it is passed on as it is, in the category Other"
            ));
            "Other"
        },
        |(_, category)| *category,
    );
    Ok((product, category))
}

/// The tier: `jobs classic`, `sql serverless`, `dlt pro`, `model serving gpu model`; a tier that is not known passes through.
pub(crate) fn tier(row: &Row<'_>, product: &str, warnings: &Warnings<'_>) -> Result<Option<String>, Failure> {
    let serverless = row.flag("serverless")?;
    let one_of = |column: &str, known: &[&str]| -> Result<Option<String>, Failure> {
        let Some(tier) = row.text(column)?.filter(|tier| !tier.is_empty()) else {
            return Ok(None);
        };
        if !known.contains(&tier) {
            let shown = excerpt(tier, 60);
            warnings.once(format_args!(
                "the tier `{shown}` of {product} is not known: it is passed on as it is"
            ));
        }
        Ok(Some(tier.to_ascii_lowercase().replace('_', " ")))
    };
    let of = |name: &str, tier: Option<String>| match tier {
        Some(tier) => Some(format!("{name} {tier}")),
        None if serverless => Some(format!("{name} serverless")),
        None => None,
    };
    Ok(match product {
        "ALL_PURPOSE" => Some("all-purpose".to_owned()),
        "INTERACTIVE" => Some("interactive serverless".to_owned()),
        "JOBS" if serverless => of("jobs", None),
        "JOBS" => of("jobs", one_of("jobs_tier", &["LIGHT", "CLASSIC"])?),
        // Warehouses without a server carry the tier PRO, too.
        "SQL" if serverless || row.text("sku")?.is_some_and(|sku| sku.contains("SERVERLESS_SQL")) => {
            Some("sql serverless".to_owned())
        }
        "SQL" => of("sql", one_of("sql_tier", &["CLASSIC", "PRO"])?),
        "DLT" => of("dlt", one_of("dlt_tier", &["CORE", "PRO", "ADVANCED"])?),
        "MODEL_SERVING" => {
            let known = ["MODEL", "GPU_MODEL", "FOUNDATION_MODEL", "FEATURE"];
            of("model serving", one_of("serving_type", &known)?)
        }
        _ => serverless.then(|| "serverless".to_owned()),
    })
}
