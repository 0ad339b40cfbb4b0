//! A few threads that take part in many short pieces of work, as OpenMP's do: between two pieces
//! they wait awake, since to wake a thread takes longer than such a piece.
//!
//! Without feature `threads` a team is its caller alone.

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

    /// Does `work` on every part, in a team of n each thread every n-th, and returns when all is
    /// done.
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

#[cfg(feature = "threads")]
mod helpers {
    use super::NoThreads;
    use std::cell::UnsafeCell;
    use std::fmt;
    use std::hint::spin_loop;
    use std::marker::PhantomData;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    /// How long a helper waits awake, as long as GNU's OpenMP: longer than what training does between
    /// two updates. Once asleep, Linux may wake it on the caller's core and take ms to part them.
    const AWAKE: Duration = Duration::from_millis(10);
    /// So often a thread looks before it offers its processor to others: some ten µs.
    const LOOKS: u32 = 1 << 9;

    /// What a thread does in a round, told its index; the caller's is zero.
    type Work<'a> = &'a (dyn Fn(usize) + Sync);

    pub(super) struct Helpers {
        shared: Arc<Shared>,
        threads: Vec<JoinHandle<()>>,
    }

    /// Apart from other lines of the cache, and from those fetched with them.
    #[derive(Default)]
    #[repr(align(128))]
    struct Apart<T>(T);

    #[derive(Default)]
    struct Shared {
        /// Counts the rounds.
        round: Apart<AtomicUsize>,
        /// Helpers that have not finished this round.
        busy: Apart<AtomicUsize>,
        /// The caller's to write while no helper is busy, theirs to read while they are; `None`
        /// tells them to end.
        work: UnsafeCell<Option<Work<'static>>>,
        panicked: AtomicBool,
    }

    // SAFETY: `round` and `busy` hand `work` from one side to the other, and it is `Sync` itself.
    unsafe impl Sync for Shared {}
    // SAFETY: as above.
    unsafe impl Send for Shared {}

    impl Helpers {
        pub fn new(count: usize) -> Result<Self, NoThreads> {
            let mut helpers = Self { shared: Arc::default(), threads: Vec::new() };
            for index in 1..=count {
                let shared = Arc::clone(&helpers.shared);
                let thread = thread::Builder::new().name(format!("team-{index}"));
                let thread = thread.spawn(move || shared.help(index));
                helpers.threads.push(thread.map_err(|_| NoThreads)?);
            }
            Ok(helpers)
        }

        pub fn count(&self) -> usize {
            self.threads.len()
        }

        pub fn for_each<T: Send>(&mut self, parts: &mut [T], work: impl Fn(&mut T) + Sync) {
            let (threads, count) = (self.count() + 1, parts.len());
            let parts = Parts { first: parts.as_mut_ptr(), borrow: PhantomData };
            self.run(&|thread| {
                for at in (thread..count).step_by(threads) {
                    // SAFETY: below the length of the slice, and no other thread has this index.
                    work(unsafe { parts.get(at) });
                }
            });
        }

        fn run(&mut self, work: Work<'_>) {
            /// Waits for all helpers, in a panic too.
            struct Wait<'s>(&'s Shared);
            impl Drop for Wait<'_> {
                fn drop(&mut self) {
                    let mut looks = 0;
                    while self.0.busy.0.load(Ordering::Acquire) > 0 {
                        look_again(&mut looks);
                    }
                }
            }
            // SAFETY: only the lifetime changes, and no helper uses `work` after `Wait`.
            self.start(Some(unsafe { std::mem::transmute::<Work<'_>, Work<'static>>(work) }));
            let wait = Wait(&self.shared);
            work(0);
            drop(wait);
            assert!(!self.shared.panicked.load(Ordering::Relaxed), "a helper panicked");
        }

        /// Starts a round; the last has ended.
        fn start(&mut self, work: Option<Work<'static>>) {
            let shared = &*self.shared;
            // SAFETY: no helper is busy, so none reads it.
            unsafe { *shared.work.get() = work };
            shared.panicked.store(false, Ordering::Relaxed);
            shared.busy.0.store(self.threads.len(), Ordering::Relaxed);
            shared.round.0.fetch_add(1, Ordering::Release);
            // Costs next to nothing where a helper is awake.
            self.threads.iter().for_each(|helper| helper.thread().unpark());
        }
    }

    impl Drop for Helpers {
        fn drop(&mut self) {
            self.start(None);
            for thread in self.threads.drain(..) {
                // Panics of work are caught, and there is nothing else in a helper to panic.
                let _ = thread.join();
            }
        }
    }

    impl fmt::Debug for Helpers {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Helpers").field("count", &self.count()).finish()
        }
    }

    impl Shared {
        fn help(&self, index: usize) {
            let mut round = 0_usize;
            loop {
                round = round.wrapping_add(1);
                self.await_round(round);
                // SAFETY: the caller wrote it before the round began and leaves it until none is busy.
                let Some(work) = (unsafe { *self.work.get() }) else { return };
                if catch_unwind(AssertUnwindSafe(|| work(index))).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
                self.busy.0.fetch_sub(1, Ordering::Release);
            }
        }

        /// Rounds come one by one: the next begins when no helper is busy.
        fn await_round(&self, round: usize) {
            let (start, mut looks) = (Instant::now(), 0);
            while self.round.0.load(Ordering::Acquire) != round {
                if look_again(&mut looks) && start.elapsed() > AWAKE {
                    thread::park();
                }
            }
        }
    }

    /// Passes a moment; whether it was long enough to look at the clock.
    fn look_again(looks: &mut u32) -> bool {
        let long = *looks > LOOKS;
        if long {
            thread::yield_now();
        } else {
            *looks += 1;
            spin_loop();
        }
        long
    }

    /// A slice whose elements go to different threads.
    struct Parts<'a, T> {
        first: *mut T,
        borrow: PhantomData<&'a mut [T]>,
    }

    // SAFETY: `get` hands every element to one thread only.
    unsafe impl<T: Send> Sync for Parts<'_, T> {}

    impl<T> Parts<'_, T> {
        /// # Safety
        /// `at` is below the length of the slice, and nobody else gets this element.
        #[expect(clippy::mut_from_ref, reason = "every element is borrowed once")]
        unsafe fn get(&self, at: usize) -> &mut T {
            // SAFETY: see above.
            unsafe { &mut *self.first.add(at) }
        }
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
