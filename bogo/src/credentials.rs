//! Certificates, raw public keys and pre-shared keys, in the order of the command line: the first that the peer can make
//! use of is taken, as BoringSSL does.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use dtls_wasm::codec::Decode as _;
use dtls_wasm::crypto::psk::{ExternalKey, HashAlgorithm, Psk};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, credentials, provider, raw_public_key};
use dtls_wasm::crypto::task::{Backend, Credentials, CredentialsRequest, PskRequest, Task, TaskError, TaskOutput};
use dtls_wasm::identity::pem;
use dtls_wasm::wire::delegated_credential::DelegatedCredential;
use dtls_wasm::wire::registry::{CertificateType, SignatureScheme};

use crate::exchange::Failure;
use crate::flags::{CredentialFlags, CredentialKind, Flags};

/// BoringSSL's number of the certificate that no `-new-*-credential` introduced, and of none.
const DEFAULT: i32 = -1;

/// What was chosen, or why nothing was.
#[derive(Debug, Default)]
struct Choice {
    selected: Option<i32>,
    looked_for_psk: bool,
    found_psk: bool,
    refused: Option<&'static str>,
}

/// One of those that there are.
enum Entry {
    /// It is alone in a back end of its own, which knows whether the peer can make use of it.
    Shown { index: i32, credentials: Box<Credentials>, alone: Box<LocalBackend> },
    /// One key for each hash that there is.
    Shared { index: i32, psks: Vec<Arc<Psk>> },
}

/// Runs every task, but for a selection that BoringSSL would end the connection at.
pub struct Wallet {
    /// For everything else.
    local: LocalBackend,
    entries: Vec<Entry>,
    choice: Mutex<Choice>,
    /// A client that has credentials, but none for this server, goes no further; RFC 9846 would let it go on without.
    must_select: bool,
    fails_selection: bool,
}

impl Wallet {
    pub fn new(flags: &Flags, local: LocalBackend) -> Result<Self, Failure> {
        let mut entries = Vec::new();
        for (index, one) in (0_i32..).zip(&flags.credentials) {
            entries.push(entry(one, index, flags)?);
        }
        if flags.own.cert_file.is_some() && flags.own.key_file.is_some() {
            entries.push(entry(&flags.own, DEFAULT, flags)?);
        }
        let must_select = !flags.server && flags.credentials.iter().any(|one| one.kind != CredentialKind::Psk);
        let fails_selection = flags.server && flags.fail_ocsp_callback;
        Ok(Self { local, entries, choice: Mutex::default(), must_select, fails_selection })
    }

    /// All pre-shared keys, in order.
    pub fn psks(&self) -> impl Iterator<Item = (i32, &Arc<Psk>)> {
        self.entries.iter().flat_map(|entry| match entry {
            Entry::Shared { index, psks } => psks.iter().map(|psk| (*index, psk)).collect(),
            Entry::Shown { .. } => Vec::new(),
        })
    }

    /// The number of the pre-shared key that has this identity.
    pub fn index_of_psk(&self, identity: &[u8]) -> Option<i32> {
        self.psks().find(|(_, psk)| psk.identity() == identity).map(|(index, _)| index)
    }

    /// The types of certificate that there are, in order.
    pub fn types(&self) -> Vec<CertificateType> {
        let mut types = Vec::new();
        for entry in &self.entries {
            if let Entry::Shown { credentials, .. } = entry
                && !types.contains(&credentials.certificate_type)
            {
                types.push(credentials.certificate_type);
            }
        }
        types
    }

    /// The number of what was shown.
    pub fn selected(&self) -> i32 {
        self.note(|choice| choice.selected).unwrap_or(DEFAULT)
    }

    /// Whether the client had a key that we have, too.
    pub fn has_found_psk(&self) -> bool {
        self.note(|choice| choice.found_psk)
    }

