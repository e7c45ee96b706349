//! Parquet, column by column through the low-level writer: every column optional, decimals as `DECIMAL(38, 18)` (our unit
//! is 10⁻¹⁸, so nothing is scaled), times as microseconds in UTC, tags as JSON text.
//!
//! What must hold: memory is one row group's values; a number that needs more than 38 digits never comes here as a decimal.

use super::{ExportError, Heading, Sheet, Sink, Value};
use crate::export::Kind;
use bytes::Bytes;
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::Type,
};
use std::{path::PathBuf, sync::Arc};

/// Rows of a row group at most.
const ROWS: usize = 100_000;
/// Bytes of values of a row group at most.
const BYTES: usize = 16 << 20;
/// Length of a decimal: an i128, big-endian.
const DECIMAL: i32 = 16;

pub(super) struct Parquet {
    writer: SerializedFileWriter<Sink>,
    path: PathBuf,
    columns: Vec<Buffer>,
    rows: usize,
}

/// The values of a column in the row group under way.
struct Buffer {
    kind: Kind,
    /// 1 where there is a value, 0 for NULL.
    there: Vec<i16>,
    values: Values,
}

enum Values {
    /// Texts one after another, and the end of each.
    Texts(Vec<u8>, Vec<usize>),
    /// Decimals one after another.
    Decimals(Vec<u8>),
    /// Times and counts.
    Whole(Vec<i64>),
}

impl Values {
    fn none(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Map => Self::Texts(Vec::new(), Vec::new()),
            Kind::Decimal => Self::Decimals(Vec::new()),
            Kind::Time | Kind::Whole => Self::Whole(Vec::new()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Texts(bytes, ends) => bytes.len() + ends.len() * size_of::<usize>(),
            Self::Decimals(bytes) => bytes.len(),
            Self::Whole(numbers) => numbers.len() * size_of::<i64>(),
        }
    }
}

impl Parquet {
    pub(super) fn open(
        headings: Vec<Heading>,
        facts: &[(&str, &str)],
        sink: Sink,
    ) -> Result<Self, ExportError> {
        let path = sink.path().to_owned();
        let failed = |error: ParquetError| ExportError::format(&path, error);
        let fields = headings.iter().map(field).collect::<Result<_, _>>();
        let schema = Type::group_type_builder("focus")
            .with_fields(fields.map_err(failed)?)
            .build()
            .map_err(failed)?;
        let facts = facts
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("finops-host ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(facts.collect()))
            .build();
        let writer =
            SerializedFileWriter::new(sink, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        let columns = headings.iter().map(|heading| Buffer {
            kind: heading.kind,
            there: Vec::new(),
            values: Values::none(heading.kind),
        });
        Ok(Self {
            columns: columns.collect(),
            writer,
            path,
            rows: 0,
        })
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        write_group(&mut self.writer, &mut self.columns)
            .map_err(|error| ExportError::format(&self.path, error))
    }
}

impl Sheet for Parquet {
    fn row(&mut self, values: &[Value<'_>]) -> Result<(), ExportError> {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.add(value);
        }
        self.rows += 1;
        let bytes = || -> usize { self.columns.iter().map(|column| column.values.bytes()).sum() };
        if self.rows >= ROWS || self.rows.is_multiple_of(1_024) && bytes() >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Sink, ExportError> {
        self.flush()?;
        self.writer
            .into_inner()
            .map_err(|error| ExportError::format(&self.path, error))
    }
}

impl Buffer {
    fn add(&mut self, value: &Value<'_>) {
        let there = match (&mut self.values, value) {
            (_, Value::Null) => false,
            (Values::Decimals(bytes), Value::Decimal(number)) => {
                bytes.extend(number.units().to_be_bytes());
                true
            }
            (Values::Whole(numbers), Value::Time(at)) => {
                numbers.push(at.as_second().saturating_mul(1_000_000));
                true
            }
            (Values::Whole(numbers), Value::Whole(count)) => {
                numbers.push(i64::try_from(*count).unwrap_or(i64::MAX));
                true
            }
            (Values::Texts(bytes, ends), value) => {
                let text = value.written().unwrap_or_default();
                bytes.extend(text.as_bytes());
                ends.push(bytes.len());
                true
            }
            // A column has values of its own type only; text columns take any.
            (Values::Decimals(_) | Values::Whole(_), _) => false,
        };
        self.there.push(i16::from(there));
    }

    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let there = std::mem::take(&mut self.there);
        match std::mem::replace(&mut self.values, Values::none(self.kind)) {
            Values::Texts(bytes, ends) => {
                let bytes = Bytes::from(bytes);
                let mut from = 0;
                let values: Vec<ByteArray> = ends
                    .into_iter()
                    .map(|end| bytes.slice(std::mem::replace(&mut from, end)..end).into())
                    .collect();
                writer
                    .typed::<ByteArrayType>()
                    .write_batch(&values, Some(&there), None)?;
            }
            Values::Decimals(bytes) => {
                let bytes = Bytes::from(bytes);
                let values: Vec<FixedLenByteArray> = (0..bytes.len())
                    .step_by(16)
                    .map(|at| ByteArray::from(bytes.slice(at..at + 16)).into())
                    .collect();
                writer
                    .typed::<FixedLenByteArrayType>()
                    .write_batch(&values, Some(&there), None)?;
            }
            Values::Whole(numbers) => {
                writer
                    .typed::<Int64Type>()
                    .write_batch(&numbers, Some(&there), None)?;
            }
        }
        Ok(())
    }
}

fn write_group(writer: &mut SerializedFileWriter<Sink>, columns: &mut [Buffer]) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        if let Some(mut writer) = group.next_column()? {
            column.write(&mut writer)?;
            writer.close()?;
        }
    }
    group.close()?;
    Ok(())
}

/// A column of the schema.
fn field(heading: &Heading) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match heading.kind {
        Kind::Text => (Physical::BYTE_ARRAY, LogicalType::String),
        Kind::Map => (Physical::BYTE_ARRAY, LogicalType::Json),
        Kind::Decimal => (Physical::FIXED_LEN_BYTE_ARRAY, LogicalType::decimal(18, 38)),
        Kind::Time => (Physical::INT64, LogicalType::timestamp(true, TimeUnit::MICROS)),
        Kind::Whole => (Physical::INT64, LogicalType::integer(64, true)),
    };
    let mut builder = Type::primitive_type_builder(&heading.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(logical));
    if heading.kind == Kind::Decimal {
        builder = builder.with_length(DECIMAL).with_precision(38).with_scale(18);
    }
    Ok(Arc::new(builder.build()?))
}
