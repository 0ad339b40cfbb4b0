//! Whatever comes in on the lines of `lacewing-edge act`, what goes out are actions within the limits, and it
//! ends with a reason.
#![no_main]
// Only what is done with lines is looked at.
#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../../targets/edge/src/act.rs"]
mod act;
mod common;
#[path = "../../../targets/edge/src/driver/mod.rs"]
mod driver;
#[path = "../../../targets/edge/src/error.rs"]
mod error;
#[path = "../../../targets/edge/src/installed/mod.rs"]
mod installed;
#[path = "../../../targets/edge/src/trust.rs"]
mod trust;

use std::sync::LazyLock;

use error::EdgeError;
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ContractSpec, Signal};
use lacewing_runtime::act::{Interface, Policy};
use lacewing_tests::policy_file::{Owned, Shape};
use libfuzzer_sys::fuzz_target;

/// As in the program, but nobody reads it.
fn warn(_: std::fmt::Arguments<'_>) {}

/// With limits, with a contract, with discrete actions.
static POLICIES: LazyLock<[AlignedBytes; 3]> = LazyLock::new(|| {
    let policy = |inputs: usize| {
        let widths = vec![inputs, 5, 2];
        let (probes, resume, seed) = (0, None, 3);
        Owned::random(&Shape { widths, density: 0.5, normaliser: true, probes, resume, seed })
    };
    let signal = |name| Signal { name, unit: "rad", scale: 0.5, ..Signal::default() };
    // Two frames of one sensor, each with the two actions before.
    let contract = ContractSpec {
        shifted: "",
        history: 2,
        previous_action: true,
        observations: vec![Signal { low: Some(-9.0), high: Some(9.0), ..signal("hip") }],
        actions: vec![
            signal("left"),
            Signal { rate: Some(3.0), low: Some(-0.5), ..signal("right") },
        ],
    };
    let contract = Some(contract.to_bytes().expect("a legal contract"));
    let policies = [policy(2), Owned { contract, ..policy(6) }, policy(2).argmax()];
    policies.map(|policy| policy.write(Encoding::PLAIN).expect("a legal policy"))
});

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, input)) = bytes.split_first() else { return };
    let file = &POLICIES[usize::from(which) % POLICIES.len()];
    let view = PolicyView::parse(file).expect("a legal file");
    let policy = Policy::new(view.clone()).expect("a small policy");
    let mut output = Vec::new();
    let outcome = act::serve(&policy, input, &mut output, None);
    if let Err(error) = outcome {
        assert!(!error.to_string().is_empty());
    }
    let text = String::from_utf8(output).expect("JSON");
    let lines = input.split(|&byte| byte == b'\n').count();
    assert!(text.lines().count() <= lines && (text.is_empty() || text.ends_with('\n')));
    let mut memory = vec![0.0; Interface::numbers(&view)];
    let interface = Interface::new(&view, &mut memory).expect("memory enough");
    let (low, high) = interface.limits();
    for line in text.lines() {
        let action: Vec<f32> = serde_json::from_str(line).expect("numbers");
        assert_eq!(action.len(), policy.actions());
        let limits = low.iter().zip(high);
        assert!(action.iter().zip(limits).all(|(x, (low, high))| (low..=high).contains(&x)));
        if low.is_empty() {
            assert!((0..view.header().outputs()).any(|choice| action == [choice as f32]));
        }
    }
    if !text.is_empty() {
        common::kept(bytes);
    }
});