    /// Why nothing could be shown.
    pub fn last_refused(&self) -> Option<&'static str> {
        self.note(|choice| choice.refused)
    }

    /// BoringSSL's name for why nothing was selected: that of the last one that was looked at.
    pub fn why_none(&self, request: &CredentialsRequest) -> &'static str {
        if self.fails_selection {
            return ":OCSP_CB_ERROR:";
        }
        match self.entries.last() {
            None => ":NO_CERTIFICATE_SET:",
            Some(Entry::Shared { .. }) if self.note(|choice| choice.looked_for_psk) => ":PSK_IDENTITY_NOT_FOUND:",
            Some(Entry::Shared { .. }) => ":NO_SUPPORTED_PSK_MODE:",
            Some(Entry::Shown { credentials, .. })
                if !request.certificate_types.contains(&credentials.certificate_type) =>
            {
                ":UNKNOWN_CERTIFICATE_TYPE:"
            }
            Some(Entry::Shown { credentials, .. }) if credentials.scheme_for(request).is_none() => {
                ":NO_COMMON_SIGNATURE_ALGORITHMS:"
            }
            Some(Entry::Shown { .. }) => ":NO_MATCHING_ISSUER:",
        }
    }

    fn note<T>(&self, at: impl FnOnce(&mut Choice) -> T) -> T {
        at(&mut self.choice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn select(&self, request: &CredentialsRequest) -> Option<Arc<Credentials>> {
        let task = Task::SelectCredentials(request.clone());
        self.entries.iter().find_map(|entry| match entry {
            Entry::Shown { index, alone, .. } => match alone.perform(&task) {
                Some(Ok(TaskOutput::Credentials(Some(selected)))) => {
                    self.note(|choice| choice.selected = Some(*index));
                    Some(selected)
                }
                _ => None,
            },
            Entry::Shared { .. } => None,
        })
    }

    /// A certificate that stands before every key that fits is preferred, if the client can verify its signature.
    fn look_up(&self, request: &PskRequest) -> Option<Arc<Psk>> {
        self.note(|choice| choice.looked_for_psk = true);
        for entry in &self.entries {
            match entry {
                Entry::Shown { credentials, .. } => {
                    if credentials.schemes.iter().any(|scheme| request.schemes.contains(scheme)) {
                        return None;
                    }
                }
                Entry::Shared { psks, .. } => {
                    let fits = |psk: &&Arc<Psk>| {
                        psk.hash() == request.hash && request.identities.iter().any(|one| one == psk.identity())
                    };
                    if let Some(psk) = psks.iter().find(fits) {
                        self.note(|choice| choice.found_psk = true);
                        return Some(Arc::clone(psk));
                    }
                }
            }
        }
        None
    }
}

impl Backend for Wallet {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        match task {
            Task::SelectCredentials(_) if self.fails_selection => None,
            Task::SelectCredentials(request) => match self.select(request) {
                None if self.must_select => None,
                None => {
                    let why = self.why_none(request);
                    self.note(|choice| choice.refused = Some(why));
                    Some(Ok(TaskOutput::Credentials(None)))
                }
                selected => Some(Ok(TaskOutput::Credentials(selected))),
            },
            Task::LookUpPsk(request) => Some(Ok(TaskOutput::Psk(self.look_up(request)))),
            other => self.local.perform(other),
        }
    }
}

fn entry(from: &CredentialFlags, index: i32, flags: &Flags) -> Result<Entry, Failure> {
    if from.kind == CredentialKind::Psk {
        return Ok(Entry::Shared { index, psks: import(from)? });
    }
    let mut credentials = load(from)?;
    if !from.signing_prefs.is_empty() {
        let preferred = from.signing_prefs.iter().copied().map(SignatureScheme);
        credentials.schemes = preferred.filter(|scheme| credentials.schemes.contains(scheme)).collect();
    }
    credentials.must_match_issuer = from.must_match_issuer;
    if !flags.decline_ocsp_callback {
        credentials.ocsp_response = from.ocsp_response.clone();
    }
    credentials.signed_certificate_timestamps = from.timestamps.clone();
    let alone = LocalBackend::new(Arc::new(OsRandom)).with_credentials(credentials.clone());
    Ok(Entry::Shown { index, credentials: Box::new(credentials), alone: Box::new(alone) })
}

fn load(from: &CredentialFlags) -> Result<Credentials, Failure> {
    let path = from.key_file.as_deref().unwrap_or_default();
    let private = pem::private_key(&text(path)?).map_err(|error| Failure::Failed(format!("{path}: {error}")))?;
    let unsupported = |error| Failure::Unimplemented(format!("{path}: {error}"));
    match from.kind {
        CredentialKind::RawPublicKey => raw_public_key(&private).map_err(unsupported),
        CredentialKind::Delegated => {
            let bytes = from.delegated_credential.as_deref().unwrap_or_default();
            let delegated = DelegatedCredential::decode_all(bytes)
                .map_err(|error| Failure::Failed(format!("the delegated credential: {error:?}")))?;
            let own = raw_public_key(&private).map_err(unsupported)?;
            Ok(Credentials::new(chain(from)?, own.key.clone(), own.schemes)
                .with_delegated_credential(delegated, own.key))
        }
        CredentialKind::X509 | CredentialKind::Psk => credentials(chain(from)?, &private).map_err(unsupported),
    }
}

fn chain(from: &CredentialFlags) -> Result<Vec<Vec<u8>>, Failure> {
    let path = from.cert_file.as_deref().unwrap_or_default();
    pem::certificates(&text(path)?).map_err(|error| Failure::Failed(format!("{path}: {error}")))
}

fn import(from: &CredentialFlags) -> Result<Vec<Arc<Psk>>, Failure> {
    let key = ExternalKey {
        identity: &from.psk_identity,
        context: &from.psk_context,
        secret: &from.psk_key,
        hash: from.psk_hash.unwrap_or(HashAlgorithm::Sha256),
    };
    let psks = Psk::import(&provider(), &key, &[HashAlgorithm::Sha256, HashAlgorithm::Sha384])
        .map_err(|error| Failure::Failed(format!("the pre-shared key: {error:?}")))?;
    Ok(psks.into_iter().map(Arc::new).collect())
}

fn text(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{path}: {error}")))
}
