//! Divides one block of the caller's memory into typed slices.

use bytemuck::{Pod, Zeroable};
use thiserror::Error;

/// 64 bytes, one cache line: the unit in which memory is handed to the learner.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Block([u8; BLOCK_BYTES]);

const BLOCK_BYTES: usize = 64;

impl Block {
    /// Bytes in a block.
    pub const BYTES: usize = BLOCK_BYTES;
    /// A block of zeros, for `vec![Block::ZERO; n]` and `static` arrays.
    pub const ZERO: Self = Self([0; Self::BYTES]);

    /// Blocks that `count` values of `T` take in an [`Arena`].
    pub const fn for_slice<T>(count: usize) -> usize {
        (count * size_of::<T>()).div_ceil(Self::BYTES)
    }
}

/// The caller gave too little memory.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{missing} more bytes of memory are needed: raise the budget or use a smaller network")]
pub struct OutOfMemory {
    /// Bytes that were missing for the slice in hand.
    pub missing: usize,
}

/// A bump allocator over borrowed blocks; nothing is ever freed.
#[derive(Debug)]
pub struct Arena<'m> {
    rest: &'m mut [Block],
}

impl<'m> Arena<'m> {
    /// An arena over `memory`.
    pub fn new(memory: &'m mut [Block]) -> Self {
        Self { rest: memory }
    }

    /// Blocks not handed out yet.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// `count` zeroed values, on their own cache lines.
    ///
    /// # Errors
    /// [`OutOfMemory`] if not so many are left.
    pub fn take<T: Pod>(&mut self, count: usize) -> Result<&'m mut [T], OutOfMemory> {
        let blocks = Block::for_slice::<T>(count);
        if blocks > self.rest.len() {
            return Err(OutOfMemory { missing: (blocks - self.rest.len()) * Block::BYTES });
        }
        let (taken, rest) = core::mem::take(&mut self.rest).split_at_mut(blocks);
        self.rest = rest;
        taken.fill(Block::ZERO);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(taken);
        Ok(bytemuck::cast_slice_mut(&mut bytes[..count * size_of::<T>()]))
    }
}
