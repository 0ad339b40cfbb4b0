//! A fine-tuning's image: read piece by piece while the robot goes on acting, it is the instant at which
//! it was taken, and what comes of it is the same bits.

use lacewing_runtime::learn::{
    ActionSpace, AnyAgent, Arena, Block, Learner, Replay, ReplayError, ReplayShape, ReplayValues,
    Resume, Settings, Td3Config, Transition,
};
use lacewing_runtime::store::{Image, Layout};
use lacewing_tests::fresh;
use lacewing_tests::learner::written;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const OWN: &[u8] = b"where the loop stands";
const PLACES: usize = 48;

fn section() -> Vec<u8> {
    let settings: Settings = Td3Config { batch: 16, ..Td3Config::default() }.into();
    fresh::policy(settings, 3, ActionSpace::Continuous(2), &[16, 16], 4).resume.unwrap()
}

fn shape(resume: &Resume<'_>) -> ReplayShape {
    ReplayShape::new(resume.shape(), resume.settings().kind(), ReplayValues::F16, PLACES)
}

/// Memory for an agent and its replay.
fn memory(resume: &Resume<'_>) -> [Vec<Block>; 2] {
    let agent = AnyAgent::blocks(resume.shape(), resume.settings(), resume.training());
    [agent, shape(resume).blocks()].map(|blocks| vec![Block::ZERO; blocks])
}

/// The agent of a section that has seen nothing yet.
fn start<'m>(resume: &Resume<'_>, memory: &'m mut [Vec<Block>; 2]) -> (AnyAgent<'m>, Replay<'m>) {
    let [learner, kept] = memory;
    let agent = resume.restore(*resume.settings(), *resume.training(), learner).unwrap();
    (agent, Replay::compact(&mut Arena::new(kept), shape(resume), |_| None).unwrap())
}

/// The steps `range` of a robot whose episodes have seven; learns after each if wanted.
fn go(agent: &mut AnyAgent<'_>, data: &mut Replay<'_>, range: std::ops::Range<u64>, learn: bool) {
    for step in range {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(step);
        let mut numbers = [(); 9].map(|()| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0);
        let (observation, rest) = numbers.split_at_mut(3);
        let (next_observation, rest) = rest.split_at(3);
        let mut action = [0.0; 2];
        agent.explore(step, observation, &mut action).unwrap();
        let (terminated, truncated) = (step % 21 == 6, step % 7 == 6 && step % 21 != 6);
        let reward = rest[0];
        let (observation, action) = (&*observation, &action[..]);
        let step =
            Transition { observation, action, reward, next_observation, terminated, truncated };
        data.push(step).unwrap();
        if learn {
            agent.update(data).unwrap();
        }
    }
}

/// All of an image at once.
fn whole(image: &Image, agent: &AnyAgent<'_>, data: &Replay<'_>) -> Vec<u8> {
    let mut bytes = vec![0; image.bytes()];
    image.read(data, agent, 0, &mut bytes);
    bytes
}

/// An agent and a replay from the bytes of an image.
fn load(agent: &mut AnyAgent<'_>, data: &mut Replay<'_>, bytes: &[u8]) -> Result<(), ReplayError> {
    let layout = Layout::new(bytes[..8].try_into().unwrap(), bytes.len()).unwrap();
    assert_eq!(&bytes[layout.own.clone()], OWN);
    Resume::parse(&bytes[layout.resume.clone()]).unwrap().go_on(agent).unwrap();
    load_replay(data, &bytes[layout.replay])
}

fn load_replay(data: &mut Replay<'_>, bytes: &[u8]) -> Result<(), ReplayError> {
    data.load(bytes.len(), |offset, into| {
        into.copy_from_slice(&bytes[offset..][..into.len()]);
        Ok(())
    })
}

