//! The contract in a policy file: what is written is read, what is none is refused by name, and files
//! without one are as they were.

use lacewing_formats::artifact::{FileError, PolicyView, Section, SpecError};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{
    Announced, Contract, ContractError, ContractSpec, MAX_TEXT_BYTES, Mismatch, Side, Signal,
};
use lacewing_tests::actor;
use lacewing_tests::policy_file::Owned;

fn named<'a>(name: &'a str, unit: &'a str) -> Signal<'a> {
    Signal { name, unit, ..Signal::default() }
}

/// Of a policy from 6 observations to 2 actions.
fn contract() -> ContractSpec<'static> {
    ContractSpec {
        shifted: "gear=0.5",
        history: 2,
        previous_action: true,
        observations: vec![Signal {
            offset: 90.0,
            scale: 0.5,
            low: Some(0.0),
            high: Some(180.0),
            ..named("hip angle", "deg")
        }],
        actions: vec![
            Signal { rate: Some(20.0), low: Some(-0.5), ..named("hip", "N m") },
            named("knee", "N m"),
        ],
    }
}

fn policy(contract: Option<&ContractSpec<'_>>) -> Owned {
    let mut policy = actor::random(&[6, 2], 0.0, 1);
    policy.contract = contract.map(|contract| contract.to_bytes().unwrap());
    policy
}

#[test]
fn what_is_written_is_read() {
    let (spec, resume) = (contract(), vec![7; 100]);
    let mut policy = policy(Some(&spec));
    policy.resume = Some(resume.clone());
    for encoding in [Encoding::PLAIN, Encoding::COMPACT] {
        let bytes = policy.write(encoding).unwrap();
        let view = PolicyView::parse(&bytes).unwrap();
        let found = view.contract().unwrap();
        assert_eq!(ContractSpec::from(found), spec);
        assert_eq!((found.sensors(6, 2), found.actions().len()), (1, 2));
        assert_eq!(view.resume(), Some(&resume[..]));
        assert!(view.sections().any(|placed| placed.section == Section::Contract));
    }
}

#[test]
fn files_without_one_are_as_they_were() {
    let plain = policy(None).write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&plain).unwrap();
    assert_eq!(view.contract(), None);
    let with = policy(Some(&ContractSpec::default())).write(Encoding::PLAIN).unwrap();
    let with = PolicyView::parse(&with).unwrap();
    let said = with.contract().unwrap();
    assert_eq!((said.observations().len(), said.sensors(6, 2)), (0, 6));
    // The same up to the header's last field and the section.
    let bytes = |view: &PolicyView<'_>| view.sections().nth(1).unwrap().bytes;
    assert_eq!(bytes(&with), bytes(&view) + 1);
}

