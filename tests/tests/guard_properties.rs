//! Guards over any sensors and any rewards.

use lacewing_runtime::guard::{
    Acting, Cusum, Judge, JudgeRules, Reaction, Seen, Sensor, SensorRules, Sensors, Switch, Worst,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a sensor may say: mostly something usual, sometimes anything.
fn reading() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -1.0_f32..1.0, 1 => any::<f32>(), 1 => Just(f32::NAN)]
}

fn reaction() -> impl Strategy<Value = Reaction> {
    prop_oneof![Just(Reaction::Hold), Just(Reaction::Safe), Just(Reaction::Refuse)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever is sent, what is acted on is finite and within limits, what is good is what was sent, and
    /// breaches, held and safe steps are all counted.
    #[test]
    fn nothing_that_cannot_be_passes_the_sensors(
        readings in vec([reading(), reading()], 1..600),
        on in reaction(),
        (hold, safe, stuck) in (0..6_u32, 0..6_u32, 0..4_u32),
    ) {
        let rules = SensorRules { hold, safe, stuck, ..SensorRules::all(on) };
        let mut memory = [Sensor::within(-1.0, 1.0), Sensor::default()];
        let mut sensors = Sensors::new(&mut memory, rules);
        let (mut held, mut bad, mut all_bad) = (0, 0, 0);
        for sent in readings {
            let mut mended = sent;
            let seen = sensors.observe(&mut mended);
            prop_assert!(mended.iter().all(|value| value.is_finite()), "{mended:?}");
            prop_assert!((-1.0..=1.0).contains(&mended[0]));
            all_bad += u32::from(seen != Ok(Seen::Good));
            match seen {
                Ok(Seen::Good) => prop_assert_eq!(mended, sent),
                Ok(Seen::Held) => held += 1,
                Ok(Seen::Bad) => bad += 1,
                Err(error) => {
                    let patience = if on == Reaction::Refuse { 0 } else { safe };
                    prop_assert!(error.steps > patience && error.steps <= all_bad);
                }
            }
        }
        prop_assert_eq!((sensors.counts().held, sensors.counts().safe), (held, bad));
    }

    /// No window's mean is ever more than the margin below the reference without an alarm by its end.
    #[test]
    fn a_sum_alarms_before_a_window_is_too_low(
        rewards in vec(-3.0..3.0_f64, 1..400),
        window in 1..40_u32,
        (reference, margin) in (-2.0..2.0_f64, 0.01..2.0_f64),
    ) {
        let mut cusum = Cusum::new(reference, margin, window);
        let length = window as usize;
        for end in 1..=rewards.len() {
            let alarm = cusum.add(rewards[end - 1], 1);
            if end >= length {
                let mean = rewards[end - length..end].iter().sum::<f64>() / f64::from(window);
                prop_assert!(alarm || mean >= reference - margin - 1e-9, "{mean} at {end}");
            }
        }
    }

    /// However the learner does, as long as the frozen policy does as measured, windows are below it by
    /// more than the margin for no more than a window's length in a row, and roll-backs are counted.
    #[test]
    fn a_learner_is_below_the_frozen_policy_for_a_window_at_most(
        frozen in prop_oneof![-20.0..-1.0_f64, 1.0..20.0_f64],
        // A reward counts no further below than by the frozen policy's size: it could be an error.
        learner in vec((-1.0..1.5_f64, 1..150_usize), 1..60),
        window in 20..100_u32,
        roll_backs in 1..6_u32,
    ) {
        let rules = JudgeRules { window, episode: 0, windows: 3, loss: 0.1, pause: window, roll_backs };
        let mut judge = Judge::new(rules).unwrap();
        while judge.acting() == Acting::Factory {
            judge.step(0, frozen, 0.0);
        }
        let mut ring = vec![0.0; window as usize];
        let mut worst = Worst::new(&mut ring, frozen, 0.1 * frozen.abs());
        worst.add(frozen, window.into());
        let (mut back, mut kept) = (0, None);
        for (quality, steps) in learner {
            for step in 0..steps {
                // A last good one is good, if only as the frozen policy is.
                let reward = match judge.acting() {
                    Acting::Learner => frozen + quality * frozen.abs(),
                    Acting::LastGood => kept.unwrap_or(frozen),
                    Acting::Factory => frozen,
                };
                worst.add(reward, 1);
                match judge.step(step as u64, reward, 0.0).map(|event| event.switch) {
                    Some(Switch::Good) => kept = Some(reward.max(frozen)),
                    Some(Switch::RolledBack { to, for_good, .. }) => {
                        back += 1;
                        prop_assert_eq!(for_good, back == roll_backs);
                        prop_assert_eq!(to == Acting::LastGood, kept.is_some());
                    }
                    Some(Switch::BaselineLost) => prop_assert!(false, "the frozen policy is as it was"),
                    _ => {}
                }
            }
        }
        prop_assert!(worst.longest() <= u64::from(window), "{worst:?}");
        prop_assert_eq!(judge.roll_backs(), back);
        prop_assert!(back < roll_backs || !judge.learns());
    }
}
