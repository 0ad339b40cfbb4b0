//! The nodes that lead from a model's input to one of its outputs, ready to be computed in f64.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::NodeProto;

use super::eval::evaluate;
use super::graph::{Graph, node_error};
use super::tensor::{Tensor, count};
use crate::onnx::OnnxError;

/// Operators of recurrent layers.
const RECURRENT: [&str; 3] = ["GRU", "LSTM", "RNN"];

/// What a model computes of one observation.
pub(super) struct Program<'a> {
    /// Nodes whose outputs depend on the observation, each after those it takes from.
    nodes: Vec<&'a NodeProto>,
    /// What does not depend on it: initialisers, and all that follows from them and from shapes.
    constants: HashMap<&'a str, Tensor>,
    /// What every tensor's shape is, where an observation passes.
    shapes: HashMap<&'a str, Vec<usize>>,
    pub(super) input: &'a str,
    pub(super) output: &'a str,
    /// How stored weights are stored that are not f32.
    pub(super) narrowed: Vec<&'static str>,
    /// How many of the output's numbers are the answer, from the first on; all where none.
    first: Option<usize>,
}

/// A part of a program with one tensor going in and one coming out, or of branches beside each other several,
/// whose numbers then follow each other.
pub(super) struct Region<'p, 'a> {
    program: &'p Program<'a>,
    /// Number of the first node.
    start: usize,
    pub(super) nodes: Vec<&'a NodeProto>,
    pub(super) from: Vec<&'a str>,
    pub(super) to: Vec<&'a str>,
}

/// Values by name, of one pass.
type Values<'a> = HashMap<&'a str, Tensor>;

impl<'a> Program<'a> {
    /// The program from the input (that called `input`, or the only one in use) to `output`.
    pub(super) fn new(
        graph: &Graph<'a>,
        input: Option<&str>,
        output: &'a str,
    ) -> Result<Self, OnnxError> {
        let (order, used) = ordered(graph, output)?;
        if let Some(node) = order.iter().find(|node| RECURRENT.contains(&node.op_type.as_str())) {
            let problem = "it carries a state from step to step, which a policy file does not: train a policy that \
                           sees a history of observations instead";
            return Err(node_error(node, problem));
        }
        let mut constants = HashMap::new();
        let mut narrowed = Vec::new();
        for node in &order {
            for name in node.input.iter().map(String::as_str) {
                if constants.contains_key(name) {
                    continue;
                }
                if let Some(tensor) = graph.initialiser(name) {
                    constants.insert(name, tensor?);
                    narrowed
                        .extend(graph.foreign_type(name).filter(|kind| !narrowed.contains(kind)));
                }
            }
        }
        let input = choose_input(graph, (&order, &used), input, output)?;
        let mut shapes = shapes(graph.shape(input), &order, &constants).into_iter();
        let first = shapes.next().unwrap_or_else(|| vec![1, 1]);
        let attempt = |shape: Vec<usize>| {
            Self::with_shape(&order, constants.clone(), (input, shape), output, narrowed.clone())
        };
        // A first side other than 1 may be a batch, which then becomes 1, or belong to the observation.
        match (attempt(first), shapes.next()) {
            (Err(error), Some(shape)) => attempt(shape).map_err(|_| error),
            (outcome, _) => outcome,
        }
    }

