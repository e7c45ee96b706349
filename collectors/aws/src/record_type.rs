//! AWS's record types, and what FOCUS calls them. The list is not published whole: what is not here is labelled and passed on.

use finops_collector::record::{ChargeCategory, ChargeFrequency};

/// How a record type's money is cut and named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// What was used, covered by a commitment or not. Covered usage and its negation cancel out, so they belong together.
    Usage,
    /// Everything else: it has no usage worth telling apart.
    Other,
}

/// A record type as AWS may spell it: `SavingsPlanCoveredUsage`, `Savings Plan Covered Usage`.
fn plain(record_type: &str) -> String {
    let letters = record_type.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// How a record type is cut.
pub(crate) fn class(record_type: &str) -> Class {
    match plain(record_type).as_str() {
        "usage" | "discountedusage" | "bundledusage" | "savingsplancoveredusage" | "savingsplannegation" => {
            Class::Usage
        }
        _ => Class::Other,
    }
}

/// What FOCUS calls a record type that is no usage; none where it is not known.
pub(crate) fn category(record_type: &str) -> Option<(ChargeCategory, Option<ChargeFrequency>)> {
    use ChargeFrequency::{OneTime, Recurring};
    let plain = plain(record_type);
    Some(match plain.as_str() {
        "tax" => (ChargeCategory::Tax, None),
        "credit" | "refund" => (ChargeCategory::Credit, None),
        "fee" | "support" | "rifee" | "upfront" | "savingsplanupfrontfee" => (
            ChargeCategory::Purchase,
            Some(OneTime).filter(|_| plain.contains("upfront")),
        ),
        "recurring" | "savingsplanrecurringfee" | "subscription" => {
            (ChargeCategory::Purchase, Some(Recurring))
        }
        // Under unblended costs discounts are lines of their own; under net costs they are zero.
        "discount"
        | "edpdiscount"
        | "enterprisediscountprogramdiscount"
        | "privateratediscount"
        | "bundleddiscount"
        | "rivolumediscount"
        | "sppdiscount"
        | "solutionproviderprogramdiscount"
        | "distributordiscount" => (ChargeCategory::Adjustment, None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter_and_the_unknown_is_known_to_be_so() {
        assert_eq!(class("Savings Plan Negation"), Class::Usage);
        assert_eq!(class("SavingsPlanCoveredUsage"), Class::Usage);
        assert_eq!(class("Tax"), Class::Other);
        assert_eq!(
            category("Enterprise Discount Program Discount").map(|found| found.0),
            Some(ChargeCategory::Adjustment)
        );
        assert_eq!(category("Cloud Rebate Of The Future"), None);
    }
}
