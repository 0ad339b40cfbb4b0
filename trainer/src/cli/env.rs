//! `lacewing env`.

use std::time::Duration;

use super::CliError;
use crate::env::{self, ActionSpace};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the environments and what they need.
    List,
    /// Fetch what an environment needs into your cache.
    Install {
        /// What to fetch.
        #[arg(value_parser = ["mujoco"])]
        what: String,
    },
    /// Let another program step an environment: JSON lines on stdin and stdout.
    ///
    /// It first writes {"spec":{"id":…,"obs_dim":…,"act_low":[…],"act_high":[…],…}}, or "actions":n
    /// for the limits where the actions are discrete. Then it answers {"reset":SEED} with
    /// {"obs":[…]}, {"action":[…]} with {"obs":[…],"reward":…,"terminated":…,"truncated":…}, and
    /// anything else with {"error":"…"}, until its input ends.
    Serve {
        /// Environment.
        env: String,
        /// Changes of the dynamics, e.g. gear=0.5.
        #[arg(long, default_value = "")]
        shift: String,
        /// Seconds from an action to the observation after it, as a robot takes them; a simulator is
        /// faster.
        #[arg(long, default_value = "0", value_parser = seconds)]
        period: Duration,
    },
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give seconds, such as 0.001".into())
}

/// Lists, installs or serves.
pub fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::List => {
            list();
            Ok(())
        }
        Command::Install { .. } => {
            say!("MuJoCo: {}", env::install_mujoco()?.display());
            Ok(())
        }
        Command::Serve { env, shift, period } => {
            let mut env = env::make(env, &shift.parse()?)?;
            let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
            env::serve::serve(&mut *env, *period, input, output).map_err(CliError::Pipe)
        }
    }
}

fn list() {
    for id in env::ids() {
        match env::make(id, &env::Shift::default()) {
            Ok(env) => {
                let spec = env.spec();
                let (inputs, outputs) = (spec.obs_dim, spec.action_space.outputs());
                let kind = match spec.action_space {
                    ActionSpace::Box { .. } => "actions",
                    ActionSpace::Discrete { .. } => "discrete actions",
                };
                say!("{id}: {inputs} observations, {outputs} {kind}");
            }
            Err(error) => say!("{id}: not available: {error}"),
        }
    }
}
