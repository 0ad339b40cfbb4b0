//! Dense actors trained elsewhere.

mod actor;
mod branches;
mod check;
mod choice;
mod eval;
mod graph;
mod limits;
mod op;
mod pending;
mod program;
mod prune;
mod recognise;
mod run;
mod tensor;

use std::path::Path;

use lacewing_formats::artifact::AlignedBytes;
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ActionHead, ObservationNormaliser};
use lacewing_formats::topology::Allocation;

use self::actor::{Actor, Head, Limits};
use self::graph::Graph;
use self::program::Program;
use self::prune::{narrow, prune};
pub use self::run::TractActor;
use super::{Actions, ImportOptions, Imported, OnnxError};
use crate::lab::policy::Facts;
use crate::lab::{files, policy};

/// How many of the sampled observations become the policy's probes.
const PROBES: usize = 4;

/// Reads the dense actor in the ONNX file at `path`, prunes it by magnitude, and gives the policy
/// file.
///
/// What leads from the observation to the action must be a chain of linear layers, layer or batch
/// normalisation and activations, however its exporter spells them; scaling, shifting and clipping of
/// the observations become the policy's normaliser, those of the actions its limits. Steps are read from
/// operators and constants where these say it, else from what they do to numbers in f64. What the policy
/// answers before pruning must be what the model answers in f64.
///
/// # Errors
/// [`OnnxError`] where the file cannot be read or is no such chain (naming the node), where limits
/// are missing or wrong, where f32 loses the actions, and where the sparsity is impossible.
pub fn import(path: &Path, options: &ImportOptions<'_>) -> Result<Imported, OnnxError> {
    let bytes = files::read(path)?;
    let model = graph::parse(&bytes)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let graph = Graph::new(&model, folder)?;
    let mut found = Vec::new();
    for output in candidates(&graph, options.output)? {
        found.push((output, read(&graph, output, options)));
    }
    // Of several outputs the one that is an actor; where none is, or several are, the user must say.
    if found.len() > 1 && found.iter().filter(|(_, actor)| actor.is_ok()).count() != 1 {
        let found = graph.outputs().iter().map(|&name| name.into()).collect();
        return Err(OnnxError::Ports { found });
    }
    let chosen = found.iter().position(|(_, actor)| actor.is_ok()).unwrap_or(0);
    let (output, actor) = found.swap_remove(chosen);
    let (program, actor) = actor?;

    let observations = check::observations(actor.normaliser.as_ref(), program.width(program.input));
    let open = check::open(&actor);
    let whole = file(&actor, &open, 0.0, options, &[])?;
    let off = check::compare(&program, &open, &whole, &observations)?;
    let file = file(&actor, &actor.head, options.sparsity, options, &observations[..PROBES])?;
    Ok(Imported { file, notes: notes(&graph, &program, &actor, output, off) })
}

/// The outputs that may be the action: that asked for, the only one, one of that name, or all.
fn candidates<'a>(graph: &Graph<'a>, wanted: Option<&str>) -> Result<Vec<&'a str>, OnnxError> {
    let outputs = graph.outputs();
    if let Some(wanted) = wanted {
        let found = outputs.iter().copied().find(|&name| name == wanted);
        // A tensor inside the model will do as well.
        let found = found.or_else(|| graph.tensor(wanted));
        return found.map(|name| vec![name]).ok_or_else(|| OnnxError::NoPort {
            what: "output",
            wanted: wanted.into(),
            found: outputs.iter().map(|&name| name.into()).collect(),
        });
    }
    let named = outputs.iter().copied().find(|name| ["action", "actions"].contains(name));
    match (outputs, named) {
        ([], _) => Err(OnnxError::Ports { found: vec![] }),
        (_, Some(action)) => Ok(vec![action]),
        _ => Ok(outputs.to_vec()),
    }
}

