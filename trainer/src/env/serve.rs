//! An environment for other programs: one JSON value a line over a pipe
//! (`lacewing env serve ID [--shift …]`).
//!
//! The server speaks first, then answers each line with one line, in order, until its input ends.
//!
//! | from | line |
//! |---|---|
//! | server, once | `{"spec":{"id":"Pendulum-v1","obs_dim":3,"act_low":[-2.0],"act_high":[2.0],"max_episode_steps":200,"control_period_s":0.05}}` |
//! | where its numbers are named | also `"obs_names":[…],"obs_units":[…],"act_names":[…],"act_units":[…]` |
//! | or of discrete actions | `{"spec":{"id":"CartPole-v1","obs_dim":4,"actions":2,"max_episode_steps":500,"control_period_s":0.02}}` |
//! | client | `{"reset":SEED}` (a whole number from 0 to 2⁶⁴ − 1): start an episode |
//! | server | `{"obs":[…]}` |
//! | client | `{"action":[…]}`: one step, `act_low.len()` values in the environment's units; of discrete actions the number of one from 0 to `actions` - 1, `{"action":[k]}` |
//! | client, for one value | `{"action":k}`, the same as `{"action":[k]}` |
//! | server | `{"obs":[…],"reward":R,"terminated":false,"truncated":false}` |
//! | server, to anything else | `{"error":"what was wrong"}` |
//!
//! After an error the episode is where it was before the line. After a step with `terminated`
//! (the task ended) or `truncated` (its time limit did), the next line must be a reset. Every
//! number reads back as the same double.

use super::{Env, EnvError, EnvSpec};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, ErrorKind, Write};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Request {
    Reset(u64),
    Action(Action),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an action is a list of numbers or one number")]
enum Action {
    One(f32),
    Many(Vec<f32>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply<'a> {
    Spec { spec: &'a EnvSpec },
    Reset { obs: &'a [f64] },
    Step { obs: &'a [f64], reward: f64, terminated: bool, truncated: bool },
    Error { error: String },
}

/// Serves `env` until `input` ends or nobody reads `output` any more. What follows an action is told so
/// long after the action came, as by a robot whose sensors are read once in a `period`.
///
/// # Errors
/// Those of reading `input` and of writing `output`.
pub fn serve(
    env: &mut dyn Env,
    period: Duration,
    mut input: impl BufRead,
    mut output: impl Write,
) -> io::Result<()> {
    let mut obs = vec![0.0; env.spec().obs_dim];
    let mut line = Vec::new();
    let mut spoken = send(&mut output, &Reply::Spec { spec: env.spec() })?;
    while spoken && input.read_until(b'\n', &mut line)? > 0 {
        let came = Instant::now();
        let reply = match serde_json::from_slice(&line) {
            Ok(request) => answer(env, request, &mut obs)
                .unwrap_or_else(|error| Reply::Error { error: error.to_string() }),
            Err(error) => Reply::Error {
                error: format!("not a {{\"reset\":SEED}} or {{\"action\":[…]}} line: {error}"),
            },
        };
        if matches!(reply, Reply::Step { .. }) {
            thread::sleep(period.saturating_sub(came.elapsed()));
        }
        spoken = send(&mut output, &reply)?;
        line.clear();
    }
    Ok(())
}

fn answer<'a>(
    env: &mut dyn Env,
    request: Request,
    obs: &'a mut [f64],
) -> Result<Reply<'a>, EnvError> {
    match request {
        Request::Reset(seed) => {
            env.reset(seed, obs)?;
            Ok(Reply::Reset { obs })
        }
        Request::Action(action) => {
            let action = match &action {
                Action::One(value) => std::slice::from_ref(value),
                Action::Many(values) => values,
            };
            let step = env.step(action, obs)?;
            let (terminated, truncated) = (step.terminated, step.truncated);
            Ok(Reply::Step { obs, reward: step.reward, terminated, truncated })
        }
    }
}

/// Writes one line at once; `false` where the reader is gone.
fn send(output: &mut impl Write, reply: &Reply<'_>) -> io::Result<bool> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    match output.write_all(&line).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}
