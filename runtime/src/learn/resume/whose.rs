//! Whose a resume section is.

use super::{Resume, ResumeError};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::{Activation, Head};

impl<'a> Resume<'a> {
    /// The resume section of a policy file; none where the file has none.
    ///
    /// # Errors
    /// [`ResumeError`], also where it is not this policy's.
    pub fn of(view: &PolicyView<'a>) -> Result<Option<Self>, ResumeError> {
        let Some(resume) = view.resume().map(Resume::parse).transpose()? else { return Ok(None) };
        resume.check_policy(view, hash(view))?;
        Ok(Some(resume))
    }

    /// Refuses the section where it is not of this policy, whose [`policy_hash`] is given, or where the
    /// learner has not what follows the policy's sums.
    ///
    /// # Errors
    /// [`ResumeError::OtherPolicy`], [`ResumeError::Activation`], [`ResumeError::Head`].
    fn check_policy(&self, view: &PolicyView<'_>, hash: u32) -> Result<(), ResumeError> {
        let head = view.action_head().kind();
        if head == Head::Clamped {
            return Err(ResumeError::Head { head: head.name() });
        }
        let last = view.layers().len() - 1;
        for (index, layer) in view.layers().enumerate() {
            let learned = match index == last {
                true => self.settings().kind().output_activation(),
                false => Activation::Relu,
            };
            if layer.norm.is_some() {
                return Err(ResumeError::Activation { layer: index, what: "layer normalisation" });
            }
            if layer.activation != learned {
                return Err(ResumeError::Activation {
                    layer: index,
                    what: layer.activation.name(),
                });
            }
        }
        let what = if view.header().observations() != self.shape().observations() {
            "observations"
        } else if view.header().actions() != self.shape().action_numbers() {
            "actions"
        } else if hash != self.header().policy_hash {
            "links or biases"
        } else {
            return Ok(());
        };
        Err(ResumeError::OtherPolicy { what })
    }
}

/// What a resume section must say of the policy it belongs to: its [`policy_hash`](super::policy_hash).
fn hash(view: &PolicyView<'_>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for layer in view.layers() {
        let mut rows = layer.iter().map(|(row, ..)| row).peekable();
        let mut end = 0_u32;
        hasher.update(&end.to_le_bytes());
        for row in 0..layer.rows() {
            while rows.next_if_eq(&row).is_some() {
                end += 1;
            }
            hasher.update(&end.to_le_bytes());
        }
        for (_, column, _) in layer.iter() {
            hasher.update(&column.to_le_bytes());
        }
        hasher.update(bytemuck::cast_slice(layer.bias));
    }
    hasher.finalize()
}
