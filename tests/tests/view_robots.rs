//! Robots drawn by MuJoCo. Those tests that need OpenGL without a window are run by
//! `cargo test -p lacewing-tests --test view_robots -- --ignored`, after `apt-get install libosmesa6`.

mod env_common;

use std::cell::RefCell;
use std::fs;
use std::process::Command;
use std::rc::Rc;

use env_common::env;
use lacewing::env::{Env, Scene};
use lacewing::lab::deployed::evaluate;
use lacewing::view::{Frame, Painter, Shots, Sink, Size, ViewError, film};
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::program::lacewing;

/// A 90 % sparse HalfCheetah.
const RECORD: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/records/halfcheetah-td3-90/seed1/policy.lace");

const SIZE: Size = Size { width: 240, height: 160 };

/// Keeps pictures.
struct Keep(Rc<RefCell<Vec<Frame>>>);

impl Sink for Keep {
    fn add(&mut self, frame: &Frame) -> Result<(), ViewError> {
        self.0.borrow_mut().push(frame.clone());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), ViewError> {
        Ok(())
    }
}

/// Columns of the robot's pixels: it is brown and pink, the floor greenish and black, the sky grey or blue.
fn robot(frame: &Frame) -> Vec<f64> {
    let pixels = frame.rgb.as_chunks::<3>().0.iter().enumerate();
    // Its mirror image on the floor is not it.
    let body = pixels.filter(|(at, _)| *at < 240 * 125);
    let brown = body.filter(|(_, [red, _, blue])| *red > blue.saturating_add(20));
    brown.map(|(at, _)| (at % 240) as f64).collect()
}

/// How many pixels of the lowest rows are dark and light squares.
fn floor(frame: &Frame) -> (usize, usize) {
    let pixels = &frame.rgb.as_chunks::<3>().0[240 * 140..];
    let dark = pixels.iter().filter(|colour| colour.iter().all(|&part| part < 40));
    let light = pixels.iter().filter(|[_, green, _]| *green > 150);
    (dark.count(), light.count())
}

#[test]
#[ignore = "needs OpenGL: apt-get install libosmesa6"]
fn every_robot_is_seen_whole() {
    for id in ["HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Ant-v5", "Humanoid-v5"] {
        let mut env = env(id, "");
        env.reset(1, &mut vec![0.0; env.spec().obs_dim]).unwrap();
        let mut painter = Painter::new(SIZE);
        let frame = painter.paint(&env.scene()).unwrap();
        assert_eq!(frame.rgb.len(), 240 * 160 * 3);
        let columns = robot(&frame);
        assert!(columns.len() > 200, "{id}: {}", columns.len());
        let inside = columns.iter().all(|column| (20.0..220.0).contains(column));
        assert!(inside, "{id} is cut off");
        assert!(floor(&frame).0.min(floor(&frame).1) > 300, "{id}: {:?}", floor(&frame));
        assert!(frame == painter.paint(&env.scene()).unwrap(), "{id}: as before");
        let other = Painter::new(SIZE).paint(&env.scene()).unwrap();
        assert!(frame == other, "{id}: of another renderer");
    }
}

#[test]
#[ignore = "needs OpenGL: apt-get install libosmesa6"]
fn the_camera_follows_the_robot_beyond_the_floor() {
    let bytes = AlignedBytes::read(RECORD).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let mut env = env("HalfCheetah-v5[time-limit=300]", "");
    let frames = Rc::default();
    let shots = Shots::of(&*env, Some(SIZE), Some(10));
    let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(Keep(Rc::clone(&frames)))];
    let filmed = film(view.clone(), &mut *env, 5, u32::MAX, &shots, &mut sinks).unwrap();
    assert!(x(&*env) > 80.0, "it ran {} m: the floor ends after 40", x(&*env));
    // Drawing changed nothing.
    assert_eq!(filmed.score, evaluate(view, &mut *env, 1, 5).unwrap().mean);

    let frames = frames.borrow();
    assert_eq!(frames.len(), 31);
    for (number, frame) in frames.iter().enumerate() {
        let columns = robot(frame);
        assert!(columns.len() > 200, "picture {number}: {}", columns.len());
        let middle = columns.iter().sum::<f64>() / columns.len() as f64;
        assert!((80.0..160.0).contains(&middle), "picture {number}: {middle}");
        let (dark, light) = floor(frame);
        assert!(dark.min(light) > 300, "picture {number}: no floor, {dark} {light}");
    }
}

fn x(env: &dyn Env) -> f64 {
    match env.scene() {
        Scene::Robot { qpos, .. } => qpos[0],
        _ => panic!("no robot"),
    }
}

#[test]
fn without_opengl_one_line_names_the_packages() {
    env("HalfCheetah-v5", "");
    let folder = tempfile::tempdir().unwrap();
    // What the system's loader finds first is no library.
    for library in ["libEGL.so.1", "libOSMesa.so.8"] {
        fs::write(folder.path().join(library), "none").unwrap();
    }
    let view = || {
        let mut command = Command::new(lacewing());
        command.args(["view", RECORD, "--gif", "new.gif", "--steps=3"]);
        command.current_dir(folder.path()).env_remove("MUJOCO_GL");
        command
    };
    let words = ["EGL", "OSMesa", "apt-get install libegl1 libgl1-mesa-dri", "libosmesa6"];
    let cases = [
        ("LD_LIBRARY_PATH", folder.path().as_os_str().to_owned(), &words[..]),
        ("MUJOCO_GL", "glfw".into(), &["MUJOCO_GL is `glfw`", "osmesa"]),
    ];
    for (variable, value, words) in cases {
        let output = view().env(variable, value).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
        assert!(words.iter().all(|word| stderr.contains(word)), "{stderr}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is written");
    }
}
