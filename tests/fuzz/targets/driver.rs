//! Whatever a driver writes, `lacewing-edge` reads numbers that can be used or says what is wrong.
#![no_main]
// Only the reading of lines is looked at, not the process that they come from.
#![allow(dead_code, unused_imports)]

#[path = "../../../targets/edge/src/driver/announcement.rs"]
mod announcement;
#[path = "../../../targets/edge/src/driver/answer.rs"]
mod answer;
mod common;
#[path = "../../../targets/edge/src/driver/error.rs"]
mod error;

use announcement::Spec;
use answer::{Announcement, Following, Notice, Start, Unusable};
use error::DriverError;
use libfuzzer_sys::fuzz_target;

/// As in the driver's own module.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    obs: Vec<f32>,
    reward: f64,
    terminated: bool,
    truncated: bool,
    teacher: Option<Vec<f32>>,
}

fuzz_target!(|bytes: &[u8]| {
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let shown = answer::printable(&line);
        assert!(shown.chars().count() <= 161 && !shown.contains(char::is_control), "{shown:?}");
        if let Ok(Announcement { spec }) = answer::read(&line) {
            let limits = spec.limits.iter().flat_map(|(low, high)| low.iter().zip(high));
            assert!(
                { limits }.all(|(low, high)| low <= high && low.is_finite() && high.is_finite())
            );
        }
        for expected in [1, 3] {
            let start: Result<Start, _> = answer::read(&line);
            let following: Result<Following, _> = answer::read(&line);
            let start = start.ok().and_then(|start| start.observation(expected).ok());
            let outcome = following.ok().and_then(|following| following.outcome(expected).ok());
            assert!(outcome.iter().all(|outcome| outcome.reward.is_finite()));
            // What is no number is NaN, for the guard of the sensors.
            let known = |number: &f32| number.is_nan() || number.abs() <= 1e15;
            for obs in start.iter().chain(outcome.iter().map(|outcome| &outcome.obs)) {
                assert!(obs.len() == expected && obs.iter().all(known));
            }
            let taught = outcome.iter().filter_map(|outcome| outcome.teacher.as_ref());
            assert!(taught.flatten().all(known));
            if outcome.is_some() {
                common::kept(bytes);
            }
        }
        let _ = answer::read::<Notice>(&line);
        let _ = answer::read::<Start>(&line).map_err(|error| error.to_string());
    }
});
