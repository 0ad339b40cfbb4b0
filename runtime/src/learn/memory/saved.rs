//! A compact replay as bytes: what it takes to go on sampling the same transitions.
//!
//! Eleven `u32`: numbers of an observation, of an action, transitions at most, ends at most, bytes of an
//! observation, of an action, transitions held, place of the next one, how many were forgotten, ends, and
//! whether the newest transition's episode goes on. Then the ends as [`Frames`] has them and the
//! frames, each from the oldest on. All little-endian.

use super::frames::Frames;
use super::replay::Store;
use super::{Replay, ReplayError};

const WORDS: usize = 11;
const HEAD_BYTES: usize = 4 * WORDS;

/// A replay as it was at one instant. What it held stays in the replay, and is read from the oldest on:
/// what is read may be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayImage {
    head: [u32; WORDS],
    /// Places of the oldest end and frame.
    first: [usize; 2],
    /// Bytes of a frame.
    frame: usize,
}

impl ReplayImage {
    fn ends_bytes(&self) -> usize {
        4 * self.head[9] as usize
    }

    fn frames(&self) -> usize {
        frames_of(&self.head)
    }

    /// Bytes of all.
    pub fn bytes(&self) -> usize {
        HEAD_BYTES + self.ends_bytes() + self.frames() * self.frame
    }

    /// Transitions that may have been stored since, once `offset` bytes are read: each may take the place
    /// of two frames, and of an end.
    pub fn free(&self, offset: usize) -> usize {
        offset.saturating_sub(HEAD_BYTES + self.ends_bytes()) / self.frame / 2
    }
}

/// Frames in use.
fn frames_of(head: &[u32; WORDS]) -> usize {
    head[6] as usize + head[9] as usize + head[10] as usize
}

impl Replay<'_> {
    /// What it holds now.
    ///
    /// # Panics
    /// If it is not [`Replay::compact`].
    pub fn image(&self) -> ReplayImage {
        let frames = self.frames();
        let [observations, actions, transitions, ends, observation, action] = self.kept();
        let numbers = [
            observations,
            actions,
            transitions,
            ends,
            observation,
            action,
            self.len,
            self.next,
            frames.oldest as usize,
            frames.ended,
            usize::from(frames.open),
        ];
        ReplayImage {
            head: numbers.map(|number| number as u32),
            first: [frames.first_end, frames.base],
            frame: frames.shape.transition_bytes(),
        }
    }

    /// Fills `bytes` from an image of this replay, from `offset` on.
    ///
    /// # Panics
    /// If the image ends before them.
    pub fn read_image(&self, image: &ReplayImage, offset: usize, bytes: &mut [u8]) {
        let end = offset + bytes.len();
        assert!(end <= image.bytes(), "behind the image's end");
        let frames = self.frames();
        let head = image.head.map(u32::to_le_bytes);
        let ends: &[u8] = bytemuck::cast_slice(frames.ends);
        // The rings from the oldest on, cut open.
        let [first_end, first] = [4 * image.first[0], image.frame * image.first[1]];
        let (younger_ends, older_ends) = ends.split_at(first_end);
        let (younger, older) = frames.bytes.split_at(first);
        let of_ends = older_ends.len().min(image.ends_bytes());
        let of_frames = older.len().min(image.frames() * image.frame);
        let mut from = 0;
        for part in [
            head.as_flattened(),
            &older_ends[..of_ends],
            &younger_ends[..image.ends_bytes() - of_ends],
            &older[..of_frames],
            &younger[..image.frames() * image.frame - of_frames],
        ] {
            let (low, high) = (offset.max(from), end.min(from + part.len()));
            if low < high {
                bytes[low - offset..high - offset].copy_from_slice(&part[low - from..high - from]);
            }
            from += part.len();
        }
    }

    /// Becomes what was saved of a replay of the same shape. `read` fills its second argument with the
    /// saved bytes, of which there are `length`, from an offset on.
    ///
    /// # Errors
    /// [`ReplayError::Other`], [`ReplayError::Saved`] and those of `read`; the replay is then empty.
    ///
    /// # Panics
    /// If it is not [`Replay::compact`].
    pub fn load<E: From<ReplayError>>(
        &mut self,
        length: usize,
        mut read: impl FnMut(usize, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.clear();
        let mut bytes = [0; HEAD_BYTES];
        if length < HEAD_BYTES {
            return Err(ReplayError::Saved.into());
        }
        read(0, &mut bytes)?;
        let (words, _) = bytes.as_chunks::<4>();
        let head: [u32; WORDS] = core::array::from_fn(|at| u32::from_le_bytes(words[at]));
        let names = [
            "observations",
            "actions",
            "transitions",
            "ends",
            "observations' values",
            "actions' values",
        ];
        for ((saved, own), what) in head.into_iter().zip(self.kept()).zip(names) {
            if saved as usize != own {
                return Err(ReplayError::Other { what }.into());
            }
        }
        let [.., len, next, oldest, ended, open] = head;
        let capacity = self.capacity();
        let frames = self.frames_mut();
        let frame = frames.shape.transition_bytes();
        let fits = len as usize <= capacity
            && (next as usize) < capacity
            && oldest <= Frames::MOST
            && ended as usize <= frames.ends.len()
            && open <= 1
            && open <= len
            && length == HEAD_BYTES + 4 * ended as usize + frames_of(&head) * frame;
        if !fits {
            return Err(ReplayError::Saved.into());
        }
        let whole = frames_of(&head);
        let ends: &mut [u8] = bytemuck::cast_slice_mut(&mut frames.ends[..ended as usize]);
        read(HEAD_BYTES, ends)?;
        read(HEAD_BYTES + 4 * ended as usize, &mut frames.bytes[..whole * frame])?;
        (frames.oldest, frames.base, frames.first_end) = (oldest, 0, 0);
        (frames.len, frames.ended, frames.open) = (len as usize, ended as usize, open == 1);
        if !frames.are_sound() {
            frames.clear();
            return Err(ReplayError::Saved.into());
        }
        (self.len, self.next) = (len as usize, next as usize);
        let finite = |at| {
            let step = self.get(at);
            let numbers = [step.observation, step.action, step.next_observation];
            let all = numbers.into_iter().all(|numbers| numbers.iter().all(f32::is_finite));
            all && step.reward.is_finite()
        };
        if (0..self.len).all(finite) {
            return Ok(());
        }
        self.clear();
        Err(ReplayError::Saved.into())
    }

    /// Of its shape, what must agree.
    fn kept(&self) -> [usize; 6] {
        let shape = self.frames().shape;
        [
            shape.observations,
            shape.actions,
            shape.transitions,
            shape.ends,
            shape.observation_bytes(),
            shape.action_bytes(),
        ]
    }

    fn frames(&self) -> &Frames<'_> {
        match &self.store {
            Store::Frames(frames) => frames,
            Store::Rows(_) => panic!("only a compact replay is saved"),
        }
    }
}

impl<'m> Replay<'m> {
    fn frames_mut(&mut self) -> &mut Frames<'m> {
        match &mut self.store {
            Store::Frames(frames) => frames,
            Store::Rows(_) => panic!("only a compact replay is saved"),
        }
    }
}
