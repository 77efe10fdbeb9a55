//! What a server chooses from a ClientHello. The stateless listener and the handshake ask the same functions, so that
//! a HelloRetryRequest can be built again bit by bit.

use crate::codec::Encode as _;
use crate::config::ServerConfig;
use crate::crypto::CipherSuiteImpl;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::wire::client_hello::{ClientHello, KeyShareEntry};
use crate::wire::registry::{CipherSuite, ExtensionType, NamedGroup, ProtocolVersion};
use crate::wire::server_hello::{HELLO_RETRY_REQUEST_RANDOM, ServerHello, ServerHelloExtensions};

/// The suite and group of a connection, chosen by the server's preference.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The suite.
    pub suite: &'static CipherSuiteImpl,
    /// The group.
    pub group: NamedGroup,
    /// The client's `key_exchange` for `group`; `None` asks for one by a HelloRetryRequest.
    pub key_share: Option<Vec<u8>>,
}

/// Checks a ClientHello and chooses suite and group.
///
/// A group for which the client sent a share comes before a better one for which it did not: the saved round trip is
/// worth more than the preference.
pub fn negotiate(config: &ServerConfig, hello: &ClientHello) -> Result<Selection, Error> {
    check(hello)?;
    let common = &config.common;
    let suite = common
        .cipher_suites
        .iter()
        .filter(|suite| hello.cipher_suites.contains(suite))
        .find_map(|suite| common.provider.suite(*suite))
        .ok_or(PeerIncompatible::NoCipherSuite)?;

    let extensions = &hello.extensions;
    let offered = extensions.supported_groups.as_deref().unwrap_or(&[]);
    let shares = extensions.key_share.as_deref().unwrap_or(&[]);
    let acceptable = || common.groups.iter().copied().filter(|group| offered.contains(group));
    let shared = acceptable().find_map(|group| Some((group, share_for(shares, group)?)));
    let (group, key_share) = match shared {
        Some((group, share)) => (group, Some(share.to_vec())),
        None => (acceptable().next().ok_or(PeerIncompatible::NoGroup)?, None),
    };
    Ok(Selection { suite, group, key_share })
}

/// The body of a HelloRetryRequest. The same arguments give the same bytes.
pub fn hello_retry_request(suite: CipherSuite, group: Option<NamedGroup>, cookie: Option<Vec<u8>>) -> Vec<u8> {
    ServerHello {
        legacy_version: ProtocolVersion::DTLS_1_2,
        random: HELLO_RETRY_REQUEST_RANDOM,
        legacy_session_id_echo: Vec::new(),
        cipher_suite: suite,
        extensions: ServerHelloExtensions {
            supported_version: Some(ProtocolVersion::DTLS_1_3),
            selected_group: group,
            cookie,
            ..ServerHelloExtensions::default()
        },
    }
    .encoded()
}

/// The share of `group` among `shares`.
pub fn share_for(shares: &[KeyShareEntry], group: NamedGroup) -> Option<&[u8]> {
    shares.iter().find(|share| share.group == group).map(|share| share.key_exchange.as_slice())
}

/// The rules that every ClientHello for DTLS 1.3 must keep.
fn check(hello: &ClientHello) -> Result<(), Error> {
    let extensions = &hello.extensions;
    if !extensions.supported_versions.as_ref().is_some_and(|list| list.contains(&ProtocolVersion::DTLS_1_3)) {
        return Err(PeerIncompatible::NoVersion.into());
    }
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
    //# A DTLS 1.3-only client MUST set the legacy_cookie field to zero length.
    // A client that speaks 1.2 as well has no cookie from us either: we never send a HelloVerifyRequest.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
    //# If a DTLS 1.3 ClientHello is received with any other value in this field, the server MUST abort the
    //# handshake with an "illegal_parameter" alert.
    if !hello.legacy_cookie.is_empty() {
        return Err(PeerMisbehaved::LegacyCookie.into());
    }
    // RFC 9846 §4.2.2: a ClientHello for 1.3 has exactly the null method. One that offers 1.2 as well may have more in
    // theory, but 1.2 has long lost compression too (RFC 9325 §3.3).
    if hello.legacy_compression_methods != [0] {
        return Err(PeerMisbehaved::CompressionMethod.into());
    }
    // RFC 9846 §9.2: with certificates, these three must be there.
    let missing = |extension| Err(PeerMisbehaved::MissingExtension(extension).into());
    if extensions.signature_algorithms.is_none() {
        return missing(ExtensionType::SIGNATURE_ALGORITHMS);
    }
    let Some(groups) = &extensions.supported_groups else {
        return missing(ExtensionType::SUPPORTED_GROUPS);
    };
    let Some(shares) = &extensions.key_share else {
        return missing(ExtensionType::KEY_SHARE);
    };
    for (index, share) in shares.iter().enumerate() {
        if !groups.contains(&share.group) {
            return Err(PeerMisbehaved::KeyShareNotInSupportedGroups.into());
        }
        if shares.iter().take(index).any(|earlier| earlier.group == share.group) {
            return Err(PeerMisbehaved::DuplicateKeyShare.into());
        }
    }
    Ok(())
}
