//! States that wait for a task: the task, and the state that goes on with its result.
//!
//! Each kind of result is a type of its own, so that a state is resumed with what it asked for, and a [`Verified`] can
//! come from nowhere but a check that passed.

use std::sync::Arc;

use super::{Context, State};
use crate::crypto::psk::Psk;
use crate::crypto::secret::SecretBytes;
use crate::crypto::task::{Credentials, EphemeralKey, Task, TaskError, TaskOutput};
use crate::error::{ApiMisuse, Error, PeerMisbehaved, TaskFailure};

/// A state that waits for the result of a task.
pub struct Wait<S: Resume> {
    task: Task,
    state: S,
}

impl<S: Resume> Wait<S> {
    /// Waits for `task`, then goes on with `state`.
    pub const fn new(task: Task, state: S) -> Self {
        Self { task, state }
    }

    /// What is waited for.
    pub const fn task(&self) -> &Task {
        &self.task
    }

    /// Goes on.
    pub fn finish(self, result: Result<TaskOutput, TaskError>, cx: &mut Context<'_>) -> Result<State, Error> {
        self.state.resume(output_of(&self.task, result)?, cx)
    }
}

/// The result of `task`, if it is of the kind that was asked for.
pub fn output_of<O: FromTaskOutput>(task: &Task, result: Result<TaskOutput, TaskError>) -> Result<O, Error> {
    let output = result.map_err(|error| failure(task, error))?;
    O::from_output(output).ok_or(Error::ApiMisuse(ApiMisuse::WrongTaskOutput))
}

/// A state that goes on with the result of a task.
pub trait Resume: Sized {
    /// The kind of result.
    type Output: FromTaskOutput;
    /// Goes on.
    fn resume(self, output: Self::Output, cx: &mut Context<'_>) -> Result<State, Error>;
}

/// One kind of result.
pub trait FromTaskOutput: Sized {
    /// The result, if it is of this kind.
    fn from_output(output: TaskOutput) -> Option<Self>;
}

/// Of [`Task::GenerateKeyShare`].
pub struct NewKeyShare {
    /// The private key.
    pub key: EphemeralKey,
    /// The public key.
    pub public: Vec<u8>,
}

impl FromTaskOutput for NewKeyShare {
    fn from_output(output: TaskOutput) -> Option<Self> {
        match output {
            TaskOutput::KeyShare { key, public } => Some(Self { key, public }),
            _ => None,
        }
    }
}

/// Of [`Task::AgreeKey`].
pub struct AgreedKey(pub SecretBytes);

impl FromTaskOutput for AgreedKey {
    fn from_output(output: TaskOutput) -> Option<Self> {
        match output {
            TaskOutput::SharedSecret(secret) => Some(Self(secret)),
            _ => None,
        }
    }
}

/// Of [`Task::RespondKeyShare`].
pub struct KeyShareResponse {
    /// Our `key_exchange`.
    pub public: Vec<u8>,
    /// The shared secret.
    pub secret: SecretBytes,
}

impl FromTaskOutput for KeyShareResponse {
    fn from_output(output: TaskOutput) -> Option<Self> {
        match output {
            TaskOutput::KeyShareResponse { public, secret } => Some(Self { public, secret }),
            _ => None,
        }
    }
}

/// Of [`Task::Sign`].
pub struct Signature(pub Vec<u8>);

impl FromTaskOutput for Signature {
    fn from_output(output: TaskOutput) -> Option<Self> {
        match output {
            TaskOutput::Signature(signature) => Some(Self(signature)),
            _ => None,
        }
    }
}

/// Of [`Task::VerifySignature`] and [`Task::VerifyPeer`]: the proof that the check passed.
pub struct Verified(());

impl FromTaskOutput for Verified {
    fn from_output(output: TaskOutput) -> Option<Self> {
        matches!(output, TaskOutput::Verified).then_some(Self(()))
    }
}

/// Of [`Task::SelectCredentials`].
pub struct SelectedCredentials(pub Option<Arc<Credentials>>);

impl FromTaskOutput for SelectedCredentials {
    fn from_output(output: TaskOutput) -> Option<Self> {
        match output {
            TaskOutput::Credentials(credentials) => Some(Self(credentials)),
            _ => None,
        }
    }
}

/// Of [`Task::LookUpPsk`].
pub struct FoundPsk(pub Option<Arc<Psk>>);

impl FromTaskOutput for FoundPsk {
    fn from_output(output: TaskOutput) -> Option<Self> {
        match output {
            TaskOutput::Psk(psk) => Some(Self(psk)),
            _ => None,
        }
    }
}

/// What a failed task means for the connection.
fn failure(task: &Task, error: TaskError) -> Error {
    match (error, task) {
        (TaskError::InvalidCertificate(error), _) => Error::InvalidCertificate(error),
        (TaskError::NoRandomBytes, _) => TaskFailure::NoRandomBytes.into(),
        (TaskError::Rejected, Task::AgreeKey { .. } | Task::RespondKeyShare { .. }) => {
            PeerMisbehaved::InvalidKeyShare.into()
        }
        (TaskError::Rejected, Task::VerifySignature { .. }) => PeerMisbehaved::InvalidSignature.into(),
        (TaskError::Rejected | TaskError::KeyMismatch, Task::VerifyDelegation(_)) => {
            PeerMisbehaved::InvalidDelegatedCredential.into()
        }
        (TaskError::KeyMismatch, Task::VerifySignature { .. }) => PeerMisbehaved::CertificateKeyMismatch.into(),
        (TaskError::Rejected | TaskError::KeyMismatch | TaskError::Failed, _) => TaskFailure::BackendFailed.into(),
    }
}
