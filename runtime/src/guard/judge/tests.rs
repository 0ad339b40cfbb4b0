use super::*;
use heapless::Vec;

const RULES: JudgeRules =
    JudgeRules { window: 100, episode: 0, windows: 3, loss: 0.1, pause: 50, roll_backs: 3 };

/// A judge of a frozen policy with 10 a step and a tenth of its actions at limits, and the step.
fn measured() -> (Judge, u64) {
    let mut judge = Judge::new(RULES).unwrap();
    assert_eq!((judge.acting(), judge.learns(), judge.measured()), (Acting::Factory, false, None));
    let event = (1..=300).find_map(|step| judge.step(step, 10.0, 0.1)).unwrap();
    let switch = Switch::Measured { noise: 0.0, margin: 1.0 };
    assert_eq!(event, Event { step: 300, switch, mean: 10.0, frozen: 10.0 });
    assert_eq!((judge.acting(), judge.learns()), (Acting::Learner, true));
    (judge, 300)
}

/// The first switch where every step has this reward and share at limits.
fn next(judge: &mut Judge, step: &mut u64, (reward, saturated): (f64, f64)) -> Option<Event> {
    (0..10_000).find_map(|_| {
        *step += 1;
        judge.step(*step, reward, saturated)
    })
}

#[test]
fn good_windows_are_kept_and_a_loss_goes_back_to_the_last() {
    let (mut judge, mut step) = measured();
    let good = next(&mut judge, &mut step, (12.0, 0.1)).unwrap();
    assert_eq!((good.step, good.switch, good.mean), (400, Switch::Good, 12.0));
    // Better than frozen, but no longer the best: it is not kept.
    assert_eq!(next(&mut judge, &mut step, (10.5, 0.1)), None);
    let start = step;
    let back = next(&mut judge, &mut step, (7.0, 0.1)).unwrap();
    let (why, for_good) = (Why::Return, false);
    assert_eq!(back.switch, Switch::RolledBack { to: Acting::LastGood, why, for_good });
    // 2.5 a step towards 45.
    assert_eq!((back.step - start, back.mean), (19, 7.0));
    assert_eq!((judge.acting(), judge.learns()), (Acting::LastGood, false));
    let resumed = next(&mut judge, &mut step, (10.0, 0.1)).unwrap();
    assert_eq!((resumed.switch, resumed.step), (Switch::Resumed, back.step + 50));
    assert_eq!((judge.acting(), judge.learns()), (Acting::Learner, true));
}

#[test]
fn what_never_was_good_goes_back_to_the_factory_and_that_is_measured_anew_where_it_lost() {
    let (mut judge, mut step) = measured();
    let mut switches = [(); 4].map(|()| next(&mut judge, &mut step, (5.0, 0.1)).unwrap());
    let back = Switch::RolledBack { to: Acting::Factory, why: Why::Return, for_good: false };
    assert_eq!(switches[0].switch, back);
    assert_eq!(switches[1].switch, Switch::BaselineLost);
    // It is another world now: 5 a step is what the frozen policy has.
    assert_eq!(switches[2].switch, Switch::Measured { noise: 0.0, margin: 0.5 });
    assert_eq!((switches[3].switch, judge.learns()), (Switch::Good, true));
    switches[3] = next(&mut judge, &mut step, (4.0, 0.1)).unwrap();
    assert!(matches!(switches[3].switch, Switch::RolledBack { to: Acting::LastGood, .. }));
}

#[test]
fn a_last_good_policy_that_fails_gives_way_to_the_factorys() {
    let (mut judge, mut step) = measured();
    assert_eq!(next(&mut judge, &mut step, (10.0, 0.1)).unwrap().switch, Switch::Good);
    for to in [Acting::LastGood, Acting::Factory] {
        let back = next(&mut judge, &mut step, (0.0, 0.1)).unwrap();
        assert_eq!((back.switch, judge.acting()), (rolled_back(to, false), to));
    }
}

fn rolled_back(to: Acting, for_good: bool) -> Switch {
    Switch::RolledBack { to, why: Why::Return, for_good }
}

