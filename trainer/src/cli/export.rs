//! `lacewing export`.

use std::path::PathBuf;

use clap::ValueEnum;
use lacewing_formats::codec::{Encoding, IndexCodec, ValueCodec};

use super::CliError;
use crate::lab::{files, policy};

#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or a policy file.
    policy: PathBuf,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to write.
    #[arg(long, default_value = "lace")]
    format: Format,
    /// How weights are stored in a .lace file.
    #[arg(long, default_value = "f32")]
    values: Values,
    /// How columns are stored in a .lace file.
    #[arg(long, default_value = "u16")]
    indices: Indices,
    /// Leave out what it takes to go on learning: most of the file.
    #[arg(long)]
    no_resume_section: bool,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Lace,
}

#[derive(Clone, Copy, ValueEnum)]
enum Values {
    F32,
    F16,
}

#[derive(Clone, Copy, ValueEnum)]
enum Indices {
    U16,
    DeltaU8,
}

/// Writes a policy in another form.
pub fn run(args: &Args) -> Result<(), CliError> {
    files::refuse_existing(&args.out, args.force)?;
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let written = match args.format {
        Format::Lace => {
            let encoding = Encoding {
                values: match args.values {
                    Values::F32 => ValueCodec::F32,
                    Values::F16 => ValueCodec::F16,
                },
                indices: match args.indices {
                    Indices::U16 => IndexCodec::U16,
                    Indices::DeltaU8 => IndexCodec::DeltaU8,
                },
            };
            let file = policy::encode_again(&view, encoding, !args.no_resume_section)?;
            files::write_atomic(&args.out, &file)?;
            file.len()
        }
    };
    println!("{}: {written} bytes", args.out.display());
    Ok(())
}
