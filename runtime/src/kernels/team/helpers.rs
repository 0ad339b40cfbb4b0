//! The threads beside the caller.

use super::NoThreads;
use super::worth::Worth;
use std::boxed::Box;
use std::cell::UnsafeCell;
use std::fmt;
use std::hint::spin_loop;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::vec::Vec;

/// How long a helper waits awake, as long as GNU's OpenMP: longer than what training does between
/// two updates. Once asleep, Linux may wake it on the caller's core and take ms to part them.
const AWAKE: Duration = Duration::from_millis(10);
/// So often a thread looks before it offers its processor to others: some ten µs.
const LOOKS: u32 = 1 << 9;

/// Nothing is to do for a helper, or it has been done.
const IDLE: u32 = 0;
/// A share is to do for a helper, by whoever takes it first.
const OPEN: u32 = 1;
/// The helper does its share.
const TAKEN: u32 = 2;
/// The helper is to end.
const END: u32 = 3;

/// What a thread does in a round, told its index; the caller's is zero.
type Work<'a> = &'a (dyn Fn(usize) + Sync);

pub(super) struct Helpers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    worth: Worth,
}

/// Apart from other lines of the cache, and from those fetched with them.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

struct Shared {
    /// One of the four for each helper.
    tasks: Box<[Apart<AtomicU32>]>,
    /// The caller's to write while all tasks are idle, a helper's to read while its task is taken.
    work: UnsafeCell<Work<'static>>,
    /// Helpers are to sleep until there is work.
    resting: AtomicBool,
    panicked: AtomicBool,
}

// SAFETY: `tasks` hand `work` from one side to the other, and it is `Sync` itself.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Helpers {
    pub fn new(count: usize) -> Result<Self, NoThreads> {
        let shared = Arc::new(Shared {
            tasks: (0..count).map(|_| Apart::default()).collect(),
            work: UnsafeCell::new(&|_| ()),
            resting: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        });
        let mut helpers = Self { shared, threads: Vec::new(), worth: Worth::default() };
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
        let count = parts.len();
        let threads = (self.count() + 1).min(count);
        let parts = Parts { first: parts.as_mut_ptr(), borrow: PhantomData };
        let work = |thread: usize| {
            for at in (thread..count).step_by(threads) {
                // SAFETY: below the length of the slice, and no other thread has this index.
                work(unsafe { parts.get(at) });
            }
        };
        if self.worth.rests() {
            return (0..threads).for_each(work);
        }
        let start = Instant::now();
        let own = self.run(threads, &work);
        // The caller's share of the parts, and all of them.
        let alone = own * count as u32 / count.div_ceil(threads) as u32;
        let rest = self.worth.round(start.elapsed(), alone);
        self.shared.resting.store(rest, Ordering::Relaxed);
    }

    /// Does a round, and tells how long the caller's own share took.
    fn run(&mut self, threads: usize, work: Work<'_>) -> Duration {
        /// Ends the round, in a panic too: no helper begins any more, and those at work are awaited.
        struct End<'s>(&'s [Apart<AtomicU32>]);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                for task in self.0 {
                    let mut looks = 0;
                    while !withdraw(&task.0) && task.0.load(Ordering::Acquire) != IDLE {
                        look_again(&mut looks);
                    }
                }
            }
        }
        let shared = &*self.shared;
        let tasks = &shared.tasks[..threads - 1];
        // SAFETY: all tasks are idle, so no helper reads it. Only the lifetime changes, and no helper
        // uses `work` after `End`.
        unsafe { *shared.work.get() = std::mem::transmute::<Work<'_>, Work<'static>>(work) };
        shared.panicked.store(false, Ordering::Relaxed);
        for (task, helper) in tasks.iter().zip(&self.threads) {
            task.0.store(OPEN, Ordering::Release);
            // Costs next to nothing where the helper is awake.
            helper.thread().unpark();
        }
        let end = End(tasks);
        let start = Instant::now();
        work(0);
        let own = start.elapsed();
        for (index, task) in (1..).zip(tasks) {
            if withdraw(&task.0) {
                work(index);
            }
        }
        drop(end);
        assert!(!shared.panicked.load(Ordering::Relaxed), "a helper panicked");
        own
    }
}

/// Takes back a share that its helper has not begun.
fn withdraw(task: &AtomicU32) -> bool {
    task.compare_exchange(OPEN, IDLE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

impl Drop for Helpers {
    fn drop(&mut self) {
        for (task, helper) in self.shared.tasks.iter().zip(&self.threads) {
            task.0.store(END, Ordering::Release);
            helper.thread().unpark();
        }
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
        let task = &self.tasks[index - 1].0;
        while self.take(task) {
            // SAFETY: the task is taken, so the caller wrote it before and leaves it until it is idle.
            let work = unsafe { *self.work.get() };
            if catch_unwind(AssertUnwindSafe(|| work(index))).is_err() {
                self.panicked.store(true, Ordering::Relaxed);
            }
            task.store(IDLE, Ordering::Release);
        }
    }

    /// Waits for a share and takes it; false if there will be none any more.
    fn take(&self, task: &AtomicU32) -> bool {
        let (mut start, mut looks) = (Instant::now(), 0);
        loop {
            match task.load(Ordering::Relaxed) {
                OPEN if take(task) => return true,
                END => return false,
                _ => {}
            }
            if look_again(&mut looks)
                && (self.resting.load(Ordering::Relaxed) || start.elapsed() > AWAKE)
            {
                thread::park();
                // Where it came too late for this share, the next is soon to come.
                (start, looks) = (Instant::now(), 0);
            }
        }
    }
}

fn take(task: &AtomicU32) -> bool {
    task.compare_exchange(OPEN, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
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
