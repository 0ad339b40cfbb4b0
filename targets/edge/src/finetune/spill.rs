//! A replay that lies in a file instead of memory.

use crate::EdgeError;
use lacewing_runtime::learn::Block;
use memmap2::MmapMut;
use std::io::{self, Read};
use std::path::Path;

/// Memory of a replay.
pub enum ReplayMemory {
    /// The process's own.
    Own(Vec<Block>),
    /// Pages of a file, of which the system keeps in memory what there is room for.
    File(MmapMut),
}

impl ReplayMemory {
    /// So many blocks in a file of `folder`, which has no name and is gone with the process.
    ///
    /// # Errors
    /// [`EdgeError::Spill`].
    pub fn in_file(folder: &Path, blocks: usize) -> Result<Self, EdgeError> {
        map(folder, blocks * Block::BYTES)
            .map(Self::File)
            .map_err(|source| EdgeError::Spill { folder: folder.to_path_buf(), source })
    }

    /// The memory, all zero at first.
    pub fn blocks(&mut self) -> &mut [Block] {
        match self {
            Self::Own(blocks) => blocks,
            // Pages begin where blocks may, and their length is that of whole blocks.
            Self::File(pages) => bytemuck::cast_slice_mut(&mut pages[..]),
        }
    }
}

#[expect(unsafe_code, reason = "a mapped file is the system's to keep as it is")]
fn map(folder: &Path, bytes: usize) -> io::Result<MmapMut> {
    let mut file = tempfile::tempfile_in(folder)?;
    // Written once: a page that the disk turns out to have no room for later would end the process.
    io::copy(&mut io::repeat(0).take(bytes as u64), &mut file)?;
    // SAFETY: the file has no name, so that no other process can open it to shorten or change it, and here it
    // is mapped once; the map keeps it.
    unsafe { MmapMut::map_mut(&file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_memory_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = ReplayMemory::in_file(folder.path(), 100).unwrap();
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(memory.blocks());
        assert!(bytes.len() == 6400 && bytes.iter().all(|&byte| byte == 0));
        bytes.fill(7);
        assert!(bytes.iter().all(|&byte| byte == 7));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let nowhere = ReplayMemory::in_file(&folder.path().join("nowhere"), 1);
        assert!(matches!(nowhere, Err(EdgeError::Spill { .. })));
    }
}
