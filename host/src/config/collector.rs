//! `[collector]`: which instance this is, when it runs, the component that it is pinned to, and what of it is believed.

use super::{
    Config, Cron, CronError,
    errors::Problems,
    reading::Reading,
    section::{Item, Section},
};
use crate::{
    component::descriptor::LookBack,
    ledger::{HoldPolicy, Money},
};
use std::time::Duration;

/// Reads the section into the configuration.
pub(super) fn read(
    section: Option<Section<'_>>,
    reading: &Reading<'_>,
    config: &mut Config,
    problems: &Problems,
) {
    let mut name = None;
    if let Some(section) = section {
        name = section.take("name").and_then(|item| {
            let name = item.text("a name such as \"snowflake-prod\"")?;
            if !is_name(name) {
                item.problem("this is no name", NAME_RULE);
            }
            Some(name.to_owned())
        });
        config.component = section
            .take("component")
            .and_then(|item| reading.path(&item, "the collector's .wasm file"));
        config.interval = section
            .take("interval")
            .and_then(|item| item.duration(Duration::from_secs(1), Duration::from_secs(366 * 86_400)));
        if section.take("count").and_then(|item| item.boolean()) == Some(false) {
            config.money = Money::Apart;
        }
        let days = section.take("look-back").and_then(|item| item.count(0, 3_660));
        config.look_back = days.and_then(|days| u32::try_from(days).ok()).map(LookBack::Days);
        let months = section
            .take("archive-after")
            .and_then(|item| item.count(1, 1_200));
        config.archive_after = months.and_then(|months| u32::try_from(months).ok());
        let percent = section.take("hold-above").and_then(|item| item.count(0, 100));
        if let Some(withdrawn) = percent.and_then(|percent| u32::try_from(percent).ok()) {
            config.hold = HoldPolicy::Watch { withdrawn };
        }
        config.sha256 = section.take("sha256").and_then(|item| digest(&item));
        if let Some(item) = section.take("cron") {
            config.cron = cron(&item);
            if config.interval.is_some() {
                item.at_key(
                    "both `cron` and `interval` say when it runs",
                    "leave one of them away",
                );
            }
        }
        config.jitter = section
            .take("jitter")
            .and_then(|item| item.duration(Duration::ZERO, Duration::from_secs(86_400)));
        section.finish();
    }
    config.name = name.unwrap_or_else(|| {
        let stem = config.path.file_stem().unwrap_or_default().to_string_lossy();
        if !is_name(&stem) {
            let what = "the file's own name cannot name the instance";
            let remedy = format!("add [collector] name = \"...\": {NAME_RULE}");
            problems.add(&(0..0), "collector.name", what, remedy);
        }
        stem.into_owned()
    });
}

/// Its error names the field.
fn cron(item: &Item<'_>) -> Option<Cron> {
    let expected = "minute, hour, day of month, month and day of week (UTC), such as \"30 6 * * *\"";
    match item.text(expected)?.parse() {
        Ok(cron) => Some(cron),
        Err(error) => {
            let error: CronError = error;
            item.problem(
                format!("this is no cron expression: {error}"),
                format!("write {expected}"),
            );
            None
        }
    }
}

const NAME_RULE: &str = "at most 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit";

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn digest(item: &Item<'_>) -> Option<String> {
    let expected = "the 64 hex digits that `finops-host inspect` or `sha256sum` shows";
    let text = item.text(expected)?.to_ascii_lowercase();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(text);
    }
    item.problem("this is no SHA-256 digest", format!("write {expected}"));
    None
}
