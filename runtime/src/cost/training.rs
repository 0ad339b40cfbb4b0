//! What training costs, by the convention that papers compare methods with and as it is really done.

use core::ops::AddAssign;
use serde::{Deserialize, Serialize};

/// FLOPs of updates: multiplies and adds of links, 2 for each link that a sample passes. Biases,
/// activations, optimisers, targets' steps and changes of topology are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flops {
    /// By the convention: [`step_flops`] for every sample and every step of a network.
    pub convention: u64,
    /// Of the passes that were made: also those through targets, through critics for the policy's
    /// gradient, for acting while learning and for gradients of links that are not there.
    pub done: u64,
}

impl AddAssign for Flops {
    fn add_assign(&mut self, other: Self) {
        self.convention += other.convention;
        self.done += other.done;
    }
}

/// FLOPs that a step of a network of `live` out of `dense` links costs a sample (Evci et al. 2020,
/// App. H): forward and twice as much backward. Where links grow by gradient, every `interval` steps of
/// this network, the step on which they do has the gradients of all links instead, so that on the
/// average a step costs `(3 f_S ΔT + 2 f_S + f_D) / (ΔT + 1)`, f being 2 for each link.
///
/// Gradual pruning is no case of its own: the paper's mean of `3 f_D (1 − sₜ)` over all steps comes
/// from asking with the links that live at each.
pub fn step_flops(live: u64, dense: u64, interval: Option<f64>) -> f64 {
    let (sparse, dense) = (2.0 * live as f64, 2.0 * dense as f64);
    match interval {
        None => 3.0 * sparse,
        Some(interval) => (3.0 * sparse * interval + 2.0 * sparse + dense) / (interval + 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacewing_formats::topology::{Amount, Schedule, Step};

    const DENSE: u64 = 1000;

    #[test]
    fn methods_cost_what_the_paper_says() {
        // Dense 3 f_D; static and SET 3 f_S.
        assert_eq!(step_flops(DENSE, DENSE, None), 6000.0);
        assert_eq!(step_flops(100, DENSE, None), 600.0);
        // RigL at 90 %, ΔT = 100: (3 · 200 · 100 + 2 · 200 + 2000) / 101 = 62,400 / 101.
        assert!((step_flops(100, DENSE, Some(100.0)) - 617.821_782_178).abs() < 1e-6);
        // Where nothing is pruned RigL is dense training.
        assert!((step_flops(DENSE, DENSE, Some(100.0)) - 6000.0).abs() < 1e-9);
    }

    #[test]
    fn pruning_over_the_middle_of_a_run_costs_1_minus_65_hundredths_of_the_sparsity() {
        let schedule = Schedule { from: 20_000, until: 80_000, every: 100 };
        for (last, share) in [(200, 0.48), (100, 0.415), (50, 0.3825), (10, 0.3565)] {
            let (mut live, mut sum) = (DENSE, 0.0);
            for update in 1..=100_000 {
                sum += step_flops(live, DENSE, None);
                if schedule.due(update)
                    && let Step::Keep { links } =
                        Amount::Cubic.step(&schedule, update, DENSE as usize, last)
                {
                    live = links as u64;
                }
            }
            let found = sum / (100_000.0 * step_flops(DENSE, DENSE, None));
            assert!((found - share).abs() < 2e-3, "{last} of {DENSE}: {found}, not {share}");
        }
    }

    /// Sokar et al. 2022: TD3 on HalfCheetah trains with 1.07·10¹⁴ FLOPs, DS-TD3 with 0.49 of that.
    #[test]
    fn ds_td3_costs_what_the_paper_says() {
        // 17-256-256-6 and 23-256-256-1; λ = 7 and 64 keep this many of the first two layers.
        let (actor, critic) = (71_424, 71_680);
        let kept = |inputs: f64| (7.0 * (inputs + 256.0) + 64.0 * 512.0).round() as u64;
        let (sparse_actor, sparse_critic) = (kept(17.0) + 1536, kept(23.0) + 256);
        assert_eq!(actor + 2 * critic, 214_784);
        assert_eq!(sparse_actor + 2 * sparse_critic, 106_169);
        // A million updates of 100 samples; the actor learns at every second.
        let run = |[actor, critic]: [u64; 2], [all_actor, all_critic]: [u64; 2]| {
            let critics = 2.0 * step_flops(critic, all_critic, None);
            1e6 * 100.0 * (critics + step_flops(actor, all_actor, None) / 2.0)
        };
        let dense = run([actor, critic], [actor, critic]);
        let sparse = run([sparse_actor, sparse_critic], [actor, critic]);
        assert!((dense / 1.0744e14 - 1.0).abs() < 1e-4, "{dense:e}");
        assert!((sparse / dense - 0.4918).abs() < 1e-4, "{}", sparse / dense);
    }
}
