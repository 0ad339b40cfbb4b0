//! Transitions as rows of f32: what a workstation keeps, whose updates read a row at a time.

use super::{Numbers, Stored, Transition};

/// Rows of observation, next observation, action, reward and end.
#[derive(Debug)]
pub(super) struct Rows<'m> {
    pub rows: &'m mut [f32],
    pub observations: usize,
    /// Numbers of a row.
    pub width: usize,
}

impl Rows<'_> {
    pub fn write(&mut self, place: usize, step: &Transition<'_>) {
        let parts =
            [step.observation, step.next_observation, step.action, &[step.reward, step.end()]];
        let row = &mut self.rows[place * self.width..][..self.width];
        for (place, &number) in row.iter_mut().zip(parts.into_iter().flatten()) {
            *place = number;
        }
    }

    pub fn cut(&mut self, place: usize) {
        let end = &mut self.rows[place * self.width..][self.width - 1];
        if *end > 0.0 {
            *end = -1.0;
        }
    }

    pub fn read(&self, place: usize) -> Stored<'_> {
        let row = &self.rows[place * self.width..][..self.width];
        let (observation, rest) = row.split_at(self.observations);
        let (next_observation, rest) = rest.split_at(self.observations);
        let (action, rest) = rest.split_at(rest.len() - 2);
        let (reward, end) = (rest[0], rest[1]);
        let (terminated, truncated) = Transition::ends(end);
        let [observation, action, next_observation] =
            [observation, action, next_observation].map(Numbers::plain);
        Stored { observation, action, reward, next_observation, terminated, truncated }
    }
}
