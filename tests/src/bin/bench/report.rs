//! What is printed: one table, or the same as JSON.

use crate::figure::{FIGURES, RATIOS, Samples, Shown, Unit, hundredths};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Number, Value, json};

/// What the figures were measured on.
pub(crate) struct Machine {
    cores: usize,
    profile: &'static str,
    rounds: usize,
}

impl Machine {
    /// This one.
    pub(crate) fn this(rounds: usize) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            profile: if cfg!(debug_assertions) { "dev" } else { "release" },
            rounds,
        }
    }

    fn line(&self) -> String {
        let Self {
            cores,
            profile,
            rounds,
        } = self;
        let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
        format!(
            "{cores} cores, {system} {processor}, {profile} profile; median of {rounds}, simulator on the same machine"
        )
    }
}

/// The table for people. A figure that was not measured shows none.
pub(crate) fn table(machine: &Machine, samples: &Samples) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["figure", "median", "lowest", "highest"]);
    for figure in FIGURES {
        let sorted = samples.sorted(figure);
        let shown = |number: Option<u64>| {
            number.map_or_else(|| "-".to_owned(), |number| Shown(figure.unit, number).to_string())
        };
        table.add_row([
            figure.text.to_owned(),
            shown(samples.median(figure)),
            shown(sorted.first().copied()),
            shown(sorted.last().copied()),
        ]);
    }
    table.add_row([String::new()]);
    for ratio in RATIOS {
        let shown = samples
            .hundredths(ratio)
            .map_or_else(|| "-".to_owned(), |number| format!("{} x", hundredths(number)));
        table.add_row([ratio.text.to_owned(), shown, String::new(), String::new()]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n{}", machine.line(), table.trim_fmt())
}

/// The same for programs: times in nanoseconds, memory in bytes.
pub(crate) fn json(machine: &Machine, samples: &Samples) -> Value {
    let figures = FIGURES.iter().map(|figure| {
        json!({
            "name": figure.name,
            "text": figure.text.trim_start(),
            "unit": match figure.unit {
                Unit::Time => "ns",
                Unit::Bytes => "bytes",
                Unit::Rate => "per-second",
                Unit::Count => "count",
            },
            "median": samples.median(figure),
            "samples": samples.sorted(figure),
        })
    });
    let ratios = RATIOS.iter().map(|ratio| {
        let number = samples.hundredths(ratio).and_then(|number| hundredths(number).parse::<Number>().ok());
        json!({"name": ratio.name, "text": ratio.text, "of": ratio.of.name, "to": ratio.to.name, "ratio": number})
    });
    json!({
        "machine": {
            "cores": machine.cores,
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
            "profile": machine.profile,
            "rounds": machine.rounds,
        },
        "figures": figures.collect::<Vec<_>>(),
        "ratios": ratios.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use crate::figure::{PYTHON_WALL, RUN_WALL};

    fn samples() -> Samples {
        let mut samples = Samples::default();
        for sample in [3_000_000, 1_000_000, 2_000_000] {
            samples.add(&RUN_WALL, sample);
        }
        samples.add(&PYTHON_WALL, 4_000_000);
        samples
    }

    #[test]
    fn the_table_shows_machine_medians_and_ratios() {
        let text = table(&Machine::this(3), &samples());
        let line = |part: &str| {
            text.lines()
                .find(|line| line.contains(part))
                .unwrap_or_default()
                .to_owned()
        };
        assert!(
            line("cores").ends_with("median of 3, simulator on the same machine"),
            "{text}"
        );
        let words: Vec<_> = line("run` of that backfill")
            .split_whitespace()
            .rev()
            .take(6)
            .map(str::to_owned)
            .collect();
        assert_eq!(words, ["ms", "3.00", "ms", "1.00", "ms", "2.00"], "{text}");
        assert!(
            line("wall: `finops-host run` / Python")
                .trim_end()
                .ends_with("0.50 x"),
            "{text}"
        );
        assert!(
            line("a bare prepared INSERT").contains(" - "),
            "what was not measured has no number: {text}"
        );
    }

    #[test]
    fn the_json_holds_the_same() {
        let value = json(&Machine::this(3), &samples());
        let named = |list: &str, name: &str| {
            value[list]
                .as_array()
                .into_iter()
                .flatten()
                .find(|one| one["name"] == name)
                .cloned()
                .unwrap_or_default()
        };
        assert_eq!(named("figures", "run-wall")["median"], 2_000_000);
        assert_eq!(
            named("figures", "run-wall")["samples"],
            json!([1_000_000, 2_000_000, 3_000_000])
        );
        assert_eq!(named("figures", "compile-cold")["median"], Value::Null);
        assert_eq!(named("ratios", "run-to-python-wall")["ratio"].to_string(), "0.50");
        assert_eq!(value["machine"]["rounds"], 3);
    }
}