#[test]
fn after_so_many_roll_backs_learning_ends() {
    let (mut judge, mut step) = measured();
    for count in 1..=3 {
        let back = next(&mut judge, &mut step, (0.0, 0.1)).unwrap();
        assert_eq!(back.switch, rolled_back(Acting::Factory, count == 3));
        if count < 3 {
            assert_eq!(next(&mut judge, &mut step, (10.0, 0.1)).unwrap().switch, Switch::Resumed);
        }
    }
    for reward in [10.0, 0.0] {
        assert_eq!(next(&mut judge, &mut step, (reward, 1.0)), None);
    }
    assert_eq!((judge.acting(), judge.learns(), judge.roll_backs()), (Acting::Factory, false, 3));
}

#[test]
fn actions_at_limits_count_only_where_return_is_missing() {
    let (mut judge, mut step) = measured();
    for _ in 0..3 {
        assert_eq!(next(&mut judge, &mut step, (10.0, 1.0)).unwrap().switch, Switch::Good);
    }
    let start = step;
    let back = next(&mut judge, &mut step, (8.5, 1.0)).unwrap();
    let (to, why, for_good) = (Acting::LastGood, Why::Saturation, false);
    assert_eq!(back.switch, Switch::RolledBack { to, why, for_good });
    // One a step towards half of 45.
    assert_eq!(back.step - start, 23);
}

#[test]
fn critics_whose_loss_leaves_its_level_stop_the_actor() {
    let (mut judge, step) = measured();
    for update in 0..5000 {
        let wave = 1.0 + 0.5 * f64::from(update % 7);
        assert_eq!(judge.update(step, wave), None);
    }
    let froze = (0..100).find_map(|_| judge.update(step, 1000.0)).unwrap();
    assert_eq!(froze.switch, Switch::Froze(Why::TdError));
    assert_eq!((judge.acting(), judge.learns()), (Acting::Learner, false));
    let mut step = step;
    assert_eq!(next(&mut judge, &mut step, (10.0, 0.1)).unwrap().switch, Switch::Resumed);
}

#[test]
fn updates_that_are_rejected_again_and_again_stop_the_actor() {
    let (mut judge, step) = measured();
    for _ in 0..99 {
        assert_eq!(judge.rejected(step), None);
    }
    assert_eq!(judge.update(step, 1.0), None);
    let froze = (1..=100).find_map(|count| judge.rejected(step).map(|event| (count, event)));
    let (count, event) = froze.unwrap();
    assert_eq!((count, event.switch), (100, Switch::Froze(Why::Rejected)));
}

#[test]
fn an_actor_that_gives_no_number_is_left_at_once() {
    let (mut judge, step) = measured();
    let back = judge.no_number(step).unwrap().switch;
    let (to, why, for_good) = (Acting::Factory, Why::NotFinite, false);
    assert_eq!(back, Switch::RolledBack { to, why, for_good });
    assert_eq!(judge.no_number(step), None);
}

/// One episode of 50 steps: rewards of −20 at first and 10 later, or ten steps less of the latter and a fall.
fn episode(judge: &mut Judge, step: &mut u64, falls: bool) -> Option<Event> {
    let steps = if falls { 40 } else { 50 };
    for at in 0..steps {
        *step += 1;
        let reward = if at < 10 { -20.0 } else { 10.0 };
        assert_eq!(
            judge.step(*step, reward, 0.0).filter(|event| event.switch != Switch::Good),
            None
        );
    }
    judge.ended(*step, 50 - steps)
}

#[test]
fn episodes_are_judged_as_a_whole_and_a_fall_costs_the_reward_of_their_rest() {
    let rules = JudgeRules { window: 200, episode: 50, ..RULES };
    let (mut judge, mut step) = (Judge::new(rules).unwrap(), 0);
    // The mean is 4 a step.
    let measured = (0..8).find_map(|_| episode(&mut judge, &mut step, false));
    assert_eq!(measured, None);
    (0..50).find_map(|at| judge.step(step + at, if at < 10 { -20.0 } else { 10.0 }, 0.0)).unwrap();
    step += 50;
    assert_eq!((judge.ended(step, 0), judge.measured()), (None, Some((4.0, 0.4))));
    // What comes first in an episode is no loss.
    for count in 1..=30 {
        let event = episode(&mut judge, &mut step, false);
        assert_eq!(event.map(|event| event.switch), (count % 3 == 0).then_some(Switch::Good));
    }
    // 100 less than the 190 that would do; 27 may be missing.
    let back = episode(&mut judge, &mut step, true).unwrap();
    assert_eq!(back.switch, rolled_back(Acting::LastGood, false));
}

