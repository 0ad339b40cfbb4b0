//! Damaged resume sections of every algorithm, and experience that an agent was not made for: an error
//! or a working agent, never a panic.

use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AnyAgent, Block, LearnError, Learner, Replay, Resume, ResumeError,
    Transition,
};
use lacewing_tests::learner::{fill, replay_memory, sparsity};
use lacewing_tests::methods::{Case, OBSERVATIONS, bytes, cases};
use lacewing_tests::saved::Saved;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Of every algorithm the methods whose sections differ, mid-way.
fn saved_cases() -> Vec<(Case, Vec<u8>)> {
    let differ = [") set", ") prune", ") rigl"];
    let chosen =
        cases().into_iter().filter(|case| differ.iter().any(|name| case.name.ends_with(name)));
    let saved = |case: Case| {
        let middle = case.with(|mut agent| {
            case.train(&mut agent, 18, |_, _| ());
            bytes(&agent)
        });
        (case, middle)
    };
    chosen.map(saved).collect()
}

/// Restores an agent and lets it act and learn; the memory that it asks for must be near to `blocks`.
fn try_out(bytes: &[u8], blocks: usize, actions: ActionSpace) -> Result<(), ResumeError> {
    let resume = Resume::parse(bytes)?;
    let (settings, training) = (*resume.settings(), *resume.training());
    let needed = AnyAgent::blocks(resume.shape(), &settings, &training);
    // A batch may claim to be of 65,536 and a rollout of 2²⁴ steps, which a file need not pay for.
    let claimed = 1 << 25;
    assert!(needed < 1000 * blocks + claimed, "{needed} blocks where {blocks} were due");
    if needed > 100 * blocks {
        return Ok(());
    }
    let mut memory = vec![Block::ZERO; needed];
    let mut agent = resume.restore(settings, training, &mut memory)?;
    let shape = agent.shape().clone();
    let (observations, numbers) = (shape.observations(), shape.action_numbers());
    let mut action = vec![0.0; numbers];
    // Weights as large as damage makes them may overflow: told, too.
    let _ = agent.act(&vec![0.1; observations], &mut action);
    let _ = agent.explore(5, &vec![0.1; observations], &mut action);
    if shape.actions == actions && observations == OBSERVATIONS {
        let mut memory = replay_memory(100, observations, numbers);
        let mut data = Replay::new(&mut memory, observations, numbers).unwrap();
        fill(&mut data, actions);
        for _ in 0..3 {
            if agent.update(&mut data).is_err() {
                break;
            }
        }
    }
    Ok(())
}

#[test]
fn a_damaged_section_is_refused_or_works() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(17);
    for (case, saved) in saved_cases() {
        let (blocks, actions) = (case.blocks(), case.shape.actions);
        try_out(&saved, blocks, actions).unwrap();
        for length in (0..saved.len()).step_by(13).chain([saved.len() - 1]) {
            let cut = try_out(&saved[..length], blocks, actions);
            assert!(cut.is_err(), "{}: {length} bytes", case.name);
        }
        let longer = [&saved[..], &[0]].concat();
        // What is behind it would be transitions to begin with.
        assert!(matches!(try_out(&longer, blocks, actions), Err(ResumeError::Shipped(_))));
        let mut refused = 0;
        for round in 0..300 {
            let mut damaged = saved.clone();
            // Every other time in the header, which is under 300 bytes.
            let place = if round % 2 == 0 { 300 } else { damaged.len() };
            let at = rng.next_u32() as usize % place;
            damaged[at] ^= 1 << (rng.next_u32() % 8);
            refused += usize::from(try_out(&damaged, blocks, actions).is_err());
        }
        assert!(refused > 10, "{}: only {refused} of 300 were seen", case.name);
    }
}

#[test]
#[ignore = "writes tests/fuzz/seeds/resume anew"]
fn seeds_of_the_fuzz_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/resume");
    let wanted =
        |name: &str| ["set", "prune", "rigl"].iter().any(|end| name.ends_with(&format!(") {end}")));
    for (number, case) in cases().into_iter().filter(|case| wanted(&case.name)).enumerate() {
        let (kind, actions) = (case.settings.kind(), case.shape.actions);
        let shape = AgentShape::new(kind, OBSERVATIONS, actions, [&[4, 3]; 2], &sparsity(0.5));
        let case = Case { shape: shape.unwrap(), ..case };
        let section = case.with(|mut agent| {
            case.train(&mut agent, 6, |_, _| ());
            bytes(&agent)
        });
        std::fs::write(format!("{folder}/{number:02}.bin"), section).unwrap();
    }
}

#[test]
fn a_section_with_other_counts_is_refused() {
    for (case, saved) in saved_cases() {
        let good = Saved::read(&saved);
        let spoils: [fn(&mut Saved); 6] = [
            |saved| saved.header.live[0].online[0] -= 1,
            |saved| saved.header.live[0].online[0] = 0,
            |saved| saved.header.live[0].online[0] = u32::MAX,
            |saved| drop(saved.header.live.pop()),
            |saved| saved.online[0][0].links.weights[3] = f32::NAN,
            |saved| saved.online[0][0].links.col_idx[0] = u16::MAX,
        ];
        for (at, spoil) in spoils.iter().enumerate() {
            let mut spoilt = good.clone();
            spoil(&mut spoilt);
            let found = try_out(&spoilt.write(), case.blocks(), case.shape.actions);
            assert!(found.is_err(), "{}: {at}", case.name);
        }
    }
}

/// Experience of another program's: more steps than an iteration has, and actions that are none.
#[test]
fn experience_of_another_kind_is_no_panic() {
    for case in cases().iter().filter(|case| case.name.ends_with(") set")) {
        let actions = case.shape.actions;
        case.with(|mut agent| {
            for capacity in [1, 99, 101, 250] {
                let mut memory = replay_memory(capacity, OBSERVATIONS, actions.numbers());
                let mut data = Replay::new(&mut memory, OBSERVATIONS, actions.numbers()).unwrap();
                fill(&mut data, actions);
                for _ in 0..5 {
                    match agent.update(&mut data) {
                        Ok(_) => (),
                        // PPO's iteration is over, is another's, or has at most 100 steps.
                        Err(LearnError::NoData) => assert!(data.is_empty()),
                        Err(LearnError::Iteration { found }) => assert_eq!(found, capacity),
                        Err(error) => panic!("{}: {error}", case.name),
                    }
                }
            }
            let mut memory = replay_memory(100, OBSERVATIONS, actions.numbers());
            let mut data = Replay::new(&mut memory, OBSERVATIONS, actions.numbers()).unwrap();
            for number in (0..100).map(|step| [-1e9, -1.0, 2.5, 3.0, 1e9][step % 5]) {
                let step = Transition {
                    observation: &[0.1; OBSERVATIONS],
                    action: &vec![number; actions.numbers()],
                    reward: 1.0,
                    next_observation: &[0.2; OBSERVATIONS],
                    terminated: false,
                    truncated: false,
                };
                data.push(step).unwrap();
            }
            for _ in 0..6 {
                // Losses may be beyond f32.
                let _ = agent.update(&mut data);
            }
        });
    }
}
