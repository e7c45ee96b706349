//! Durations counted in buckets: whole numbers, so that no observation is lost to rounding.

use super::exposition::{Value, sample};
use std::time::Duration;

/// Buckets by their upper bounds, the bounds included.
#[derive(Clone, Debug)]
pub(in crate::observe) struct Histogram {
    bounds: &'static [Duration],
    /// Observations of each bucket alone; those above the last bound are in none.
    counts: Vec<u64>,
    all: u64,
    sum: Duration,
}

impl Histogram {
    /// An empty one; the bounds rise.
    pub(super) fn new(bounds: &'static [Duration]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len()],
            all: 0,
            sum: Duration::ZERO,
        }
    }

    /// Counts an observation.
    pub(super) fn observe(&mut self, time: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < time);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.all += 1;
        self.sum = self.sum.saturating_add(time);
    }

    /// Buckets by their upper bounds, each with the observations of it alone.
    #[cfg(feature = "otlp")]
    pub(in crate::observe) fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.bounds.iter().copied().zip(self.counts.iter().copied())
    }

    /// How many observations there were, and what they add up to.
    #[cfg(feature = "otlp")]
    pub(in crate::observe) fn all(&self) -> (u64, Duration) {
        (self.all, self.sum)
    }

    /// Writes the family's samples into a text.
    pub(super) fn write(&self, text: &mut String, name: &str) {
        let mut below = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            below += count;
            let bound = bound_text(*bound);
            sample(text, name, "_bucket", [("le", bound.as_str())], below.into());
        }
        sample(text, name, "_bucket", [("le", "+Inf")], self.all.into());
        sample(text, name, "_sum", [], Value::Seconds(self.sum));
        sample(text, name, "_count", [], self.all.into());
    }
}

/// A bound as Prometheus writes numbers, without trailing zeros: it is part of a series' identity.
fn bound_text(bound: Duration) -> String {
    let text = Value::Seconds(bound).to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{
        super::exposition::{Exposition, Family, Kind},
        *,
    };

    #[test]
    fn an_observation_falls_into_every_bucket_whose_bound_it_does_not_pass() {
        const BOUNDS: &[Duration] = &[Duration::from_millis(50), Duration::from_secs(10)];
        let mut histogram = Histogram::new(BOUNDS);
        for millis in [1, 50, 51, 10_000, 10_001] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut text = Exposition::default();
        let family = Family {
            name: "x_seconds",
            kind: Kind::Histogram,
            help: "X.",
        };
        text.observations(family, &histogram);
        assert_eq!(
            text.into_text(),
            "# HELP x_seconds X.\n# TYPE x_seconds histogram\n\
             x_seconds_bucket{le=\"0.05\"} 2\nx_seconds_bucket{le=\"10\"} 4\nx_seconds_bucket{le=\"+Inf\"} 5\n\
             x_seconds_sum 20.103000\nx_seconds_count 5\n"
        );
    }
}
