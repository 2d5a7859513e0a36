//! What was sent: a body in memory, or a file on disk of any size. It is opened as often as it must be read and never
//! held whole.

use super::super::parse::{FileError, Source};
use super::work::Stop;
use crate::crypto::{Sha256, sha256};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A file as it was sent.
#[derive(Clone, Debug)]
pub enum SentFile {
    /// The body of a request.
    Body(Bytes),
    /// A file on this machine, as long and as old as it was when it was first looked at.
    OnDisk {
        /// Where it is.
        path: PathBuf,
        /// Its bytes.
        length: u64,
        /// When it was last written.
        written: Option<SystemTime>,
    },
}

impl From<Bytes> for SentFile {
    fn from(body: Bytes) -> Self {
        Self::Body(body)
    }
}

impl From<String> for SentFile {
    fn from(body: String) -> Self {
        Self::Body(body.into())
    }
}

/// Told how far the work has come; from any thread, and often.
pub trait Progress: Send + Sync {
    /// The file has been read up to this byte.
    fn read(&self, _bytes: u64) {}
    /// It has been read and checked whole, and has this many rows to apply.
    fn checked(&self, _rows: usize) {}
    /// This many of all rows have been applied, or found to need nothing.
    fn applied(&self, _rows: usize) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Progress for Quiet {}

impl SentFile {
    /// A file on this machine.
    pub fn on_disk(path: &Path) -> io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self::OnDisk { path: path.to_owned(), length: found.len(), written: found.modified().ok() })
    }

    /// Its bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Body(body) => u64::try_from(body.len()).unwrap_or(u64::MAX),
            Self::OnDisk { length, .. } => *length,
        }
    }

    /// Opens it from its beginning. A file that is not the one first looked at is refused: what is applied must be what
    /// was checked. Nothing more can be read of it once `stop` is told.
    pub(super) fn open(
        &self,
        progress: Arc<dyn Progress>,
        stop: Stop,
    ) -> Result<Box<dyn Source + Send>, FileError> {
        Ok(match self {
            Self::Body(body) => {
                Box::new(Watched { source: Cursor::new(body.clone()), at: 0, progress, stop })
            }
            Self::OnDisk { path, .. } => {
                let file = File::open(path).map_err(|_| FileError::Unreadable)?;
                self.hold(&file)?;
                Box::new(Watched { source: file, at: 0, progress, stop })
            }
        })
    }

    /// Opens it once more for the lines that were rejected, if it is still the file that was read.
    pub fn again(&self) -> Result<Box<dyn Source + Send>, FileError> {
        self.open(Arc::new(Quiet), Stop::default())
    }

    /// SHA-256 of all its bytes.
    pub(super) fn digest(&self) -> Result<[u8; 32], FileError> {
        let path = match self {
            Self::Body(body) => return Ok(sha256(&[body])),
            Self::OnDisk { path, .. } => path,
        };
        let read = || -> io::Result<([u8; 32], File)> {
            let mut file = File::open(path)?;
            let mut piece = vec![0; PIECE];
            let mut whole = Sha256::default();
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok((whole.finish(), file)),
                    read => whole.update(piece.get(..read).unwrap_or_default()),
                }
            }
        };
        let (digest, file) = read().map_err(|_| FileError::Unreadable)?;
        self.hold(&file)?;
        Ok(digest)
    }

    /// Holds an open file to what was first looked at.
    fn hold(&self, file: &File) -> Result<(), FileError> {
        let Self::OnDisk { length, written, .. } = self else { return Ok(()) };
        let same = file.metadata().is_ok_and(|m| m.len() == *length && m.modified().ok() == *written);
        if same { Ok(()) } else { Err(FileError::Changed) }
    }
}

/// Bytes hashed at a time.
const PIECE: usize = 256 * 1024;

/// A file that tells how far it has been read, and ends where the reading is to stop. Readers take at most a quarter of a
/// megabyte at a time; what a packed one makes of it is bounded by the limits of a sheet.
struct Watched<S> {
    source: S,
    at: u64,
    progress: Arc<dyn Progress>,
    stop: Stop,
}

impl<S: Read> Read for Watched<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_stopped() {
            return Err(io::Error::other("the work is to stop"));
        }
        let read = self.source.read(into)?;
        self.at += u64::try_from(read).unwrap_or(0);
        self.progress.read(self.at);
        Ok(read)
    }
}

impl<S: Seek> Seek for Watched<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.source.seek(to)?;
        Ok(self.at)
    }
}
