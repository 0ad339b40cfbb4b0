//! Values that travel with their links through a change of topology.

/// Marks a link that did not exist before a change.
pub const GROWN: u32 = u32::MAX;

/// Moves per-link values to their new places after a change of topology; grown links get `fill`.
///
/// `source` says for every link which one it was, as [`rewire`](super::rewire()) and
/// [`prune`](super::prune()) leave it. Where it is shorter than `values`, links were pruned: the
/// values of those that are left are then the first `source.len()`.
///
/// # Panics
/// If there are fewer values than links.
pub fn carry<T: Copy>(values: &mut [T], source: &[u32], fill: T) {
    assert!(values.len() >= source.len(), "a value is missing");
    // Links keep their order: close the gaps towards the front, then open new ones from the back.
    let mut kept = 0;
    for &from in source.iter().filter(|&&from| from != GROWN) {
        values[kept] = values[from as usize];
        kept += 1;
    }
    for at in (0..source.len()).rev() {
        if source[at] == GROWN {
            values[at] = fill;
        } else {
            kept -= 1;
            values[at] = values[kept];
        }
    }
}

/// Carries ages, counted in changes of topology, through one change: grown links are 0 changes old,
/// the others one older than they were (255 is as old as can be).
///
/// # Panics
/// If there are fewer ages than links.
pub fn age(ages: &mut [u8], source: &[u32]) {
    carry(ages, source, 0);
    for (age, _) in ages.iter_mut().zip(source).filter(|(_, from)| **from != GROWN) {
        *age = age.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_to_their_links() {
        let mut values = [10, 11, 12, 13];
        carry(&mut values, &[GROWN, 1, 3, GROWN], 0);
        assert_eq!(values, [0, 11, 13, 0]);
        carry(&mut values, &[1, 2], 0);
        assert_eq!(values[..2], [11, 13]);
    }

    #[test]
    fn links_age_from_their_growth_on() {
        let mut ages = [3, 255, 7, 0];
        age(&mut ages, &[0, 1, GROWN, 3]);
        assert_eq!(ages, [4, 255, 0, 1]);
    }
}
