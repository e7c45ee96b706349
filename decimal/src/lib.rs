//! Exact decimal numbers for money and quantities.
//!
//! A [`Decimal`] is a whole number of 10⁻¹⁸ in an `i128`: up to 20 digits before the point and 18 after it.
//! What must hold: nothing is ever rounded unless the function's name says so; what cannot be held exactly is an error.

mod arithmetic;
mod split;
mod text;

pub use split::SplitError;
pub use text::ParseError;

/// Fractional digits that a [`Decimal`] holds.
pub const PLACES: u32 = 18;

/// 10¹⁸: the units of one.
pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;

/// An exact decimal number with at most 18 fractional digits, between about ±1.7 × 10²⁰.
///
/// Equality and order are by value: `1.50` equals `1.5`. Serialises as a string, deserialises from a string or a
/// JSON number, read by its digits and never through a float.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

/// An operation whose exact result does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArithmeticError {
    /// More than about 20 digits before the point.
    #[error("the result is too large for an exact decimal")]
    Overflow,
    /// More than 18 digits after the point.
    #[error("the result needs more than 18 fractional digits")]
    Inexact,
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(ONE);

    /// The number of 10⁻¹⁸ units.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// The number made of so many 10⁻¹⁸ units.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        // An i64 times 10¹⁸ is below 2¹²³.
        Self(i128::from(value) * ONE)
    }
}

impl From<u32> for Decimal {
    fn from(value: u32) -> Self {
        Self(i128::from(value) * ONE)
    }
}
