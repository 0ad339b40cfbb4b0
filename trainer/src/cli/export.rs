//! `lacewing export`.

use std::path::PathBuf;

use clap::ValueEnum;
use lacewing_formats::artifact::{PolicyView, may_be_named};
use lacewing_formats::codec::{Encoding, IndexChoice, IndexCodec, ValueCodec};
use lacewing_formats::policy::is_same_period;
use serde::Serialize;

use super::CliError;
use super::eval::{EPISODES, env_id};
use super::finetune::resume_of;
use crate::env::{self, Shift};
use crate::lab::policy::Facts;
use crate::lab::quantisation::{self, ActionError, Returns};
use crate::lab::seeds::FRESH_SEED;
use crate::lab::{contract, deployed, files, policy, shipped};
use crate::onnx;

#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or a policy file.
    policy: PathBuf,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to write [default: onnx where the file's name ends so, else lace].
    #[arg(long)]
    format: Option<Format>,
    /// How weights are stored in a .lace file [default: f32].
    #[arg(long)]
    values: Option<Values>,
    /// How columns are stored in a .lace file [default: u16].
    #[arg(long, alias = "indices")]
    index: Option<Index>,
    /// Leave out what it takes to go on learning: most of the file.
    #[arg(long)]
    no_resume_section: bool,
    /// Let so many transitions travel in the .lace file, for fine-tuning to begin with: the policy makes them
    /// in its environment, exploring as in training (not for PPO). They hold up learning on a robot that has
    /// changed much since.
    #[arg(long, value_name = "COUNT", conflicts_with = "no_resume_section")]
    transitions: Option<u32>,
    /// TOML file with what the policy and its robot agree on (names, units, scales, limits …), to
    /// travel in the .lace file; see `lacewing inspect`.
    #[arg(long, value_name = "ROBOT.TOML")]
    contract: Option<PathBuf>,
    /// Environment to compare the exported policy with the original in [default with --episodes: the
    /// one it was trained in].
    #[arg(long)]
    env: Option<String>,
    /// Episodes that each of the two plays there [default with --env: 10].
    #[arg(long, value_parser = clap::value_parser!(u32).range(EPISODES))]
    episodes: Option<u32>,
    /// Decides the episodes' starts, and those of the transitions.
    #[arg(long, default_value_t = FRESH_SEED)]
    seed: u64,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A policy file.
    Lace,
    /// The whole control step, dense in f32, from `obs` [batch, n] to `action` [batch, m].
    Onnx,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Lace => "lace",
            Self::Onnx => "onnx",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Values {
    /// Exact.
    F32,
    /// Half the bytes.
    F16,
    /// Half the bytes, the range of f32, an eighth of the precision of f16.
    Bf16,
    /// A quarter of the bytes: 255 steps scaled for each row.
    Int8,
}

#[derive(Clone, Copy, ValueEnum)]
enum Index {
    /// The one with the fewest bytes, for each layer.
    Auto,
    /// Two bytes a link and row pointers: the fastest in place.
    U16,
    /// A byte a link where few gaps are long: in place on a small device.
    DeltaU8,
    /// Half a byte where few gaps are long.
    Nibble,
    /// A bit for every link, alive or not.
    Bitmap,
    /// The smallest below some 60 % of links, the slowest to read in place.
    Rice,
}

impl Args {
    fn encoding(&self) -> Encoding {
        Encoding {
            values: match self.values {
                None | Some(Values::F32) => ValueCodec::F32,
                Some(Values::F16) => ValueCodec::F16,
                Some(Values::Bf16) => ValueCodec::Bf16,
                Some(Values::Int8) => ValueCodec::Int8,
            },
            indices: match self.index {
                Some(Index::Auto) => IndexChoice::Smallest,
                None | Some(Index::U16) => IndexCodec::U16.into(),
                Some(Index::DeltaU8) => IndexCodec::DeltaU8.into(),
                Some(Index::Nibble) => IndexCodec::Nibble.into(),
                Some(Index::Bitmap) => IndexCodec::Bitmap.into(),
                Some(Index::Rice) => IndexCodec::Rice.into(),
            },
        }
    }

    /// As asked for, else as the name says.
    fn format(&self) -> Result<Format, CliError> {
        let extension = self.out.extension().and_then(|extension| extension.to_str());
        let named = extension.and_then(|name| Format::from_str(name, true).ok());
        let foreign = !may_be_named(&self.out);
        match (self.format, named) {
            (Some(asked), Some(named)) if asked != named => Err(CliError::Usage(format!(
                "{} is named as a {} file and --format asks for {}: change one of them",
                self.out.display(),
                named.name(),
                asked.name(),
            ))),
            (None, None) if foreign => Err(CliError::Usage(format!(
                "{} is named as what cannot be written: name it .lace or .onnx, or say with --format which of these it shall be",
                self.out.display(),
            ))),
            (asked, named) => Ok(asked.or(named).unwrap_or(Format::Lace)),
        }
    }

    fn only_for_lace(&self) -> bool {
        let encoding = self.values.is_some() || self.index.is_some();
        let played = self.transitions.is_some() || self.env.is_some() || self.episodes.is_some();
        encoding || self.contract.is_some() || played
    }
}

/// Writes a policy in another form, and says what it lost by that.
pub fn run(args: &Args) -> Result<(), CliError> {
    let format = args.format()?;
    files::check_output(&args.out, args.force)?;
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let mut robot = args.contract.as_deref().map(contract::read).transpose()?;
    let (written, loss) = match format {
        Format::Lace => {
            let own = policy::facts(&view);
            let shipping =
                args.transitions.map(|count| shipping(args, &view, count)).transpose()?;
            let resume = shipping.as_deref().or(own.resume).filter(|_| !args.no_resume_section);
            let kept = Facts { resume, ..own };
            let facts = robot.as_mut().map_or(Ok(kept), |robot| robot.agreed(kept))?;
            let (period, own) = (facts.control_period_s, own.control_period_s);
            if !is_same_period(period, own) {
                tell!("it acts every {period} s by the contract, and every {own} s until now");
            }
            let file = policy::encode_again(&view, &facts, args.encoding())?;
            let loss = Loss::of(args, &view, &policy::parse(&file, &args.out)?)?;
            files::write_atomic(&args.out, &file)?;
            (file.len(), loss)
        }
        Format::Onnx if args.only_for_lace() => {
            return Err(CliError::Usage(
                "--values, --index, --transitions, --contract, --env and --episodes are for .lace files; \
                 ONNX has dense f32 weights: leave them out"
                    .into(),
            ));
        }
        Format::Onnx => {
            let model = onnx::export(&view);
            files::write_atomic(&args.out, &model)?;
            (model.len(), None)
        }
    };
    if args.json {
        // JSON is UTF-8, whatever paths are.
        let file = args.out.to_string_lossy();
        let format = format.name();
        let json =
            serde_json::json!({ "file": file, "format": format, "bytes": written, "loss": loss });
        say!("{json}");
    } else {
        say!("{}: {written} bytes of {}", args.out.display(), format.name());
        loss.iter().for_each(Loss::print);
        if format == Format::Onnx && view.contract().is_some() {
            say!("the contract with the robot stays behind: ONNX has no place for it");
        }
    }
    Ok(())
}

/// The resume section with transitions that it did not have, or with others; without any for a count of 0.
fn shipping(args: &Args, view: &PolicyView<'_>, count: u32) -> Result<Vec<u8>, CliError> {
    let resume = resume_of(view, &args.policy)?;
    let section = view.resume().unwrap_or_default();
    let mut section = resume.without_shipped(section).to_vec();
    if count > 0 {
        if resume.settings().iteration().is_some() {
            return Err(CliError::Usage(
                "--transitions: this policy's algorithm learns from its own present steps only; leave it out"
                    .into(),
            ));
        }
        let id = env_id(args.env.as_deref(), view)?;
        let mut env = env::make(id, &Shift::default())?;
        deployed::check_fit(view, &*env)?;
        section.extend(shipped::record(&resume, &mut *env, count as usize, args.seed)?);
    }
    Ok(section)
}

/// What became of the policy by being stored as it is.
#[derive(Serialize)]
struct Loss {
    /// Shares of half the range of each action.
    action_error: ActionError,
    #[serde(flatten)]
    played: Option<Played>,
}

#[derive(Serialize)]
struct Played {
    env: String,
    episodes: u32,
    seed: u64,
    returns: Returns,
}

impl Loss {
    /// By the episodes asked for, else on the probes; `None` where there are neither.
    fn of(
        args: &Args,
        original: &PolicyView<'_>,
        exported: &PolicyView<'_>,
    ) -> Result<Option<Self>, CliError> {
        if args.env.is_none() && args.episodes.is_none() {
            let action_error = quantisation::on_probes(original, exported)?;
            let any = action_error.observations > 0;
            return Ok(any.then_some(Self { action_error, played: None }));
        }
        let id = env_id(args.env.as_deref(), original)?;
        let (episodes, seed) = (args.episodes.unwrap_or(10), args.seed);
        let mut env = env::make(id, &Shift::default())?;
        let (action_error, returns) =
            quantisation::in_environment(original, exported, &mut *env, episodes, seed)?;
        let played = Some(Played { env: id.into(), episodes, seed, returns });
        Ok(Some(Self { action_error, played }))
    }

    fn print(&self) {
        let ActionError { observations, max, rms } = self.action_error;
        say!(
            "action error on {observations} recorded observations: max {:.3} %, RMS {:.3} % of half \
             the range",
            100.0 * max,
            100.0 * rms
        );
        if let Some(Played { env, episodes, returns, .. }) = &self.played {
            let Returns { before, after } = returns;
            say!("{env}: return {before} before, {after} after, over {episodes} episodes each");
        }
    }
}
