//! A policy file of any bytes is refused, or keeps its promises and acts, in every layout.
#![no_main]

mod common;

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_tests::hostile::{assert_sound, seal};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| {
    let file = AlignedBytes::from(bytes);
    let Ok(view) = PolicyView::parse(&file) else { return };
    assert_sound(&view);
    let Ok(policy) = Policy::new(view.clone()) else { return };
    act(&policy);
    for kernel in Kernel::available() {
        for layout in [Layout::Packed, Layout::Int8] {
            let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
            if let Ok(policy) = Policy::with_layout(view.clone(), layout, kernel, &mut memory) {
                act(&policy);
            }
        }
    }
    common::kept(bytes);
});

/// Of what a policy answers only that it answers, or says why not, is looked at.
fn act(policy: &Policy<'_>) {
    let mut scratch = vec![0.0; policy.scratch_len()];
    let mut action = vec![0.0; policy.actions()];
    let _ = policy.act(&vec![0.1; policy.observations()], &mut action, &mut scratch);
    let _ = policy.check_probes(&mut action, &mut scratch);
}

// Without a right checksum hardly anything would be looked at.
fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(bytes, size, max_size);
    if seed % 8 != 0 {
        seal(&mut bytes[..size]);
    }
    size
});
