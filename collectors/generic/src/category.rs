//! FOCUS's service categories, as an operator may write them.

/// The 19 of FOCUS.
const ALL: [&str; 19] = [
    "AI and Machine Learning",
    "Analytics",
    "Business Applications",
    "Compute",
    "Databases",
    "Developer Tools",
    "Multicloud",
    "Identity",
    "Integration",
    "Internet of Things",
    "Management and Governance",
    "Media",
    "Migration",
    "Mobile",
    "Networking",
    "Security",
    "Storage",
    "Web",
    "Other",
];

/// The category of this name, however it is cased; none where FOCUS has none.
pub(crate) fn category(name: &str) -> Option<&'static str> {
    let same = |known: &&str| known.eq_ignore_ascii_case(name.trim());
    ALL.into_iter().find(same)
}
