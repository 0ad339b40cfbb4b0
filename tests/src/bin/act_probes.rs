//! The actions of a policy file's probes by the twin of the Cortex-M kernel, as the bits of their numbers in
//! hexadecimal: what those chips must compute. `act_probes POLICY`.
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: act_probes POLICY")?;
    let file = AlignedBytes::read(path)?;
    let view = PolicyView::parse(&file)?;
    let policy = Policy::with_layout(view, Layout::InPlace, Kernel::cortex_m_twin(), &mut [])?;
    let (mut action, mut scratch) = (vec![0.0; policy.actions()], vec![0.0; policy.scratch_len()]);
    for probe in policy.view().probes() {
        policy.act(probe.observation, &mut action, &mut scratch)?;
        action.iter().for_each(|number| print!("{:08x} ", number.to_bits()));
    }
    println!();
    Ok(())
}
