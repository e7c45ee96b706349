//! What the words of a SKU tell: what kind of charge it is, and FOCUS's category of the service.

/// What kind of charge a SKU stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// Use of a service.
    Usage,
    /// A plan or a service of people.
    Purchase,
    /// Money back.
    Credit,
    /// A tax.
    Tax,
}

/// What a SKU tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) charge: Charge,
    /// ServiceCategory.
    pub(crate) category: &'static str,
    /// Whether any of its words is known.
    pub(crate) known: bool,
}

/// Words, the telling ones first, and what they tell. A word of several parts is met as it stands.
const WORDS: &[(&[&str], Charge, &str)] = &[
    (
        &["CREDIT", "CREDITS", "PROMO", "REFUND"],
        Charge::Credit,
        "Databases",
    ),
    (&["TAX", "VAT"], Charge::Tax, "Other"),
    (
        &["SUPPORT", "TRAINING", "CONSULTING", "PROFESSIONAL"],
        Charge::Purchase,
        "Other",
    ),
    (
        &["DATA_TRANSFER", "PRIVATE_ENDPOINT", "PEERING", "NAT"],
        Charge::Usage,
        "Networking",
    ),
    (
        &["BACKUP", "SNAPSHOT", "PIT", "RESTORE", "ARCHIVE", "EXPORT"],
        Charge::Usage,
        "Storage",
    ),
    (
        &["STREAM", "DATA_LAKE", "DATA_FEDERATION", "CHARTS", "BI_CONNECTOR"],
        Charge::Usage,
        "Analytics",
    ),
    (
        &["VOYAGE", "EMBEDDING", "RERANK", "AI"],
        Charge::Usage,
        "AI and Machine Learning",
    ),
    (
        &["REALM", "STITCH", "APP_SERVICES", "FUNCTION", "TRIGGER", "SYNC"],
        Charge::Usage,
        "Developer Tools",
    ),
    (
        &["AUDITING", "ENCRYPTION", "LDAP", "ADVANCED_SECURITY"],
        Charge::Usage,
        "Security",
    ),
    (
        &[
            "INSTANCE",
            "SERVERLESS",
            "FLEX",
            "STORAGE",
            "SEARCH",
            "VECTOR",
            "IOPS",
            "FREE",
            "SHARED",
            "CLUSTER",
        ],
        Charge::Usage,
        "Databases",
    ),
];

/// What the SKU tells.
pub(crate) fn class(sku: &str) -> Class {
    let upper = sku
        .to_ascii_uppercase()
        .replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    // Each word between underscores, so that TAX is not met in SYNTAX.
    let padded = format!("_{upper}_");
    let found = WORDS
        .iter()
        .find(|(words, ..)| words.iter().any(|word| padded.contains(&format!("_{word}_"))));
    match found {
        Some((_, charge, category)) => Class {
            charge: *charge,
            category,
            known: true,
        },
        None => Class {
            charge: Charge::Usage,
            category: "Other",
            known: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_sku_tell_charge_and_category() {
        for (sku, charge, category) in [
            ("ATLAS_AWS_INSTANCE_M30", Charge::Usage, "Databases"),
            ("NDS_AZURE_DATA_TRANSFER_INTERNET", Charge::Usage, "Networking"),
            ("ATLAS_AWS_BACKUP_SNAPSHOT_STORAGE", Charge::Usage, "Storage"),
            ("ATLAS_GCP_STREAM_PROCESSING_SP10", Charge::Usage, "Analytics"),
            ("ATLAS_DEVELOPER_SUPPORT", Charge::Purchase, "Other"),
            ("ATLAS_CREDIT", Charge::Credit, "Databases"),
            ("SALES_TAX", Charge::Tax, "Other"),
        ] {
            let class = class(sku);
            assert_eq!(
                (class.charge, class.category, class.known),
                (charge, category, true),
                "{sku}"
            );
        }
        for sku in ["ATLAS_SYNTAX_CHECKER", "", "QUANTUM"] {
            assert!(!class(sku).known, "{sku}");
        }
    }
}
