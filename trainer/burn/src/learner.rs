//! An agent on masked dense tensors: the stages of an update, in the order that the algorithm says,
//! as `lacewing_runtime::learn::Agent` goes through them.

use crate::actor_critic::{ActorCritic, Scene, Slope};
use crate::agent::Agent;
use crate::learned::Learned;
use crate::network::Finish;
use crate::observations::normalise;
use crate::replay::Batch;
use crate::scalars::Scalars;
use crate::state::State;
use crate::transfer::{download, matrix};
use crate::{BurnError, Gradients, OwnedLayer};
use burn_tensor::backend::{AutodiffBackend, Backend};
use burn_tensor::{ElementConversion, Tensor};
use lacewing_formats::policy::ObservationNormaliser;
use lacewing_runtime::learn::{
    Explorer, LearnError, Losses, MAX_LOSSES, Replay, ResumeHeader, Stage, Statistics, deployed,
    policy_hash,
};
use lacewing_runtime::random::Xoshiro256PlusPlus;

/// An agent of algorithm `C` on the autodiff backend `A`.
#[derive(Debug)]
pub(crate) struct Masked<'m, A: AutodiffBackend, C> {
    algorithm: C,
    /// Updates and random numbers are as they are now, the rest as it was loaded.
    pub(crate) header: ResumeHeader,
    pub(crate) device: A::Device,
    /// In the order of [`Algorithm::NETWORKS`](lacewing_runtime::learn::Algorithm::NETWORKS).
    pub(crate) networks: Vec<Learned<A::InnerBackend>>,
    scalars: Option<Scalars<A::InnerBackend>>,
    statistics: Statistics<'m>,
}

impl<'m, A: AutodiffBackend, C: ActorCritic> Masked<'m, A, C> {
    /// Copies an agent to the device.
    pub fn load(state: State, statistics: Statistics<'m>, algorithm: C, device: A::Device) -> Self {
        let header = state.header;
        let networks = C::NETWORKS.iter().zip(&state.networks).zip(&header.adam_steps);
        let networks = networks.map(|((part, network), &steps)| {
            let finish = Finish { head: part.head, norm: header.shape.network(part.role).norm };
            Learned::load(network, (finish, header.training.bias), steps, &device)
        });
        Self {
            networks: networks.collect(),
            scalars: Scalars::load(&state.scalars, header.scalar_steps, &device),
            statistics,
            algorithm,
            header,
            device,
        }
    }

    fn draw(
        &self,
        replay: &Replay<'_>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Batch<A::InnerBackend>, LearnError> {
        let seen = (replay, &self.statistics);
        Batch::draw(&self.algorithm, &self.header, seen, rng, &self.device)
    }

    /// Losses and gradients of one part of the losses: the actor's, or the critics'.
    pub(crate) fn slope(
        &self,
        part: u8,
        batch: &mut Batch<A::InnerBackend>,
    ) -> Slope<A::InnerBackend> {
        let of_actor = part == C::NETWORKS[0].loss;
        let Batch { observation, next_observation, fakes, .. } = batch;
        match fakes {
            Some(fakes) if of_actor => fakes.redraw([observation]),
            Some(fakes) => fakes.redraw([next_observation, observation]),
            None => {}
        }
        let [actor, first, second] = &self.networks[..] else {
            unreachable!("a resume section holds the algorithm's networks")
        };
        let scalars = self.scalars.as_ref().map(|scalars| &scalars.values);
        let scene = Scene { actor, critics: [first, second], scalars, batch };
        if of_actor {
            self.algorithm.actor_slope::<A>(&scene)
        } else {
            scene.critic_slope::<A>(self.algorithm.target(&scene))
        }
    }

    /// The policy's outputs for one observation.
    fn outputs(&self, observation: &[f32], action: &[f32]) -> Result<Vec<f32>, BurnError> {
        let shape = &self.header.shape;
        let lengths = [
            ("the observation", shape.observations(), observation.len()),
            ("the action", shape.action_numbers(), action.len()),
        ];
        for (what, expected, found) in lengths {
            if found != expected {
                return Err(BurnError::Length { what, expected, found });
            }
        }
        let observation = matrix(observation.to_vec(), [1, observation.len()], &self.device);
        let observation = normalise(observation, self.statistics.normaliser());
        let outputs = download(self.networks[0].online.network.forward(observation));
        let finite = outputs.iter().all(|number| number.is_finite());
        if finite { Ok(outputs) } else { Err(LearnError::Diverged.into()) }
    }
}

