//! What a ClientHello carries beyond what it means: GREASE (RFC 8701), custom extensions, and an order of extensions.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use crate::config::{CommonConfig, ExtensionMessage};
use crate::error::{Error, TaskFailure};
use crate::handshake::custom;
use crate::wire::client_hello::{ClientHello, KeyShareEntry};
use crate::wire::extension::OtherExtension;
use crate::wire::grease;
use crate::wire::registry::{CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme};

/// Decided once for each connection: a second ClientHello keeps all of it (RFC 9846 §4.2.2).
pub struct Arrangement {
    grease: Option<Grease>,
    /// What the order of extensions is drawn from; `None`: that of the fields.
    permutation: Option<[u8; PERMUTATION_LEN]>,
    custom: Vec<OtherExtension>,
}

/// 128 bits name far more orders than there are: every order of 30 extensions has a chance.
const PERMUTATION_LEN: usize = 16;

impl Arrangement {
    /// Draws what `common` asks for; without GREASE and permutation no random bytes are drawn.
    pub fn new(common: &CommonConfig) -> Result<Self, Error> {
        Ok(Self {
            grease: if common.grease { Some(Grease::new(&random(common)?)) } else { None },
            permutation: if common.permute_extensions { Some(random(common)?) } else { None },
            custom: custom::ask(&common.custom_extensions, ExtensionMessage::ClientHello)?,
        })
    }

    /// Whether our ClientHello carries `extension` because of this.
    pub fn offers(&self, extension: ExtensionType) -> bool {
        self.custom.iter().any(|custom| custom.extension_type == extension)
    }

    /// Adds what is to be added to `hello` and decides its order. `asked_for_group`: the hello answers a
    /// HelloRetryRequest that asked for the share of one group, and has that alone (RFC 9846 §4.3.8).
    pub fn apply(&self, hello: &mut ClientHello, asked_for_group: bool) {
        hello.extensions.others.extend_from_slice(&self.custom);
        if let Some(grease) = &self.grease {
            grease.apply(hello, asked_for_group);
        }
        if self.grease.is_some() || self.permutation.is_some() || !self.custom.is_empty() {
            hello.extensions.present = self.order(hello.extensions.types());
        }
    }

    /// The order in which extensions are written. The cookie stays first and the key shares stay late, as there are
    /// servers that look for the cookie in the first fragment alone, or answer from it.
    fn order(&self, mut types: Vec<ExtensionType>) -> Vec<ExtensionType> {
        use ExtensionType as T;
        types.retain(|extension| !matches!(*extension, T::COOKIE | T::KEY_SHARE | T::PRE_SHARED_KEY));
        if let Some(seed) = &self.permutation {
            // The place follows from the seed and the number, so that a second hello, which may have more extensions
            // or fewer, keeps the order of those that both have.
            types.sort_by_cached_key(|extension| {
                let mut hasher = DefaultHasher::new();
                (seed, extension.0).hash(&mut hasher);
                hasher.finish()
            });
        } else if let Some(grease) = &self.grease {
            types.sort_by_key(|extension| *extension != grease.first_extension);
        }
        [&[T::COOKIE][..], &types, &[T::KEY_SHARE, T::PRE_SHARED_KEY]].concat()
    }
}

/// The values of one connection. They stand at fixed places: a server that stumbles over them then stumbles every time
/// (RFC 8701 §5).
struct Grease {
    cipher_suite: CipherSuite,
    version: ProtocolVersion,
    group: NamedGroup,
    scheme: SignatureScheme,
    alpn: u16,
    mode: u8,
    first_extension: ExtensionType,
    second_extension: ExtensionType,
}

impl Grease {
    fn new(choices: &[u8; 8]) -> Self {
        let [suite, version, group, scheme, alpn, mode, first, second] = *choices;
        let first_extension = ExtensionType(grease::value(first));
        // No extension stands twice, those of GREASE neither (RFC 8701 §5).
        let other = if grease::value(first) == grease::value(second) { second.wrapping_add(1) } else { second };
        Self {
            cipher_suite: CipherSuite(grease::value(suite)),
            version: ProtocolVersion(grease::value(version)),
            group: NamedGroup(grease::value(group)),
            scheme: SignatureScheme(grease::value(scheme)),
            alpn: grease::value(alpn),
            mode: grease::mode(mode),
            first_extension,
            second_extension: ExtensionType(grease::value(other)),
        }
    }

    /// RFC 8701 §3.1: lists that are sent have one value more, first where a server's code may look at the first only.
    fn apply(&self, hello: &mut ClientHello, asked_for_group: bool) {
        let extensions = &mut hello.extensions;
        hello.cipher_suites.insert(0, self.cipher_suite);
        if let Some(versions) = &mut extensions.supported_versions {
            versions.insert(0, self.version);
        }
        if let Some(groups) = &mut extensions.supported_groups {
            groups.insert(0, self.group);
        }
        if let Some(schemes) = &mut extensions.signature_algorithms {
            schemes.insert(0, self.scheme);
        }
        if let Some(protocols) = &mut extensions.alpn {
            protocols.push(self.alpn.to_be_bytes().to_vec());
        }
        if let Some(modes) = &mut extensions.psk_key_exchange_modes {
            modes.push(self.mode);
        }
        match &mut extensions.key_share {
            // An empty list asks the server to choose, and a list of nothing but GREASE would ask less clearly.
            Some(shares) if !shares.is_empty() && !asked_for_group => {
                shares.insert(0, KeyShareEntry { group: self.group, key_exchange: vec![0] });
            }
            _ => {}
        }
        let other = |extension_type, data: &[u8]| OtherExtension { extension_type, data: data.to_vec() };
        extensions.others.push(other(self.first_extension, &[]));
        extensions.others.push(other(self.second_extension, &[0]));
    }
}

fn random<const N: usize>(common: &CommonConfig) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    common.provider.random.fill(&mut bytes).map_err(|_| TaskFailure::NoRandomBytes)?;
    Ok(bytes)
}
