//! Makes control steps of a 17-256-256-6 policy and nothing else, for tools that count instructions
//! or sample a profile: `act_steps STRUCTURE SPARSITY LAYOUT STEPS`, with this processor's best kernel.
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_tests::actor;
use std::error::Error;
use std::hint::black_box;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [structure, sparsity, layout, steps] = &arguments[..] else {
        return Err("usage: act_steps unstructured|k-per-32|blocks-16x1|... SPARSITY \
                    in-place|packed|dense|int8|dense-int8 STEPS"
            .into());
    };
    let structure: Structure = structure.parse()?;
    let layout = match layout.as_str() {
        "in-place" => Layout::InPlace,
        "packed" => Layout::Packed,
        "dense" => Layout::Dense,
        "int8" => Layout::Int8,
        "dense-int8" => Layout::DenseInt8,
        other => return Err(format!("no layout {other}").into()),
    };
    let network = actor::structured(&[17, 256, 256, 6], sparsity.parse()?, structure, 1);
    let file = network.write(Encoding::PLAIN)?;
    let view = PolicyView::parse(&file)?;
    let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, Kernel::best())];
    let policy = Policy::with_layout(view, layout, Kernel::best(), &mut memory)?;
    let observations: Vec<_> = (0..64).map(|index| actor::observation(&network, index)).collect();
    let (mut action, mut scratch) = (vec![0.0; policy.actions()], vec![0.0; policy.scratch_len()]);
    for observation in observations.iter().cycle().take(steps.parse()?) {
        policy.act(black_box(observation), &mut action, &mut scratch)?;
        black_box(&action);
    }
    Ok(())
}
