//! ClientHellos as they come in datagrams, before there is a connection that could read records.

use crate::codec::{Decode as _, Reader};
use crate::crypto::{Hash, HashContext, HashOutput};
use crate::error::InvalidMessage;
use crate::wire::extension;
use crate::wire::fragment::FragmentHeader;
use crate::wire::record::PlaintextHeader;
use crate::wire::registry::{ContentType, ExtensionType, HandshakeType};

/// A fragment of a ClientHello.
#[derive(Clone, Copy, Debug)]
pub(super) struct HelloFragment<'a> {
    /// Its header.
    pub(super) header: FragmentHeader,
    /// Its part of the message, as long as the header says.
    pub(super) body: &'a [u8],
    /// The number of the record that it came in.
    pub(super) sequence_number: u64,
}

/// The fragments of ClientHellos in the plaintext records of a datagram. What stands between and behind them is passed
/// over: an ACK in plaintext may come with a second ClientHello, and both halves of one may share a datagram.
pub(super) fn hello_fragments(datagram: &[u8]) -> impl Iterator<Item = HelloFragment<'_>> {
    let mut records = Reader::new(datagram);
    let mut fragments = Reader::new(&[]);
    let mut sequence_number = 0;
    core::iter::from_fn(move || {
        loop {
            if let Some(fragment) = read_fragment(&mut fragments, sequence_number) {
                if fragment.header.msg_type == HandshakeType::CLIENT_HELLO {
                    return Some(fragment);
                }
                continue;
            }
            let (header, content) = read_record(&mut records)?;
            if header.content_type == ContentType::HANDSHAKE && header.epoch == 0 {
                fragments = Reader::new(content);
                sequence_number = header.sequence_number;
            }
        }
    })
}

/// The random of the ClientHello with this body.
pub(super) fn random_of(body: &[u8]) -> Option<[u8; 32]> {
    let mut reader = Reader::new(body);
    reader.take(2).ok()?;
    reader.array().ok()
}

/// A hash over all that a second ClientHello must have in common with the first.
///
/// The extensions are hashed in the order of their types: some clients move the cookie to the front, and no meaning hangs
/// on the order of the others.
//= https://www.rfc-editor.org/rfc/rfc9846#section-4.2.2
//# The client MUST send the same ClientHello without modification, except as follows:
pub(super) fn invariants(body: &[u8], hash: &dyn Hash) -> Result<HashOutput, InvalidMessage> {
    let mut reader = Reader::new(body);
    let mut context = hash.start();
    // Lengths are hashed with what they measure, so that nothing can move from one vector into the next.
    let version_and_random = reader.take(34)?;
    let legacy_session_id = reader.vector8()?;
    let _legacy_cookie_of_1_2 = reader.vector8()?;
    let cipher_suites = reader.vector16()?;
    let legacy_compression_methods = reader.vector8()?;
    for part in [version_and_random, legacy_session_id, cipher_suites, legacy_compression_methods] {
        update_with_length(&mut *context, part);
    }
    let mut extensions = extension::read_optional_block(&mut reader)?;
    extensions.sort_unstable();
    for (extension_type, data) in extensions {
        if !may_change(extension_type) {
            context.update(&extension_type.0.to_be_bytes());
            update_with_length(&mut *context, data);
        }
    }
    Ok(context.current())
}

/// encrypted_client_hello (RFC 9849 §5): of the outer hello, which changes with the inner one.
const ENCRYPTED_CLIENT_HELLO: ExtensionType = ExtensionType(0xfe0d);

/// What a client replaces, adds or removes in its second hello (RFC 9846 §4.2.2, RFC 9849 §6.1.5), or need not repeat
/// byte by byte.
const fn may_change(extension_type: ExtensionType) -> bool {
    matches!(
        extension_type,
        ExtensionType::COOKIE
            | ExtensionType::KEY_SHARE
            | ExtensionType::EARLY_DATA
            | ExtensionType::PRE_SHARED_KEY
            | ExtensionType::PADDING
            | ENCRYPTED_CLIENT_HELLO
    )
}

fn update_with_length(context: &mut dyn HashContext, data: &[u8]) {
    context.update(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    context.update(data);
}

/// The next record; `None` at the end, and from the first record on that is not plaintext or not whole.
fn read_record<'a>(records: &mut Reader<'a>) -> Option<(PlaintextHeader, &'a [u8])> {
    let header = PlaintextHeader::decode(records).ok()?;
    // A protected record begins with other bits, and any version of DTLS with the byte 0xfe.
    let [major, _] = header.version.0.to_be_bytes();
    let is_plaintext = (20..=26).contains(&header.content_type.0) && major == 0xfe;
    let content = records.take(usize::from(header.length)).ok()?;
    is_plaintext.then_some((header, content))
}

fn read_fragment<'a>(fragments: &mut Reader<'a>, sequence_number: u64) -> Option<HelloFragment<'a>> {
    let header = FragmentHeader::decode(fragments).ok()?;
    let body = fragments.take(usize::try_from(header.fragment_length).ok()?).ok()?;
    Some(HelloFragment { header, body, sequence_number })
}
