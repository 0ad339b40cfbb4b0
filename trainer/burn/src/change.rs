//! Changes of topology: what the method says, done to every layer of every network.

use crate::BurnError;
use crate::actor_critic::ActorCritic;
use crate::learner::{Masked, read};
use crate::replay::Batch;
use crate::transfer::download;
use burn_tensor::backend::AutodiffBackend;
use lacewing_formats::topology::{Grow, Scores, Step};
use lacewing_runtime::learn::Growth;

impl<A: AutodiffBackend, C: ActorCritic> Masked<'_, A, C> {
    /// A change of topology in every network, where it is due, in the order of the sparse engine:
    /// what a layer has become decides the gradients of the next.
    pub(crate) fn change(&mut self, batch: &mut Batch<A::InnerBackend>) -> Result<(), BurnError> {
        if !self.header.training.method.due(self.header.updates) {
            return Ok(());
        }
        for network in 0..self.networks.len() {
            for layer in 0..self.networks[network].online.learning.len() {
                self.change_layer(network, layer, batch)?;
            }
        }
        Ok(())
    }

    fn change_layer(
        &mut self,
        network: usize,
        layer: usize,
        batch: &mut Batch<A::InnerBackend>,
    ) -> Result<(), BurnError> {
        let method = self.header.training.method;
        let shape = self.header.shape.network(C::NETWORKS[network].role);
        let (first, last) = (shape.links[layer] as usize, shape.goal[layer] as usize);
        let online = &mut self.networks[network].online;
        let topology = &online.learning[layer].topology;
        let (live, is_dense) = (topology.links(), topology.is_dense());
        let mut prune = |keep| {
            online.change(layer, &self.device, |links| links.prune(keep, method.drop));
        };
        match (method.amount.step(&method.schedule, self.header.updates, first, last), method.grow)
        {
            (Step::Keep { links }, _) => prune(links),
            (Step::Exchange { fraction }, Growth::Nothing) => {
                prune(live - (fraction * live as f64) as usize);
            }
            // No place is free.
            (Step::Exchange { .. }, _) if is_dense => {}
            (Step::Exchange { fraction }, Growth::Random) => {
                let grow = Grow::Random(&mut self.header.rng);
                online.change(layer, &self.device, |links| links.exchange(fraction, &method, grow));
            }
            (Step::Exchange { fraction }, Growth::Gradient) => {
                self.exchange_by_gradient(network, layer, fraction, batch)?;
            }
        }
        Ok(())
    }

    /// Finds the gradients of the minibatch once more, by the weights after the step, and lets them
    /// say where links grow.
    fn exchange_by_gradient(
        &mut self,
        network: usize,
        layer: usize,
        fraction: f64,
        batch: &mut Batch<A::InnerBackend>,
    ) -> Result<(), BurnError> {
        let part = C::NETWORKS[network].loss;
        let slope = self.slope(part, batch);
        read(slope.losses)?;
        let before = C::NETWORKS[..network].iter().filter(|other| other.loss == part).count();
        let gradient = download(slope.networks[before][layer].weight.clone());

        let method = self.header.training.method;
        let online = &mut self.networks[network].online;
        let [inputs, outputs] = online.learning[layer].topology.shape();
        let scores = Scores {
            score: &mut |row, columns, out| {
                for (score, &column) in out.iter_mut().zip(columns) {
                    *score = gradient[usize::from(column) * outputs + row].abs();
                }
            },
            columns: &mut vec![0; inputs],
            scores: &mut vec![0.0; 2 * inputs],
        };
        online.change(layer, &self.device, |links| {
            links.exchange(fraction, &method, Grow::Scored(scores));
        });
        Ok(())
    }
}
