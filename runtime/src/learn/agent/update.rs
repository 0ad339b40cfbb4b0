//! One update: a minibatch, and the stages that the algorithm makes of it, all at once or in slices.

use super::algorithm::Algorithm;
use super::cursor::Cursor;
use super::losses::Losses;
use super::scene::scene;
use super::stage::Stage;
use super::{Agent, POLICY, share};
use crate::learn::adapt::Learns;
use crate::learn::error::LearnError;
use crate::learn::memory::{Replay, Rollout};
use crate::random::Xoshiro256PlusPlus;
use core::ops::Range;
use rand_core::{Rng, SeedableRng};

/// How much of an update is done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice {
    /// A stage, in all threads.
    Stage,
    /// One tile of the minibatch, one network's step or one layer's change, by the caller alone.
    Part,
}

impl<'m, A: Algorithm> Agent<'m, A> {
    /// One update from a minibatch, then the topology if it is due; the rest of it where
    /// [`Agent::learn`] has begun one. Where the algorithm learns from its present policy only, the last
    /// update of an iteration empties `data`.
    ///
    /// # Errors
    /// [`LearnError`] if there is nothing to learn from, the replay is another agent's, or a loss
    /// is not finite; the networks are then as they were before that loss, and the next call begins
    /// another update.
    pub fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, LearnError> {
        loop {
            if let Some(losses) = self.advance(Slice::Stage, data)? {
                return Ok(losses);
            }
        }
    }

    /// As much of an update as `more` allows, which is asked before every part of it: a tile of the
    /// minibatch, a network's step or a layer's change. `None` where it is not finished: call again, with
    /// the same `data`, to which nothing may be added meanwhile. What is learned does not depend on the
    /// slices.
    ///
    /// # Errors
    /// As [`Agent::update`].
    pub fn learn(
        &mut self,
        data: &mut Replay<'_>,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Losses>, LearnError> {
        while more() {
            let losses = self.advance(Slice::Part, data)?;
            if losses.is_some() {
                return Ok(losses);
            }
        }
        Ok(None)
    }

    /// Whether [`Agent::learn`] has begun an update that is not finished.
    pub fn is_learning(&self) -> bool {
        self.cursor.is_some()
    }

    /// Drops the update that [`Agent::learn`] has begun, and the iteration that it is part of.
    pub(in crate::learn) fn abandon_update(&mut self) {
        self.cursor = None;
        self.rollout.iter_mut().for_each(Rollout::abandon);
        for share in &mut self.shares {
            for gradients in &mut share.gradients {
                share.record = gradients.end_record().or(share.record.take());
            }
        }
    }

    /// The next slice of the present update; its figures where that was the last.
    fn advance(
        &mut self,
        slice: Slice,
        data: &mut Replay<'_>,
    ) -> Result<Option<Losses>, LearnError> {
        let advanced = self.advance_stage(slice, data);
        // One that failed may have been the last of its iteration.
        if matches!(advanced, Ok(Some(_)) | Err(LearnError::Diverged | LearnError::Rejected)) {
            self.end(data);
        }
        advanced
    }

