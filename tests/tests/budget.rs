//! The memory of learning is what is said beforehand, part by part.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::learn::{
    ACTORS, Actor, Adapt, AnyAgent, Arena, Block, Budget, LearnError, Replay, ReplayShape,
    ReplayValues, Resume, Training, TuningTopology, live_blocks,
};
use lacewing_tests::learner::seeds;
use lacewing_tests::methods::{Case, cases};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, succeed, train};
use std::process::Command;

fn budget(case: &Case, training: &Training) -> Budget {
    AnyAgent::budget(&case.shape, &case.settings, training)
}

#[test]
fn what_is_said_is_enough_and_a_block_less_is_not() {
    for case in cases() {
        for threads in [1, 2] {
            let training = Training { threads, normalise_observations: true, ..case.training };
            let blocks = budget(&case, &training).learner() / Block::BYTES;
            let mut memory = vec![Block::ZERO; blocks];
            let mut make = |blocks: usize| {
                let (shape, settings) = (case.shape.clone(), case.settings);
                AnyAgent::new(shape, settings, training, &mut memory[..blocks], seeds(1)).map(drop)
            };
            assert!(matches!(make(blocks - 1), Err(LearnError::Memory(_))), "{}", case.name);
            assert_eq!(make(blocks), Ok(()), "{}", case.name);
        }
    }
}

/// Bytes of so many numbers of four bytes, in blocks.
fn bytes(numbers: usize) -> usize {
    (4 * numbers).next_multiple_of(Block::BYTES)
}

#[test]
fn parts_are_what_their_names_say() {
    let of = |name: &str| cases().into_iter().find(|case| case.name.starts_with(name)).unwrap();
    let td3 = of("td3 Continuous(2) static");
    let part = budget(&td3, &td3.training);
    let sum = |count: &dyn Fn(usize, usize, usize) -> usize| -> usize {
        let critic = td3.shape.critic.as_ref().unwrap();
        let networks = [&td3.shape.policy, critic, critic];
        let layers = networks.into_iter().flat_map(|network| network.layers());
        layers.map(|(inputs, outputs, links)| count(inputs, outputs, links)).sum()
    };
    let halves = |count: usize| (2 * count).next_multiple_of(Block::BYTES);
    let links = sum(&|_, outputs, links| {
        bytes(outputs + 1) + halves(links) + bytes(links) + bytes(outputs)
    });
    assert_eq!(part.links, links);
    // Every network has a target.
    assert_eq!(part.targets, links);
    assert_eq!(part.moments, sum(&|_, outputs, links| 2 * (bytes(links) + bytes(outputs))));
    assert_eq!(part.gradients, sum(&|_, outputs, links| bytes(links) + bytes(outputs)));
    let columns = sum(&|inputs, _, links| bytes(inputs + 1) + halves(links) + 2 * bytes(links));
    assert_eq!(part.columns, columns);
    assert_eq!(part.ages, sum(&|_, _, links| links.next_multiple_of(Block::BYTES)));
    // A tile has 64 samples. Actor and critic: every unit, and twice the widest layer.
    let tiles = (5 + 24 + 16 + 2 + 2 * 24) + (7 + 20 + 12 + 1 + 2 * 20);
    assert_eq!(part.traces, tiles * 4 * 64);
    // Forty samples, a tile of noise for each number of an action, and what was drawn for three quarters.
    assert_eq!(part.batch, bytes(40) + 2 * 4 * 64 + bytes(2 * 48));
    assert_eq!((part.files, part.acting, part.replay), (0, 0, 0));

    // What a second thread takes is its own gradients, traces and noise, and scratch for its network.
    let two = budget(&td3, &Training { threads: 2, ..td3.training });
    assert_eq!((two.gradients, two.traces), (2 * part.gradients, 2 * part.traces));
    assert_eq!(two.topology, 2 * part.topology);
    let same = Budget {
        gradients: part.gradients,
        traces: part.traces,
        topology: part.topology,
        batch: part.batch,
        ..two
    };
    assert_eq!(same, part);

    let rigl = of("td3 Continuous(2) rigl");
    let with_record = budget(&rigl, &rigl.training);
    assert!(with_record.topology > part.topology);
    assert_eq!(Budget { topology: part.topology, ..with_record }, part);
}

#[test]
fn what_is_printed_is_what_there_is_and_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&mut train(&SHORT, &run));
    let inspect = |more: &[&str]| {
        let output = Command::new(lacewing()).arg("inspect").arg(&run).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let options =
        ["--budget", "--replay=300", "--replay-values=f16", "--topology=rigl", "--learning=slack"];
    let json: serde_json::Value =
        serde_json::from_str(&inspect(&[&options[..], &["--json"]].concat())).unwrap();
    let file = AlignedBytes::read(run.join("policy.lace")).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    let resume = Resume::parse(view.resume().unwrap()).unwrap();
    let (shape, settings) = (resume.shape(), resume.settings());
    let training = resume.tuning(TuningTopology::Rigl, Adapt::default());
    let learner = AnyAgent::blocks(shape, settings, &training) * Block::BYTES;
    let kept = ReplayShape::new(shape, settings.kind(), ReplayValues::F16, 300);
    let mut memory = vec![Block::ZERO; kept.blocks()];
    let mut arena = Arena::new(&mut memory);
    Replay::compact(&mut arena, kept, |_| None).unwrap();
    assert_eq!(arena.left(), 0);
    let acting = live_blocks(shape, settings, &training) * Block::BYTES;
    assert!(acting > ACTORS * Actor::blocks(shape, settings, &training) * Block::BYTES);
    // Three numbers more than a transition has, a loss and a note.
    let numbers = 3 + 2 * shape.observations() + shape.action_numbers() + 1;
    let waiting = 1024 * (4 * numbers + 96);
    let budget = &json["budget"];
    let number = |name: &str| budget[name].as_u64().unwrap() as usize;
    assert_eq!(number("replay"), kept.blocks() * Block::BYTES);
    assert_eq!((number("acting"), number("files")), (acting, 3 * file.len()));
    assert_eq!(number("waiting"), waiting);
    let parts = budget.as_object().unwrap().values().map(|part| part.as_u64().unwrap() as usize);
    let all = parts.sum::<usize>();
    assert_eq!(all, learner + number("replay") + acting + waiting + 3 * file.len());

    let table = inspect(&options);
    let (_, table) = table.split_once("to learn on").unwrap();
    let last = table.lines().last().unwrap();
    assert!(last.starts_with("all") && last.ends_with(&format!(" {all}")), "{last}");
    assert!(!inspect(&[]).contains("to learn on"));
}
