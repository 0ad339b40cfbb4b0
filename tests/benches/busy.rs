//! A TD3 update with two threads beside programs that want the same cores.
//!
//! `cargo bench -p lacewing-tests --bench busy [-- --programs N --sparsity S --seconds T]`: updates a
//! second on one thread and on two, in turns, medians, on the machine as it is and beside N programs (as
//! many as there are cores) that never wait.
mod common;

use common::{experience, shape};
use lacewing_runtime::learn::{AnyAgent, Block, Learner, Method, Settings, Td3Config, Training};
use lacewing_tests::learner::seeds;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;
/// What a child of this program is told that only takes time.
const SPIN: &str = "--spin";

fn option<T: std::str::FromStr>(name: &str) -> Option<T> {
    let word = std::env::args().skip_while(|word| word != name).nth(1)?;
    Some(word.parse().ok().unwrap_or_else(|| panic!("{name} {word}?")))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A program that never waits, until it is dropped.
struct Busy(Child);

impl Busy {
    fn start() -> Self {
        let program = std::env::current_exe().expect("a bench knows its own path");
        let child = Command::new(program).arg(SPIN).stdin(Stdio::piped()).spawn();
        Self(child.expect("the bench starts again"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn main() {
    if std::env::args().any(|word| word == SPIN) {
        // Ends with its parent, however that ends.
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(0);
        });
        loop {
            std::hint::spin_loop();
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let programs = option("--programs").unwrap_or(cores);
    let sparsity = option("--sparsity").unwrap_or(0.9);
    let moment = Duration::from_secs_f64(option("--seconds").unwrap_or(1.0));
    let settings: Settings = Td3Config { batch: 256, ..Td3Config::default() }.into();
    let shape = shape(settings.kind(), sparsity);
    let experience = experience(&settings, &shape);
    let mut memory = vec![0.0; experience.memory()];
    let mut data = experience.replay(&mut memory);
    let training =
        [1, 2].map(|threads| Training { threads, method: Method::STATIC, ..Training::default() });
    let mut memories =
        training.map(|training| vec![Block::ZERO; AnyAgent::blocks(&shape, &settings, &training)]);
    let [one, two] = &mut memories;
    let mut agents = [(one, training[0]), (two, training[1])].map(|(memory, training)| {
        AnyAgent::new(shape.clone(), settings, training, memory, seeds(1)).expect("an agent")
    });
    for (programs, where_) in
        [(0, "as it is".to_string()), (programs, format!("beside {programs} busy programs"))]
    {
        let _busy: Vec<_> = (0..programs).map(|_| Busy::start()).collect();
        let mut rates = [Vec::new(), Vec::new()];
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let pair: Vec<f64> = agents
                .iter_mut()
                .map(|agent| {
                    let (start, mut updates) = (Instant::now(), 0);
                    while start.elapsed() < moment {
                        assert!(agent.update(&mut data).is_ok(), "losses are finite");
                        updates += 1;
                    }
                    f64::from(updates) / start.elapsed().as_secs_f64()
                })
                .collect();
            rates.iter_mut().zip(&pair).for_each(|(rates, &rate)| rates.push(rate));
            ratios.push(pair[0] / pair[1]);
        }
        let [one, two] = rates.map(median);
        println!(
            "{where_}: {one:.0} updates/s on one thread, {two:.0} on two; two take {:.2} of one's time",
            median(ratios)
        );
    }
}
