//! A control loop at 1 kHz beside learning, and without.
//!
//! `cargo bench -p lacewing-tests --bench live [-- --seconds T --cores ACT,LEARN]`: nanoseconds that one action of
//! a published copy takes (17-256-256-6, 90 %), in turns: alone, beside a thread that learns and publishes after
//! every update, and with learning in the slack of the same core, where what counts is how late the action is.
mod common;

use common::{experience, shape};
use hdrhistogram::Histogram;
use lacewing_runtime::learn::{
    Actor, AnyAgent, Arena, Block, Method, Settings, Td3Config, Training,
};
use lacewing_tests::learner::seeds;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(1);
const TURNS: usize = 5;
/// A loop that sleeps may be late; so it is awake for this long before an action is due.
const AWAKE: Duration = Duration::from_micros(200);
/// Learning stops where less is left: a slice takes a good part of it.
const SLICE: Duration = Duration::from_micros(300);

fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn pin(core: Option<usize>) {
    if let Some(id) = core {
        core_affinity::set_for_current(core_affinity::CoreId { id });
    }
}

/// How long actions took, or how late they were.
type Times = Histogram<u64>;

fn times() -> Times {
    // Up to a minute.
    Histogram::new_with_max(60_000_000_000, 3).expect("three digits")
}

/// Acts once a period for so long; `meanwhile` has the time until the next, and is told when it ends.
fn control<'m>(
    lasts: Duration,
    mut actor: Actor<'m>,
    mut rings: Option<(Consumer<Actor<'m>>, Producer<Actor<'m>>)>,
    mut meanwhile: impl FnMut(Instant),
    (took, late): (&mut Times, &mut Times),
) -> (Actor<'m>, Option<Consumer<Actor<'m>>>) {
    let (observation, mut action) = ([0.3; 17], [0.0; 6]);
    let (end, mut due) = (Instant::now() + lasts, Instant::now() + PERIOD);
    while due < end {
        meanwhile(due);
        thread::sleep(due.saturating_duration_since(Instant::now()).saturating_sub(AWAKE));
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        if let Some((fresh, spent)) = &mut rings {
            while let Ok(newer) = fresh.pop() {
                let old = std::mem::replace(&mut actor, newer);
                spent.push(old).expect("room for all there are");
            }
        }
        actor.act(&observation, &mut action).expect("a finite action");
        let done = Instant::now();
        took.saturating_record((done - start).as_nanos() as u64);
        late.saturating_record((done - due).as_nanos() as u64);
        due = (due + PERIOD).max(Instant::now());
    }
    (actor, rings.map(|(fresh, _)| fresh))
}

fn main() {
    let lasts = option("--seconds").map_or(2.0, |word| word.parse().expect("seconds"));
    let lasts = Duration::from_secs_f64(lasts);
    let cores = option("--cores").map(|word| {
        let (act, learn) = word.split_once(',').expect("two cores");
        [act, learn].map(|core| core.parse().expect("a core"))
    });
    let [act, learn] = cores.map_or([None; 2], |cores: [usize; 2]| cores.map(Some));
    pin(act);
    let settings: Settings = Td3Config { batch: 256, ..Td3Config::default() }.into();
    let shape = shape(settings.kind(), 0.9);
    let training = Training { method: Method::STATIC, ..Training::default() };
    let experience = experience(&settings, &shape);
    let mut memory = vec![0.0; experience.memory()];
    let mut data = experience.replay(&mut memory);
    let mut memory = vec![Block::ZERO; AnyAgent::blocks(&shape, &settings, &training)];
    let mut agent =
        AnyAgent::new(shape.clone(), settings, training, &mut memory, seeds(1)).expect("an agent");
    let mut memory = vec![Block::ZERO; 3 * Actor::blocks(&shape, &settings, &training)];
    let mut arena = Arena::new(&mut memory);
    let [mut acting, one, other] =
        [(); 3].map(|()| Actor::new(&mut arena, &agent).expect("room for a copy"));
    let mut pool = vec![one, other];
    let mut took = [times(), times(), times()];
    let mut late = [times(), times(), times()];
    let mut updates = [0_u64; 3];
    for _ in 0..TURNS {
        let times = (&mut took[0], &mut late[0]);
        (acting, _) = control(lasts, acting, None, |_| (), times);

        let (mut to_control, fresh) = RingBuffer::new(3);
        let (to_learner, mut spent) = RingBuffer::new(3);
        let stop = AtomicBool::new(false);
        (acting, pool) = thread::scope(|scope| {
            let learning = scope.spawn(|| {
                let mut pool = pool;
                pin(learn);
                while !stop.load(Ordering::Relaxed) {
                    agent.learn(&mut data, &mut || true).expect("finite losses");
                    updates[1] += 1;
                    pool.extend(spent.pop());
                    if let Some(mut actor) = pool.pop() {
                        actor.publish(&agent).expect("the same agent");
                        to_control.push(actor).expect("room for all there are");
                    }
                }
                pool
            });
            let times = (&mut took[1], &mut late[1]);
            let rings = Some((fresh, to_learner));
            let (acting, fresh) = control(lasts, acting, rings, |_| (), times);
            stop.store(true, Ordering::Relaxed);
            let mut pool = learning.join().expect("it learned");
            pool.extend(fresh.and_then(|mut fresh| fresh.pop().ok()));
            (acting, pool)
        });
        pool.extend(spent.pop());

        let copy = &mut pool[0];
        let slack = |due: Instant| {
            let mut more = || Instant::now() + SLICE < due;
            while more() {
                if agent.learn(&mut data, &mut more).expect("finite losses").is_some() {
                    updates[2] += 1;
                    copy.publish(&agent).expect("the same agent");
                }
            }
        };
        (acting, _) = control(lasts, acting, None, slack, (&mut took[2], &mut late[2]));
    }
    println!(
        "ns                         took p50      p99    p99.9      max | late p99.9      max | updates"
    );
    let names = ["alone", "beside a learning thread", "learning in the slack"];
    for ((name, (took, late)), updates) in names.iter().zip(took.iter().zip(&late)).zip(updates) {
        let [half, most, nearly] = [0.5, 0.99, 0.999].map(|at| took.value_at_quantile(at));
        println!(
            "{name:26} {half:8} {most:8} {nearly:8} {:8} | {:10} {:8} | {updates:7}",
            took.max(),
            late.value_at_quantile(0.999),
            late.max()
        );
    }
    let ratio =
        |at: f64| took[1].value_at_quantile(at) as f64 / took[0].value_at_quantile(at) as f64;
    println!("beside the thread: p50 {:.2}, p99.9 {:.2} of alone", ratio(0.5), ratio(0.999));
}
