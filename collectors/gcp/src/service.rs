//! FOCUS's category of a service. By id where it is known, since Google renames services; else by name.

use crate::api::Api;
use finops_collector::excerpt;

/// Ids and names of services, and their categories.
const CATEGORIES: [(&str, &str, &str); 44] = [
    ("6F81-5844-456A", "Compute Engine", "Compute"),
    ("CCD8-9BF1-090E", "Kubernetes Engine", "Compute"),
    ("29E7-DA93-CA13", "Cloud Run Functions", "Compute"),
    ("152E-C115-5142", "Cloud Run", "Compute"),
    ("", "Cloud Functions", "Compute"),
    ("", "App Engine", "Compute"),
    ("", "VMware Engine", "Compute"),
    ("", "Cloud SQL", "Databases"),
    ("", "Cloud Spanner", "Databases"),
    ("", "Cloud Bigtable", "Databases"),
    ("", "Cloud Firestore", "Databases"),
    ("", "Cloud Memorystore for Redis", "Databases"),
    ("", "AlloyDB", "Databases"),
    ("", "Cloud Storage", "Storage"),
    ("", "Cloud Filestore", "Storage"),
    ("", "Backup for GKE", "Storage"),
    ("", "Networking", "Networking"),
    ("", "Cloud DNS", "Networking"),
    ("", "Cloud CDN", "Networking"),
    ("", "Network Intelligence Center", "Networking"),
    ("", "BigQuery", "Analytics"),
    ("", "BigQuery Reservation API", "Analytics"),
    ("", "BigQuery Storage API", "Analytics"),
    ("", "Cloud Dataflow", "Analytics"),
    ("", "Cloud Dataproc", "Analytics"),
    ("", "Cloud Composer", "Analytics"),
    ("", "Looker", "Analytics"),
    ("", "Cloud Pub/Sub", "Integration"),
    ("", "Cloud Tasks", "Integration"),
    ("", "Cloud Scheduler", "Integration"),
    ("", "Vertex AI", "AI and Machine Learning"),
    ("", "Gemini API", "AI and Machine Learning"),
    ("", "Cloud Natural Language", "AI and Machine Learning"),
    ("", "Cloud Vision API", "AI and Machine Learning"),
    ("", "Artifact Registry", "Developer Tools"),
    ("", "Cloud Build", "Developer Tools"),
    ("", "Cloud Logging", "Management and Governance"),
    ("", "Cloud Monitoring", "Management and Governance"),
    ("", "Security Command Center", "Security"),
    ("", "Cloud Key Management Service (KMS)", "Security"),
    ("", "Secret Manager", "Security"),
    ("", "Identity Platform", "Identity"),
    ("", "Support", "Other"),
    ("", "Invoice", "Other"),
];

/// The category of a service; Other, with a warning, where it is not known.
pub(crate) fn category(api: &Api<'_>, id: &str, name: &str) -> &'static str {
    let known = CATEGORIES
        .iter()
        .find(|known| !id.is_empty() && known.0 == id)
        .or_else(|| CATEGORIES.iter().find(|known| known.1 == name));
    match known {
        Some((_, _, category)) => category,
        None => {
            let name = excerpt(name, 80);
            api.warn_once(format!(
                "the service `{name}` is not known: its category is Other"
            ));
            "Other"
        }
    }
}