/// Switches of an episode that has 10 a step and ends in a fall.
fn fall(judge: &mut Judge, step: &mut u64, steps: u64, rest: u64) -> Vec<Switch, 64> {
    let first = *step + 1;
    *step += steps;
    let mut events: Vec<_, 64> =
        (first..=*step).filter_map(|at| judge.step(at, 10.0, 0.0)).collect();
    events.extend(judge.ended(*step, rest));
    events.into_iter().map(|event| event.switch).collect()
}

#[test]
fn a_robot_that_falls_is_judged_by_episodes_where_a_window_is_too_short_for_two_too() {
    // Of a long rest a window counts.
    for (steps, rest) in [(20, 30), (60, 1_000_000)] {
        let (mut judge, mut step) = (Judge::new(RULES).unwrap(), 0);
        while judge.measured().is_none() {
            fall(&mut judge, &mut step, steps, rest);
        }
        // Steps without reward are no loss where the frozen policy has as many.
        for _ in 0..30 {
            let switches = fall(&mut judge, &mut step, steps, rest);
            assert!(switches.iter().all(|&switch| switch == Switch::Good), "{rest}: {switches:?}");
        }
        let (back, start) = (rolled_back(Acting::LastGood, false), step);
        while !fall(&mut judge, &mut step, 5, rest).contains(&back) {
            assert!(step < start + 100, "{rest}");
        }
    }
}

#[test]
fn one_reward_gone_wrong_changes_nothing() {
    for wrong in [1e12, -1e12, f64::NAN, f64::INFINITY] {
        let (mut judge, mut step) = measured();
        assert!(!judge.is_plausible(wrong) && judge.is_plausible(50.0));
        assert_eq!(judge.step(step, wrong, 0.1), None);
        assert_eq!(next(&mut judge, &mut step, (10.0, 0.1)).unwrap().switch, Switch::Good);
        // It hides nothing of what follows either.
        let start = step;
        let back = next(&mut judge, &mut step, (7.0, 0.1)).unwrap();
        assert_eq!(back.step - start, 19, "{wrong}");
    }
}

#[test]
fn noise_widens_the_margin_and_the_window_that_would_tell_is_named() {
    let mut judge = Judge::new(RULES).unwrap();
    let means = [8.0, 10.0, 12.0];
    let mut rewards = means.into_iter().flat_map(|mean| [mean; 100]);
    let event = rewards.find_map(|reward| judge.step(0, reward, 0.0)).unwrap();
    let margin = 4.0 * 2.0;
    assert_eq!(event.switch, Switch::Measured { noise: 2.0, margin });
    assert_eq!(judge.measured(), Some((10.0, margin)));
    assert_eq!(judge.telling_window(), Some((100.0 * margin * margin).ceil() as u64));
    assert_eq!(measured().0.telling_window(), None);
    // What could be noise is no fault, but nothing to go back to either.
    let window = |judge: &mut Judge, reward| (0..100).find_map(|_| judge.step(0, reward, 0.0));
    assert_eq!(window(&mut judge, 8.5), None);
    assert_eq!(window(&mut judge, 9.5).map(|event| event.switch), Some(Switch::Good));
}

#[test]
fn negative_returns_are_judged_alike() {
    let mut judge = Judge::new(RULES).unwrap();
    let mut step = 0;
    assert!(next(&mut judge, &mut step, (-10.0, 0.0)).is_some());
    assert_eq!(next(&mut judge, &mut step, (-10.4, 0.0)).unwrap().switch, Switch::Good);
    let start = step;
    assert!(next(&mut judge, &mut step, (-11.5, 0.0)).is_some());
    assert_eq!(step - start, 46);
}

#[test]
fn rules_without_a_meaning_are_refused() {
    for (rules, error) in [
        (JudgeRules { window: 0, ..RULES }, RulesError::Window),
        (JudgeRules { episode: 51, ..RULES }, RulesError::Episode(102)),
        (JudgeRules { windows: 2, ..RULES }, RulesError::Windows),
        (JudgeRules { windows: 17, ..RULES }, RulesError::Windows),
        (JudgeRules { loss: 0.0, ..RULES }, RulesError::Loss),
        (JudgeRules { loss: f64::NAN, ..RULES }, RulesError::Loss),
    ] {
        assert_eq!(Judge::new(rules).unwrap_err(), error);
    }
}
