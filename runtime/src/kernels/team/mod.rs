//! A few threads that take part in many short pieces of work, as OpenMP's do: between two pieces
//! they wait awake, since to wake a thread takes longer than such a piece.
//!
//! Where other programs want the same cores a helper may be away when its turn comes: then the caller
//! does its share, and where helpers are of no use for a while they rest and the caller works alone.
//! Who does a share makes no difference to what comes out.
//!
//! Without feature `threads` a team is its caller alone.

#[cfg(feature = "threads")]
mod helpers;
#[cfg(feature = "threads")]
mod worth;

use thiserror::Error;

/// The system gives no more threads.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the system gives no more threads: ask for fewer")]
pub struct NoThreads;

/// The caller and its helpers.
#[derive(Debug)]
pub struct Team {
    #[cfg(feature = "threads")]
    helpers: helpers::Helpers,
}

impl Team {
    /// A team of `threads`, the caller among them; without feature `threads` always of one.
    ///
    /// # Errors
    /// [`NoThreads`].
    #[cfg_attr(not(feature = "threads"), expect(unused_variables, reason = "there are none"))]
    pub fn new(threads: usize) -> Result<Self, NoThreads> {
        Ok(Self {
            #[cfg(feature = "threads")]
            helpers: helpers::Helpers::new(threads.saturating_sub(1))?,
        })
    }

    /// Does `work` on every part, in a team of n each thread every n-th or the caller in its place, and
    /// returns when all is done.
    ///
    /// # Panics
    /// If `work` panics in any thread.
    pub fn for_each<T: Send>(&mut self, parts: &mut [T], work: impl Fn(&mut T) + Sync) {
        #[cfg(feature = "threads")]
        if parts.len() > 1 && self.helpers.count() > 0 {
            return self.helpers.for_each(parts, work);
        }
        parts.iter_mut().for_each(work);
    }
}

#[cfg(all(test, feature = "threads"))]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_part_is_done_once_however_many_threads_there_are() {
        for threads in 0..5 {
            let mut team = Team::new(threads).unwrap();
            for count in 0..12_usize {
                let mut parts: Vec<usize> = (0..count).collect();
                team.for_each(&mut parts, |part| *part += 100);
                assert!(parts.iter().enumerate().all(|(at, &part)| part == at + 100));
            }
        }
    }

    #[test]
    fn the_caller_does_what_a_helper_does_not_come_to() {
        let mut team = Team::new(3).unwrap();
        // Much shorter than it takes to wake a helper, so that all races between them are met.
        for round in 0..20_000_usize {
            let mut parts = [round; 7];
            team.for_each(&mut parts, |part| *part += 1);
            assert_eq!(parts, [round + 1; 7]);
            if round % 1000 == 0 {
                std::thread::sleep(Duration::from_millis(12));
            }
        }
    }

    #[test]
    fn helpers_that_sleep_are_woken() {
        let mut team = Team::new(2).unwrap();
        for _ in 0..3 {
            let mut parts = [0; 2];
            team.for_each(&mut parts, |part| *part += 1);
            assert_eq!(parts, [1; 2]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_panic_in_any_thread_is_the_callers_and_the_team_goes_on() {
        let mut team = Team::new(2).unwrap();
        for bad in [&[0][..], &[1], &[0, 1]] {
            let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                team.for_each(&mut [0, 1], |part| assert!(!bad.contains(part), "on purpose"));
            }));
            assert!(panics.is_err());
            let mut parts = [0; 2];
            team.for_each(&mut parts, |part| *part += 1);
            assert_eq!(parts, [1; 2]);
        }
    }
}
