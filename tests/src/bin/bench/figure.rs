//! What is measured and what is compared: one list, with names for programs and texts for people.
//! What must hold: figures are whole numbers; a ratio is of two medians of the same run.

use std::{collections::BTreeMap, fmt};

/// Records that the hostile guest writes.
pub(crate) const RECORDS: u64 = 100_000;

/// Records of the large partition.
pub(crate) const MILLION: u64 = 1_000_000;
/// Of these, the rows that are inserted by SQLite alone.
pub(crate) const BARE_ROWS: u64 = 200_000;
/// Records whose entries are delivered.
pub(crate) const POSTED: u64 = 60_000;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds.
    Time,
    /// Bytes.
    Bytes,
    /// Pieces a second.
    Rate,
    /// Pieces.
    Count,
}

/// Something that is measured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// For programs.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) text: &'static str,
    pub(crate) unit: Unit,
}

/// Two figures of one unit, compared.
#[derive(Debug)]
pub(crate) struct Ratio {
    /// For programs.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) text: &'static str,
    pub(crate) of: &'static Figure,
    pub(crate) to: &'static Figure,
}

/// Declares the figures and [`FIGURES`], the list of all in the order in which they are shown.
macro_rules! figures {
    ($($name:ident = $for_programs:literal, $unit:ident, $text:expr;)*) => {
        $(pub(crate) static $name: Figure = Figure { name: $for_programs, text: $text, unit: Unit::$unit };)*
        /// All figures.
        pub(crate) static FIGURES: &[&Figure] = &[$(&$name),*];
    };
}

figures! {
    COMPILE_COLD = "compile-cold", Time, "snowflake.wasm: load without code cache (compiled in a child)";
    COMPILE_CACHED = "compile-cached", Time, "snowflake.wasm: load from the code cache";
    INSTANTIATE = "instantiate", Time, "snowflake.wasm: instantiate and call describe";
    COMPUTE_GUARDED = "compute-guarded", Time, "a guest that computes, limits on: CPU";
    COMPUTE_UNGUARDED = "compute-unguarded", Time, "  limits off";
    CALLS_JUDGED = "calls-judged", Time, "small calls over one connection, all nine steps: CPU of client and server, a call";
    CALLS_UNJUDGED = "calls-unjudged", Time, "  the same HTTP client alone";
    REPLY_JUDGED = "reply-judged", Time, "a reply of 64 MiB, searched for secrets and counted: CPU of client and server";
    REPLY_UNJUDGED = "reply-unjudged", Time, "  the same HTTP client alone";
    RECORDS_RUN = "records-run", Rate, "records from a guest over the border into the ledger";
    RECORDS_BARE = "records-bare", Rate, "the same rows by a bare prepared INSERT, one transaction";
    LEDGER_FIRST = "ledger-first", Rate, "a partition of 1,000,000 records written, sealed and committed";
    LEDGER_BARE = "ledger-bare", Rate, "  200,000 of the same rows by a bare prepared INSERT, one transaction";
    LEDGER_REREAD = "ledger-reread", Rate, "  the same million read again, unchanged";
    LEDGER_MEMORY = "ledger-memory", Bytes, "  memory that the first reading added to the process";
    LEDGER_DISK = "ledger-disk", Bytes, "  the ledger on disk";
    START_WALL = "start-wall", Time, "`finops-host status` over that ledger: wall";
    START_PEAK = "start-peak", Bytes, "  peak memory of the process";
    LEDGER_POSTED = "ledger-posted", Rate, "60,000 records written, sealed, committed and posted to a destination";
    DELIVERY = "delivery", Rate, "  their entries delivered to a server on this machine";
    NATIVE_WALL = "native-wall", Time, "Snowflake backfill, collector native, records in memory: wall";
    NATIVE_CPU = "native-cpu", Time, "  CPU";
    SANDBOXED_WALL = "sandboxed-wall", Time, "Snowflake backfill, collector sandboxed, into the ledger: wall";
    SANDBOXED_CPU = "sandboxed-cpu", Time, "  CPU";
    SANDBOXED_GUEST = "sandboxed-guest-cpu", Time, "  CPU on the guest's thread (guest, border, calls made inline)";
    SANDBOXED_MEMORY = "sandboxed-guest-memory", Bytes, "  memory of the guest";
    BACKFILL_RECORDS = "backfill-records", Count, "  records written";
    RUN_WALL = "run-wall", Time, "`finops-host run` of that backfill, code cached: wall";
    RUN_CPU = "run-cpu", Time, "  user and system CPU";
    RUN_PEAK = "run-peak", Bytes, "  peak memory of the process";
    PYTHON_WALL = "python-wall", Time, "Python script over the same views (fetch, sum, insert): wall";
    PYTHON_CPU = "python-cpu", Time, "  user and system CPU";
    PYTHON_PEAK = "python-peak", Bytes, "  peak memory of the process";
    PYTHON_ROWS = "python-rows", Count, "  rows stored";
    RUN_START = "run-start", Time, "`finops-host run`, code cached: from its start to its first connection";
    PYTHON_START = "python-start", Time, "  the Python script";
    IDLE_MEMORY = "idle-memory", Bytes, "`serve`, 20 instances of all collectors at rest: resident memory";
    LAG_P99 = "lag-p99", Time, "`serve`, 1,000 instances every 5 minutes: lateness of a run, 99 of 100";
    LAG_MEDIAN = "lag-median", Time, "  half of them";
    RUN_OF_MANY = "run-of-many", Time, "  user and system CPU for each run";
    THOUSAND_MEMORY = "thousand-memory", Bytes, "  peak memory of the process";
}

