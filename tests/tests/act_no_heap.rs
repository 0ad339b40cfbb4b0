//! Neither a control step nor an update asks for memory, nor does loading a policy to act in place.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ContractSpec, Signal};
use lacewing_runtime::act::{Interface, Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::{Block, Td3, Td3Config, Training};
use lacewing_tests::{actor, learner};
use std::alloc::{GlobalAlloc, Layout as Bytes, System};
use std::cell::Cell;

/// Counts this thread's allocations.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Bytes) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Bytes) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const LAYOUTS: [Layout; 5] =
    [Layout::InPlace, Layout::Packed, Layout::Dense, Layout::Int8, Layout::DenseInt8];

#[test]
fn loading_in_place_and_acting_do_not_allocate() {
    let mut network = actor::random(&[17, 256, 256, 6], 0.9, 1);
    let observation = actor::observation(&network, 0);
    let actions = vec![Signal { rate: Some(1.0), scale: 0.5, ..Signal::default() }; 6];
    let contract = ContractSpec { actions, ..ContractSpec::default() };
    network.contract = Some(contract.to_bytes().unwrap());
    for encoding in [Encoding::PLAIN, Encoding::COMPACT] {
        let file = network.write(encoding).unwrap();
        for kernel in Kernel::available() {
            let has = |layout: &Layout| !layout.is_int8() || kernel.int8().is_some();
            for layout in LAYOUTS.into_iter().filter(has) {
                let view = PolicyView::parse(&file).unwrap();
                let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
                let (mut action, mut scratch) = ([0.0; 6], [0.0; 1024]);
                let mut signals = vec![0.0; Interface::numbers(&view)];
                let mut before = ALLOCATIONS.get();
                let view = PolicyView::parse(&file).unwrap();
                let policy = Policy::with_layout(view, layout, kernel, &mut memory).unwrap();
                if layout != Layout::InPlace {
                    before = ALLOCATIONS.get();
                }
                let mut interface = Interface::new(policy.view(), &mut signals).unwrap();
                let seen = interface.observe(&observation).unwrap();
                policy.act(seen, &mut action, &mut scratch).unwrap();
                interface.command(&mut action).unwrap();
                assert!(policy.act(&[f32::NAN; 17], &mut action, &mut scratch).is_err());
                let name = kernel.name;
                assert_eq!(ALLOCATIONS.get(), before, "{name} {layout:?} allocated");
            }
        }
    }
    assert!(ALLOCATIONS.get() > 0, "the counter does not count");
}

#[test]
fn learning_does_not_allocate_even_where_links_move() {
    let shape = learner::td3_shape(5, 2, &[48, 32], &learner::sparsity(0.8)).unwrap();
    let training = Training { method: learner::every_seventh(), threads: 1, ..Training::default() };
    let config = Td3Config::default();
    let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config, &training)];
    let mut agent = Td3::new(shape, config, training, &mut memory, learner::seeds(1)).unwrap();
    let mut transitions = learner::replay_memory(300, 5, 2);
    let mut replay = learner::full_replay(&mut transitions, 5, 2);
    let before = ALLOCATIONS.get();
    for _ in 0..20 {
        agent.explore(0, &[0.1; 5], &mut [0.0; 2]).unwrap();
        agent.update(&mut replay).unwrap();
    }
    assert_eq!(ALLOCATIONS.get(), before);
}