#[test]
fn what_is_no_contract_is_refused_by_name() {
    type Change = fn(&mut ContractSpec<'static>);
    const LONG: &str = "0123456789012345678901234567890123456789012345678901234567890123456789012345\
                        678901234567890123456789";
    const { assert!(LONG.len() > MAX_TEXT_BYTES) };
    let (observation, action) = (Side::Observation, Side::Action);
    let cases: [(Change, ContractError); 14] = [
        (|it| it.shifted = LONG, ContractError::Text),
        (|it| it.actions[0].name = "\u{1b}[2J", ContractError::Text),
        (|it| it.observations[0].unit = LONG, ContractError::Text),
        (|it| it.history = 0, ContractError::History { history: 0 }),
        (|it| it.history = 65, ContractError::History { history: 65 }),
        (|it| it.actions[1].scale = 0.0, ContractError::Scale { side: action, index: 1 }),
        (|it| it.actions[1].scale = f32::NAN, ContractError::Scale { side: action, index: 1 }),
        (
            |it| it.observations[0].offset = f32::INFINITY,
            ContractError::Scale { side: observation, index: 0 },
        ),
        (
            |it| it.observations[0].low = Some(180.0),
            ContractError::Limits { side: observation, index: 0 },
        ),
        (
            |it| it.actions[0].high = Some(f32::NAN),
            ContractError::Limits { side: action, index: 0 },
        ),
        (|it| it.actions[0].rate = Some(0.0), ContractError::Rate { side: action, index: 0 }),
        (|it| it.actions[0].rate = Some(-1.0), ContractError::Rate { side: action, index: 0 }),
        (
            |it| it.actions[0].rate = Some(f32::INFINITY),
            ContractError::Rate { side: action, index: 0 },
        ),
        (
            |it| it.observations[0].rate = Some(1.0),
            ContractError::Rate { side: observation, index: 0 },
        ),
    ];
    for (change, expected) in cases {
        let mut spec = contract();
        change(&mut spec);
        assert_eq!(spec.to_bytes(), Err(expected));
    }
    let whole = contract().to_bytes().unwrap();
    for cut in 0..whole.len() {
        assert!(Contract::parse(&whole[..cut]).is_err(), "{cut}");
    }
    assert_eq!(Contract::parse(&[whole, vec![0]].concat()), Err(ContractError::Bytes));
}

#[test]
fn what_is_not_this_policys_is_refused_by_name() {
    type Change = fn(&mut ContractSpec<'static>);
    let cases: [(Change, ContractError); 6] = [
        (
            |it| it.history = 3,
            ContractError::Observations { history: 3, frame: 3, observations: 6 },
        ),
        (
            |it| it.observations.push(Signal::default()),
            ContractError::Observations { history: 2, frame: 4, observations: 6 },
        ),
        (
            |it| (it.observations, it.history) = (vec![], 4),
            ContractError::Observations { history: 4, frame: 1, observations: 6 },
        ),
        // Nothing would be left for a sensor.
        (
            |it| (it.observations, it.history) = (vec![], 3),
            ContractError::Observations { history: 3, frame: 2, observations: 6 },
        ),
        (|it| it.actions.truncate(1), ContractError::Actions { expected: 2, found: 1 }),
        (|it| it.actions[1].low = Some(1.0), ContractError::Disjoint { index: 1 }),
    ];
    for (change, expected) in cases {
        let mut spec = contract();
        change(&mut spec);
        let refused = policy(Some(&spec)).write(Encoding::PLAIN).map(drop);
        assert_eq!(refused, Err(SpecError::Refused(FileError::Contract(expected))));
    }
    let discrete = |contract: ContractSpec<'_>| {
        policy(Some(&contract)).argmax().write(Encoding::PLAIN).map(drop)
    };
    let names = vec![named("left", ""), named("right", "")];
    let named = ContractSpec { actions: names.clone(), ..ContractSpec::default() };
    assert_eq!(discrete(named.clone()), Ok(()));
    let refused = |error| Err(SpecError::Refused(FileError::Contract(error)));
    let previous = ContractSpec { previous_action: true, ..named.clone() };
    assert_eq!(discrete(previous), refused(ContractError::PreviousAction));
    let mut scaled = named;
    scaled.actions[1].high = Some(1.0);
    assert_eq!(discrete(scaled), refused(ContractError::Discrete { index: 1 }));
}

#[test]
fn a_driver_of_another_robot_is_told_by_name() {
    let spec = ContractSpec {
        observations: vec![named("rootz", "m"), named("rootx", "m"), named("hip", "rad")],
        actions: vec![named("hip", "N m"), named("", "")],
        ..ContractSpec::default()
    };
    let bytes = spec.to_bytes().unwrap();
    let contract = Contract::parse(&bytes).unwrap();
    let texts = |texts: &[&str]| Some(texts.iter().map(|it| (*it).to_string()).collect::<Vec<_>>());
    let right = Announced {
        obs_names: texts(&["rootz", "rootx", "hip"]),
        obs_units: texts(&["m", "m", ""]),
        act_names: texts(&["hip", "whatever"]),
        act_units: None,
        control_period_s: Some(0.0501),
    };
    let compare = |announced: Announced| announced.compare(&contract, 0.05);
    assert_eq!(compare(right.clone()), Ok(()));
    assert_eq!(compare(Announced::default()), Ok(()));
    let swapped = texts(&["rootz", "rooty", "hip"]);
    let error = compare(Announced { obs_names: swapped, ..right.clone() }).unwrap_err().to_string();
    let expected = "observation 1: the policy expects `rootx` in m, the driver announces `rooty`";
    assert!(error.starts_with(expected), "{error}");
    let error = compare(Announced { obs_units: texts(&["m", "mm", "rad"]), ..right.clone() });
    let error = error.unwrap_err().to_string();
    let expected = "observation 1: the policy expects `rootx` in m, the driver announces mm";
    assert!(error.starts_with(expected), "{error}");
    let error = compare(Announced { act_names: texts(&["hip"]), ..right.clone() });
    assert_eq!(error, Err(Mismatch::Count { side: Side::Action, expected: 2, found: 1 }));
    let error = compare(Announced { control_period_s: Some(0.02), ..right });
    assert_eq!(error, Err(Mismatch::Period { expected: 0.05, found: 0.02 }));
}