/// All ratios.
pub(crate) static RATIOS: &[Ratio] = &[
    Ratio {
        name: "cold-to-cached",
        text: "load: compiled / from the cache",
        of: &COMPILE_COLD,
        to: &COMPILE_CACHED,
    },
    Ratio {
        name: "guarded-to-unguarded",
        text: "a guest that computes, CPU: limits on / off",
        of: &COMPUTE_GUARDED,
        to: &COMPUTE_UNGUARDED,
    },
    Ratio {
        name: "judged-to-unjudged-call",
        text: "small calls, CPU: policy on / off",
        of: &CALLS_JUDGED,
        to: &CALLS_UNJUDGED,
    },
    Ratio {
        name: "judged-to-unjudged-reply",
        text: "a large reply, CPU: policy on / off",
        of: &REPLY_JUDGED,
        to: &REPLY_UNJUDGED,
    },
    Ratio {
        name: "bare-to-ledger",
        text: "records a second: bare INSERT / guest into ledger",
        of: &RECORDS_BARE,
        to: &RECORDS_RUN,
    },
    Ratio {
        name: "ledger-to-bare",
        text: "records a second: written, sealed and committed / bare INSERT",
        of: &LEDGER_FIRST,
        to: &LEDGER_BARE,
    },
    Ratio {
        name: "reread-to-first",
        text: "records a second: an unchanged reading / the first",
        of: &LEDGER_REREAD,
        to: &LEDGER_FIRST,
    },
    Ratio {
        name: "sandboxed-to-native-wall",
        text: "backfill, wall: sandboxed with ledger / native without",
        of: &SANDBOXED_WALL,
        to: &NATIVE_WALL,
    },
    Ratio {
        name: "sandboxed-to-native-cpu",
        text: "backfill, CPU: sandboxed with ledger / native without",
        of: &SANDBOXED_CPU,
        to: &NATIVE_CPU,
    },
    Ratio {
        name: "guest-to-native-cpu",
        text: "backfill, CPU: the guest's thread / native",
        of: &SANDBOXED_GUEST,
        to: &NATIVE_CPU,
    },
    Ratio {
        name: "run-to-python-wall",
        text: "wall: `finops-host run` / Python script",
        of: &RUN_WALL,
        to: &PYTHON_WALL,
    },
    Ratio {
        name: "run-to-python-cpu",
        text: "CPU: `finops-host run` / Python script",
        of: &RUN_CPU,
        to: &PYTHON_CPU,
    },
    Ratio {
        name: "run-to-python-peak",
        text: "peak memory: `finops-host run` / Python script",
        of: &RUN_PEAK,
        to: &PYTHON_PEAK,
    },
    Ratio {
        name: "run-to-python-start",
        text: "start to first connection: `finops-host run` / Python script",
        of: &RUN_START,
        to: &PYTHON_START,
    },
];

