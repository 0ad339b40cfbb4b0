//! The contract of a policy file at work: frames, scales, rates, and limits that come last.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ContractSpec, Signal};
use lacewing_runtime::act::{Interface, InterfaceError};
use lacewing_tests::actor;
use proptest::prelude::*;

/// Shows `with` the interface of a policy from `observations` to `low.len()` actions, or choices where
/// there are no limits.
fn interface<T>(
    observations: usize,
    (low, high): (&[f32], &[f32]),
    contract: Option<&ContractSpec<'_>>,
    with: impl FnOnce(Interface<'_>) -> T,
) -> T {
    let mut policy = actor::random(&[observations, low.len()], 0.0, 1);
    (policy.low, policy.high) = (low.to_vec(), high.to_vec());
    policy.control_period_s = 0.1;
    policy.contract = contract.map(|contract| contract.to_bytes().unwrap());
    let bytes = policy.write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let mut memory = vec![f32::NAN; Interface::numbers(&view)];
    let short = Interface::new(&view, &mut memory[1..]).map(drop);
    assert!(matches!(short, Err(InterfaceError::Memory { .. })));
    with(Interface::new(&view, &mut memory).unwrap())
}

fn command(interface: &mut Interface<'_>, action: &[f32]) -> Result<Vec<f32>, InterfaceError> {
    let mut command = action.to_vec();
    interface.command(&mut command).map(|()| command)
}

#[test]
fn without_a_contract_only_limits_are_applied() {
    interface(2, (&[-1.0, 0.0], &[1.0, 5.0]), None, |mut interface| {
        assert_eq!(interface.observe(&[3.0, -4.0]).unwrap(), [3.0, -4.0]);
        assert_eq!(command(&mut interface, &[-7.0, 2.0]), Ok(vec![-1.0, 2.0]));
        assert_eq!(command(&mut interface, &[0.5, 1e38]), Ok(vec![0.5, 5.0]));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = InterfaceError::NoNumber { action: 1 };
            assert_eq!(command(&mut interface, &[0.0, bad]), Err(error));
        }
        let error = InterfaceError::Length { expected: 2, found: 1 };
        assert_eq!(command(&mut interface, &[0.0]), Err(error));
        let error = InterfaceError::Observations { expected: 2, found: 3 };
        assert_eq!(interface.observe(&[1.0; 3]).unwrap_err(), error);
    });
}

#[test]
fn of_discrete_actions_only_those_there_are_go_out() {
    let policy = actor::random(&[2, 3], 0.0, 1).argmax().write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&policy).unwrap();
    let mut memory = vec![0.0; Interface::numbers(&view)];
    let mut interface = Interface::new(&view, &mut memory).unwrap();
    for choice in [0.0, 1.0, 2.0] {
        assert_eq!(command(&mut interface, &[choice]), Ok(vec![choice]));
    }
    for action in [3.0, -1.0, 0.5, 1e30] {
        let error = InterfaceError::NoChoice { action, choices: 3 };
        assert_eq!(command(&mut interface, &[action]), Err(error));
    }
    let error = Err(InterfaceError::NoNumber { action: 0 });
    assert_eq!(command(&mut interface, &[f32::NAN]), error);
}

#[test]
fn observations_are_converted_and_stacked_with_the_action_before() {
    let contract = ContractSpec {
        history: 3,
        previous_action: true,
        observations: vec![
            Signal {
                offset: 90.0,
                scale: 0.5,
                low: Some(0.0),
                high: Some(180.0),
                ..Signal::default()
            },
            Signal::default(),
        ],
        actions: vec![Signal { offset: 10.0, scale: -2.0, ..Signal::default() }],
        ..ContractSpec::default()
    };
    interface(9, (&[-1.0], &[1.0]), Some(&contract), |mut interface| {
        assert_eq!(interface.sensors(), 2);
        // Twice: a reset forgets all.
        for _ in 0..2 {
            interface.reset();
            // Earlier frames are like the first one, and no action came before.
            let first = [5.0, 7.0, 0.0];
            assert_eq!(interface.observe(&[100.0, 7.0]).unwrap(), first.repeat(3));
            assert_eq!(command(&mut interface, &[0.25]), Ok(vec![9.5]));
            let seen = interface.observe(&[90.0, 8.0]).unwrap();
            assert_eq!(seen, [first, first, [0.0, 8.0, 0.25]].concat());
            // A frame that is refused leaves no trace.
            for (value, index) in [(180.5, 0), (-0.5, 0), (f32::NAN, 0)] {
                let error = interface.observe(&[value, 1.0]).unwrap_err();
                assert!(matches!(error, InterfaceError::Sensor { index: at, .. } if at == index));
            }
            // What the policy asked for, not what limits left of it.
            assert_eq!(command(&mut interface, &[-3.0]), Ok(vec![12.0]));
            let seen = interface.observe(&[92.0, 9.0]).unwrap();
            assert_eq!(seen, [first, [0.0, 8.0, 0.25], [1.0, 9.0, -3.0]].concat());
        }
    });
}