#[test]
fn in_pieces_beside_a_robot_that_goes_on_it_is_the_instant_it_was_taken() {
    let section = section();
    let resume = Resume::parse(&section).unwrap();
    // Not full yet, full, and turned over more than once.
    for steps in [20, 60, 150] {
        for piece in [1, 37, 256] {
            let mut memories = [(); 2].map(|()| memory(&resume));
            let [first, second] = &mut memories;
            let (mut agent, mut data) = start(&resume, first);
            go(&mut agent, &mut data, 0..steps, true);
            let image = Image::new(OWN, &data, &agent);
            let expected = whole(&image, &agent, &data);
            let (mut read, mut next) = (Vec::new(), steps);
            while read.len() < image.bytes() {
                while next < steps + image.free(read.len()) as u64 && next < steps + 100 {
                    go(&mut agent, &mut data, next..next + 1, false);
                    next += 1;
                }
                let mut bytes = vec![0; piece.min(image.bytes() - read.len())];
                image.read(&data, &agent, read.len(), &mut bytes);
                read.extend(bytes);
            }
            assert!(next > steps + 5, "nothing was stored meanwhile");
            assert!(read == expected, "after {steps} steps, {piece} bytes at once");

            let (mut again, mut data_again) = start(&resume, second);
            load(&mut again, &mut data_again, &read).unwrap();
            assert!(whole(&Image::new(OWN, &data_again, &again), &again, &data_again).len() > 100);
            // What was never interrupted ends alike.
            let mut third = memory(&resume);
            let (mut unbroken, mut data) = start(&resume, &mut third);
            go(&mut unbroken, &mut data, 0..steps, true);
            go(&mut unbroken, &mut data, steps..steps + 30, true);
            go(&mut again, &mut data_again, steps..steps + 30, true);
            let same = written(|sink| unbroken.save(sink)) == written(|sink| again.save(sink));
            assert!(same, "after {steps} steps it goes on otherwise");
        }
    }
}

#[test]
fn a_replay_of_another_shape_is_refused_by_name_and_damage_is_no_panic() {
    let section = section();
    let resume = Resume::parse(&section).unwrap();
    let mut memories = [(); 2].map(|()| memory(&resume));
    let [first, second] = &mut memories;
    let (mut agent, mut data) = start(&resume, first);
    go(&mut agent, &mut data, 0..150, false);
    let bytes = whole(&Image::new(OWN, &data, &agent), &agent, &data);
    let layout = Layout::new(bytes[..8].try_into().unwrap(), bytes.len()).unwrap();
    let saved = &bytes[layout.replay];

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
    let (_, mut into) = start(&resume, second);
    let mut taken = 0;
    for at in 0..saved.len() {
        let mut damaged = saved.to_vec();
        damaged[at] ^= 1 << (rng.next_u32() % 8);
        match load_replay(&mut into, &damaged) {
            Err(_) => assert!(into.is_empty()),
            Ok(()) => {
                taken += 1;
                // Other numbers, which a checksum would have found; but a replay like any other.
                let mut indices = [0; 32];
                into.sample(&mut rng, &mut indices);
                assert!(indices.iter().all(|&index| into.run(index, 9).count() > 0));
                go(&mut agent, &mut into, 0..40, false);
            }
        }
    }
    assert!(taken > saved.len() / 2 && taken < saved.len());
    for length in [0, 43, 44, saved.len() - 1] {
        assert_eq!(load_replay(&mut into, &saved[..length]), Err(ReplayError::Saved));
    }
    let larger = ReplayShape { transitions: PLACES + 1, ..shape(&resume) };
    let mut blocks = vec![Block::ZERO; larger.blocks()];
    let mut other = Replay::compact(&mut Arena::new(&mut blocks), larger, |_| None).unwrap();
    let refused = load_replay(&mut other, saved).unwrap_err();
    assert_eq!(refused, ReplayError::Other { what: "transitions" });
}

#[test]
fn bytes_that_are_no_image_are_refused() {
    for (head, bytes) in
        [([0xFF; 8], 1 << 20), ([0, 0, 0, 0, 9, 0, 0, 0], 16), ([1, 2, 0, 0, 0, 0, 0, 0], 2000)]
    {
        assert!(Layout::new(&head, bytes).is_err(), "{head:?}");
    }
}
