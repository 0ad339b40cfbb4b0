//! `lacewing export`.

use std::path::PathBuf;

use clap::ValueEnum;
use lacewing_formats::codec::{Encoding, IndexChoice, IndexCodec, ValueCodec};

use super::CliError;
use crate::lab::{files, policy};
use crate::onnx;

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
    /// How weights are stored in a .lace file [default: f32].
    #[arg(long)]
    values: Option<Values>,
    /// How columns are stored in a .lace file [default: u16].
    #[arg(long, alias = "indices")]
    index: Option<Index>,
    /// Leave out what it takes to go on learning: most of the file.
    #[arg(long)]
    no_resume_section: bool,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A policy file.
    Lace,
    /// The whole control step, dense in f32, from `obs` [batch, n] to `action` [batch, m].
    Onnx,
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

/// Writes a policy in another form.
pub fn run(args: &Args) -> Result<(), CliError> {
    files::refuse_existing(&args.out, args.force)?;
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let written = match args.format {
        Format::Lace => {
            let encoding = Encoding {
                values: match args.values {
                    None | Some(Values::F32) => ValueCodec::F32,
                    Some(Values::F16) => ValueCodec::F16,
                    Some(Values::Bf16) => ValueCodec::Bf16,
                    Some(Values::Int8) => ValueCodec::Int8,
                },
                indices: match args.index {
                    Some(Index::Auto) => IndexChoice::Smallest,
                    None | Some(Index::U16) => IndexCodec::U16.into(),
                    Some(Index::DeltaU8) => IndexCodec::DeltaU8.into(),
                    Some(Index::Nibble) => IndexCodec::Nibble.into(),
                    Some(Index::Bitmap) => IndexCodec::Bitmap.into(),
                    Some(Index::Rice) => IndexCodec::Rice.into(),
                },
            };
            let file = policy::encode_again(&view, encoding, !args.no_resume_section)?;
            files::write_atomic(&args.out, &file)?;
            file.len()
        }
        Format::Onnx if args.values.is_some() || args.index.is_some() => {
            let problem = "--values and --index are for .lace files; ONNX has dense f32 weights";
            return Err(CliError::Usage(problem.into()));
        }
        Format::Onnx => {
            let model = onnx::export(&view);
            files::write_atomic(&args.out, &model)?;
            model.len()
        }
    };
    say!("{}: {written} bytes", args.out.display());
    Ok(())
}