    fn advance_stage(
        &mut self,
        slice: Slice,
        data: &mut Replay<'_>,
    ) -> Result<Option<Losses>, LearnError> {
        // After an error there is none: what failed is not tried again.
        let mut cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => self.begin(data)?,
        };
        let stage = cursor.stages.get(cursor.stage).cloned();
        let done = match stage {
            None => {
                if self.prepare_part(slice, &mut cursor.done, data)? {
                    self.draw(data);
                    self.updates += 1;
                    cursor = Cursor { stages: self.algorithm.stages(self.updates), ..cursor };
                    cursor.done = 0;
                }
                false
            }
            Some(Stage::Gradients(part)) if !self.wants(part) => true,
            Some(Stage::Gradients(part)) => {
                let done = self.find(slice, part, &mut cursor.tile, data);
                if done {
                    cursor.losses.add(self.found()?);
                }
                done
            }
            Some(Stage::Step { networks, scalars, clip, tau }) => {
                let networks = usize::from(networks.start)..usize::from(networks.end);
                self.step_part(slice, &mut cursor.done, networks, scalars, (clip, tau))?
            }
            Some(Stage::Change) => self.change(slice, &mut cursor, data)?,
        };
        if done {
            cursor.next_stage();
            if cursor.stage == cursor.stages.len() {
                return Ok(Some(cursor.losses));
            }
        }
        self.cursor = Some(cursor);
        Ok(None)
    }

    fn begin(&mut self, data: &Replay<'_>) -> Result<Cursor, LearnError> {
        self.check(data)?;
        if data.is_empty() {
            return Err(LearnError::NoData);
        }
        if self.training.fake_features > 0 {
            for share in &mut self.shares {
                share.rng = Xoshiro256PlusPlus::seed_from_u64(self.rng.next_u64());
            }
        }
        Ok(Cursor::default())
    }

    fn end(&mut self, data: &mut Replay<'_>) {
        if let (Some((_, epochs)), Some(rollout)) = (self.algorithm.iteration(), &mut self.rollout)
            && rollout.finished(epochs)
        {
            data.clear();
        }
    }

    /// Refuses the replay of another agent.
    pub(super) fn check(&self, data: &Replay<'_>) -> Result<(), LearnError> {
        let own = (self.shape.observations(), self.shape.action_numbers());
        if (data.observations(), data.actions()) == own {
            Ok(())
        } else {
            Err(LearnError::OtherReplay)
        }
    }

    /// Derives what an iteration needs beside its steps, before its first minibatch; refuses other steps
    /// after it. `done` counts the tiles of it; returns whether all are.
    pub(super) fn prepare_part(
        &mut self,
        slice: Slice,
        done: &mut usize,
        data: &Replay<'_>,
    ) -> Result<bool, LearnError> {
        let found = data.len();
        let Some(rollout) = &mut self.rollout else { return Ok(true) };
        let begins = rollout.begins();
        if begins && !rollout.begin(found) || rollout.steps() != found {
            return Err(LearnError::Iteration { found });
        }
        let Some(rollout) = self.rollout.as_mut().filter(|_| begins) else { return Ok(true) };
        let scene = scene!(self, data, self.batch.len() as f32, None);
        let tile = self.training.tile();
        while *done * tile < found {
            let first = *done * tile;
            let steps = first..found.min(first + tile);
            self.algorithm.prepare(&scene, &mut self.shares[0], rollout, steps);
            *done += 1;
            if slice == Slice::Part {
                break;
            }
        }
        Ok(*done * tile >= found)
    }

    /// Draws the minibatch and its noise.
    fn draw(&mut self, data: &Replay<'_>) {
        match &mut self.rollout {
            None => {
                data.sample(&mut self.rng, self.batch);
                self.samples = self.batch.len();
            }
            Some(rollout) => {
                self.samples = rollout.minibatch(&mut self.rng, self.batch);
            }
        }
        let rows = A::noise(&self.shape);
        if rows > 0 {
            let size = self.share_size();
            let samples = self.batch[..self.samples].chunks(size);
            for (share, samples) in self.shares.iter_mut().zip(samples) {
                share.draw_noise(samples.len(), rows, &mut self.rng);
            }
        }
    }

    /// Samples of each share but the last.
    fn share_size(&self) -> usize {
        share::samples(self.batch.len() as u32, self.training.threads)
    }

    /// Shares that have samples of the present minibatch.
    pub(super) fn used(&self) -> usize {
        self.samples.div_ceil(self.share_size())
    }

    /// Finds the gradients of one part of the losses, on every share of the minibatch, each in its own
    /// thread, or of the `tile`-th tile; returns whether all are found.
    pub(super) fn find(
        &mut self,
        slice: Slice,
        part: u8,
        tile: &mut usize,
        data: &Replay<'_>,
    ) -> bool {
        let (algorithm, size) = (self.algorithm, self.share_size());
        let of_tile = self.training.tile();
        let scene = scene!(self, data, self.samples as f32, self.rollout.as_ref());
        let batch = self.batch[..self.samples].chunks(size);
        let mut shares = self.shares.iter_mut().zip(batch);
        if slice == Slice::Stage && *tile == 0 {
            let mut parts: super::Threads<_> = shares.collect();
            self.team.for_each(&mut parts, |(share, samples)| {
                share.begin::<A>(part);
                samples
                    .chunks(of_tile)
                    .for_each(|tile| share.add_tile(&algorithm, part, &scene, tile));
            });
            return true;
        }
        let tiles = size.div_ceil(of_tile);
        if let Some((share, samples)) = shares.nth(*tile / tiles)
            && let Some(samples) = samples.chunks(of_tile).nth(*tile % tiles)
        {
            if (*tile).is_multiple_of(tiles) {
                share.begin::<A>(part);
            }
            share.add_tile(&algorithm, part, &scene, samples);
            *tile += 1;
        }
        // All shares but the last are as large.
        *tile
            == (self.used() - 1) * tiles
                + (self.samples - (self.used() - 1) * size).div_ceil(of_tile)
    }

    /// Whether a network learns from this part of the losses in this update.
    fn wants(&self, part: u8) -> bool {
        let mut of_part = (0..).zip(A::NETWORKS).filter(|(_, network)| network.loss == part);
        of_part.any(|(at, _)| self.learns(at).is_some())
    }

    /// What of a network learns in this update.
    pub(super) fn learns(&self, network: usize) -> Option<Learns> {
        self.training.adapt.learns(network == POLICY, self.updates)
    }

    /// The means of the losses that were found.
    pub(super) fn found(&self) -> Result<Losses, LearnError> {
        let shares = self.shares[..self.used()].iter();
        let losses = Losses::mean(shares.map(|share| &share.losses), self.samples as f32);
        if losses.are_finite() { Ok(losses) } else { Err(LearnError::Diverged) }
    }

    /// A step of some networks, or, part by part, what goes before it and then one network's; `done`
    /// counts the parts. Returns whether all have stepped.
    fn step_part(
        &mut self,
        slice: Slice,
        done: &mut usize,
        networks: Range<usize>,
        scalars: bool,
        (clip, tau): (Option<f32>, Option<f32>),
    ) -> Result<bool, LearnError> {
        let (count, is_there) = (networks.len(), self.adds_up(clip));
        if *done == 0 {
            self.add_up(networks.clone(), scalars, clip)?;
            self.count_step(networks.clone());
        }
        match slice {
            Slice::Stage if *done == 0 => {
                self.step(networks, is_there, tau);
                *done = count;
            }
            _ => {
                let at = networks.start + *done;
                self.step(at..at + 1, is_there, tau);
                *done += 1;
            }
        }
        // Scalars belong to the policy.
        if *done == count && scalars && self.learns(POLICY).is_some() {
            self.scalars.step(&self.kernels, self.shares[0].scalars);
        }
        Ok(*done == count)
    }
}
