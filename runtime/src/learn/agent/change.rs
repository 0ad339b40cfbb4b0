//! Changes of topology: what the method says, done to every layer of every network.

use super::algorithm::Algorithm;
use super::cursor::Cursor;
use super::update::Slice;
use super::{Agent, Threads};
use crate::learn::adapt::Learns;
use crate::learn::error::LearnError;
use crate::learn::memory::Replay;
use crate::learn::method::Growth;
use crate::learn::net::{Changed, Record};
use lacewing_formats::topology::{Score, Step};

impl<A: Algorithm> Agent<'_, A> {
    /// A change of topology in the next layer, or where gradients decide, in slices, one more tile of
    /// those; returns whether that was the last or no change is due.
    pub(super) fn change(
        &mut self,
        slice: Slice,
        cursor: &mut Cursor,
        data: &Replay<'_>,
    ) -> Result<bool, LearnError> {
        if !self.training.method.due(self.updates) {
            return Ok(true);
        }
        let layers = |network: usize| self.networks[network].online.layers.len();
        let all =
            (0..self.networks.len()).flat_map(|at| (0..layers(at)).map(move |layer| (at, layer)));
        let Some((network, layer)) = all.clone().nth(cursor.done) else {
            self.fit_gradients();
            return Ok(true);
        };
        // Where not all of a network learns, its links stay.
        if self.learns(network) != Some(Learns::All) {
            cursor.next_part();
            return Ok(false);
        }
        if self.change_layer(slice, (network, layer), &mut cursor.tile, data)? {
            cursor.next_part();
        }
        Ok(false)
    }

    /// Gradients have a place for every live link.
    pub(in crate::learn) fn fit_gradients(&mut self) {
        for share in &mut self.shares {
            for (gradients, network) in share.gradients.iter_mut().zip(&self.networks) {
                gradients.shorten(&network.online);
            }
        }
    }

    fn change_layer(
        &mut self,
        slice: Slice,
        (network, layer): (usize, usize),
        tile: &mut usize,
        data: &Replay<'_>,
    ) -> Result<bool, LearnError> {
        let method = self.training.method;
        let shape = self.shape.network(A::NETWORKS[network].role);
        let (first, last) = (shape.links[layer] as usize, shape.goal[layer] as usize);
        let live = self.networks[network].online.layers[layer].links.weights.len();
        let step = method.amount.step(&method.schedule, self.updates, first, last);
        let changed = match (step, method.grow) {
            (Step::Keep { links }, _) => self.prune(network, layer, links),
            (Step::Exchange { fraction }, Growth::Nothing) => {
                self.prune(network, layer, live - (fraction * live as f64) as usize)
            }
            (Step::Exchange { fraction }, Growth::Random) => {
                let layer = &mut self.networks[network].online.layers[layer];
                let scratch = &mut self.scratches[0];
                layer.exchange(fraction, &method, None, &mut self.rng, scratch)
            }
            (Step::Exchange { fraction }, Growth::Gradient) => {
                let (inputs, outputs, _) = shape.layers().nth(layer).unwrap_or((live, 1, live));
                if live == inputs * outputs {
                    return Ok(true);
                }
                if !self.find_record(slice, (network, layer), tile, data)? {
                    return Ok(false);
                }
                self.exchange_by_gradient(network, layer, fraction)
            }
        };
        self.work.changed += changed;
        Ok(true)
    }

    fn prune(&mut self, network: usize, layer: usize, keep: usize) -> Changed {
        let layer = &mut self.networks[network].online.layers[layer];
        layer.prune(keep, self.training.method.drop, &mut self.scratches[0])
    }

    /// Finds the gradients of the present minibatch once more, now with a record of this layer; returns
    /// whether all are found.
    fn find_record(
        &mut self,
        slice: Slice,
        (network, layer): (usize, usize),
        tile: &mut usize,
        data: &Replay<'_>,
    ) -> Result<bool, LearnError> {
        if *tile == 0 {
            for share in &mut self.shares {
                if let Some(record) = share.record.take() {
                    share.gradients[network].begin_record(layer, record);
                }
            }
        }
        if !self.find(slice, A::NETWORKS[network].loss, tile, data) {
            return Ok(false);
        }
        for share in &mut self.shares {
            share.record = share.gradients[network].end_record();
        }
        self.found()?;
        Ok(true)
    }

    /// Lets the gradients of the record say where links grow.
    fn exchange_by_gradient(&mut self, network: usize, layer: usize, fraction: f64) -> Changed {
        let used = self.used();
        let records: Threads<&Record<'_>> =
            self.shares[..used].iter().filter_map(|share| share.record.as_ref()).collect();
        let (kernels, mut asked) = (self.kernels, 0);
        let score: &mut Score<'_> = &mut |row, columns, out| {
            asked += columns.len();
            out.fill(0.0);
            records.iter().for_each(|record| record.gradients(&kernels, row, columns, out));
            out.iter_mut().for_each(|gradient| *gradient = gradient.abs());
        };
        let layer = &mut self.networks[network].online.layers[layer];
        let scratch = &mut self.scratches[0];
        let method = &self.training.method;
        let changed = layer.exchange(fraction, method, Some(score), &mut self.rng, scratch);
        self.work.flops.done += 2 * (asked * self.samples) as u64;
        changed
    }
}
