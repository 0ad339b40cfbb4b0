//! Memory whose power goes: emulated flash, a disk with a cache, and real files.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use lacewing_runtime::store::{Flash, Folder, FolderError, Slot, Storage};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::io;
use std::path::{Path, PathBuf};

/// Two slots that can be mounted again and again.
pub trait Medium {
    /// What is mounted.
    type Storage<'m>: Storage<Error: std::fmt::Debug + std::fmt::Display>
    where
        Self: 'm;

    /// Power comes, and goes after so many bytes, words or pages more, if ever.
    fn power(&mut self, fuse: Option<u64>);

    /// The slots, after a start.
    fn mount(&mut self) -> Self::Storage<'_>;
}

/// What is left until the power goes.
#[derive(Clone, Copy, Debug, Default)]
struct Fuse(Option<u64>);

impl Fuse {
    /// How much of `wanted` happens.
    fn burn(&mut self, wanted: u64) -> u64 {
        let Some(left) = &mut self.0 else { return wanted };
        let done = wanted.min(*left);
        *left -= done;
        done
    }

    fn is_out(self) -> bool {
        self.0 == Some(0)
    }
}

/// Bytes of a page.
pub const PAGE: usize = 256;
const WORD: usize = 4;
const PAGES: usize = 8;

/// NOR flash: pages are erased to ones, words are written once after that. Where the power goes the
/// word, or the page, in hand has any of the bits that were to change changed, and the others not.
pub struct Nor {
    bytes: Vec<u8>,
    /// How often each page was erased.
    pub wear: Vec<u64>,
    fuse: Fuse,
    rng: Xoshiro256PlusPlus,
}

impl Nor {
    /// Of garbage, as it may come from the factory.
    pub fn new(seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut bytes = vec![0; PAGES * PAGE];
        rng.fill_bytes(&mut bytes);
        Self { bytes, wear: vec![0; PAGES], fuse: Fuse::default(), rng }
    }

    /// Changes some of the bits that are to become as in `to`.
    fn half(&mut self, at: usize, to: impl Fn(u8, u8) -> u8, count: usize) {
        for byte in &mut self.bytes[at..at + count] {
            *byte = to(*byte, self.rng.next_u32() as u8);
        }
    }
}

impl ErrorType for Nor {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Nor {
    const READ_SIZE: usize = WORD;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Nor {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        for page in (from as usize..to as usize).step_by(PAGE) {
            if self.fuse.is_out() {
                return Err(NorFlashErrorKind::Other);
            }
            self.wear[page / PAGE] += 1;
            self.fuse.burn(1);
            if self.fuse.is_out() {
                self.half(page, |old, random| old | random, PAGE);
                return Err(NorFlashErrorKind::Other);
            }
            self.bytes[page..page + PAGE].fill(0xFF);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        for (at, word) in (offset as usize..).step_by(WORD).zip(bytes.chunks_exact(WORD)) {
            if self.fuse.is_out() {
                return Err(NorFlashErrorKind::Other);
            }
            assert!(
                self.bytes[at..at + WORD] == [0xFF; WORD],
                "written without having been erased"
            );
            self.fuse.burn(1);
            self.bytes[at..at + WORD].copy_from_slice(word);
            if self.fuse.is_out() {
                self.half(at, |new, random| new | random, WORD);
                return Err(NorFlashErrorKind::Other);
            }
        }
        Ok(())
    }
}

impl Medium for Nor {
    type Storage<'m> = Flash<&'m mut Self>;

    fn power(&mut self, fuse: Option<u64>) {
        // The last one does not happen as a whole.
        self.fuse = Fuse(fuse.map(|fuse| fuse + 1));
    }