    fn with_shape(
        order: &[&'a NodeProto],
        mut constants: Values<'a>,
        (input, shape): (&'a str, Vec<usize>),
        output: &'a str,
        narrowed: Vec<&'static str>,
    ) -> Result<Self, OnnxError> {
        let fail = |problem| OnnxError::Tensor { tensor: input.into(), problem };
        let numbers = count(&shape).map_err(fail)?;
        // No zeros, which a division might meet.
        let observation =
            Tensor::new(shape, (0..numbers).map(|at| 0.1 + at as f64 * 1e-3).collect());
        let mut live: Values<'a> = HashMap::from([(input, observation)]);
        let mut nodes = Vec::new();
        for &node in order {
            // Shapes are the same for every observation.
            let of_shape = ["Shape", "Size"].contains(&node.op_type.as_str());
            let depends = node.input.iter().any(|name| live.contains_key(name.as_str()));
            let outputs = compute(node, |name| live.get(name).or_else(|| constants.get(name)))?;
            let into = if depends && !of_shape { &mut live } else { &mut constants };
            into.extend(node.output.iter().map(String::as_str).zip(outputs));
            if depends && !of_shape {
                nodes.push(node);
            }
        }
        if output != input && !live.contains_key(output) {
            return Err(OnnxError::Still { output: output.into() });
        }
        let shapes = live.into_iter().map(|(name, tensor)| (name, tensor.dims)).collect();
        Ok(Self { nodes, constants, shapes, input, output, narrowed, first: None })
    }

    /// Numbers of the tensor called `name`, which depends on the observation.
    pub(super) fn width(&self, name: &str) -> usize {
        let whole = self.shapes.get(name).map_or(0, |dims| dims.iter().product());
        self.first.filter(|_| name == self.output).unwrap_or(whole)
    }

    /// From here on only the first half of the output's numbers is the output.
    pub(super) fn keep_half(&mut self) -> Result<(), OnnxError> {
        let outputs = self.width(self.output);
        if !outputs.is_multiple_of(2) {
            return Err(OnnxError::NoHalf { outputs });
        }
        self.first = Some(outputs / 2);
        Ok(())
    }

    /// What the model answers to `observation`, flattened.
    pub(super) fn run(&self, observation: Vec<f64>) -> Result<Vec<f64>, OnnxError> {
        self.pass(&self.nodes, &[self.input], observation, &[self.output])
    }

    fn pass(
        &self,
        nodes: &[&'a NodeProto],
        from: &[&'a str],
        mut values: Vec<f64>,
        to: &[&str],
    ) -> Result<Vec<f64>, OnnxError> {
        let mut live: Values<'a> = HashMap::new();
        for &name in from.iter().rev() {
            let dims = self.shapes.get(name).cloned().unwrap_or_default();
            let others = values.len().saturating_sub(self.width(name));
            live.insert(name, Tensor::new(dims, values.split_off(others)));
        }
        for node in nodes {
            let outputs =
                compute(node, |name| live.get(name).or_else(|| self.constants.get(name)))?;
            live.extend(node.output.iter().map(String::as_str).zip(outputs));
        }
        let mut answer = Vec::new();
        for name in to {
            let values = live.get(name).map_or(&[][..], |tensor| &tensor.values);
            answer.extend(values.iter().take(self.width(name)));
        }
        Ok(answer)
    }

    /// The regions between tensors that every way from input to output passes, in that order.
    pub(super) fn regions(&self) -> Vec<Region<'_, 'a>> {
        let mut last_use: HashMap<&str, usize> = HashMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            last_use.extend(node.input.iter().map(|name| (name.as_str(), at)));
        }
        last_use.insert(self.output, self.nodes.len());
        let mut open: HashSet<&'a str> = HashSet::from([self.input]);
        let (mut regions, mut start, mut from) = (Vec::new(), 0, self.input);
        for (at, node) in self.nodes.iter().enumerate() {
            open.extend(node.output.iter().map(String::as_str));
            open.retain(|name| last_use.get(name).is_some_and(|&last| last > at));
            if let (1, Some(&to)) = (open.len(), open.iter().next()) {
                regions.push(Region {
                    program: self,
                    start,
                    nodes: self.nodes[start..=at].to_vec(),
                    from: vec![from],
                    to: vec![to],
                });
                (start, from) = (at + 1, to);
            }
        }
        regions
    }
}

impl<'p, 'a> Region<'p, 'a> {
    /// This region and all up to a later one, as one.
    pub(super) fn up_to(&self, last: &Self) -> Self {
        let end = last.start + last.nodes.len();
        let nodes = self.program.nodes[self.start..end].to_vec();
        self.part(nodes, self.from.clone(), last.to.clone())
    }

    /// Some of its nodes, between these tensors.
    pub(super) fn part(
        &self,
        nodes: Vec<&'a NodeProto>,
        from: Vec<&'a str>,
        to: Vec<&'a str>,
    ) -> Self {
        Self { program: self.program, start: self.start, nodes, from, to }
    }

    /// What comes out, flattened, where these numbers go in.
    pub(super) fn run(&self, values: Vec<f64>) -> Result<Vec<f64>, OnnxError> {
        self.program.pass(&self.nodes, &self.from, values, &self.to)
    }

    /// Numbers that go in, and come out.
    pub(super) fn widths(&self) -> (usize, usize) {
        let width = |names: &[&str]| names.iter().map(|name| self.program.width(name)).sum();
        (width(&self.from), width(&self.to))
    }

    /// The shape of what goes in first.
    pub(super) fn shape(&self) -> &[usize] {
        self.program.shapes.get(self.from[0]).map_or(&[], Vec::as_slice)
    }

    /// Whether it ends in a part of what its last node computes.
    pub(super) fn is_cut(&self) -> bool {
        self.program.first.is_some() && self.to == [self.program.output]
    }

    /// The inputs of one of its nodes that are constant.
    pub(super) fn constants(&self, node: &NodeProto) -> Vec<Option<&'p Tensor>> {
        node.input.iter().map(|name| self.program.constants.get(name.as_str())).collect()
    }
}

fn compute<'t>(
    node: &NodeProto,
    find: impl Fn(&str) -> Option<&'t Tensor>,
) -> Result<Vec<Tensor>, OnnxError> {
    let mut inputs = Vec::new();
    for name in &node.input {
        let found = find(name);
        if found.is_none() && !name.is_empty() {
            return Err(node_error(node, format!("its input `{name}` is computed by no node")));
        }
        inputs.push(found);
    }
    evaluate(node, &inputs).map_err(|problem| node_error(node, problem))
}

/// The nodes that `output` needs, each after those it takes from, and the inputs it needs.
fn ordered<'a>(
    graph: &Graph<'a>,
    output: &'a str,
) -> Result<(Vec<&'a NodeProto>, HashSet<&'a str>), OnnxError> {
    let (mut order, mut used) = (Vec::new(), HashSet::new());
    // Where each node is: being looked at, or done.
    let mut done: HashMap<*const NodeProto, bool> = HashMap::new();
    let mut ahead: Vec<(&'a str, bool)> = vec![(output, false)];
    while let Some((name, after)) = ahead.pop() {
        let Some(node) = graph.producer(name) else {
            used.insert(name);
            continue;
        };
        match done.get(&std::ptr::from_ref(node)) {
            _ if after => {
                done.insert(node, true);
                order.push(node);
            }
            Some(true) => {}
            Some(false) => return Err(node_error(node, "it feeds itself in a circle")),
            None => {
                done.insert(node, false);
                ahead.push((name, true));
                ahead.extend(
                    node.input
                        .iter()
                        .filter(|name| !name.is_empty())
                        .map(|name| (name.as_str(), false)),
                );
            }
        }
    }
    Ok((order, used))
}

/// The one input that the output depends on.
fn choose_input<'a>(
    graph: &Graph<'a>,
    (order, used): (&[&'a NodeProto], &HashSet<&'a str>),
    wanted: Option<&str>,
    output: &str,
) -> Result<&'a str, OnnxError> {
    let found: Vec<&str> = graph.inputs().filter(|name| used.contains(name)).collect();
    match (found.as_slice(), wanted) {
        (&[only], None) => Ok(only),
        (&[only], Some(wanted)) if wanted == only => Ok(only),
        (_, Some(wanted)) if !found.contains(&wanted) => Err(OnnxError::NoPort {
            what: "input",
            wanted: wanted.into(),
            found: found.iter().map(|&name| name.into()).collect(),
        }),
        ([], None) => {
            // Names that nothing computes: say which.
            let lost = order.iter().flat_map(|node| &node.input).find(|name| {
                let name = name.as_str();
                used.contains(name) && graph.initialiser(name).is_none() && !name.is_empty()
            });
            match lost {
                Some(name) => Err(OnnxError::Tensor {
                    tensor: name.clone(),
                    problem: "no node computes it, and it is no input: export the model again"
                        .into(),
                }),
                None => Err(OnnxError::Still { output: output.into() }),
            }
        }
        _ => Err(OnnxError::Inputs { found: found.iter().map(|&name| name.into()).collect() }),
    }
}

