//! Tables in files: `tab2file`, `file2tab`, `tabfile_info`.
//!
//! A file is a header and the rows, each with a checksum (CRC-32), so that no file with a bit changed or a byte missing is
//! read. Numbers are big-endian:
//!
//! ```text
//! "OTP-ETS\0"  version u16  type u8  protection u8  rows u64  length of the body u64  checksum of the body u32
//! length of the name u32, or 2^32 - 1 for none  name  checksum of the header u32
//! body: one MessagePack array [key, value] after the other, structs with the names of their fields
//! ```

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};

use crate::error::{AccessError, CreateError};
use crate::head::Protection;
use crate::kind::{Kind, TableType};
use crate::table::Table;

const MAGIC: &[u8; 8] = b"OTP-ETS\0";
const VERSION: u16 = 1;
/// Up to and with the length of the name.
const FIXED: usize = 36;
const NO_NAME: u32 = u32::MAX;

/// What stands in the header of a file, from [`tabfile_info`].
///
/// # Counterpart
///
/// `ets:tabfile_info/1`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TabfileInfo {
    /// The version of the format.
    pub version: u16,
    /// The type of the table.
    pub table_type: TableType,
    /// Who might use it.
    pub protection: Protection,
    /// Its name, if it had one.
    pub name: Option<String>,
    /// How many rows are in the file.
    pub size: u64,
}

/// The table was not written; a file that was there is as before.
#[derive(Debug)]
#[non_exhaustive]
pub enum Tab2fileError {
    /// The table does not exist any more, or may not be read.
    Access(AccessError),
    /// A key or value refuses to be serialized.
    Row(String),
    /// The file could not be written.
    Io(io::Error),
}

/// The file's header says nothing usable.
#[derive(Debug)]
#[non_exhaustive]
pub enum TabfileInfoError {
    /// The file could not be read.
    Io(io::Error),
    /// The file does not hold a table.
    NotATable,
    /// The file was written by a later version.
    Version(u16),
    /// The header is damaged or cut off.
    Damaged,
}

/// No table was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum File2tabError {
    /// The file could not be read.
    Io(io::Error),
    /// The file does not hold a table.
    NotATable,
    /// The file was written by a later version.
    Version(u16),
    /// The file is damaged or cut off.
    Damaged,
    /// The table in the file is of another type.
    WrongType(TableType),
    /// A row does not have this key and value type.
    Row(String),
    /// The rows are fine, but no table could be made for them.
    Create(CreateError),
}

impl fmt::Display for Tab2fileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access(_) => f.write_str("the table cannot be read"),
            Self::Row(why) => write!(f, "a row cannot be serialized: {why}"),
            Self::Io(_) => f.write_str("the file cannot be written"),
        }
    }
}

impl std::error::Error for Tab2fileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Access(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Row(_) => None,
        }
    }
}

impl fmt::Display for TabfileInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the file cannot be read"),
            Self::NotATable => f.write_str("the file does not hold a table"),
            Self::Version(version) => {
                write!(f, "the file has version {version}, and {VERSION} is the last one known")
            }
            Self::Damaged => f.write_str("the file is damaged or cut off"),
        }
    }
}

impl std::error::Error for TabfileInfoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::NotATable | Self::Version(_) | Self::Damaged => None,
        }
    }
}

impl fmt::Display for File2tabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the file cannot be read"),
            Self::NotATable => f.write_str("the file does not hold a table"),
            Self::Version(version) => {
                write!(f, "the file has version {version}, and {VERSION} is the last one known")
            }
            Self::Damaged => f.write_str("the file is damaged or cut off"),
            Self::WrongType(found) => write!(f, "the table in the file is of the type {found:?}"),
            Self::Row(why) => write!(f, "a row is not of these types: {why}"),
            Self::Create(_) => f.write_str("the table cannot be made"),
        }
    }
}