/// What was measured so far.
#[derive(Debug, Default)]
pub(crate) struct Samples(BTreeMap<&'static str, Vec<u64>>);

impl Samples {
    /// Adds a sample of a figure.
    pub(crate) fn add(&mut self, figure: &Figure, sample: u64) {
        self.0.entry(figure.name).or_default().push(sample);
    }

    /// The samples of a figure, the smallest first.
    pub(crate) fn sorted(&self, figure: &Figure) -> Vec<u64> {
        let mut samples = self.0.get(figure.name).cloned().unwrap_or_default();
        samples.sort_unstable();
        samples
    }

    /// The median of a figure (of an even number the lower of the two in the middle), where it was measured.
    pub(crate) fn median(&self, figure: &Figure) -> Option<u64> {
        let sorted = self.sorted(figure);
        sorted.get(sorted.len().saturating_sub(1) / 2).copied()
    }

    /// A ratio in hundredths, rounded down, where both figures were measured.
    pub(crate) fn hundredths(&self, ratio: &Ratio) -> Option<u64> {
        let (of, to) = (self.median(ratio.of)?, self.median(ratio.to)?);
        u64::try_from(u128::from(of) * 100 / u128::from(to.max(1))).ok()
    }
}

/// A number as people read it.
pub(crate) struct Shown(pub(crate) Unit, pub(crate) u64);

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(unit, number) = *self;
        let text = match unit {
            Unit::Time if number >= 1_000_000_000 => format!("{} s", hundredths(number / 10_000_000)),
            Unit::Time if number >= 1_000_000 => format!("{} ms", hundredths(number / 10_000)),
            Unit::Time => format!("{} µs", hundredths(number / 10)),
            Unit::Bytes => {
                let hundredth = u128::from(number) * 100 / (1 << 20);
                format!("{} MiB", hundredths(u64::try_from(hundredth).unwrap_or(u64::MAX)))
            }
            Unit::Rate => format!("{}/s", grouped(number)),
            Unit::Count => grouped(number),
        };
        out.pad(&text)
    }
}

/// A number of hundredths as a decimal.
pub(crate) fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_median_of_three_is_the_one_in_the_middle() {
        let mut samples = Samples::default();
        for sample in [30, 10, 20] {
            samples.add(&RUN_WALL, sample);
        }
        assert_eq!(samples.median(&RUN_WALL), Some(20));
        assert_eq!(samples.sorted(&RUN_WALL), [10, 20, 30]);
        assert_eq!(samples.median(&RUN_CPU), None);
    }

    #[test]
    fn a_ratio_is_of_medians_and_exists_only_where_both_were_measured() {
        let ratio = RATIOS
            .iter()
            .find(|ratio| ratio.name == "run-to-python-wall")
            .unwrap();
        let mut samples = Samples::default();
        samples.add(&RUN_WALL, 10);
        assert_eq!(samples.hundredths(ratio), None);
        samples.add(&PYTHON_WALL, 3);
        assert_eq!(samples.hundredths(ratio), Some(333));
    }

    #[test]
    fn only_figures_of_one_unit_are_compared_and_names_are_not_used_twice() {
        for ratio in RATIOS {
            assert_eq!(ratio.of.unit, ratio.to.unit, "{}", ratio.name);
        }
        let mut names: Vec<_> = FIGURES.iter().map(|figure| figure.name).collect();
        names.extend(RATIOS.iter().map(|ratio| ratio.name));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn numbers_are_shown_with_their_unit() {
        for (unit, number, shown) in [
            (Unit::Time, 1_234_567_890, "1.23 s"),
            (Unit::Time, 12_345_678, "12.34 ms"),
            (Unit::Time, 5_678, "5.67 µs"),
            (Unit::Bytes, 3 << 19, "1.50 MiB"),
            (Unit::Rate, 1_234_567, "1,234,567/s"),
            (Unit::Count, 100, "100"),
        ] {
            assert_eq!(Shown(unit, number).to_string(), shown);
        }
    }
}
