//! The versions of FOCUS and the file formats that files are written in.

use serde::Serialize;

/// A version of the FOCUS specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum FocusVersion {
    /// 1.2, of 2025-05-29.
    #[serde(rename = "1.2")]
    V1_2,
    /// 1.3, of 2025-12-04.
    #[serde(rename = "1.3")]
    V1_3,
    /// 1.4, of 2026-06-04.
    #[default]
    #[serde(rename = "1.4")]
    V1_4,
}

impl FocusVersion {
    /// All of them, newest first.
    pub const ALL: [Self; 3] = [Self::V1_4, Self::V1_3, Self::V1_2];

    /// As configuration and files write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
        }
    }
}

/// A file format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values after RFC 4180, with a header; NULL is an empty field.
    #[default]
    Csv,
    /// Parquet with Snappy; decimals are `DECIMAL(38, 18)`.
    Parquet,
    /// One JSON object a line; decimals are strings, so that no reader takes them for floats.
    Jsonl,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Parquet, Self::Jsonl];

    /// As configuration writes it; also the ending of the files' names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
        }
    }
}