/// The shapes that one observation may have, the likeliest first.
fn shapes(
    declared: Option<Vec<Option<usize>>>,
    order: &[&NodeProto],
    constants: &Values<'_>,
) -> Vec<Vec<usize>> {
    let declared = declared.unwrap_or_else(|| vec![None, None]);
    let open = declared.iter().skip(1).filter(|side| side.is_none()).count();
    // Where the model leaves the width open, its first weights say it.
    let width = || {
        let first =
            order.iter().find(|node| ["Gemm", "MatMul"].contains(&node.op_type.as_str()))?;
        let weights = constants.get(first.input.get(1)?.as_str())?;
        let transposed = super::eval::int(first, "transB", 0) != 0;
        weights.dims.get(if transposed { 1 } else { 0 }).copied()
    };
    let fill = if open == 1 { width().unwrap_or(1) } else { 1 };
    let mut one: Vec<usize> = declared.iter().map(|side| side.unwrap_or(fill)).collect();
    let whole = one.clone();
    match one.first_mut() {
        Some(batch) if declared.len() > 1 => *batch = 1,
        Some(only) if declared[0].is_none() => *only = width().unwrap_or(1),
        _ => {}
    }
    if whole == one || declared.first() == Some(&None) { vec![one] } else { vec![one, whole] }
}