/// The actor that ends in `output`.
fn read<'a>(
    graph: &Graph<'a>,
    output: &'a str,
    options: &ImportOptions<'_>,
) -> Result<(Program<'a>, Actor), OnnxError> {
    let mut program = Program::new(graph, options.input, output)?;
    if options.means {
        program.keep_half()?;
    }
    let mut steps = op::read_all(&program.regions())?;
    let scores = choice::take(&mut steps)?;
    let actions = match (scores, options.actions) {
        (Some(_), Actions::Within { .. }) => {
            let problem = "it chooses among discrete actions, which have none: leave --low and --high out, or \
                           name an --env with discrete actions"
                .into();
            return Err(OnnxError::Limits { problem });
        }
        (Some(_), _) => Actions::Discrete,
        (None, actions) => actions,
    };
    let actor = Actor::assemble(steps, program.width(program.input), actions)?;
    if let Some(scores) = scores {
        // The choice hides how far they are off.
        program = Program::new(graph, Some(program.input), scores)?;
    }
    check::moves(&program, actor.normaliser.as_ref())?;
    Ok((program, actor))
}

/// The policy file of an actor, with this head.
fn file(
    actor: &Actor,
    head: &Head,
    sparsity: f64,
    options: &ImportOptions<'_>,
    observations: &[Vec<f32>],
) -> Result<AlignedBytes, OnnxError> {
    let allocation = if sparsity == 0.0 { Allocation::Uniform } else { options.allocation };
    let layers = prune(&actor.layers, sparsity, allocation)?;
    let sides = |limits: &Limits| {
        let (low, high): (Vec<f64>, Vec<f64>) = limits.iter().copied().unzip();
        (narrow(&low), narrow(&high))
    };
    let (low, high) = match head {
        Head::Scaled { limits, .. } | Head::Clamped(limits) => sides(limits),
        Head::Argmax => (vec![], vec![]),
    };
    let action_head = match head {
        Head::Scaled { .. } => ActionHead::Scaled { low: &low, high: &high },
        Head::Clamped(_) => ActionHead::Clamped { low: &low, high: &high },
        Head::Argmax => ActionHead::Argmax,
    };
    let normaliser = actor
        .normaliser
        .as_ref()
        .map(|normaliser| (narrow(&normaliser.mean), narrow(&normaliser.std), normaliser.clip));
    let facts = Facts {
        normaliser: normaliser.as_ref().map(|(mean, std, clip)| ObservationNormaliser {
            mean,
            std,
            clip: *clip as f32,
        }),
        action_head,
        control_period_s: options.control_period_s,
        provenance: options.provenance,
        contract: None,
        resume: None,
    };
    Ok(policy::to_bytes(&layers, &facts, observations, Encoding::PLAIN)?)
}

/// What a user should know of the import.
fn notes(
    graph: &Graph<'_>,
    program: &Program<'_>,
    actor: &Actor,
    output: &str,
    off: f64,
) -> Vec<String> {
    let mut notes = Vec::new();
    let what = match actor.head {
        Head::Argmax => {
            let choices = program.width(program.output);
            notes.push(format!("the action is the index of the greatest of {choices} outputs"));
            "scores"
        }
        _ => "actions",
    };
    let quoted = |names: Vec<&str>| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let inputs: Vec<_> = graph.inputs().filter(|&name| name != program.input).collect();
    let outputs: Vec<_> = graph.outputs().iter().copied().filter(|&name| name != output).collect();
    if !inputs.is_empty() || !outputs.is_empty() {
        let unused = quoted([inputs, outputs].concat());
        notes.push(format!("read from `{}` to `{output}`; {unused} not used", program.input));
    }
    if !program.narrowed.is_empty() {
        let kinds = program.narrowed.join(" and ");
        notes.push(format!("weights in {kinds} are stored as f32"));
    }
    notes.push(match off > 0.0 {
        true => format!(
            "before pruning, {what} are at most {off:.0e} of their spread from the model's in f64"
        ),
        false => format!("before pruning, {what} are the model's to the last digits of f32"),
    });
    notes
}
