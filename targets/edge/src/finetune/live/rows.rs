//! Transitions on their way from the control loop to the learner, through a ring without locks.

use lacewing_runtime::learn::Transition;
use rtrb::{Consumer, Producer, RingBuffer};

/// Numbers of a row before the observation: whether it begins, reward, end.
const HEAD: usize = 3;

/// How long the parts of a row are.
#[derive(Clone, Copy)]
pub struct Widths {
    pub observations: usize,
    pub actions: usize,
}

impl Widths {
    fn row(self) -> usize {
        HEAD + 2 * self.observations + self.actions
    }
}

/// Where the control loop puts them.
pub struct Sender {
    ring: Producer<f32>,
    widths: Widths,
}

/// Where the learner takes them.
pub struct Receiver {
    ring: Consumer<f32>,
    widths: Widths,
}

/// A ring for so many transitions.
pub fn ring(rows: usize, widths: Widths) -> (Sender, Receiver) {
    // Whole rows, so that none lies in two pieces.
    let (sender, receiver) = RingBuffer::new(rows * widths.row());
    (Sender { ring: sender, widths }, Receiver { ring: receiver, widths })
}

impl Sender {
    /// Sends a transition, which `begins` where it does not follow the one before; whether there was room.
    pub fn send(&mut self, transition: &Transition<'_>, begins: bool) -> bool {
        let Ok(mut chunk) = self.ring.write_chunk(self.widths.row()) else { return false };
        let (row, _) = chunk.as_mut_slices();
        let head = [f32::from(u8::from(begins)), transition.reward, transition.end()];
        let parts = [&head, transition.observation, transition.action, transition.next_observation];
        for (place, &number) in row.iter_mut().zip(parts.into_iter().flatten()) {
            *place = number;
        }
        chunk.commit_all();
        true
    }
}

impl Receiver {
    /// Hands the oldest transition, and whether it begins, to `take`; `None` where there is none.
    pub fn receive<T>(&mut self, take: impl FnOnce(Transition<'_>, bool) -> T) -> Option<T> {
        let chunk = self.ring.read_chunk(self.widths.row()).ok()?;
        let (row, _) = chunk.as_slices();
        let (head, rest) = row.split_at(HEAD);
        let (observation, rest) = rest.split_at(self.widths.observations);
        let (action, next_observation) = rest.split_at(self.widths.actions);
        let (terminated, truncated) = Transition::ends(head[2]);
        let transition = Transition {
            observation,
            action,
            reward: head[1],
            next_observation,
            terminated,
            truncated,
        };
        let taken = take(transition, head[0] != 0.0);
        chunk.commit_all();
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received_in_order_and_what_has_no_room_is_told() {
        let (mut sender, mut receiver) = ring(3, Widths { observations: 2, actions: 1 });
        let step = |at: f32, terminated, truncated| {
            (at, [at, 1.0], [-at], [at, 2.0], terminated, truncated)
        };
        let rows = [step(1.0, false, false), step(2.0, true, false), step(3.0, false, true)];
        for turn in 0..5 {
            for (at, (reward, observation, action, next, terminated, truncated)) in
                rows.iter().enumerate()
            {
                let transition = Transition {
                    observation,
                    action,
                    reward: *reward,
                    next_observation: next,
                    terminated: *terminated,
                    truncated: *truncated,
                };
                assert!(sender.send(&transition, at == 0));
                if turn == 4 && at == 2 {
                    assert!(!sender.send(&transition, false), "three places are taken");
                }
            }
            for (at, (reward, observation, action, next, terminated, truncated)) in
                rows.iter().enumerate()
            {
                let same = receiver.receive(|found, begins| {
                    let expected = Transition {
                        observation,
                        action,
                        reward: *reward,
                        next_observation: next,
                        terminated: *terminated,
                        truncated: *truncated,
                    };
                    found == expected && begins == (at == 0)
                });
                assert_eq!(same, Some(true));
            }
            assert!(receiver.receive(|_, _| ()).is_none());
        }
    }
}
