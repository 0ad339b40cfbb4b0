//! What the commands answer, to people and to `lacewing deploy`.

use super::{Asked, InstalledError, versions};
use lacewing_runtime::deploy::{Installed, State, Status, Version};
use serde_json::{Value, json};
use std::io::Write;

fn say(json: bool, value: &Value, text: &str) -> Result<(), InstalledError> {
    let mut out = std::io::stdout();
    let line = if json { value.to_string() } else { text.to_string() };
    writeln!(out, "{line}").map_err(InstalledError::Output)
}

pub(super) fn installed(
    installed: Installed,
    unit: &str,
    json: bool,
) -> Result<(), InstalledError> {
    let (number, new, what) = match installed {
        Installed::New(number) => (number, true, "is installed"),
        Installed::Already(number) => (number, false, "is this one already"),
    };
    let value = json!({ "version": number, "new": new, "unit": unit });
    say(json, &value, &format!("version {number} {what}; {unit}"))
}

pub(super) fn rolled_back(
    left: u32,
    now: u32,
    unit: &str,
    json: bool,
) -> Result<(), InstalledError> {
    let value = json!({ "left": left, "version": now, "unit": unit });
    say(json, &value, &format!("version {left} is left for version {now}; {unit}"))
}

/// Says which versions there are and how far they came.
///
/// # Errors
/// [`InstalledError`].
pub fn status(asked: &Asked) -> Result<(), InstalledError> {
    let status = versions(&asked.root)?.status()?;
    let versions: Vec<_> = status.versions.iter().map(|it| describe(it, &status)).collect();
    let robot = status.identity.robot.as_deref();
    let signed = status.identity.trust.is_some();
    let value = json!({
        "robot": robot, "trusts_a_key": signed, "version": status.current, "versions": versions,
    });
    let mut text = format!(
        "robot {}, {}",
        robot.unwrap_or("without a name"),
        if signed { "takes only signed policies" } else { "takes unsigned policies" }
    );
    for version in &versions {
        let field = |name: &str| version[name].as_str().unwrap_or_default().to_string();
        let mark = if version["version"] == json!(status.current) { '*' } else { ' ' };
        let (number, attempts) = (&version["version"], &version["attempts"]);
        let (state, policy) = (field("state"), field("policy"));
        text += &format!("\n{mark} {number:>4}  {state:<10} attempts {attempts:<3} {policy:.12}");
        if let Some(why) = version["why"].as_str() {
            text += &format!("  {why}");
        }
    }
    say(asked.json, &value, &text)
}

fn describe(version: &Version, status: &Status) -> Value {
    let number = version.number;
    let current = status.current == Some(number);
    let Some(record) = &version.record else {
        return json!({ "version": number, "current": current, "state": "damaged" });
    };
    let (state, why) = match record.state {
        State::Trying => ("trying", None),
        State::Confirmed => ("confirmed", None),
        State::Failed(why) => ("failed", Some(why.to_string())),
    };
    let hex: String = record.policy.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "version": number, "current": current, "state": state, "why": why,
        "attempts": record.attempts, "tries": record.plan.tries, "policy": hex,
        "counter": record.counter, "run": record.plan.run, "health": record.plan.health,
    })
}
