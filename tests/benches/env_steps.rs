//! Steps each environment does in a second of one core's time, with random actions. The thread's
//! own processor time is what counts, so that a busy machine gives the same figures.
//!
//! ```text
//! cargo bench -p lacewing-tests --bench env_steps
//! ```

use cpu_time::ThreadTime;
use lacewing::env::{ActionSpace, Env, EnvError, Shift, ids, make};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Duration;

/// Processor time each environment is run for.
const BUDGET: Duration = Duration::from_secs(2);

fn main() {
    println!("{:<26}{:>10}{:>14}", "environment", "steps", "steps/s");
    for id in ids() {
        match make(id, &Shift::default()).and_then(|mut env| measure(&mut *env)) {
            Ok((steps, time)) => {
                println!("{id:<26}{steps:>10}{:>14.0}", steps as f64 / time.as_secs_f64());
            }
            Err(error) => println!("{id:<26}{error}"),
        }
    }
}

/// Steps done, resets included in the time.
fn measure(env: &mut dyn Env) -> Result<(u64, Duration), EnvError> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let space = env.spec().action_space.clone();
    let mut action = vec![0.0; space.len()];
    let mut obs = vec![0.0; env.spec().obs_dim];
    let start = ThreadTime::now();
    let mut steps = 0;
    env.reset(0, &mut obs)?;
    while start.elapsed() < BUDGET {
        // The clock is read once in a while: the small environments take tens of nanoseconds.
        for _ in 0..100 {
            draw(&space, &mut rng, &mut action);
            let step = env.step(&action, &mut obs)?;
            steps += 1;
            if step.terminated || step.truncated {
                env.reset(steps, &mut obs)?;
            }
        }
    }
    Ok((steps, start.elapsed()))
}

/// Writes a random action.
fn draw(space: &ActionSpace, rng: &mut Xoshiro256PlusPlus, action: &mut [f32]) {
    match space {
        ActionSpace::Box { high, .. } => {
            for (value, bound) in action.iter_mut().zip(high) {
                *value = bound * (rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0);
            }
        }
        ActionSpace::Discrete { n } => action[0] = (rng.next_u32() % n) as f32,
    }
}
