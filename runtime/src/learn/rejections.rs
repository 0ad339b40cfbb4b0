//! Updates that a guard rejected, and how many of them are too many.

use super::error::LearnError;

/// Rejected updates in a row after which the learner is beyond help.
const MOST: u32 = 1000;

/// Counts updates that were rejected ([`Agent::guard_gradients`](super::Agent::guard_gradients)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejections {
    total: u64,
    in_a_row: u32,
}

impl Rejections {
    /// An update was made.
    pub fn made(&mut self) {
        self.in_a_row = 0;
    }

    /// An update failed.
    ///
    /// # Errors
    /// What it failed with, unless it was rejected and can be passed over; [`LearnError::Hopeless`] where too
    /// many were.
    pub fn failed(&mut self, error: LearnError) -> Result<(), LearnError> {
        if !matches!(error, LearnError::Rejected | LearnError::Diverged) {
            return Err(error);
        }
        if self.in_a_row == MOST {
            return Err(LearnError::Hopeless(MOST));
        }
        (self.total, self.in_a_row) = (self.total + 1, self.in_a_row + 1);
        Ok(())
    }

    /// Rejected so far.
    pub fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_may_be_rejected_but_not_on_end() {
        let mut rejections = Rejections::default();
        for _ in 0..3 {
            for _ in 0..MOST {
                assert_eq!(rejections.failed(LearnError::Rejected), Ok(()));
            }
            rejections.made();
        }
        assert_eq!(rejections.failed(LearnError::NoData), Err(LearnError::NoData));
        (0..MOST).for_each(|_| rejections.failed(LearnError::Diverged).unwrap());
        let hopeless = LearnError::Hopeless(MOST);
        assert_eq!(rejections.failed(LearnError::Rejected), Err(hopeless));
        assert_eq!(rejections.total(), u64::from(4 * MOST));
    }
}
