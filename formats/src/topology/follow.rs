//! A target network that follows its online network and stays as sparse (Sokar et al. 2022, §4.2).

use super::{Csr, CsrMut};

/// Working memory of [`follow`]: two places a link in each.
#[derive(Debug)]
pub struct FollowScratch<'s> {
    /// Columns of the united rows.
    pub columns: &'s mut [u16],
    /// Weights of the united rows.
    pub weights: &'s mut [f32],
    /// Magnitudes, to find the weakest.
    pub strengths: &'s mut [f32],
}

/// One Polyak step of a target layer: `target ← τ·online + (1 − τ)·target`, where a link missing
/// on one side counts as zero; then the weakest links go until the target has as many as the
/// online layer.
///
/// # Panics
/// If shapes or numbers of links differ, or the scratch is too small.
pub fn follow(
    target: &mut CsrMut<'_>,
    target_weights: &mut [f32],
    online: Csr<'_>,
    online_weights: &[f32],
    tau: f32,
    scratch: &mut FollowScratch<'_>,
) {
    let links = online.links();
    assert_eq!((target.cols, target.row_ptr.len()), (online.cols(), online.row_ptr().len()));
    assert_eq!((target.col_idx.len(), target_weights.len()), (links, links));
    assert_eq!(online_weights.len(), links);
    if target.col_idx == online.col_idx() && target.row_ptr == online.row_ptr() {
        for (target, online) in target_weights.iter_mut().zip(online_weights) {
            *target += tau * (online - *target);
        }
        return;
    }
    let united = unite(target, target_weights, online, online_weights, tau, scratch);
    let surplus = united - links;
    let threshold = if surplus == 0 {
        f32::NEG_INFINITY
    } else {
        let strengths = &mut scratch.strengths[..united];
        for (strength, weight) in strengths.iter_mut().zip(&scratch.weights[..united]) {
            *strength = weight.abs();
        }
        *strengths.select_nth_unstable_by(surplus - 1, f32::total_cmp).1
    };
    // Links below the threshold all go, of those that equal it only the first few.
    let below = scratch.weights[..united].iter().filter(|w| w.abs() < threshold).count();
    let mut ties = surplus - below;
    let mut kept = 0;
    let mut start = 0;
    for row in 0..online.rows() {
        // `unite` left the end of every united row here.
        let end = target.row_ptr[row + 1] as usize;
        for at in start..end {
            let weight = scratch.weights[at];
            if weight.abs() < threshold {
                continue;
            }
            if weight.abs() == threshold && ties > 0 {
                ties -= 1;
                continue;
            }
            target.col_idx[kept] = scratch.columns[at];
            target_weights[kept] = weight;
            kept += 1;
        }
        start = end;
        target.row_ptr[row + 1] = kept as u32;
    }
}

/// Writes the Polyak average over the union of both topologies to the scratch and the row pointers
/// of the union to the target; returns its number of links.
fn unite(
    target: &mut CsrMut<'_>,
    target_weights: &[f32],
    online: Csr<'_>,
    online_weights: &[f32],
    tau: f32,
    scratch: &mut FollowScratch<'_>,
) -> usize {
    let mut next = 0;
    let mut start = 0;
    for row in 0..online.rows() {
        let end = target.row_ptr[row + 1] as usize;
        let (mut old, mut new) = (start, online.row(row));
        while old < end || !new.is_empty() {
            let beyond = u32::MAX;
            let old_col = if old < end { u32::from(target.col_idx[old]) } else { beyond };
            let new_col =
                if new.is_empty() { beyond } else { u32::from(online.col_idx()[new.start]) };
            let mut weight = 0.0;
            if old_col <= new_col {
                weight += (1.0 - tau) * target_weights[old];
                old += 1;
            }
            if new_col <= old_col {
                weight += tau * online_weights[new.start];
                new.start += 1;
            }
            scratch.columns[next] = old_col.min(new_col) as u16;
            scratch.weights[next] = weight;
            next += 1;
        }
        start = end;
        target.row_ptr[row + 1] = next as u32;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dense reference: average both masked matrices, keep the strongest.
    #[test]
    fn follows_like_a_masked_dense_target() {
        let cols = 5;
        let (online_ptr, online_idx) = ([0, 2, 4], [0_u16, 3, 1, 4]);
        let online = Csr::new(cols, &online_ptr, &online_idx).unwrap();
        let online_weights = [1.0, -2.0, 3.0, 4.0];
        let (mut row_ptr, mut col_idx) = ([0, 3, 4], [0_u16, 1, 2, 4]);
        let mut target = CsrMut::new(cols, &mut row_ptr, &mut col_idx).unwrap();
        let mut weights = [1.0, 0.05, -1.0, 2.0];
        let mut scratch = FollowScratch {
            columns: &mut [0; 8],
            weights: &mut [0.0; 8],
            strengths: &mut [0.0; 8],
        };
        follow(&mut target, &mut weights, online, &online_weights, 0.25, &mut scratch);
        // Union: (0,0)=1 (0,1)=.0375 (0,2)=-.75 (0,3)=-.5 | (1,1)=.75 (1,4)=2.5; two must go.
        assert_eq!(target.view().row_ptr(), [0, 2, 4]);
        assert_eq!(target.view().col_idx(), [0, 2, 1, 4]);
        assert_eq!(weights, [1.0, -0.75, 0.75, 2.5]);

        for _ in 0..400 {
            follow(&mut target, &mut weights, online, &online_weights, 0.25, &mut scratch);
        }
        assert_eq!(target.view(), online);
        for (target, online) in weights.iter().zip(online_weights) {
            assert!((target - online).abs() < 1e-5, "{weights:?}");
        }
    }
}
