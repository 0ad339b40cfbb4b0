//! What a look at an agent's networks shows between updates.

use lacewing_formats::topology::Csr;
use lacewing_runtime::learn::{AnyAgent, Health, LearnError, Network, Replay};

/// What was found; of an engine that cannot look, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// Of the network that acts.
    pub policy: Option<Finding>,
    /// Of the critics, where there are any: links of all together, health of the first.
    pub critics: Option<Finding>,
    /// Share of the policy's links to observations that go to real features, where some are fake.
    pub real_inputs: Option<f64>,
}

/// What was found in networks of one role.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Live links.
    pub links: u64,
    /// Share of links that are pruned.
    pub sparsity: f64,
    /// Share of live links that are not in the topology at the start.
    pub moved: f64,
    /// Dormant units and noise of gradients, where there is data to find them with.
    pub health: Option<Health>,
}

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'p> {
    /// The agent's topologies at its start.
    pub start: &'p Topologies,
    /// Threshold of dormant units.
    pub dormant_tau: f64,
    /// Draws the samples; learning keeps its own random numbers.
    pub seed: u64,
    /// For each observed value whether it is real, where some are fake.
    pub real: Option<&'p [bool]>,
}

/// A copy of the topologies of an agent's networks, layer by layer.
#[derive(Clone, Debug)]
pub struct Topologies(Vec<Vec<Kept>>);

/// Links of one layer.
#[derive(Clone, Debug)]
struct Kept {
    row_ptr: Vec<u32>,
    col_idx: Vec<u16>,
}

impl Topologies {
    /// As they are now.
    pub fn of(agent: &AnyAgent<'_>) -> Self {
        let keep = |topology: Csr<'_>| Kept {
            row_ptr: topology.row_ptr().to_vec(),
            col_idx: topology.col_idx().to_vec(),
        };
        let of_network = |network: &Network<'_>| {
            network.online.layers().map(|layer| keep(layer.topology)).collect()
        };
        Self(agent.networks().iter().map(of_network).collect())
    }
}

impl Kept {
    /// Links of `now` that are not here.
    fn missing(&self, now: Csr<'_>) -> u64 {
        let of_row = |row: usize| {
            let ends = [row, row + 1].map(|at| self.row_ptr[at] as usize);
            let here = &self.col_idx[ends[0]..ends[1]];
            let live = &now.col_idx()[now.row(row)];
            live.iter().filter(|col| here.binary_search(col).is_err()).count() as u64
        };
        (0..now.rows()).map(of_row).sum()
    }
}

/// Looks at an agent.
///
/// # Errors
/// As [`AnyAgent::diagnose`].
pub fn diagnose(
    agent: &mut AnyAgent<'_>,
    data: &Replay<'_>,
    probe: &Probe<'_>,
) -> Result<Diagnosis, LearnError> {
    let [of_policy, of_critic] = agent.diagnose(data, probe.dormant_tau, probe.seed)?;
    let networks = agent.networks();
    let critics =
        (networks.len() > 1).then(|| finding(&networks[1..], &probe.start.0[1..], of_critic));
    let first = networks[0].online.layers().next();
    let real_inputs =
        probe.real.zip(first).and_then(|(real, layer)| real_inputs(real, layer.topology));
    let policy = Some(finding(&networks[..1], &probe.start.0[..1], of_policy));
    Ok(Diagnosis { policy, critics, real_inputs })
}

/// Share of a layer's links that come from the inputs that are real; nothing of no links.
fn real_inputs(real: &[bool], topology: Csr<'_>) -> Option<f64> {
    let to_real = topology.col_idx().iter().filter(|&&col| real[usize::from(col)]).count();
    (topology.links() > 0).then(|| to_real as f64 / topology.links() as f64)
}

fn finding(networks: &[Network<'_>], start: &[Vec<Kept>], health: Option<Health>) -> Finding {
    let (mut links, mut dense, mut missing) = (0, 0, 0);
    for (network, start) in networks.iter().zip(start) {
        for (layer, start) in network.online.layers().zip(start) {
            links += layer.topology.links() as u64;
            dense += (layer.topology.rows() * layer.topology.cols()) as u64;
            missing += start.missing(layer.topology);
        }
    }
    let [live, all, missing] = [links, dense, missing].map(|count| count as f64);
    Finding { links, sparsity: 1.0 - live / all, moved: missing / live, health }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_real_features_are_counted_wherever_those_are() {
        let topology = Csr::new(4, &[0, 2, 3], &[0, 3, 1]).unwrap();
        assert_eq!(real_inputs(&[true, true, false, false], topology), Some(2.0 / 3.0));
        assert_eq!(real_inputs(&[false, false, false, true], topology), Some(1.0 / 3.0));
    }

    #[test]
    fn links_that_were_not_there_at_the_start_have_moved() {
        let start = Kept { row_ptr: vec![0, 2, 3], col_idx: vec![0, 3, 1] };
        let missing = |row_ptr: &[u32], col_idx: &[u16]| {
            start.missing(Csr::new(4, row_ptr, col_idx).unwrap())
        };
        assert_eq!(missing(&[0, 2, 3], &[0, 3, 1]), 0);
        // One moved within its row, one into another row.
        assert_eq!(missing(&[0, 2, 3], &[0, 2, 1]), 1);
        assert_eq!(missing(&[0, 1, 3], &[3, 0, 1]), 1);
        // What was only pruned has not moved.
        assert_eq!(missing(&[0, 0, 1], &[1]), 0);
    }
}
