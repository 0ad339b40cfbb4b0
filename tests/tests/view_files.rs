//! `lacewing view`: the files hold the episode's pictures, for as long as they last, and whatever is wrong
//! is said in a line.
#![cfg(unix)]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use lacewing::view::{Frame, Gif, Sink, Size};
use lacewing_formats::codec::Encoding;
use lacewing_tests::actor;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;

/// A GIF, played.
struct Played {
    size: (u16, u16),
    /// What is seen, red, green and blue.
    pictures: Vec<Vec<u8>>,
    /// Hundredths of a second of each.
    delays: Vec<u16>,
    for_ever: bool,
}

fn play(path: &Path) -> Played {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(File::open(path).unwrap()).unwrap();
    let size = (decoder.width(), decoder.height());
    let width = usize::from(size.0);
    let mut seen = vec![[0; 3]; width * usize::from(size.1)];
    let (mut pictures, mut delays) = (Vec::new(), Vec::new());
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert!(frame.palette.is_none(), "one palette for all");
        let part = usize::from(frame.width);
        for (at, &[r, g, b, alpha]) in frame.buffer.as_chunks::<4>().0.iter().enumerate() {
            let row = usize::from(frame.top) + at / part;
            if alpha > 0 {
                seen[row * width + usize::from(frame.left) + at % part] = [r, g, b];
            }
        }
        pictures.push(seen.concat());
        delays.push(frame.delay);
    }
    let for_ever = decoder.repeat() == gif::Repeat::Infinite;
    Played { size, pictures, delays, for_ever }
}

/// Writes pictures as a GIF and plays it.
fn through_gif(frames: &[Frame], seconds: f64) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.gif");
    let mut sink: Box<dyn Sink> = Box::new(Gif::new(path.clone(), seconds));
    frames.iter().for_each(|frame| sink.add(frame).unwrap());
    sink.finish().unwrap();
    play(&path)
}

const SIZE: Size = Size { width: 40, height: 30 };

fn frame(colour: impl Fn(usize, usize) -> [u8; 3]) -> Frame {
    let (width, height) = (usize::from(SIZE.width), usize::from(SIZE.height));
    let places = (0..height).flat_map(|row| (0..width).map(move |column| (column, row)));
    Frame { size: SIZE, rgb: places.flat_map(|(column, row)| colour(column, row)).collect() }
}

#[test]
fn a_gif_with_few_colours_shows_every_picture_exactly() {
    // More pictures than the palette is made from; a square wanders, and stands still for two.
    let square = |step: usize| {
        let at = if step == 7 { 6 } else { step };
        frame(move |x, y| if x.abs_diff(at) < 4 && y < 9 { [200, 10, 30] } else { [255; 3] })
    };
    let frames: Vec<_> = (0..30).map(square).collect();
    let played = through_gif(&frames, 0.045);
    assert_eq!(played.size, (40, 30));
    assert!(played.for_ever);
    assert_eq!(played.pictures.len(), frames.len());
    for (number, (seen, frame)) in played.pictures.iter().zip(&frames).enumerate() {
        assert!(*seen == frame.rgb, "picture {number}");
    }
    // 4.5 hundredths each on the average.
    assert!(played.delays.iter().all(|delay| [4, 5].contains(delay)), "{:?}", played.delays);
    assert_eq!(played.delays.iter().sum::<u16>(), 135);
}

#[test]
fn a_gif_with_many_colours_is_close() {
    let shade = |step: usize| frame(move |x, y| [(6 * x) as u8, (8 * y) as u8, (60 + step) as u8]);
    let frames: Vec<_> = (0..20).map(shade).collect();
    let played = through_gif(&frames, 0.001);
    for (seen, frame) in played.pictures.iter().zip(&frames) {
        let off = seen.iter().zip(&frame.rgb).map(|(a, b)| u32::from(a.abs_diff(*b)));
        let mean = f64::from(off.clone().sum::<u32>()) / seen.len() as f64;
        assert!(mean < 8.0 && off.max().unwrap() < 48, "{mean}");
    }
    // As short as browsers show.
    assert_eq!(played.delays, [2; 20]);
}

