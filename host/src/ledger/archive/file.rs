//! One archive file: Parquet with a row for each state that a record of the partition had, in the order of key and record.
//!
//! What must hold: amounts are exact text, as in the database; memory is one row group while it is written and a few while
//! it is read, however large the partition; a file of another shape is an error, never a panic.

use crate::ledger::store::{Hash, hex};
use parquet::{
    basic::Compression,
    column::reader::ColumnReader,
    data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        reader::FileReader,
        serialized_reader::SerializedFileReader,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::{parser::parse_message_type, types::ColumnPath},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    io::{self, BufWriter, Write},
    sync::Arc,
};

/// Rows of a row group at most: what is read at once for one record.
const ROWS: usize = 2_000;
/// Bytes of content of a row group at most.
const BYTES: usize = 4 << 20;
/// Row groups of a file that stay in memory: reading goes in the order of keys, now and then from several places at once.
const HELD: usize = 4;

/// The columns. Other programs may read them: docs/ledger.md.
const SCHEMA: &str = "message archive {
    REQUIRED INT64 record;
    REQUIRED FIXED_LEN_BYTE_ARRAY (32) key;
    REQUIRED FIXED_LEN_BYTE_ARRAY (32) revision;
    REQUIRED INT64 from_commit;
    OPTIONAL INT64 until_commit;
    REQUIRED BYTE_ARRAY service (STRING);
    REQUIRED BYTE_ARRAY currency (STRING);
    REQUIRED BYTE_ARRAY billed (STRING);
    REQUIRED BYTE_ARRAY effective (STRING);
    OPTIONAL BYTE_ARRAY list (STRING);
    OPTIONAL BYTE_ARRAY contracted (STRING);
    REQUIRED BYTE_ARRAY content (JSON);
}";
/// Where in it they stand.
const RECORD: usize = 0;
const KEY: usize = 1;
const CONTENT: usize = 11;

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) record: i64,
    pub(super) key: Hash,
    pub(super) revision: Hash,
    pub(super) from_commit: i64,
    pub(super) until_commit: Option<i64>,
    pub(super) service: String,
    pub(super) currency: String,
    pub(super) billed: String,
    pub(super) effective: String,
    pub(super) list: Option<String>,
    pub(super) contracted: Option<String>,
    pub(super) content: String,
}

/// A file that was written whole.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) records: i64,
    pub(super) bytes: i64,
    pub(super) sha256: String,
}

/// Writes a file.
pub(super) struct Writer {
    file: SerializedFileWriter<Hashing>,
    group: Group,
    records: i64,
}

impl Writer {
    /// Begins a file, with facts about it for whoever finds it.
    pub(super) fn new(file: File, facts: Vec<(&str, String)>) -> Result<Self, ParquetError> {
        let facts = facts
            .into_iter()
            .map(|(name, value)| KeyValue::new(name.to_owned(), value));
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("finops-host ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(facts.collect()));
        for each_its_own in ["record", "key", "revision", "content"] {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(each_its_own), false);
        }
        let hashing = Hashing {
            file: BufWriter::with_capacity(256 * 1024, file),
            hasher: Sha256::new(),
            bytes: 0,
        };
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        Ok(Self {
            file: SerializedFileWriter::new(hashing, schema, Arc::new(properties.build()))?,
            group: Group::default(),
            records: 0,
        })
    }

    /// Adds a row. They come in the order of key and record.
    pub(super) fn add(&mut self, line: Line) -> Result<(), ParquetError> {
        self.records += 1;
        self.group.add(line);
        if self.group.record.len() >= ROWS || self.group.bytes >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let group = std::mem::take(&mut self.group);
        if !group.record.is_empty() {
            let mut writer = self.file.next_row_group()?;
            group.write(&mut writer)?;
            writer.close()?;
        }
        Ok(())
    }

    /// Ends the file: all of it is on the disk.
    pub(super) fn finish(mut self) -> io::Result<Written> {
        self.flush().map_err(io::Error::other)?;
        let hashing = self.file.into_inner().map_err(io::Error::other)?;
        let file = hashing.file.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()?;
        let digest: Hash = hashing.hasher.finalize().into();
        Ok(Written {
            records: self.records,
            bytes: hashing.bytes,
            sha256: hex(&digest),
        })
    }
}

/// Hashes what it writes.
struct Hashing {
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: i64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += i64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Texts of a column that may be missing.
#[derive(Default)]
struct Optional {
    there: Vec<i16>,
    values: Vec<ByteArray>,
}

impl Optional {
    fn add(&mut self, text: Option<String>) {
        self.there.push(i16::from(text.is_some()));
        self.values.extend(text.map(bytes));
    }
}

/// The columns of the row group under way.
#[derive(Default)]
struct Group {
    record: Vec<i64>,
    hashes: [Vec<FixedLenByteArray>; 2],
    from: Vec<i64>,
    until: (Vec<i16>, Vec<i64>),
    texts: [Vec<ByteArray>; 4],
    optional: [Optional; 2],
    content: Vec<ByteArray>,
    bytes: usize,
}

fn bytes(text: String) -> ByteArray {
    ByteArray::from(text.into_bytes())
}

impl Group {
    fn add(&mut self, line: Line) {
        self.bytes += line.content.len();
        self.record.push(line.record);
        for (column, hash) in self.hashes.iter_mut().zip([line.key, line.revision]) {
            column.push(FixedLenByteArray::from(hash.to_vec()));
        }
        self.from.push(line.from_commit);
        self.until.0.push(i16::from(line.until_commit.is_some()));
        self.until.1.extend(line.until_commit);
        let texts = [line.service, line.currency, line.billed, line.effective];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(bytes(text));
        }
        for (column, text) in self.optional.iter_mut().zip([line.list, line.contracted]) {
            column.add(text);
        }
        self.content.push(bytes(line.content));
    }