/// Reads losses, which waits for the device.
pub(crate) fn read<I: Backend>(losses: Vec<(usize, Tensor<I, 1>)>) -> Result<Losses, LearnError> {
    let mut figures = [None; MAX_LOSSES];
    for (at, loss) in losses {
        figures[at] = Some(loss.into_scalar().elem::<f32>());
    }
    let finite = figures.iter().flatten().all(|figure| figure.is_finite());
    if finite { Ok(Losses::new(figures)) } else { Err(LearnError::Diverged) }
}

impl<A: AutodiffBackend, C: ActorCritic> Agent for Masked<'_, A, C> {
    fn act(&self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError> {
        let outputs = self.outputs(observation, action)?;
        self.algorithm.greedy(&outputs, action);
        Ok(())
    }

    fn explore(
        &self,
        step: u64,
        observation: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    ) -> Result<(), BurnError> {
        let outputs = self.outputs(observation, action)?;
        let scalars = self.scalars.iter().flat_map(|scalars| download(scalars.values.clone()));
        let scalars: Vec<f32> = scalars.collect();
        self.algorithm.explore(step, &outputs, &scalars, explorer, action);
        Ok(())
    }

    fn observe(&mut self, observation: &[f32]) {
        self.statistics.observe(observation);
    }

    fn reward(&mut self, reward: f32, ends: bool) {
        self.statistics.reward(reward, self.algorithm.gamma(), ends);
    }

    fn normaliser(&self) -> Option<ObservationNormaliser<'_>> {
        self.statistics.normaliser()
    }

    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32 {
        self.algorithm.updates_due(step, data)
    }

    fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, BurnError> {
        let mut rng = self.header.rng.clone();
        let mut batch = self.draw(replay, &mut rng)?;
        self.header.rng = rng;
        self.header.updates += 1;
        let (config, rule) = (self.algorithm.optimiser(), self.header.training.method.target);
        let (mut losses, mut gradients, mut of_scalars) = (Vec::new(), Vec::new(), None);
        for stage in self.algorithm.stages(self.header.updates) {
            match stage {
                Stage::Gradients(part) => {
                    let slope = self.slope(part, &mut batch);
                    losses.extend(slope.losses);
                    (gradients, of_scalars) = (slope.networks, slope.scalars);
                }
                // No actor-critic here clips its gradients.
                Stage::Step { networks, scalars, tau, clip: _ } => {
                    let networks = usize::from(networks.start)..usize::from(networks.end);
                    let networks = self.networks[networks].iter_mut();
                    for (network, gradient) in networks.zip(gradients.drain(..)) {
                        network.online.step(config, gradient);
                        if let Some(tau) = tau {
                            network.follow((tau, rule), &self.device);
                        }
                    }
                    let scalars = self.scalars.as_mut().filter(|_| scalars);
                    if let (Some(scalars), Some(gradient)) = (scalars, of_scalars.take()) {
                        scalars.step(config, gradient);
                    }
                }
                Stage::Change => self.change(&mut batch)?,
            }
        }
        // Last, so that all is under way before anybody waits.
        Ok(read(losses)?)
    }

    fn gradients(&self, replay: &Replay<'_>) -> Result<Gradients, BurnError> {
        let mut batch = self.draw(replay, &mut self.header.rng.clone())?;
        // In the order of an update, which decides what noise stands for features.
        let [critics, actor] = [1, 0].map(|at| self.slope(C::NETWORKS[at].loss, &mut batch));
        let slopes = actor.networks.iter().chain(&critics.networks);
        let networks = self.networks.iter().zip(slopes);
        Ok(Gradients {
            losses: read(critics.losses.into_iter().chain(actor.losses).collect())?,
            scalars: actor.scalars.map_or(Vec::new(), download),
            networks: networks.map(|(network, slope)| network.online.of_links(slope)).collect(),
        })
    }

    fn layers(&self) -> Vec<OwnedLayer> {
        self.networks[0].online.layers()
    }

    fn save(&self, explorer: &Explorer<'_>) -> Vec<u8> {
        let networks: Vec<_> = self.networks.iter().map(Learned::state).collect();
        let layers = networks[0].layers.iter().map(OwnedLayer::view);
        let policy = deployed(layers, C::KIND, self.header.shape.actions);
        let state = State {
            header: ResumeHeader {
                adam_steps: self.networks.iter().map(|network| network.online.steps).collect(),
                live: networks.iter().map(|network| network.live()).collect(),
                scalar_steps: self.scalars.as_ref().map_or(0, |scalars| scalars.steps),
                policy_hash: policy_hash(policy.map(|deployed| {
                    let (topology, bias) = (deployed.layer.topology, deployed.layer.bias);
                    (topology.row_ptr(), topology.col_idx(), bias)
                })),
                exploration: explorer.rng().clone(),
                ..self.header.clone()
            },
            networks,
            scalars: self.scalars.as_ref().map_or_else(Default::default, Scalars::state),
        };
        state.write(&self.statistics)
    }
}
