//! `[tags]`: the operator's own labels of an instance's money, such as `team = "data"`.

use super::section::{Item, Section};
use crate::{foreign::is_deceptive, ledger::tags::Tags};

/// Most tags of an instance.
const MOST: usize = 50;
/// Longest name, in characters.
const NAME: usize = 128;
/// Longest value, in characters.
const VALUE: usize = 256;

/// Reads the section.
pub(super) fn read(section: &Section<'_>) -> Tags {
    let mut tags = Tags::new();
    for item in section.items() {
        if tags.len() == MOST {
            item.at_key(
                format!("these are more than {MOST} tags"),
                "take some out: tags are what `costs --by tag:NAME` groups by",
            );
            break;
        }
        if let Some(value) = value(&item) {
            tags.insert(item.name.to_owned(), value);
        }
    }
    tags
}

fn value(item: &Item<'_>) -> Option<String> {
    if item.name.is_empty() || item.name.chars().count() > NAME || item.name.contains(is_deceptive) {
        item.at_key(
            "this is no name of a tag",
            format!("write 1 to {NAME} characters that can be seen, such as team or \"cost-center\""),
        );
        return None;
    }
    let value = item.text("text in quotes, such as \"data\"; a name with a point stands in quotes, too")?;
    if value.trim().is_empty() || value.chars().count() > VALUE || value.contains(is_deceptive) {
        item.problem(
            "this is no value of a tag",
            format!("write 1 to {VALUE} characters that can be seen, or leave the tag out"),
        );
        return None;
    }
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::config::Config;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/etc/finops/aws.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn tags_are_any_names_with_text() {
        let config = parse("[tags]\nteam = \"data\"\n\"cost.center\" = \"4711 Köln\"\n").unwrap();
        let tags: Vec<_> = config
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(tags, ["cost.center=4711 Köln", "team=data"]);
        assert!(parse("").unwrap().tags.is_empty());
    }

    #[test]
    fn what_is_no_tag_is_told_with_its_line_and_a_remedy() {
        for (line, what, remedy) in [
            ("team = 5", "this is a whole number", "write text in quotes"),
            (
                "cost.center = \"x\"",
                "this is a table",
                "a name with a point stands in quotes",
            ),
            ("team = \" \"", "no value of a tag", "leave the tag out"),
            (
                "team = \"a\\u202eb\"",
                "no value of a tag",
                "characters that can be seen",
            ),
            ("\"\" = \"x\"", "no name of a tag", "such as team"),
            ("team = { env = \"TEAM\" }", "this is a table", "text in quotes"),
        ] {
            let error = parse(&format!("[collector]\nname = \"a\"\n[tags]\n{line}\n")).unwrap_err();
            for part in [what, remedy, ":4"] {
                assert!(error.contains(part), "{line}: no {part:?} in {error}");
            }
        }
        let many: String = (0..51).map(|number| format!("t{number:02} = \"x\"\n")).collect();
        assert!(
            parse(&format!("[tags]\n{many}"))
                .unwrap_err()
                .contains("more than 50 tags")
        );
        let long = "x".repeat(257);
        assert!(parse(&format!("[tags]\nteam = \"{long}\"")).is_err());
        assert!(parse(&format!("[tags]\nteam = \"{}\"", "ö".repeat(256))).is_ok());
    }
}