    /// Writes the columns, in the order of the schema.
    fn write(self, to: &mut SerializedRowGroupWriter<'_, Hashing>) -> Result<(), ParquetError> {
        put::<Int64Type>(to, &self.record, None)?;
        for column in &self.hashes {
            put::<FixedLenByteArrayType>(to, column, None)?;
        }
        put::<Int64Type>(to, &self.from, None)?;
        put::<Int64Type>(to, &self.until.1, Some(&self.until.0))?;
        for column in &self.texts {
            put::<ByteArrayType>(to, column, None)?;
        }
        for column in &self.optional {
            put::<ByteArrayType>(to, &column.values, Some(&column.there))?;
        }
        put::<ByteArrayType>(to, &self.content, None)
    }
}

fn put<T: DataType>(
    to: &mut SerializedRowGroupWriter<'_, Hashing>,
    values: &[T::T],
    there: Option<&[i16]>,
) -> Result<(), ParquetError> {
    if let Some(mut column) = to.next_column()? {
        column.typed::<T>().write_batch(values, there, None)?;
        column.close()?;
    }
    Ok(())
}

/// Reads a file.
pub(super) struct Reader {
    file: SerializedFileReader<File>,
    /// The first and last key of each row group.
    bounds: Vec<(Vec<u8>, Vec<u8>)>,
    /// The row groups that were read last, the newest at the end.
    held: VecDeque<(usize, HashMap<i64, ByteArray>)>,
}

impl Reader {
    /// Opens a file that is known to be as it was written.
    pub(super) fn new(file: File) -> Result<Self, ParquetError> {
        let file = SerializedFileReader::new(file)?;
        let groups = file.metadata().row_groups().iter();
        let bounds = groups.map(|group| {
            let keys = group.columns().get(KEY).and_then(|column| column.statistics());
            let first = keys.and_then(|keys| keys.min_bytes_opt());
            let last = keys.and_then(|keys| keys.max_bytes_opt());
            first
                .zip(last)
                .map(|(first, last)| (first.to_vec(), last.to_vec()))
                .ok_or_else(|| {
                    ParquetError::General("a row group does not say which keys it holds".to_owned())
                })
        });
        Ok(Self {
            bounds: bounds.collect::<Result<_, _>>()?,
            file,
            held: VecDeque::new(),
        })
    }

    /// The content of a record; nothing where it is not in the file.
    pub(super) fn content(&mut self, key: &Hash, record: i64) -> Result<Option<Vec<u8>>, ParquetError> {
        let from = self
            .bounds
            .partition_point(|(_, last)| last.as_slice() < key.as_slice());
        let within = |group: &usize| {
            let bounds = self.bounds.get(*group);
            bounds.is_some_and(|(first, _)| first.as_slice() <= key.as_slice())
        };
        let groups: Vec<usize> = (from..).take_while(within).collect();
        for group in groups {
            if let Some(content) = self.group(group)?.get(&record) {
                return Ok(Some(content.data().to_vec()));
            }
        }
        Ok(None)
    }

    /// The contents of a row group, by record.
    fn group(&mut self, number: usize) -> Result<&HashMap<i64, ByteArray>, ParquetError> {
        let place = self.held.iter().position(|(held, _)| *held == number);
        let group = match place.and_then(|place| self.held.remove(place)) {
            Some(held) => held,
            None => (number, self.read(number)?),
        };
        if self.held.len() >= HELD {
            self.held.pop_front();
        }
        self.held.push_back(group);
        let newest = self.held.back().map(|(_, group)| group);
        newest.ok_or_else(|| shape("row group"))
    }

    fn read(&self, number: usize) -> Result<HashMap<i64, ByteArray>, ParquetError> {
        let group = self.file.get_row_group(number)?;
        let rows = usize::try_from(group.metadata().num_rows()).map_err(|_| shape("number of rows"))?;
        let (mut records, mut contents) = (Vec::new(), Vec::new());
        match group.get_column_reader(RECORD)? {
            ColumnReader::Int64ColumnReader(mut column) => {
                column.read_records(rows, None, None, &mut records)?;
            }
            _ => return Err(shape("column `record`")),
        }
        match group.get_column_reader(CONTENT)? {
            ColumnReader::ByteArrayColumnReader(mut column) => {
                column.read_records(rows, None, None, &mut contents)?;
            }
            _ => return Err(shape("column `content`")),
        }
        if records.len() != rows || contents.len() != rows {
            return Err(shape("row group"));
        }
        Ok(records.into_iter().zip(contents).collect())
    }
}

fn shape(what: &str) -> ParquetError {
    ParquetError::General(format!("its {what} is not as this program writes it"))
}
