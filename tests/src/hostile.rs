//! What holds of any policy file that is not refused, and the checksum of one that has been tampered with.

use lacewing_formats::artifact::{LayerView, MAX_LAYERS, PolicyView};
use lacewing_formats::codec::ReadColumns;
use lacewing_formats::policy::ActionHead;

/// Gives the bytes the length and checksum that a careful forger would.
pub fn seal(file: &mut [u8]) {
    if file.len() < 32 {
        return;
    }
    let length = file.len() as u64;
    file[16..24].copy_from_slice(&length.to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&file[..12]);
    crc.update(&file[16..]);
    file[12..16].copy_from_slice(&crc.finalize().to_le_bytes());
}

fn assert_in_bounds(layer: &LayerView<'_>) {
    let row_ptr = &layer.row_ptr();
    assert_eq!((row_ptr[0], row_ptr[layer.rows()] as usize), (0, layer.links()));
    assert!(row_ptr.is_sorted());
    assert_eq!((layer.bias.len(), layer.values().len()), (layer.rows(), layer.links()));
    let mut columns = vec![0; layer.links()];
    layer.decode_columns(&mut columns);
    for ends in row_ptr.windows(2) {
        let row = &columns[ends[0] as usize..ends[1] as usize];
        assert!(row.iter().all(|&column| usize::from(column) < layer.cols()));
        assert!(row.windows(2).all(|pair| pair[0] < pair[1]));
    }
    let mut links = 0;
    for (index, (row, column, weight)) in layer.iter().enumerate() {
        assert!((row_ptr[row] as usize..row_ptr[row + 1] as usize).contains(&index));
        assert_eq!(column, columns[index]);
        assert!(weight.is_finite());
        links += 1;
    }
    assert_eq!(links, layer.links());
    if let Some(topology) = layer.topology() {
        assert_eq!((topology.row_ptr(), topology.col_idx()), (&row_ptr[..], &columns[..]));
    }
    // As kernels read them: some at a time, until there are fewer than there is room for.
    for room in [1, 2, 3, 64] {
        let (mut reader, mut room) = (layer.columns(), vec![0; room]);
        for ends in row_ptr.windows(2) {
            reader.start_row();
            let mut expected = &columns[ends[0] as usize..ends[1] as usize];
            loop {
                let found = reader.next_columns(&mut room);
                let (now, rest) = expected.split_at(found.len());
                assert_eq!(found, now);
                expected = rest;
                if found.len() < room.len() {
                    break;
                }
            }
            assert!(expected.is_empty());
        }
    }
}

/// Holds a policy to what its reader promises.
///
/// # Panics
/// If it breaks a promise.
pub fn assert_sound(view: &PolicyView<'_>) {
    let header = view.header();
    let (observations, actions) = (header.observations(), header.actions());
    let all_finite = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
    assert!((1..=MAX_LAYERS).contains(&view.layers().len()));
    let mut inputs = observations;
    for layer in view.layers() {
        assert_eq!(layer.cols(), inputs);
        assert_in_bounds(&layer);
        assert!(all_finite(layer.bias));
        assert!(layer.activation.alpha().is_none_or(f32::is_finite));
        if let Some(norm) = layer.norm {
            assert!(norm.epsilon.is_finite() && norm.epsilon > 0.0);
            assert!(all_finite(norm.gain) && all_finite(norm.shift));
            assert_eq!((norm.gain.len(), norm.shift.len()), (layer.rows(), layer.rows()));
        }
        inputs = layer.rows();
    }
    assert_eq!(inputs, header.outputs());
    match view.action_head() {
        ActionHead::Scaled { low, high } | ActionHead::Clamped { low, high } => {
            assert_eq!((low.len(), high.len(), actions), (inputs, inputs, inputs));
            assert!(all_finite(low) && all_finite(high));
            assert!(low.iter().zip(high).all(|(low, high)| low < high));
        }
        ActionHead::Argmax => {
            assert_eq!(actions, 1);
            let outputs = 0..inputs;
            assert!(view.probes().all(|probe| outputs.contains(&(probe.action[0] as usize))));
        }
    }
    if let Some(normaliser) = view.normaliser() {
        assert_eq!((normaliser.mean.len(), normaliser.std.len()), (observations, observations));
        assert!(all_finite(normaliser.mean) && all_finite(normaliser.std));
        assert!(normaliser.std.iter().all(|&std| std > 0.0));
        assert!(normaliser.clip.is_finite() && normaliser.clip > 0.0);
    }
    for probe in view.probes() {
        assert_eq!((probe.observation.len(), probe.action.len()), (observations, actions));
        assert!(all_finite(probe.observation) && all_finite(probe.action));
    }
    assert!(header.control_period_s() > 0.0);
    if let Some(contract) = view.contract() {
        let named = contract.observations().len();
        let sensors = contract.sensors(observations, inputs);
        let previous = if contract.previous_action() { inputs } else { 0 };
        assert_eq!((sensors + previous) * contract.history(), observations);
        assert!(sensors > 0 && (named == 0 || named == sensors));
        assert!(contract.actions().len() == 0 || contract.actions().len() == inputs);
        for signal in contract.observations().chain(contract.actions()) {
            assert!(signal.scale != 0.0 && signal.scale.is_finite() && signal.offset.is_finite());
            assert!(signal.rate.is_none_or(|rate| rate > 0.0));
        }
        assert_eq!(contract.observations().count(), named);
    }
}