#[test]
fn rates_hold_from_the_second_command_on_and_limits_hold_always() {
    let contract = ContractSpec {
        actions: vec![Signal { low: Some(-3.0), rate: Some(5.0), ..Signal::default() }],
        ..ContractSpec::default()
    };
    interface(1, (&[-9.0], &[9.0]), Some(&contract), |mut interface| {
        assert_eq!(interface.limits(), (&[-3.0][..], &[9.0][..]));
        // An action every 0.1 s: 0.5 a step.
        let asked = [2.0, 9.0, 9.0, -9.0, 2.4];
        let sent = asked.map(|action| command(&mut interface, &[action]).unwrap()[0]);
        assert_eq!(sent, [2.0, 2.5, 3.0, 2.5, 2.4]);
        // Limits that become narrower are kept at once, whatever the rate says.
        assert_eq!(interface.narrow(&[-1.0], &[1.0]), Ok(true));
        assert_eq!(command(&mut interface, &[9.0]), Ok(vec![1.0]));
        interface.reset();
        assert_eq!(command(&mut interface, &[-9.0]), Ok(vec![-1.0]));
    });
}

#[test]
fn of_two_limits_the_narrower_rules() {
    interface(1, (&[-2.0, -2.0], &[2.0, 2.0]), None, |mut interface| {
        assert_eq!(interface.narrow(&[-9.0, -2.0], &[2.0, 9.0]), Ok(false));
        assert_eq!(interface.narrow(&[-9.0, -1.0], &[0.5, 9.0]), Ok(true));
        assert_eq!(interface.limits(), (&[-2.0, -1.0][..], &[0.5, 2.0][..]));
        for (low, high) in [(3.0, 4.0), (-4.0, -3.0), (1.0, -1.0), (f32::NAN, 1.0), (0.0, f32::NAN)]
        {
            let error = interface.narrow(&[0.0, low], &[0.1, high]).unwrap_err();
            assert!(matches!(error, InterfaceError::Disjoint { action: 1, .. }), "{low} {high}");
            assert_eq!(interface.limits(), (&[-2.0, -1.0][..], &[0.5, 2.0][..]));
        }
        assert!(interface.narrow(&[0.0], &[0.1, 0.1]).is_err());
    });
}

proptest! {
    #[test]
    fn no_command_is_beyond_limits_or_rates(
        (low, width) in (-10.0_f32..10.0, 0.001_f32..20.0),
        (offset, scale) in (-5.0_f32..5.0, prop_oneof![-3.0_f32..-0.1, 0.1_f32..3.0]),
        rate in prop_oneof![Just(None), (0.01_f32..100.0).prop_map(Some)],
        actions in prop::collection::vec(prop_oneof![-30.0_f32..30.0, any::<f32>()], 1..40),
        narrow in -12.0_f32..12.0,
    ) {
        let signal = Signal { offset, scale, rate, ..Signal::default() };
        let contract = ContractSpec { actions: vec![signal], ..ContractSpec::default() };
        interface(1, (&[low], &[low + width]), Some(&contract), |mut interface| {
            let mut last: Option<f32> = None;
            for (at, &action) in actions.iter().enumerate() {
                if at == actions.len() / 2 && interface.narrow(&[narrow], &[f32::MAX]).is_ok() {
                    // What was allowed before may not be now.
                    last = None;
                }
                let sent = command(&mut interface, &[action]);
                prop_assert_eq!(sent.is_ok(), action.is_finite());
                let Ok(sent) = sent else { continue };
                let (lows, highs) = interface.limits();
                prop_assert!((lows[0]..=highs[0]).contains(&sent[0]), "{} of {:?}", sent[0], interface.limits());
                if let (Some(rate), Some(last)) = (rate, last) {
                    let change = rate * 0.1;
                    prop_assert!((sent[0] - last).abs() <= change * 1.001 + 1e-5);
                }
                last = Some(sent[0]);
            }
            Ok(())
        })?;
    }
}