impl std::error::Error for File2tabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Create(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TabfileInfoError> for File2tabError {
    fn from(error: TabfileInfoError) -> Self {
        match error {
            TabfileInfoError::Io(error) => Self::Io(error),
            TabfileInfoError::NotATable => Self::NotATable,
            TabfileInfoError::Version(version) => Self::Version(version),
            TabfileInfoError::Damaged => Self::Damaged,
        }
    }
}

/// What is in a file, without reading its rows.
///
/// # Errors
///
/// See [`TabfileInfoError`].
///
/// # Counterpart
///
/// `ets:tabfile_info/1`.
pub fn tabfile_info(path: impl AsRef<Path>) -> Result<TabfileInfo, TabfileInfoError> {
    let mut file = File::open(path).map_err(TabfileInfoError::Io)?;
    Ok(Header::read(&mut file)?.info)
}

struct Header {
    info: TabfileInfo,
    body: u64,
    checksum: u32,
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let name = self.info.name.as_deref();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.info.version.to_be_bytes());
        bytes.push(match self.info.table_type {
            TableType::Set => 0,
            TableType::OrderedSet => 1,
            TableType::Bag => 2,
            TableType::DuplicateBag => 3,
        });
        bytes.push(match self.info.protection {
            Protection::Public => 0,
            Protection::Protected => 1,
            Protection::Private => 2,
        });
        bytes.extend(self.info.size.to_be_bytes());
        bytes.extend(self.body.to_be_bytes());
        bytes.extend(self.checksum.to_be_bytes());
        // A name of 4 GiB does not fit, and is left out.
        let name =
            name.and_then(|name| Some((u32::try_from(name.len()).ok().filter(|&n| n != NO_NAME)?, name)));
        bytes.extend(name.map_or(NO_NAME, |(len, _)| len).to_be_bytes());
        bytes.extend(name.map_or("", |(_, name)| name).as_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    fn read(file: &mut File) -> Result<Self, TabfileInfoError> {
        let damaged = || TabfileInfoError::Damaged;
        let mut bytes = Vec::new();
        take(file, MAGIC.len() as u64, &mut bytes)?;
        if bytes != MAGIC {
            return Err(TabfileInfoError::NotATable);
        }
        take(file, (FIXED - MAGIC.len()) as u64, &mut bytes)?;
        let number = |at: usize, len: usize| {
            bytes.get(at..at + len).map(|bytes| bytes.iter().fold(0_u64, |n, &byte| n << 8 | u64::from(byte)))
        };
        let version = number(8, 2).and_then(|n| u16::try_from(n).ok()).ok_or_else(damaged)?;
        let kinds = number(10, 2).ok_or_else(damaged)?;
        let size = number(12, 8).ok_or_else(damaged)?;
        let body = number(20, 8).ok_or_else(damaged)?;
        let checksum = number(28, 4).and_then(|n| u32::try_from(n).ok()).ok_or_else(damaged)?;
        let name_len = number(32, 4).ok_or_else(damaged)?;
        let has_name = name_len != u64::from(NO_NAME);
        take(file, if has_name { name_len } else { 0 }, &mut bytes)?;
        let expected = crc32fast::hash(&bytes).to_be_bytes();
        let name = bytes.get(FIXED..).unwrap_or_default().to_vec();
        bytes.clear();
        take(file, 4, &mut bytes)?;
        if bytes != expected {
            return Err(TabfileInfoError::Damaged);
        }
        // Only now is the version what was written.
        if version != VERSION {
            return Err(TabfileInfoError::Version(version));
        }
        let table_type = match kinds >> 8 {
            0 => TableType::Set,
            1 => TableType::OrderedSet,
            2 => TableType::Bag,
            3 => TableType::DuplicateBag,
            _ => return Err(TabfileInfoError::Damaged),
        };
        let protection = match kinds & 0xff {
            0 => Protection::Public,
            1 => Protection::Protected,
            2 => Protection::Private,
            _ => return Err(TabfileInfoError::Damaged),
        };
        let name = String::from_utf8(name).map_err(|_| TabfileInfoError::Damaged)?;
        let info = TabfileInfo { version, table_type, protection, name: has_name.then_some(name), size };
        Ok(Self { info, body, checksum })
    }
}

/// Reads so many bytes or fewer, at the end of the file, without trusting the number.
fn take(file: &mut File, count: u64, into: &mut Vec<u8>) -> Result<(), TabfileInfoError> {
    file.take(count).read_to_end(into).map(drop).map_err(TabfileInfoError::Io)
}

/// # Tables in files
impl<K: 'static, V: 'static, T: Kind<K, V>> Table<K, V, T> {
    /// Writes the table to a file, as it is at one moment. A file that is there is replaced when the new one is complete and on
    /// the disk, not before.
    ///
    /// This blocks; large tables belong into `tokio::task::block_in_place`. A copy of the table is in memory meanwhile.
    ///
    /// # Errors
    ///
    /// See [`Tab2fileError`]; nothing was written then.
    ///
    /// # Counterpart
    ///
    /// `ets:tab2file/3`, with its options `sync` and `extended_info`, always.
    pub fn tab2file(&self, path: impl AsRef<Path>) -> Result<(), Tab2fileError>
    where
        K: Serialize,
        V: Serialize,
    {
        let rows = self.to_vec().map_err(Tab2fileError::Access)?;
        let mut body = Vec::new();
        let mut serializer = rmp_serde::Serializer::new(&mut body).with_struct_map();
        for row in &rows {
            row.serialize(&mut serializer).map_err(|error| Tab2fileError::Row(error.to_string()))?;
        }
        let info = TabfileInfo {
            version: VERSION,
            table_type: T::TYPE,
            protection: self.head().protection,
            name: self.head().meta.lock().name.as_ref().map(ToString::to_string),
            size: rows.len() as u64,
        };
        let header = Header { info, body: body.len() as u64, checksum: crc32fast::hash(&body) };
        replace_file(path.as_ref(), &[&header.bytes(), &body]).map_err(Tab2fileError::Io)
    }

    /// Makes the table that is in a file, with its name and protection. The current process owns it; outside any process nobody
    /// does.
    ///
    /// This blocks; large tables belong into `tokio::task::block_in_place`.
    ///
    /// # Errors
    ///
    /// See [`File2tabError`]; no table was made then. Whatever is damaged is found before.
    ///
    /// # Counterpart
    ///
    /// `ets:file2tab/2`, with its option `verify`, always.
    pub fn file2tab(path: impl AsRef<Path>) -> Result<Self, File2tabError>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let mut file = File::open(path).map_err(File2tabError::Io)?;
        let Header { info, body: length, checksum } = Header::read(&mut file)?;
        if info.table_type != T::TYPE {
            return Err(File2tabError::WrongType(info.table_type));
        }
        let mut body = Vec::new();
        file.read_to_end(&mut body).map_err(File2tabError::Io)?;
        if body.len() as u64 != length || crc32fast::hash(&body) != checksum {
            return Err(File2tabError::Damaged);
        }
        let mut rest = body.as_slice();
        let mut rows = Vec::new();
        while !rest.is_empty() {
            let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
            let row = <(K, V)>::deserialize(&mut deserializer);
            rows.push(row.map_err(|error| File2tabError::Row(error.to_string()))?);
        }
        if rows.len() as u64 != info.size {
            return Err(File2tabError::Damaged);
        }
        let mut builder = Self::builder();
        if let Some(name) = info.name {
            builder = builder.name(name);
        }
        if otp_core::process::current().is_some() {
            builder = builder.protection(info.protection);
        }
        // Filled before its name leads others to it.
        builder.create_with(rows).map_err(File2tabError::Create)
    }
}

/// Writes a file beside the one at `path`, and puts it in its place.
fn replace_file(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{number}.tmp", std::process::id()));
    let beside = PathBuf::from(name);
    let written = (|| {
        let mut file = File::create_new(&beside)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_folder_of(path);
        Ok(())
    })();
    if written.is_err() {
        // What is left of it is of no use; that it cannot be removed is the lesser error.
        fs::remove_file(&beside).unwrap_or(());
    }
    written
}

/// Makes a new name outlast a power cut. Where a folder cannot be opened or synchronised, as on Windows, the system does what it can.
fn sync_folder_of(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).unwrap_or(());
}