/// A folder with an untrained policy for Pendulum-v1.
fn furnished() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut policy = actor::random(&[3, 16, 1], 0.5, 3);
    (policy.low, policy.high) = (vec![-2.0], vec![2.0]);
    fs::write(folder.path().join("p.lace"), &*policy.write(Encoding::PLAIN).unwrap()).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(lacewing());
    command.args(arguments).current_dir(folder);
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_filmed_episode_is_the_one_that_eval_plays() {
    let folder = furnished();
    let view = ["view", "p.lace", "--seed=7", "--gif=new.gif", "--png=new.png", "--every=4"];
    let said = stdout(&succeed(&mut run(folder.path(), &view)));
    let eval = ["eval", "p.lace", "--seed=7", "--episodes=1", "--json"];
    let score: serde_json::Value =
        serde_json::from_str(&stdout(&succeed(&mut run(folder.path(), &eval)))).unwrap();
    let score = score["mean"].as_f64().unwrap();
    let expected = format!("return {score:.1} in 200 steps, 51 pictures of 300x300");
    assert!(said.contains(&expected), "{expected}: {said}");

    let played = play(&folder.path().join("new.gif"));
    assert_eq!((played.size, played.pictures.len()), ((300, 300), 51));
    // Four steps of 50 ms.
    assert_eq!(played.delays, [20; 51]);
    let (first, last) = (&played.pictures[0], &played.pictures[50]);
    assert_ne!(first, last);
    // The still is the last picture.
    let file = std::io::BufReader::new(File::open(folder.path().join("new.png")).unwrap());
    let mut still = png::Decoder::new(file).read_info().unwrap();
    let mut rgb = vec![0; still.output_buffer_size().unwrap()];
    still.next_frame(&mut rgb).unwrap();
    let off = |gif: &[u8]| gif.iter().zip(&rgb).filter(|(a, b)| a.abs_diff(**b) > 40).count();
    assert_eq!(rgb.len(), 3 * 300 * 300);
    assert!(off(last) < 30 && off(first) > 300, "{} {}", off(last), off(first));

    // Again it is the same file; and a replaced one only if it may be.
    let bytes = fs::read(folder.path().join("new.gif")).unwrap();
    assert!(!run(folder.path(), &view).output().unwrap().status.success());
    succeed(run(folder.path(), &view).arg("--force"));
    assert!(fs::read(folder.path().join("new.gif")).unwrap() == bytes);
}

#[test]
fn steps_and_size_are_what_was_asked_for() {
    let folder = furnished();
    let view = ["view", "p.lace", "--gif=new.gif", "--steps=5", "--every=2", "--size=80x60"];
    succeed(&mut run(folder.path(), &view));
    let played = play(&folder.path().join("new.gif"));
    // After 0, 2 and 4 steps, and the end.
    assert_eq!((played.size, played.pictures.len()), ((80, 60), 4));
}

/// Puts a shell script called ffmpeg onto the PATH.
fn with_ffmpeg(folder: &Path, script: &str) -> Command {
    let path = folder.join("ffmpeg");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = run(folder, &["view", "p.lace", "--mp4=new.mp4", "--steps=9"]);
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&old);
    command.env("PATH", std::env::join_paths([folder.to_owned()].into_iter().chain(all)).unwrap());
    command.args(["--size=64x48"]);
    command
}

fn complaint(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    stderr
}

#[test]
fn a_video_is_every_picture_through_a_pipe() {
    let folder = furnished();
    let script = "for last; do :; done; echo \"$@\" > said; cat > \"$last\"";
    succeed(&mut with_ffmpeg(folder.path(), script));
    let raw = fs::read(folder.path().join("new.mp4")).unwrap();
    assert_eq!(raw.len(), 10 * 64 * 48 * 3);
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(said.contains("-video_size 64x48 -framerate 20 "), "{said}");
}

#[test]
fn without_ffmpeg_or_with_one_that_fails_nothing_is_left() {
    let folder = furnished();
    let none = complaint(
        run(folder.path(), &["view", "p.lace", "--mp4=new.mp4"]).env("PATH", folder.path()),
    );
    assert!(none.contains("apt-get install ffmpeg") && none.contains("--gif"), "{none}");
    for script in ["cat > /dev/null", "exec 0<&-"] {
        let script = format!("{script}; echo 'Unknown encoder' >&2; echo >&2; exit 1");
        let failed = complaint(&mut with_ffmpeg(folder.path(), &script));
        assert!(failed.contains("new.mp4: Unknown encoder"), "{failed}");
        let silent = complaint(&mut with_ffmpeg(folder.path(), "exit 3"));
        assert!(silent.contains("exit status: 3"), "{silent}");
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "the policy and the script");
}
