//! Several robots at once, of which so many may fail.

use std::sync::Mutex;
use std::thread;

/// How many at once, and how many may fail.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// At once.
    pub jobs: usize,
    /// Failures after which no further robot is begun.
    pub may_fail: usize,
}

/// What came of each, in order; nothing of those that were not begun.
pub type Answers<T, E> = Vec<Option<Result<T, E>>>;

/// Does `work` for each of `count` robots; `told` hears of each as it is done.
pub fn each<T: Send, E: Send>(
    fleet: Fleet,
    count: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
    told: impl Fn(usize, &Result<T, E>) + Sync,
) -> Answers<T, E> {
    /// Where all of them are.
    struct State<T, E> {
        next: usize,
        failed: usize,
        answers: Answers<T, E>,
    }
    let state = State { next: 0, failed: 0, answers: (0..count).map(|_| None).collect() };
    let state = Mutex::new(state);
    let locked = || state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let worker = || loop {
        let index = {
            let mut state = locked();
            if state.next >= count || state.failed > fleet.may_fail {
                return;
            }
            state.next += 1;
            state.next - 1
        };
        let answer = work(index);
        told(index, &answer);
        let mut state = locked();
        state.failed += usize::from(answer.is_err());
        state.answers[index] = Some(answer);
    };
    thread::scope(|scope| {
        for _ in 0..fleet.jobs.clamp(1, count.max(1)) {
            scope.spawn(worker);
        }
    });
    state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_begun_than_may_fail() {
        let work = |index: usize| if index % 2 == 1 { Err(index) } else { Ok(index) };
        let all = each(Fleet { jobs: 1, may_fail: 1 }, 9, work, |_, _| ());
        let begun: Vec<_> = all.into_iter().flatten().collect();
        assert_eq!(begun, [Ok(0), Err(1), Ok(2), Err(3)]);
        let all = each(Fleet { jobs: 4, may_fail: 9 }, 9, work, |_, _| ());
        assert!(all.iter().all(Option::is_some));
        assert!(each(Fleet { jobs: 4, may_fail: 0 }, 0, work, |_, _| ()).is_empty());
    }
}
