//! A control step never asks for memory, nor does loading a policy to act in place.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_tests::actor;
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

#[test]
fn loading_in_place_and_acting_do_not_allocate() {
    let network = actor::random(&[17, 256, 256, 6], 0.9, 1);
    let observation = actor::observation(&network, 0);
    for encoding in [Encoding::PLAIN, Encoding::COMPACT] {
        let file = network.write(encoding).unwrap();
        for kernel in Kernel::available() {
            for layout in [Layout::InPlace, Layout::Packed] {
                let view = PolicyView::parse(&file).unwrap();
                let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
                let (mut action, mut scratch) = ([0.0; 6], [0.0; 512]);
                let mut before = ALLOCATIONS.get();
                let view = PolicyView::parse(&file).unwrap();
                let policy = Policy::with_layout(view, layout, kernel, &mut memory).unwrap();
                if layout == Layout::Packed {
                    before = ALLOCATIONS.get();
                }
                policy.act(&observation, &mut action, &mut scratch).unwrap();
                assert!(policy.act(&[f32::NAN; 17], &mut action, &mut scratch).is_err());
                let name = kernel.name;
                assert_eq!(ALLOCATIONS.get(), before, "{name} {layout:?} allocated");
            }
        }
    }
    assert!(ALLOCATIONS.get() > 0, "the counter does not count");
}
