//! Once an agent, a copy of its policy and a replay are made, acting and learning ask for no memory: here
//! an allocator panics where they do.

use lacewing_runtime::learn::{
    Actor, Arena, Block, Explorer, Learner, Range, Replay, ReplayShape, ReplayValues, Transition,
};
use lacewing_tests::methods::{OBSERVATIONS, cases};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::catch_unwind;

/// Panics where this thread may not allocate.
struct Strict;

thread_local! {
    static FORBIDDEN: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: everything is handed to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A panic allocates too.
        assert!(!FORBIDDEN.replace(false), "{} bytes were asked for", layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static STRICT: Strict = Strict;

fn without_heap<T>(what: impl FnOnce() -> T) -> T {
    FORBIDDEN.set(true);
    let done = what();
    FORBIDDEN.set(false);
    done
}

#[test]
fn the_allocator_is_strict() {
    let asked = catch_unwind(|| without_heap(|| vec![0_u8; 1000]));
    let complaint = asked.unwrap_err();
    assert_eq!(complaint.downcast_ref::<String>().unwrap(), "1000 bytes were asked for");
}

/// A step of a world that sees nothing but its own time; every tenth ends an episode.
fn step(data: &mut Replay<'_>, actor: &mut Actor<'_>, explorer: &mut Explorer<'_>, at: u64) {
    let seen = |at: u64| [0; OBSERVATIONS].map(|_| (at % 10) as f32 / 10.0);
    let (observation, mut action) = (seen(at), [0.0; 2]);
    let action = &mut action[..data.actions()];
    actor.explore(at, &observation, explorer, action).unwrap();
    let transition = Transition {
        observation: &observation,
        action,
        reward: 1.0,
        next_observation: &seen(at + 1),
        terminated: at % 20 == 9,
        truncated: at % 20 == 19,
    };
    data.push(transition).unwrap();
}

#[test]
fn acting_and_learning_ask_for_no_memory() {
    for (number, mut case) in cases().into_iter().enumerate() {
        case.training.normalise_observations = number % 2 == 0;
        case.training.lean = number % 4 < 2;
        let values = [ReplayValues::F32, ReplayValues::F16, ReplayValues::U8][number % 3];
        let kind = case.settings.kind();
        let steps = case.settings.iteration().unwrap_or(30);
        // Off-policy, learning begins with half of what there is room for, which goes on to be filled.
        let room = case.settings.iteration().unwrap_or(60);
        let shape = ReplayShape::new(&case.shape, kind, values, room);
        let mut memory = vec![Block::ZERO; shape.blocks()];
        let range = |_| Some(Range { low: -1.0, high: 1.0 });
        let mut data = Replay::compact(&mut Arena::new(&mut memory), shape, range).unwrap();
        let blocks = Actor::blocks(&case.shape, &case.settings, &case.training);
        let mut noise = vec![0.0; case.shape.action_numbers()];
        let mut explorer = Explorer::new(&mut noise, 1);
        let mut copy = vec![Block::ZERO; blocks];
        case.with(|mut agent| {
            let mut actor = Actor::new(&mut Arena::new(&mut copy), &agent).unwrap();
            without_heap(|| {
                let (mut updates, mut at, mut turn) = (0, 0, 0);
                while updates < 40 {
                    let off_policy = case.settings.iteration().is_none();
                    if !agent.is_learning() && (data.len() < steps || off_policy) {
                        step(&mut data, &mut actor, &mut explorer, at);
                        agent.observe(&[0.1; OBSERVATIONS]);
                        agent.reward(1.0, at % 10 == 9);
                        at += 1;
                    }
                    if data.len() < steps {
                        continue;
                    }
                    // In slices and at once.
                    turn += 1;
                    let mut left = 3;
                    let mut more = || {
                        left -= 1;
                        left >= 0
                    };
                    let learned = match turn % 4 {
                        0 => Some(agent.update(&mut data).unwrap()),
                        _ => agent.learn(&mut data, &mut more).unwrap(),
                    };
                    updates += u32::from(learned.is_some());
                    actor.publish(&agent).unwrap();
                }
            });
        });
    }
}
