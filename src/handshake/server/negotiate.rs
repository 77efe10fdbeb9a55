//! What a server chooses from a ClientHello. The stateless listener and the handshake ask the same functions, so that
//! a HelloRetryRequest can be built again bit by bit.

use crate::codec::Encode as _;
use crate::config::ServerConfig;
use crate::crypto::CipherSuiteImpl;
use crate::crypto::psk::PskMode;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::wire::client_hello::{ClientHello, KeyShareEntry};
use crate::wire::registry::{CipherSuite, ExtensionType, NamedGroup, ProtocolVersion};
use crate::wire::server_hello::{HELLO_RETRY_REQUEST_RANDOM, ServerHello, ServerHelloExtensions};

/// The suite and group of a connection, chosen by the server's preference.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The suite.
    pub suite: &'static CipherSuiteImpl,
    /// The group; `None`: there is none in common, and a pre-shared key can do without.
    pub group: Option<NamedGroup>,
    /// The client's `key_exchange` for `group`; `None` asks for one by a HelloRetryRequest.
    pub key_share: Option<Vec<u8>>,
    /// How a pre-shared key would be used; `None`: the client offered none, or we take none.
    pub psk_mode: Option<PskMode>,
}

impl Selection {
    /// The group for which a HelloRetryRequest would ask a share.
    pub const fn missing_share(&self) -> Option<NamedGroup> {
        if self.key_share.is_none() { self.group } else { None }
    }
}

/// Checks a ClientHello and chooses suite and group.
///
/// A group for which the client sent a share comes before a better one for which it did not: the saved round trip is
/// worth more than the preference. `retried` is the suite of the HelloRetryRequest that the hello answers, and stands.
pub fn negotiate(
    config: &ServerConfig,
    hello: &ClientHello,
    retried: Option<&'static CipherSuiteImpl>,
) -> Result<Selection, Error> {
    check(hello)?;
    let common = &config.common;
    let extensions = &hello.extensions;
    let suite = match retried {
        Some(suite) if !hello.cipher_suites.contains(&suite.id) => {
            return Err(PeerMisbehaved::SecondClientHelloDiffers.into());
        }
        Some(suite) => suite,
        None => select_suite(config, hello).ok_or(PeerIncompatible::NoCipherSuite)?,
    };
    let offered = extensions.supported_groups.as_deref().unwrap_or(&[]);
    let shares = extensions.key_share.as_deref().unwrap_or(&[]);
    let acceptable = || common.groups.iter().copied().filter(|group| offered.contains(group));
    let shared = acceptable().find_map(|group| Some((group, share_for(shares, group)?)));
    let (group, key_share) = match shared {
        Some((group, share)) => (Some(group), Some(share.to_vec())),
        None => (acceptable().next(), None),
    };
    let psk_mode = select_psk_mode(config, hello, group);
    if group.is_none() && psk_mode.is_none() {
        return Err(PeerIncompatible::NoGroup.into());
    }
    if config.psk_only && psk_mode.is_none() {
        return Err(PeerIncompatible::NoPsk.into());
    }
    Ok(Selection { suite, group, key_share, psk_mode })
}

/// The best suite in common. If the client offers pre-shared keys, one that fits a key comes before a better one: the
/// length of a binder tells the hash, before anybody has looked for the key.
//= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.11
//# If backward compatibility is important, client-provided, externally
//# established PSKs SHOULD influence cipher suite selection.
fn select_suite(config: &ServerConfig, hello: &ClientHello) -> Option<&'static CipherSuiteImpl> {
    let common = &config.common;
    let suites = || {
        let offered = common.cipher_suites.iter().filter(|suite| hello.cipher_suites.contains(suite));
        offered.filter_map(|suite| common.provider.suite(*suite))
    };
    let offered = hello.extensions.pre_shared_key.as_ref().filter(|_| config.takes_psks());
    let binders = offered.map(|offered| offered.binders.as_slice()).unwrap_or_default();
    let fits = |suite: &&CipherSuiteImpl| binders.iter().any(|binder| binder.len() == suite.hash.output_len());
    suites().find(fits).or_else(|| suites().next())
}

/// With a key share if both sides can; otherwise as we prefer.
fn select_psk_mode(config: &ServerConfig, hello: &ClientHello, group: Option<NamedGroup>) -> Option<PskMode> {
    let offered = hello.extensions.psk_key_exchange_modes.as_deref().unwrap_or(&[]);
    if hello.extensions.pre_shared_key.is_none() || !config.takes_psks() {
        return None;
    }
    [PskMode::PskWithKeyShare, PskMode::PskOnly].into_iter().find(|mode| {
        let possible = *mode == PskMode::PskOnly || group.is_some();
        possible && config.psk_modes.contains(mode) && offered.contains(&mode.number())
    })
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
    let missing = |extension| Err(PeerMisbehaved::MissingExtension(extension).into());
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.10
    //# If the client opts to do so, it MUST
    //# supply both the "pre_shared_key" and "early_data" extensions.
    if extensions.early_data && extensions.pre_shared_key.is_none() {
        return missing(ExtensionType::PRE_SHARED_KEY);
    }
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.9
    //# If clients offer "pre_shared_key" without
    //# a "psk_key_exchange_modes" extension, servers MUST abort the handshake.
    if extensions.pre_shared_key.is_some() && extensions.psk_key_exchange_modes.is_none() {
        return missing(ExtensionType::PSK_KEY_EXCHANGE_MODES);
    }
    //= https://www.rfc-editor.org/rfc/rfc9846#section-9.2
    //# If not containing a "pre_shared_key" extension, it MUST contain both
    //# a "signature_algorithms" extension and a "supported_groups" extension.
    if extensions.pre_shared_key.is_none() {
        if extensions.signature_algorithms.is_none() {
            return missing(ExtensionType::SIGNATURE_ALGORITHMS);
        }
        if extensions.supported_groups.is_none() {
            return missing(ExtensionType::SUPPORTED_GROUPS);
        }
    }
    //= https://www.rfc-editor.org/rfc/rfc9846#section-9.2
    //# If containing a "supported_groups" extension, it MUST also contain a
    //# "key_share" extension, and vice versa.
    let (groups, shares) = match (&extensions.supported_groups, &extensions.key_share) {
        (Some(groups), Some(shares)) => (groups, shares),
        (None, None) => return Ok(()),
        (Some(_), None) => return missing(ExtensionType::KEY_SHARE),
        (None, Some(_)) => return missing(ExtensionType::SUPPORTED_GROUPS),
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
