//! Writes small policies, links stored in every way that the Cortex-M kernel has a routine for and in one that
//! it has not, with rows of no link up to hundreds, alone and in fours, and with the activations and normalisation of other libraries:
//! `act_policies FOLDER`.
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::{Encoding, IndexCodec, ValueCodec};
use lacewing_formats::policy::Activation;
use lacewing_formats::topology::Structure;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_tests::actor;
use lacewing_tests::policy_file::{Owned, Shape};
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: act_policies FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    // Rows of different lengths, gaps of several bytes, rows of one length.
    let shapes = [("ragged", vec![9, 300, 40, 5], 0.3), ("wide", vec![512, 16, 400, 3], 0.01)];
    for (name, widths, density) in shapes.into_iter().chain([("full", vec![30, 20, 9], 1.0)]) {
        let shape = Shape { widths, density, normaliser: true, probes: 3, resume: None, seed: 7 };
        write(&folder, name, &Owned::random(&shape))?;
    }
    // Groups of four rows with other numbers of links, and at the end rows that come alone.
    let fours = Structure::Blocks { rows: 4 };
    for (name, widths, sparsity) in
        [("fours", vec![9, 300, 41, 5], 0.9), ("few", vec![30, 16, 64, 8], 0.95)]
    {
        let mut owned = actor::structured(&widths, sparsity, fours, 7);
        owned.probes =
            (0..3).map(|index| (actor::observation(&owned, index), owned.low.clone())).collect();
        write(&folder, name, &owned)?;
    }
    // What policies of other libraries have.
    for (name, activation) in [("elu", Activation::Elu(1.0)), ("silu", Activation::Silu)] {
        let (widths, density) = (vec![30, 64, 64, 9], 0.2);
        let shape = Shape { widths, density, normaliser: true, probes: 3, resume: None, seed: 7 };
        let mut owned = Owned::random(&shape);
        owned.layers[..2].iter_mut().for_each(|layer| layer.activation = activation);
        let first = &mut owned.layers[0];
        first.norm = Some((1e-5, vec![1.5; first.bias.len()], vec![-0.25; first.bias.len()]));
        write(&folder, name, &owned)?;
    }
    Ok(())
}

/// The policy in every encoding.
fn write(folder: &Path, name: &str, owned: &Owned) -> Result<(), Box<dyn Error>> {
    for values in [ValueCodec::F32, ValueCodec::F16] {
        for indices in
            [IndexCodec::U16, IndexCodec::DeltaU8, IndexCodec::Nibble, IndexCodec::Bitmap]
        {
            let encoding = Encoding { values, indices: indices.into() };
            let file = with_its_actions(owned.clone(), encoding)?;
            let path = folder.join(format!("{name}-{values}-{}.lace", indices.name()));
            std::fs::write(path, file)?;
        }
    }
    Ok(())
}

/// The file, its probes expecting what the policy does.
fn with_its_actions(mut owned: Owned, encoding: Encoding) -> Result<Vec<u8>, Box<dyn Error>> {
    let file = owned.write(encoding)?;
    let twin = Kernel::cortex_m_twin();
    let policy = Policy::with_layout(PolicyView::parse(&file)?, Layout::InPlace, twin, &mut [])?;
    let mut scratch = vec![0.0; policy.scratch_len()];
    for (observation, action) in &mut owned.probes {
        policy.act(observation, action, &mut scratch)?;
    }
    Ok(owned.write(encoding)?.to_vec())
}
