//! Counting what an account has: numbers added up by name, unit and dimensions, then stored as observations of one instant.

use crate::{Decimal, Failure, Host, Instant, Observation, Source};
use std::collections::BTreeMap;

/// Name, unit and dimensions of an observation.
type Key = (&'static str, &'static str, Vec<(String, String)>);

/// Numbers that are being added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Key, Decimal>);

impl Counts {
    /// Adds to the number of this kind (name and unit, as the descriptor has them) and these dimensions.
    ///
    /// # Errors
    /// `malformed-reply`, where the sum does not fit.
    pub fn add(
        &mut self,
        (name, unit): (&'static str, &'static str),
        dimensions: &[(&str, &str)],
        value: Decimal,
    ) -> Result<(), Failure> {
        let dimensions = dimensions
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let sum = self.0.entry((name, unit, dimensions)).or_default();
        *sum = sum.checked_add(value).map_err(Failure::malformed)?;
        Ok(())
    }

    /// Takes over what was counted apart, as where a list can fail: its numbers replace those of the same key.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Stores all numbers; nothing is done where there are none.
    ///
    /// # Errors
    /// The host's.
    pub fn observe(self, host: &dyn Host, source: &Source, at: Instant) -> Result<(), Failure> {
        let of = |((name, unit, dimensions), value): (Key, Decimal)| Observation {
            name: name.to_owned(),
            source: source.clone(),
            at,
            dimensions,
            value,
            unit: unit.to_owned(),
        };
        let observations: Vec<Observation> = self.0.into_iter().map(of).collect();
        match observations.is_empty() {
            true => Ok(()),
            false => host.observe(&observations),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn numbers_of_the_same_dimensions_are_added_up_and_stored_once() {
        let host = FakeHost::new();
        let source = Source::new("example", "acct", "");
        assert_eq!(Counts::default().observe(&host, &source, 5), Ok(()));
        let mut counts = Counts::default();
        let mut apart = Counts::default();
        for (counts, region) in [(&mut counts, "a"), (&mut apart, "b")] {
            for _ in 0..2 {
                assert_eq!(
                    counts.add(("nodes", "Nodes"), &[("region", region)], Decimal::ONE),
                    Ok(())
                );
            }
        }
        counts.extend(apart);
        assert_eq!(counts.observe(&host, &source, 5), Ok(()));
        let seen: Vec<_> = host
            .observations()
            .into_iter()
            .map(|one| (one.dimensions, one.value, one.unit, one.at))
            .collect();
        let expected = |region: &str| {
            let dimensions = vec![("region".to_owned(), region.to_owned())];
            (dimensions, Decimal::from(2_u32), "Nodes".to_owned(), 5)
        };
        assert_eq!(seen, [expected("a"), expected("b")]);
    }
}
