//! Transitions on their way from the control loop to the learner, through a ring without locks.

use lacewing_runtime::learn::{ROW_HEAD, Transition};
use rtrb::{Consumer, Producer, RingBuffer};

/// How long the parts of a row are.
#[derive(Clone, Copy)]
pub struct Widths {
    pub observations: usize,
    pub actions: usize,
}

impl Widths {
    fn row(self) -> usize {
        ROW_HEAD + 2 * self.observations + self.actions
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
        let (head, rest) = row.split_at(ROW_HEAD);
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

    /// A transition of these numbers.
    fn step<'a>(numbers: &'a [f32; 5], terminated: bool, truncated: bool) -> Transition<'a> {
        Transition {
            observation: &numbers[..2],
            action: &numbers[2..3],
            reward: numbers[0],
            next_observation: &numbers[3..],
            terminated,
            truncated,
        }
    }

    #[test]
    fn what_is_sent_is_received_in_order_and_what_has_no_room_is_told() {
        let (mut sender, mut receiver) = ring(3, Widths { observations: 2, actions: 1 });
        let numbers = [[1.0, 0.5, -1.0, 7.0, 8.0], [2.0; 5], [3.0; 5]];
        let ends = [(false, false), (true, false), (false, true)];
        let steps = numbers.iter().zip(ends).map(|(row, (over, cut))| step(row, over, cut));
        for _ in 0..5 {
            for (at, step) in steps.clone().enumerate() {
                assert!(sender.send(&step, at == 0));
            }
            assert!(
                !sender.send(&step(&numbers[0], false, false), false),
                "three places are taken"
            );
            for (at, step) in steps.clone().enumerate() {
                let same = receiver.receive(|found, begins| found == step && begins == (at == 0));
                assert_eq!(same, Some(true));
            }
            assert!(receiver.receive(|_, _| ()).is_none());
        }
    }
}
