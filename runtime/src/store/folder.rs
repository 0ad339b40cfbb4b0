//! Two slots as files of a folder.

use super::{Slot, Storage, UNIT};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use thiserror::Error;

/// What a process that was killed may take until the folder is free again.
const TIME_TO_LET_GO: Duration = Duration::from_millis(500);

/// Why the files failed; what was saved before is still there.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The disk or the quota is full.
    #[error(
        "no room at {path} ({source}): free some or choose another place; the last save is still good",
        path = path.display()
    )]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process saves there.
    #[error("{path} is in use by another process: wait for it or choose another place", path = path.display())]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// Anything else.
    #[error(
        "cannot use {path}: {source}; choose a folder that you may write to",
        path = path.display()
    )]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl FolderError {
    fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::NoRoom { path, source }
            }
            _ => Self::Io { path, source },
        }
    }
}

/// A slot's file.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    file: File,
    /// The answer of a sync under way.
    syncing: Option<Receiver<io::Result<()>>>,
}

/// Two slots, `slot-a` and `slot-b` in a folder that one process at a time uses.
///
/// Syncing a file may take seconds on a memory card: see [`Folder::in_background`].
#[derive(Debug)]
pub struct Folder {
    places: [Place; 2],
    /// Whether a thread syncs.
    background: bool,
    /// Held as long as this lives.
    _lock: File,
}

impl Folder {
    /// The slots in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(folder: &Path) -> Result<Self, FolderError> {
        let fail = |source| FolderError::new(folder, source);
        fs::create_dir_all(folder).map_err(fail)?;
        let lock = open(&folder.join("lock"))?;
        let end = Instant::now() + TIME_TO_LET_GO;
        // Some file systems lock nothing, and know no better.
        while let Err(TryLockError::WouldBlock) = lock.try_lock() {
            if Instant::now() > end {
                return Err(FolderError::InUse { path: folder.to_path_buf() });
            }
            thread::sleep(Duration::from_millis(10));
        }
        let place = |slot: Slot| {
            let path = folder.join(format!("slot-{}", slot.name()));
            Ok(Place { file: open(&path)?, path, syncing: None })
        };
        let places = [place(Slot::A)?, place(Slot::B)?];
        sync_folder(folder).map_err(fail)?;
        Ok(Self { places, background: false, _lock: lock })
    }

    /// The same, but a thread does the syncing, and [`Storage::sync`] never waits.
    pub fn in_background(self) -> Self {
        Self { background: true, ..self }
    }

    fn place(&mut self, slot: Slot) -> &mut Place {
        &mut self.places[slot as usize]
    }
}

impl Place {
    /// Does something with the file from `offset` on.
    fn at<T>(
        &mut self,
        offset: u32,
        act: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> Result<T, FolderError> {
        let there = self.file.seek(SeekFrom::Start(offset.into()));
        there
            .and_then(|_| act(&mut self.file))
            .map_err(|source| FolderError::new(&self.path, source))
    }
}

impl Storage for Folder {
    type Error = FolderError;

    fn capacity(&self) -> u32 {
        u32::MAX / UNIT as u32 * UNIT as u32
    }

    fn read(&mut self, slot: Slot, offset: u32, bytes: &mut [u8]) -> Result<(), FolderError> {
        self.place(slot).at(offset, |file| {
            let mut rest = bytes;
            while !rest.is_empty() {
                match file.read(rest) {
                    Ok(0) => break,
                    Ok(count) => rest = &mut rest[count..],
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            rest.fill(0xFF);
            Ok(())
        })
    }

    fn erase(&mut self, slot: Slot, _: u32) -> Result<u32, FolderError> {
        let all = self.capacity();
        let place = self.place(slot);
        // The answer to a sync that nobody waits for any more is no answer to the next one.
        place.syncing = None;
        place.at(0, |file| file.set_len(0)).map(|()| all)
    }

    fn write(&mut self, slot: Slot, offset: u32, bytes: &[u8]) -> Result<(), FolderError> {
        self.place(slot).at(offset, |file| file.write_all(bytes))
    }

    fn sync(&mut self, slot: Slot) -> Result<bool, FolderError> {
        let background = self.background;
        let place = self.place(slot);
        let done = match &place.syncing {
            None if !background => Some(place.file.sync_all()),
            None => {
                let file = place.at(0, |file| file.try_clone())?;
                let (sender, answer) = sync_channel(1);
                let sync = move || {
                    // Nobody listens where the save was given up.
                    let _ = sender.send(file.sync_all());
                };
                place.syncing = Some(answer);
                match thread::Builder::new().spawn(sync) {
                    Ok(_) => None,
                    // Where there is no thread, it takes its time.
                    Err(_) => Some(place.file.sync_all()),
                }
            }
            Some(answer) => match answer.try_recv() {
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(place.file.sync_all()),
                Ok(answer) => Some(answer),
            },
        };
        let Some(done) = done else { return Ok(false) };
        place.syncing = None;
        done.map(|()| true).map_err(|source| FolderError::new(&place.path, source))
    }
}

fn open(path: &Path) -> Result<File, FolderError> {
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    options.map_err(|source| FolderError::new(path, source))
}

/// Makes the names in a folder survive a power cut, where folders can be opened and synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Err(error)
        }
        // Some file systems sync no folders, and know no better.
        _ => Ok(()),
    }
}
