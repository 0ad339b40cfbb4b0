//! The fault campaign: a robot learns under its guards while sensors, rewards, clocks and memory fail.
//!
//! `FAULT_SEEDS` and `FAULT_STEPS` make it longer:
//! `FAULT_SEEDS=20 FAULT_STEPS=50000 cargo test -p lacewing-tests --test fault_campaign -- --nocapture`

mod bench;
mod faults;
mod memory;
mod world;

use bench::{Came, Guards, WINDOW, run};
use faults::Fault;
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_runtime::guard::Worst;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use world::Random;

/// The trained policy's file.
fn file() -> &'static [u8] {
    static FILE: OnceLock<AlignedBytes> = OnceLock::new();
    FILE.get_or_init(|| world::trained().write(Encoding::PLAIN).unwrap())
}

fn count(name: &str, short: u64) -> u64 {
    std::env::var(name).map_or(short, |text| text.parse().expect("a number"))
}

/// What came of a fault over all seeds.
#[derive(Default)]
struct Row {
    total: Came,
    /// Most steps in a row at which the window before was too far below the frozen policy's, which the
    /// same happened to.
    longest: u64,
    /// The least such window: how much was missing.
    shortfall: f64,
    panics: u64,
    errors: Vec<String>,
}

fn campaign(fault: Fault, seeds: u64, steps: u64, guards: Guards) -> Row {
    let mut row = Row::default();
    for seed in 0..seeds {
        let both = [Guards { learning: false, ..Guards::ALL }, guards].map(|guards| {
            catch_unwind(AssertUnwindSafe(|| run(file(), (fault, seed, steps), guards)))
        });
        match both {
            [Ok(Ok(frozen)), Ok(Ok(came))] => row.add(&frozen, &came),
            both => both.into_iter().for_each(|came| match came {
                Ok(came) => row.errors.extend(came.err()),
                Err(_) => row.panics += 1,
            }),
        }
    }
    row
}

impl Row {
    fn add(&mut self, frozen: &Came, came: &Came) {
        let (reference, margin) = frozen.measured.expect("it ran for long enough");
        let mut ring = vec![0.0; WINDOW as usize];
        let mut worst = Worst::new(&mut ring, reference, margin);
        let pairs = came.rewards.iter().zip(&frozen.rewards);
        pairs.for_each(|(reward, frozen)| worst.add(reference + reward - frozen, 1));
        self.longest = self.longest.max(worst.longest());
        self.shortfall = self.shortfall.max(worst.shortfall());
        let total = &mut self.total;
        total.sent += came.sent;
        total.within += came.within;
        total.fooled += came.fooled;
        total.breaches += came.breaches;
        total.held += came.held;
        total.safe += came.safe;
        total.skipped += came.skipped;
        total.updates += came.updates;
        total.rejected += came.rejected;
        total.roll_backs += came.roll_backs;
    }

    /// Whether it is as the guards promise.
    fn holds(&self) -> bool {
        let Self { total, longest, panics, errors, .. } = self;
        let told = *panics == 0 && errors.is_empty();
        let sound = total.within == total.sent && total.fooled == 0;
        told && sound && *longest <= u64::from(WINDOW)
    }
}

#[test]
fn whatever_fails_actions_keep_their_limits_and_the_policy_its_return() {
    let (seeds, steps) = (count("FAULT_SEEDS", 2), count("FAULT_STEPS", 6000));
    println!(
        "| fault | actions | within limits | panics | breaches | held | safe | not learned from | updates | \
         rejected | roll-backs | longest below | worst window |"
    );
    println!("|{}", "---|".repeat(13));
    let mut failed = Vec::new();
    for fault in Fault::ALL {
        let row = campaign(fault, seeds, steps, Guards::ALL);
        let Row { total, longest, shortfall, panics, errors } = &row;
        let Came { sent, within, breaches, held, safe, skipped, updates, rejected, .. } = total;
        println!(
            "| {fault:?} | {sent} | {within} | {panics} | {breaches} | {held} | {safe} | {skipped} | \
             {updates} | {rejected} | {} | {longest} | {:.1} % |",
            total.roll_backs,
            100.0 * shortfall
        );
        for error in errors {
            println!("    {error}");
        }
        if !row.holds() {
            failed.push(fault);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_policy_file_with_a_flipped_bit_is_refused() {
    let random = &mut Random::new(1);
    let mut refused = 0;
    let tries = 200 * count("FAULT_SEEDS", 2);
    for _ in 0..tries {
        let mut bytes = AlignedBytes::zeroed(file().len());
        bytes.copy_from_slice(file());
        let bit = random.below(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused += u64::from(PolicyView::parse(&bytes).is_err());
    }
    println!("{refused} of {tries} policy files with a flipped bit were refused");
    assert_eq!(refused, tries);
}

#[test]
fn a_guard_that_is_off_is_noticed() {
    let planted = [
        (Fault::Nan, Guards { sensors: false, ..Guards::ALL }),
        (Fault::Actor, Guards { judge: false, ..Guards::ALL }),
        (Fault::Learner, Guards { judge: false, ..Guards::ALL }),
        (Fault::Nothing, Guards { limits: false, ..Guards::ALL }),
        (Fault::Reward, Guards { gradients: false, judge: false, ..Guards::ALL }),
    ];
    for (fault, guards) in planted {
        let row = campaign(fault, 2, 6000, guards);
        println!("{fault:?} {guards:?}: {:?} {} {:?}", row.total, row.longest, row.errors);
        assert!(!row.holds(), "{fault:?} with {guards:?}");
    }
}
