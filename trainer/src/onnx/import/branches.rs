//! Branches beside each other, such as a dueling network's two streams: a layer of them all is one layer, whose
//! numbers follow each other branch by branch.

use std::collections::HashMap;

use tract_onnx::pb::NodeProto;

use super::eval::own_activation;
use super::op::Op;
use super::program::Region;
use super::recognise::recognise;

/// Reads a region whose branches have the same activations at the same depths; none where it is no such region.
pub(super) fn read<'a>(region: &Region<'_, 'a>) -> Option<Vec<Op>> {
    let acts = |node: &NodeProto| own_activation(node).is_some();
    // How many activations lie before each tensor, and which nodes lie behind as many.
    let mut depths: HashMap<&str, usize> = region.from.iter().map(|&name| (name, 0)).collect();
    let mut layers: Vec<[Vec<&'a NodeProto>; 2]> = vec![Default::default()];
    for &node in &region.nodes {
        let before = *node.input.iter().filter_map(|name| depths.get(name.as_str())).max()?;
        let depth = before + usize::from(acts(node));
        depths.extend(node.output.iter().map(|name| (name.as_str(), depth)));
        layers.resize_with(layers.len().max(depth + 1), Default::default);
        let [activations, others] = &mut layers[depth];
        if acts(node) { activations.push(node) } else { others.push(node) }
    }
    let (mut ops, mut from) = (Vec::new(), region.from.clone());
    let mut layers = layers.into_iter().map(|[activations, others]| (others, activations));
    let (mut linear, _) = layers.next()?;
    for (next, activations) in layers {
        let (into, out_of) = (
            ports(&activations, |node| &node.input, &depths)?,
            ports(&activations, |node| &node.output, &depths)?,
        );
        // One that a branch leaves for a deeper one is computed by no node of a part.
        ops.extend(recognise(&region.part(linear, from, into.clone())).ok()?);
        ops.extend(recognise(&region.part(activations, into, out_of.clone())).ok()?);
        (linear, from) = (next, out_of);
    }
    // Without an activation it has been looked at already.
    if ops.is_empty() {
        return None;
    }
    ops.extend(recognise(&region.part(linear, from, region.to.clone())).ok()?);
    Some(ops)
}

/// The first input, or output, of each node; none where one is no tensor of these.
fn ports<'a>(
    nodes: &[&'a NodeProto],
    of: fn(&'a NodeProto) -> &'a [String],
    tensors: &HashMap<&str, usize>,
) -> Option<Vec<&'a str>> {
    let port = |node: &&'a NodeProto| {
        of(node).first().map(String::as_str).filter(|&name| tensors.contains_key(name))
    };
    nodes.iter().map(port).collect()
}
