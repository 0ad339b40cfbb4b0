//! Whether a robot takes a policy.

use super::{Identity, Record};
use crate::act::{Interface, InterfaceError, LoadError, Policy};
use lacewing_formats::artifact::{AlignedBytes, FileError, PolicyView};
use lacewing_formats::policy::{Announced, Contract, Head, Mismatch, Signal};
use lacewing_formats::signature::{self, PublicKey, SignatureError, Statement};
use thiserror::Error;

/// Why a policy is not taken.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The robot takes only what is signed.
    #[error(
        "the policy is not signed, and this robot takes only what is: `lacewing sign POLICY --key KEY \
         --robot NAME`, then deploy again"
    )]
    Unsigned,
    /// See [`SignatureError`].
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed for another one.
    #[error(
        "the policy is signed for robot `{signed}`, and this is `{robot}`: deploy it there, or sign it \
         for this one"
    )]
    OtherRobot {
        /// In the signature.
        signed: String,
        /// This one.
        robot: String,
    },
    /// Signed before what runs.
    #[error(
        "the policy is signed with counter {counter}, older than the {running} that runs: sign it \
         again with a greater counter, if it is meant to replace that one"
    )]
    Older {
        /// In the signature.
        counter: u64,
        /// Of what runs.
        running: u64,
    },
    /// Two policies with one counter.
    #[error(
        "another policy with counter {counter} runs already: sign each policy with a greater counter \
         than the one before"
    )]
    SameCounter {
        /// Of both.
        counter: u64,
    },
    /// No policy.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not run here, or its probes come out otherwise.
    #[error("the policy does not act here as where it was made: {0}")]
    Load(#[from] LoadError),
    /// Its contract makes no interface.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// Other numbers of signals.
    #[error(
        "the policy takes {new} {what}, the one that runs {running}: it is for another robot; pass \
         --new-contract if the driver has changed as well"
    )]
    Sizes {
        /// Of what.
        what: &'static str,
        /// The policy's.
        new: String,
        /// Those of what runs.
        running: String,
    },
    /// Other signals than those of the policy that runs.
    #[error(
        "this robot's driver serves a policy with another contract: {0}; pass --new-contract if the \
         driver has changed as well"
    )]
    Contract(#[from] Mismatch),
}

/// A policy that a robot takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The signature's counter, where one was demanded.
    pub counter: Option<u64>,
}

/// What a signature says of a policy, if it is by `key` and for `robot`.
///
/// # Errors
/// [`Refusal`]: not signed, not by that key, changed, or for another robot.
pub fn vouched<'a>(
    policy: &[u8],
    sig: Option<&'a [u8]>,
    key: &PublicKey,
    robot: &str,
) -> Result<Statement<'a>, Refusal> {
    let signed = signature::verify(policy, sig.ok_or(Refusal::Unsigned)?, key)?;
    if signed.robot != robot {
        let (signed, robot) = (signed.robot.to_string(), robot.to_string());
        return Err(Refusal::OtherRobot { signed, robot });
    }
    Ok(signed)
}

/// Takes a policy, or says why not: first the signature, for this robot and not older than `running`,
/// then the file, then its probes.
///
/// # Errors
/// [`Refusal`].
pub fn accept(
    policy: &[u8],
    sig: Option<&[u8]>,
    identity: &Identity,
    running: Option<&Record>,
) -> Result<Accepted, Refusal> {
    let counter = match &identity.trust {
        Some(key) => {
            let robot = identity.robot.as_deref().unwrap_or_default();
            let signed = vouched(policy, sig, key, robot)?;
            if let Some((newest, record)) = running.and_then(|it| Some((it.counter?, it))) {
                if signed.counter < newest {
                    return Err(Refusal::Older { counter: signed.counter, running: newest });
                }
                if signed.counter == newest && signed.sha256 != record.policy {
                    return Err(Refusal::SameCounter { counter: newest });
                }
            }
            Some(signed.counter)
        }
        None => None,
    };
    let bytes = AlignedBytes::from(policy);
    let policy = Policy::new(PolicyView::parse(&bytes)?)?;
    let mut scratch = vec![0.0; policy.scratch_len()];
    policy.check_probes(&mut vec![0.0; policy.actions()], &mut scratch)?;
    Ok(Accepted { counter })
}

/// Whether the driver of the policy that runs can be that of a new one.
///
/// # Errors
/// [`Refusal`] where sizes, kinds of action, names, units or periods differ.
pub(super) fn same_contract(running: &[u8], new: &[u8]) -> Result<(), Refusal> {
    let (running, new) = (AlignedBytes::from(running), AlignedBytes::from(new));
    let (running, new) = (PolicyView::parse(&running)?, PolicyView::parse(&new)?);
    let sensors = |view: &PolicyView<'_>| -> Result<String, Refusal> {
        let mut memory = vec![0.0; Interface::numbers(view)];
        Ok(Interface::new(view, &mut memory)?.sensors().to_string())
    };
    let actions = |view: &PolicyView<'_>| {
        let discrete = view.header().head() == Head::Argmax;
        let kind = if discrete { "discrete" } else { "continuous" };
        format!("{} {kind}", view.header().outputs())
    };
    for (what, new, running) in [
        ("observations", sensors(&new)?, sensors(&running)?),
        ("actions", actions(&new), actions(&running)),
    ] {
        if new != running {
            return Err(Refusal::Sizes { what, new, running });
        }
    }
    if let (Some(old), Some(contract)) = (running.contract(), new.contract()) {
        let period = running.header().control_period_s();
        announced(&old, period).compare(&contract, new.header().control_period_s())?;
    }
    Ok(())
}

/// What a driver of this contract announces.
fn announced(contract: &Contract<'_>, period: f64) -> Announced {
    fn texts<'a>(
        signals: impl ExactSizeIterator<Item = Signal<'a>>,
        text: fn(Signal<'a>) -> &'a str,
    ) -> Option<Vec<String>> {
        (signals.len() > 0).then(|| signals.map(|signal| text(signal).to_string()).collect())
    }
    Announced {
        obs_names: texts(contract.observations(), |signal| signal.name),
        obs_units: texts(contract.observations(), |signal| signal.unit),
        act_names: texts(contract.actions(), |signal| signal.name),
        act_units: texts(contract.actions(), |signal| signal.unit),
        control_period_s: Some(period),
    }
}