    fn mount(&mut self) -> Flash<&mut Self> {
        // Not the first page and not the last: nothing else may be touched.
        Flash::new(self, PAGE as u32..((PAGES - 1) * PAGE) as u32).unwrap()
    }
}

/// Something that a disk has been asked for and may not have done yet.
enum Wish {
    Truncate,
    Write(u32, Vec<u8>),
}

/// Two files on a disk that does what it was asked for since the last sync in part and in any order.
pub struct Disk {
    lasting: [Vec<u8>; 2],
    wishes: [Vec<Wish>; 2],
    fuse: Fuse,
    rng: Xoshiro256PlusPlus,
}

fn no_power() -> io::Error {
    io::Error::other("the power is gone")
}

impl Disk {
    /// Empty files.
    pub fn new(seed: u64) -> Self {
        Self {
            lasting: Default::default(),
            wishes: Default::default(),
            fuse: Fuse::default(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
        }
    }
}

impl Wish {
    fn grant(&self, file: &mut Vec<u8>) {
        match self {
            Self::Truncate => file.clear(),
            Self::Write(offset, bytes) => {
                let at = *offset as usize;
                // A hole reads as zeros.
                file.resize(file.len().max(at + bytes.len()), 0);
                file[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

impl Medium for Disk {
    type Storage<'m> = &'m mut Self;

    fn power(&mut self, fuse: Option<u64>) {
        for (file, wishes) in self.lasting.iter_mut().zip(&mut self.wishes) {
            let rng = &mut self.rng;
            wishes.retain(|_| rng.next_u32().is_multiple_of(2));
            for last in (1..wishes.len()).rev() {
                wishes.swap(last, rng.next_u32() as usize % (last + 1));
            }
            wishes.drain(..).for_each(|wish| wish.grant(file));
        }
        self.fuse = Fuse(fuse);
    }

    fn mount(&mut self) -> &mut Self {
        self
    }
}

impl Storage for &mut Disk {
    type Error = io::Error;

    fn capacity(&self) -> u32 {
        1 << 20
    }

    fn read(&mut self, slot: Slot, offset: u32, bytes: &mut [u8]) -> io::Result<()> {
        let mut file = self.lasting[slot as usize].clone();
        self.wishes[slot as usize].iter().for_each(|wish| wish.grant(&mut file));
        let there = file.get(offset as usize..).unwrap_or_default();
        let count = there.len().min(bytes.len());
        bytes[..count].copy_from_slice(&there[..count]);
        bytes[count..].fill(0xFF);
        Ok(())
    }

    fn erase(&mut self, slot: Slot, _: u32) -> io::Result<u32> {
        if self.fuse.burn(1) == 0 {
            return Err(no_power());
        }
        self.wishes[slot as usize].push(Wish::Truncate);
        Ok(self.capacity())
    }

    fn write(&mut self, slot: Slot, offset: u32, bytes: &[u8]) -> io::Result<()> {
        let done = self.fuse.burn(bytes.len() as u64) as usize;
        self.wishes[slot as usize].push(Wish::Write(offset, bytes[..done].to_vec()));
        if done < bytes.len() { Err(no_power()) } else { Ok(()) }
    }

    fn sync(&mut self, slot: Slot) -> io::Result<bool> {
        if self.fuse.burn(1) == 0 {
            return Err(no_power());
        }
        let (file, wishes) = (&mut self.lasting[slot as usize], &mut self.wishes[slot as usize]);
        wishes.drain(..).for_each(|wish| wish.grant(file));
        Ok(true)
    }
}

/// A real folder whose process dies.
pub struct Files {
    folder: PathBuf,
    fuse: Fuse,
}

impl Files {
    /// In `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), fuse: Fuse::default() }
    }
}

/// The folder until its process dies.
pub struct Mortal<'m> {
    folder: Folder,
    fuse: &'m mut Fuse,
    path: &'m Path,
}

impl Mortal<'_> {
    fn died(&self) -> FolderError {
        FolderError::Io { path: self.path.to_path_buf(), source: io::Error::other("killed") }
    }
}

impl Medium for Files {
    type Storage<'m> = Mortal<'m>;

    fn power(&mut self, fuse: Option<u64>) {
        self.fuse = Fuse(fuse);
    }

    fn mount(&mut self) -> Mortal<'_> {
        let folder = Folder::open(&self.folder).unwrap();
        Mortal { folder, fuse: &mut self.fuse, path: &self.folder }
    }
}

impl Storage for Mortal<'_> {
    type Error = FolderError;

    fn capacity(&self) -> u32 {
        self.folder.capacity()
    }

    fn read(&mut self, slot: Slot, offset: u32, bytes: &mut [u8]) -> Result<(), FolderError> {
        self.folder.read(slot, offset, bytes)
    }

    fn erase(&mut self, slot: Slot, offset: u32) -> Result<u32, FolderError> {
        if self.fuse.burn(1) == 0 {
            return Err(self.died());
        }
        self.folder.erase(slot, offset)
    }

    fn write(&mut self, slot: Slot, offset: u32, bytes: &[u8]) -> Result<(), FolderError> {
        let done = self.fuse.burn(bytes.len() as u64) as usize;
        self.folder.write(slot, offset, &bytes[..done])?;
        if done < bytes.len() { Err(self.died()) } else { Ok(()) }
    }

    fn sync(&mut self, slot: Slot) -> Result<bool, FolderError> {
        if self.fuse.burn(1) == 0 {
            return Err(self.died());
        }
        self.folder.sync(slot)
    }
}
