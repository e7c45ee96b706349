//! Azure's charge types, and what FOCUS calls them. The list is not published whole: what is not here is labelled and passed on.

use finops_collector::record::{ChargeCategory, ChargeFrequency};

/// A charge type as Azure may spell it: `UnusedReservation`, `Unused Reservation`.
fn plain(charge_type: &str) -> String {
    let letters = charge_type.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether it is use of a service, which has meters worth telling apart.
pub(crate) fn is_usage(charge_type: &str) -> bool {
    plain(charge_type) == "usage"
}

/// What FOCUS calls a charge type; none where it is not known.
pub(crate) fn category(charge_type: &str) -> Option<(ChargeCategory, Option<ChargeFrequency>)> {
    Some(match plain(charge_type).as_str() {
        "usage" | "unusedreservation" | "unusedsavingsplan" => {
            (ChargeCategory::Usage, Some(ChargeFrequency::UsageBased))
        }
        "purchase" => (ChargeCategory::Purchase, None),
        "tax" => (ChargeCategory::Tax, None),
        "refund" => (ChargeCategory::Credit, None),
        "adjustment" | "roundingadjustment" => (ChargeCategory::Adjustment, None),
        _ => return None,
    })
}

/// Whether it corrects what was invoiced before.
pub(crate) fn is_correction(charge_type: &str) -> bool {
    plain(charge_type) == "refund"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter_and_the_unknown_is_known_to_be_so() {
        assert!(is_usage("usage") && !is_usage("UnusedReservation"));
        assert_eq!(
            category("Rounding Adjustment").map(|found| found.0),
            Some(ChargeCategory::Adjustment)
        );
        assert_eq!(category("SpendingCommitmentTrueUp"), None);
    }
}
