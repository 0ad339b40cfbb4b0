//! The actions of policy files' probes by the twin of the Cortex-M kernel, a line a file, as the bits of their
//! numbers in hexadecimal: what those chips must compute. `act_probes POLICY...`.
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args_os().skip(1) {
        let file = AlignedBytes::read(path)?;
        let (view, twin) = (PolicyView::parse(&file)?, Kernel::cortex_m_twin());
        let policy = Policy::with_layout(view, Layout::InPlace, twin, &mut [])?;
        let mut action = vec![0.0; policy.actions()];
        let mut scratch = vec![0.0; policy.scratch_len()];
        for probe in policy.view().probes() {
            policy.act(probe.observation, &mut action, &mut scratch)?;
            action.iter().for_each(|number| print!("{:08x} ", number.to_bits()));
        }
        println!();
    }
    Ok(())
}
