//! Memory that fails under the learner.

use super::bench::WARM_UP;
use super::faults::{Fault, flip};
use super::world::Random;
use lacewing_runtime::learn::{AnyAgent, Replay, ReplayError, Resume, Tuner};
use lacewing_tests::learner::written;
use lacewing_tests::saved::Saved;

/// Transitions that are hit at a time.
const HITS: usize = 20;

/// The same, but with bits flipped in its replay or in a critic.
pub fn spoiled<'m>(tuner: Tuner<'m>, fault: Fault, random: &mut Random) -> Tuner<'m> {
    let steps = tuner.steps();
    let (mut agent, mut data) = tuner.into_parts();
    match fault {
        Fault::Stored => spoil_replay(&mut data, random),
        _ => spoil_critic(&mut agent, random),
    }
    Tuner::new(agent, data, steps, WARM_UP)
}

/// Bits of any of its bytes flip; what no number can be is left, as it would be refused at once.
fn spoil_replay(data: &mut Replay<'_>, random: &mut Random) {
    let image = data.image();
    let mut bytes = vec![0; image.bytes()];
    data.read_image(&image, 0, &mut bytes);
    let whole = bytes.clone();
    for _ in 0..HITS.min(data.len()) {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
    for saved in [bytes, whole] {
        let read = |from: usize, to: &mut [u8]| {
            to.copy_from_slice(&saved[from..][..to.len()]);
            Ok::<_, ReplayError>(())
        };
        if data.load(saved.len(), read).is_ok() {
            return;
        }
    }
    panic!("what was there can be loaded");
}

/// One weight of one critic.
fn spoil_critic(agent: &mut AnyAgent<'_>, random: &mut Random) {
    let mut saved = Saved::read(&written(|sink| agent.save(sink)));
    let network = 1 + random.below(saved.online.len() - 1);
    let layer = random.below(saved.online[network].len());
    let weights = &mut saved.online[network][layer].links.weights;
    let weight = random.below(weights.len());
    weights[weight] = flip(random, weights[weight]);
    // A learner with a weight that is no number is refused.
    if let Ok(resume) = Resume::parse(&saved.write()) {
        let _ = resume.go_on(agent);
    }
}
