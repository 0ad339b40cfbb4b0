//! `lacewing view`.

use std::path::{Path, PathBuf};

use clap::ArgGroup;

use super::CliError;
use super::eval::{env_id, note_limits};
use crate::env::{self, Shift};
use crate::lab::seeds::FRESH_SEED;
use crate::lab::{files, policy};
use crate::view::{Gif, Mp4, Png, Shots, Sink, Size, film};

#[derive(clap::Args)]
#[command(group(ArgGroup::new("output").required(true).multiple(true).args(["gif", "mp4", "png"])))]
pub struct Args {
    /// Policy file, or a run's folder.
    policy: PathBuf,
    /// Environment to play in [default: the one it was trained in].
    #[arg(long)]
    env: Option<String>,
    /// Write an animated GIF.
    #[arg(long, value_name = "FILE")]
    gif: Option<PathBuf>,
    /// Write a video, where the program `ffmpeg` is installed.
    #[arg(long, value_name = "FILE")]
    mp4: Option<PathBuf>,
    /// Write the last picture as a still.
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Changes of the dynamics, e.g. gear=0.5,mass=1.3.
    #[arg(long, default_value = "")]
    shift: String,
    /// Stop after so many steps [default: at the end of the episode].
    #[arg(long)]
    steps: Option<u32>,
    /// Draw every so many steps [default: 25 pictures a second, or each step where there are fewer].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    every: Option<u32>,
    /// Pixels, such as 320x240 [default: what suits the environment].
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    size: Option<String>,
    /// Decides the episode's start.
    #[arg(long, default_value_t = FRESH_SEED)]
    seed: u64,
    /// Replace existing files.
    #[arg(long)]
    force: bool,
}

impl Args {
    /// Refuses a file that is named as what it will not be, and one that is named twice.
    fn check_names(&self) -> Result<(), CliError> {
        let kinds = [("gif", &self.gif), ("mp4", &self.mp4), ("png", &self.png)];
        let mut places = Vec::new();
        for (kind, path) in kinds.iter().filter_map(|(kind, path)| Some((*kind, path.as_ref()?))) {
            let named = path.extension().unwrap_or_default();
            let other = kinds.iter().map(|(other, _)| *other);
            let other = other.filter(|&other| other != kind && named.eq_ignore_ascii_case(other));
            if let Some(other) = { other }.next() {
                return Err(CliError::Usage(format!(
                    "{} is named as a {other} file and --{kind} writes another: name it .{kind}, or write it \
                     with --{other}",
                    path.display()
                )));
            }
            // Without a working directory nothing can be written anyway.
            let place = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            if places.contains(&place) {
                return Err(CliError::Usage(format!(
                    "{} can hold one kind of picture only: name another file for --{kind}",
                    path.display()
                )));
            }
            places.push(place);
        }
        Ok(())
    }
}

/// Plays an episode and draws it.
pub fn run(args: &Args) -> Result<(), CliError> {
    let outputs = || [&args.gif, &args.mp4, &args.png].into_iter().flatten();
    args.check_names()?;
    outputs().try_for_each(|path| files::check_output(path, args.force))?;
    let size: Option<Size> = args.size.as_deref().map(str::parse).transpose()?;
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let id = env_id(args.env.as_deref(), &view)?;
    let shift: Shift = args.shift.parse()?;
    let mut env = env::make(id, &shift)?;
    note_limits(&view);
    // A still needs no picture before the last.
    let still = args.gif.is_none() && args.mp4.is_none();
    let every = if still { Some(u32::MAX) } else { args.every };
    let shots = Shots::of(&*env, size, every);

    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = &args.gif {
        sinks.push(Box::new(Gif::new(path.clone(), shots.seconds)));
    }
    if let Some(path) = &args.mp4 {
        sinks.push(Box::new(Mp4::start(path.clone(), shots.size, shots.seconds)?));
    }
    if let Some(path) = &args.png {
        sinks.push(Box::new(Png::new(path.clone())));
    }
    let steps = args.steps.unwrap_or(u32::MAX);
    let filmed = film(view, &mut *env, args.seed, steps, &shots, &mut sinks)?;
    sinks.into_iter().try_for_each(Sink::finish)?;
    say!(
        "{id}: return {:.1} in {} steps, {} pictures of {}",
        filmed.score,
        filmed.steps,
        filmed.frames,
        shots.size
    );
    outputs().for_each(|path| say!("{}", described(path)));
    Ok(())
}

/// A file with its size.
fn described(path: &Path) -> String {
    let bytes = path.metadata().map_or(0, |data| data.len());
    format!("{} ({:.1} kB)", path.display(), bytes as f64 / 1000.0)
}
