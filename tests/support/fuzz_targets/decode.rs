//! Decoders and dissector, each held against the other.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::fmt::Debug;

use dtls_wasm::codec::{Decode, Encode};
use dtls_wasm::crypto::resumption::Session;
use dtls_wasm::error::InvalidMessage;
use dtls_wasm::inspect::{self, Field, MALFORMED, UNEXPECTED};
use dtls_wasm::wire::ack::Ack;
use dtls_wasm::wire::alert::Alert;
use dtls_wasm::wire::certificate::{Certificate, CertificateRequest, CertificateVerify, CompressedCertificate};
use dtls_wasm::wire::client_hello::{ClientHello, KeyShareEntry, TicketRequest, UseSrtp};
use dtls_wasm::wire::connection_id::{NewConnectionId, RequestConnectionId};
use dtls_wasm::wire::delegated_credential::DelegatedCredential;
use dtls_wasm::wire::encrypted_extensions::EncryptedExtensions;
use dtls_wasm::wire::extension::OtherExtension;
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::post_handshake::{KeyUpdate, KeyUpdateRequest, NewSessionTicket};
use dtls_wasm::wire::record::{PlaintextHeader, UnifiedHeader};
use dtls_wasm::wire::registry::{ContentType, ExtensionType, HandshakeType};
use dtls_wasm::wire::return_routability::ReturnRoutabilityCheck;
use dtls_wasm::wire::server_hello::ServerHello;

/// Every decoder, and the dissector against them. The first byte says how to take the rest, the second is a parameter.
pub fn run(input: &[u8]) {
    let [kind, parameter, bytes @ ..] = input else { return };
    if *kind >= 250 {
        return check_opaque(bytes);
    }
    match kind % 4 {
        0 => check_datagram(bytes, 0),
        1 => check_datagram(bytes, usize::from(*parameter)),
        2 => check_content(ContentType(*parameter), bytes),
        _ => check_message(HandshakeType(*parameter), bytes),
    }
}

/// What is kept or carried as bytes and has no place in the dissector: it is written again as it was read.
pub fn check_opaque(bytes: &[u8]) {
    if let Ok(session) = Session::from_bytes(bytes) {
        assert_eq!(session.to_bytes().expose(), bytes);
    }
    if let Ok(credential) = DelegatedCredential::decode_all(bytes) {
        assert_eq!(credential.encoded(), bytes);
    }
}

/// The dissection of a datagram has the form that it promises, and its headers are those that `wire` reads.
pub fn check_datagram(bytes: &[u8], cid_len: usize) {
    let tree = inspect::datagram_with_connection_id(bytes, cid_len);
    check_form(&tree, bytes.len());
    for record in &tree.children {
        let at = &bytes[record.range.start..];
        let number = |name: &str| integer(bytes, record.find(name).unwrap());
        match record.name.as_ref() {
            "DTLSPlaintext" => match PlaintextHeader::decode(&mut dtls_wasm::codec::Reader::new(at)) {
                Ok(header) => {
                    assert_eq!(number("type"), u64::from(header.content_type.0));
                    assert_eq!(number("legacy_record_version"), u64::from(header.version.0));
                    assert_eq!(number("epoch"), u64::from(header.epoch));
                    assert_eq!(number("sequence_number"), header.sequence_number);
                    assert_eq!(number("length"), u64::from(header.length));
                    let fits = at.len() >= 13 + usize::from(header.length);
                    assert_eq!(record.range.len(), if fits { 13 + usize::from(header.length) } else { at.len() });
                }
                Err(_) => assert!(record.find(MALFORMED).is_some()),
            },
            "DTLSCiphertext" => {
                let header = UnifiedHeader::parse(at, cid_len).unwrap();
                let dissected = record.find("unified_hdr").unwrap();
                assert_eq!(dissected.range.len(), header.header_len);
                let start = record.range.start;
                let sequence = dissected.find("sequence_number").unwrap();
                assert_eq!(sequence.range.start - start, header.sequence_offset);
                assert_eq!(sequence.range.len(), header.sequence_len);
                assert_eq!(dissected.find("length").map(|length| integer(bytes, length)), header.length.map(u64::from));
                let connection_id = dissected.find("connection_id").map(|id| id.range.clone()).unwrap_or(0..0);
                assert_eq!(connection_id.len(), header.connection_id.len());
                assert_eq!(u64::from(header.epoch_bits), integer(bytes, &dissected.children[0]) & 3);
            }
            MALFORMED => assert_eq!(UnifiedHeader::parse(at, cid_len), None),
            _ => assert!(!UnifiedHeader::is_announced_by(at[0])),
        }
    }
}

/// The dissection of a record's content has the form that it promises, and says what `wire` reads.
pub fn check_content(content_type: ContentType, bytes: &[u8]) {
    let tree = inspect::content(content_type, bytes);
    check_form(&tree, bytes.len());
    match content_type {
        ContentType::ALERT => {
            let read = Alert::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(alert) = read {
                assert_eq!(alert.encoded(), bytes);
                assert_eq!(integer(bytes, tree.find("level").unwrap()), u64::from(alert.level));
                assert_eq!(integer(bytes, tree.find("description").unwrap()), u64::from(alert.description.0));
            }
        }
        ContentType::ACK => {
            let read = Ack::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(ack) = read {
                assert_eq!(ack.encoded(), bytes);
                let numbers = tree.find("record_numbers").unwrap().children[1..].iter().map(|number| {
                    (
                        integer(bytes, number.find("epoch").unwrap()),
                        integer(bytes, number.find("sequence_number").unwrap()),
                    )
                });
                assert!(numbers.eq(ack.record_numbers.iter().map(|number| (number.epoch, number.sequence_number))));
            }
        }
        ContentType::HANDSHAKE => {
            for fragment in tree.children.iter().filter(|child| child.name == "DTLSHandshake") {
                let at = &bytes[fragment.range.clone()];
                let Ok(header) = FragmentHeader::decode(&mut dtls_wasm::codec::Reader::new(at)) else { continue };
                let number = |name: &str| integer(bytes, fragment.find(name).unwrap());
                assert_eq!(number("msg_type"), u64::from(header.msg_type.0));
                assert_eq!(number("length"), u64::from(header.length));
                assert_eq!(number("message_seq"), u64::from(header.message_seq));
                assert_eq!(number("fragment_offset"), u64::from(header.fragment_offset));
                assert_eq!(number("fragment_length"), u64::from(header.fragment_length));
                let body = &at[12..];
                if header.fragment_offset == 0
                    && header.fragment_length == header.length
                    && body.len() == header.length as usize
                {
                    check_message(header.msg_type, body);
                }
            }
        }
        ContentType::RETURN_ROUTABILITY_CHECK => {
            let read = ReturnRoutabilityCheck::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(check) = read {
                assert_eq!(check.encoded()[0], integer(bytes, tree.find("msg_type").unwrap()) as u8);
            }
        }
        _ => {}
    }
}

/// The dissection of a message has the form that it promises and says what `wire` reads, which reads it again after
/// having written it.
pub fn check_message(msg_type: HandshakeType, bytes: &[u8]) {
    use ExtensionType as T;
    let tree = inspect::message(msg_type, bytes);
    check_form(&tree, bytes.len());
    let seen = Seen { bytes, tree: &tree };
    match msg_type {
        HandshakeType::CLIENT_HELLO => {
            let known = [
                T::COOKIE,
                T::SUPPORTED_VERSIONS,
                T::CONNECTION_ID,
                T::RRC,
                T::SERVER_NAME,
                T::SUPPORTED_GROUPS,
                T::SIGNATURE_ALGORITHMS,
                T::SIGNATURE_ALGORITHMS_CERT,
                T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
                T::USE_SRTP,
                T::TICKET_REQUEST,
                T::POST_HANDSHAKE_AUTH,
                T::PSK_KEY_EXCHANGE_MODES,
                T::EXTENDED_MASTER_SECRET,
                T::RENEGOTIATION_INFO,
                T::KEY_SHARE,
                T::EARLY_DATA,
                T::PRE_SHARED_KEY,
                T::POST_HANDSHAKE_AUTH,
                T::CERTIFICATE_AUTHORITIES,
                T::STATUS_REQUEST,
                T::SIGNED_CERTIFICATE_TIMESTAMP,
                T::CLIENT_CERTIFICATE_TYPE,
                T::SERVER_CERTIFICATE_TYPE,
                T::COMPRESS_CERTIFICATE,
                T::DELEGATED_CREDENTIAL,
            ];
            let read = ClientHello::decode_all(bytes);
            agree_on_form(&read, &tree, &known);
            if let Ok(hello) = read {
                seen.client_hello(&hello);
                let mut again = ClientHello::decode_all(&hello.encoded()).unwrap();
                assert_eq!(again.legacy_version.0, 0xfefd);
                again.legacy_version = hello.legacy_version;
                again.extensions.present.clone_from(&hello.extensions.present);
                assert_eq!(again, hello);
            }
        }
        HandshakeType::SERVER_HELLO => {
            let read = ServerHello::decode_all(bytes);
            agree_on_form(
                &read,
                &tree,
                &[T::SUPPORTED_VERSIONS, T::KEY_SHARE, T::COOKIE, T::PRE_SHARED_KEY, T::CONNECTION_ID, T::RRC],
            );
            if let Ok(hello) = read {
                seen.server_hello(&hello);
                let mut again = ServerHello::decode_all(&hello.encoded()).unwrap();
                again.legacy_version = hello.legacy_version;
                again.extensions.present.clone_from(&hello.extensions.present);
                assert_eq!(again, hello);
            }
        }
        HandshakeType::ENCRYPTED_EXTENSIONS => {
            let known = [
                T::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
                T::USE_SRTP,
                T::SERVER_NAME,
                T::SUPPORTED_GROUPS,
                T::EARLY_DATA,
                T::TICKET_REQUEST,
                T::CLIENT_CERTIFICATE_TYPE,
                T::SERVER_CERTIFICATE_TYPE,
            ];
            let read = EncryptedExtensions::decode_all(bytes);
            agree_on_form(&read, &tree, &known);
            if let Ok(answers) = read {
                seen.encrypted_extensions(&answers);
                let mut again = EncryptedExtensions::decode_all(&answers.encoded()).unwrap();
                again.present.clone_from(&answers.present);
                assert_eq!(again, answers);
            }
        }
        HandshakeType::CERTIFICATE => {
            let read = Certificate::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(chain) = read {
                seen.certificate(&chain);
                assert_eq!(Certificate::decode_all(&chain.encoded()), Ok(chain));
            }
        }
        HandshakeType::COMPRESSED_CERTIFICATE => {
            let read = CompressedCertificate::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(compressed) = read {
                assert_eq!(seen.number("CertificateCompressionAlgorithm"), u64::from(compressed.algorithm.0));
                assert_eq!(seen.number("uncompressed_length"), u64::from(compressed.uncompressed_length));
                assert_eq!(seen.opaque("compressed_certificate_message"), compressed.compressed);
                assert_eq!(compressed.encoded(), bytes);
            }
        }
        HandshakeType::CERTIFICATE_REQUEST => {
            let known = [
                T::SIGNATURE_ALGORITHMS,
                T::SIGNATURE_ALGORITHMS_CERT,
                T::CERTIFICATE_AUTHORITIES,
                T::STATUS_REQUEST,
                T::SIGNED_CERTIFICATE_TIMESTAMP,
                T::COMPRESS_CERTIFICATE,
                T::DELEGATED_CREDENTIAL,
            ];
            let read = CertificateRequest::decode_all(bytes);
            agree_on_form(&read, &tree, &known);
            if let Ok(request) = read {
                seen.certificate_request(&request);
                let mut again = CertificateRequest::decode_all(&request.encoded()).unwrap();
                again.present.clone_from(&request.present);
                assert_eq!(again, request);
            }
        }
        HandshakeType::CERTIFICATE_VERIFY => {
            let read = CertificateVerify::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(verify) = read {
                assert_eq!(seen.number("algorithm"), u64::from(verify.scheme.0));
                assert_eq!(seen.opaque("signature"), verify.signature);
                assert_eq!(verify.encoded(), bytes);
            }
        }
        HandshakeType::KEY_UPDATE => {
            let read = KeyUpdate::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(update) = read {
                let expected = match update.request {
                    KeyUpdateRequest::NotRequested => "update_not_requested (0)",
                    KeyUpdateRequest::Requested => "update_requested (1)",
                };
                assert_eq!(tree.find("request_update").unwrap().value, expected);
                assert_eq!(update.encoded(), bytes);
            }
        }
        HandshakeType::NEW_CONNECTION_ID => {
            let read = NewConnectionId::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(message) = read {
                assert_eq!(message.encoded(), bytes);
                let seen = seen.elements("cids").iter().map(|cid| content(bytes, cid));
                assert!(seen.eq(message.cids.iter().map(Vec::as_slice)));
            }
        }
        HandshakeType::REQUEST_CONNECTION_ID => {
            let read = RequestConnectionId::decode_all(bytes);
            agree_on_form(&read, &tree, &[]);
            if let Ok(request) = read {
                assert_eq!(request.encoded(), bytes);
                assert_eq!(seen.number("num_cids"), u64::from(request.num_cids));
            }
        }
        HandshakeType::NEW_SESSION_TICKET => {
            let read = NewSessionTicket::decode_all(bytes);
            agree_on_form(&read, &tree, &[T::EARLY_DATA]);
            if let Ok(ticket) = read {
                seen.new_session_ticket(&ticket);
                let mut again = NewSessionTicket::decode_all(&ticket.encoded()).unwrap();
                again.present.clone_from(&ticket.present);
                assert_eq!(again, ticket);
            }
        }
        _ => {}
    }
}

/// Leaves cover all bytes without gap or overlap, children lie exactly where their parent does, and the JSON is written.
fn check_form(tree: &Field, len: usize) {
    assert_eq!(tree.range, 0..len);
    check_children(tree);
    let mut at = 0;
    for leaf in tree.leaves() {
        assert_eq!(leaf.range.start, at, "{leaf:?}");
        at = leaf.range.end;
    }
    assert_eq!(at, len);
    assert!(tree.to_json().len() >= tree.leaves().len());
}

fn check_children(field: &Field) {
    assert!(!field.name.is_empty());
    if field.children.is_empty() {
        return;
    }
    let mut at = field.range.start;
    for child in &field.children {
        assert_eq!(child.range.start, at, "{} in {}", child.name, field.name);
        at = child.range.end;
        check_children(child);
    }
    assert_eq!(at, field.range.end, "{}", field.name);
}

/// What `wire` reads is well-formed for the dissector, and what ends too early or too late for `wire` does so for it too.
/// Only extensions in `known` are looked into: `wire` skips the others. Nor does it look into certificates.
fn agree_on_form<T: Debug>(read: &Result<T, InvalidMessage>, tree: &Field, known: &[ExtensionType]) {
    match read {
        Ok(_) => assert!(is_well_formed(tree, known), "{read:?} {tree:#?}"),
        Err(InvalidMessage::TooShort | InvalidMessage::TrailingData) => {
            assert!(!is_well_formed(tree, known), "{read:?} {tree:#?}");
        }
        Err(_) => {}
    }
}

fn is_well_formed(field: &Field, known: &[ExtensionType]) -> bool {
    let is_skipped = match field.name.as_ref() {
        MALFORMED | UNEXPECTED => return false,
        "cert_data" => has_its_length(field, 3),
        "Extension" => {
            let is_known = known.iter().any(|extension| type_of(field) == Some(extension.0));
            // Whether the data is all here matters all the same.
            !is_known && field.children.len() == 2 && has_its_length(&field.children[1], 2)
        }
        _ => false,
    };
    is_skipped || field.children.iter().all(|child| is_well_formed(child, known))
}

/// The types of extensions that are kept as they are.
fn types_of(extensions: &[OtherExtension]) -> Vec<ExtensionType> {
    extensions.iter().map(|extension| extension.extension_type).collect()
}

/// The type of an extension, from the number at the end of its value.
fn type_of(extension: &Field) -> Option<u16> {
    let value = &extension.children.first()?.value;
    value.rsplit_once('(')?.1.strip_suffix(')')?.parse().ok()
}

/// Whether a vector has as many bytes as the length before it says, which has `prefix` bytes.
fn has_its_length(vector: &Field, prefix: usize) -> bool {
    let length = vector.children.first().and_then(|length| length.value.parse::<usize>().ok());
    length.is_some_and(|length| vector.range.len() == length + prefix)
}

/// The number that a field's bytes are.
fn integer(bytes: &[u8], field: &Field) -> u64 {
    bytes[field.range.clone()].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A message and its dissection.
#[derive(Clone, Copy)]
struct Seen<'a> {
    bytes: &'a [u8],
    tree: &'a Field,
}

impl<'a> Seen<'a> {
    fn inside(self, tree: &'a Field) -> Self {
        Self { tree, ..self }
    }

    fn field(self, name: &str) -> &'a Field {
        self.tree.find(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.tree))
    }

    fn number(self, name: &str) -> u64 {
        integer(self.bytes, self.field(name))
    }

    /// The content of a vector of bytes.
    fn opaque(self, name: &str) -> &'a [u8] {
        content(self.bytes, self.field(name))
    }

    /// The elements of a list, without its length.
    fn elements(self, name: &str) -> &'a [Field] {
        &self.field(name).children[1..]
    }

    /// The elements of a list as numbers, each of which its value names.
    fn numbers(self, name: &str) -> Vec<u64> {
        let number = |field| {
            let number = integer(self.bytes, field);
            let named = [format!("({number})"), format!("({number:#06x})")];
            assert!(named.iter().any(|text| field.value.ends_with(text)), "{number}: {}", field.value);
            number
        };
        self.elements(name).iter().map(number).collect()
    }

    fn extensions(self) -> &'a [Field] {
        self.tree.find("extensions").map_or(&[], |extensions| &extensions.children[1..])
    }

    fn extension_types(self) -> Vec<ExtensionType> {
        self.extensions().iter().map(|extension| ExtensionType(type_of(extension).unwrap())).collect()
    }

    fn extension(self, extension_type: ExtensionType) -> Option<Self> {
        let found = self.extensions().iter().find(|extension| type_of(extension) == Some(extension_type.0))?;
        Some(self.inside(&found.children[1]))
    }

    fn client_hello(self, hello: &ClientHello) {
        use ExtensionType as T;
        let extensions = &hello.extensions;
        assert_eq!(self.number("legacy_version"), u64::from(hello.legacy_version.0));
        assert_eq!(self.bytes[self.field("random").range.clone()], hello.random);
        assert_eq!(self.opaque("legacy_session_id"), hello.legacy_session_id);
        assert_eq!(self.opaque("legacy_cookie"), hello.legacy_cookie);
        same_numbers(self.numbers("cipher_suites"), hello.cipher_suites.iter().map(|suite| suite.0));
        same_numbers(self.numbers("legacy_compression_methods"), hello.legacy_compression_methods.iter().copied());
        assert_eq!(self.extension_types(), extensions.present);
        let opaque = |extension_type, name: &str| self.extension(extension_type).map(|seen| seen.opaque(name).to_vec());
        let numbers = |extension_type, name: &str| self.extension(extension_type).map(|seen| seen.numbers(name));
        assert_eq!(opaque(T::COOKIE, "cookie"), extensions.cookie);
        let wide = |list: &Vec<_>| list.iter().map(|item: &u16| u64::from(*item)).collect::<Vec<_>>();
        let versions = extensions.supported_versions.as_ref().map(|list| list.iter().map(|item| item.0).collect());
        assert_eq!(numbers(T::SUPPORTED_VERSIONS, "versions"), versions.as_ref().map(wide));
        let groups = extensions.supported_groups.as_ref().map(|list| list.iter().map(|item| item.0).collect());
        assert_eq!(numbers(T::SUPPORTED_GROUPS, "named_group_list"), groups.as_ref().map(wide));
        let schemes = extensions.signature_algorithms.as_ref().map(|list| list.iter().map(|item| item.0).collect());
        let name = "supported_signature_algorithms";
        assert_eq!(numbers(T::SIGNATURE_ALGORITHMS, name), schemes.as_ref().map(wide));
        let schemes =
            extensions.signature_algorithms_cert.as_ref().map(|list| list.iter().map(|item| item.0).collect());
        assert_eq!(numbers(T::SIGNATURE_ALGORITHMS_CERT, name), schemes.as_ref().map(wide));
        let name = opaque(T::SERVER_NAME, "HostName").map(|name| String::from_utf8(name).unwrap());
        assert_eq!(name, extensions.server_name);
        assert_eq!(self.protocols(), extensions.alpn);
        assert_eq!(self.extension(T::USE_SRTP).map(Self::use_srtp), extensions.use_srtp.as_ref().map(srtp));
        let request = self.extension(T::TICKET_REQUEST);
        let request = request.map(|seen| [seen.number("new_session_count"), seen.number("resumption_count")]);
        let counts = |request: TicketRequest| [request.new_session_count, request.resumption_count].map(u64::from);
        assert_eq!(request, extensions.ticket_request.map(counts));
        let modes = extensions.psk_key_exchange_modes.as_ref();
        let modes = modes.map(|modes| modes.iter().map(|mode| u64::from(*mode)).collect());
        assert_eq!(numbers(T::PSK_KEY_EXCHANGE_MODES, "ke_modes"), modes);
        assert_eq!(opaque(T::RENEGOTIATION_INFO, "renegotiated_connection"), extensions.renegotiation_info);
        let shares = self.extension(T::KEY_SHARE).map(|seen| {
            seen.elements("client_shares").iter().map(|share| seen.inside(share).key_share()).collect::<Vec<_>>()
        });
        assert_eq!(shares, extensions.key_share.as_ref().map(|shares| shares.iter().map(share).collect()));
        assert_eq!(self.extension(T::EXTENDED_MASTER_SECRET).is_some(), extensions.extended_master_secret);
        assert_eq!(self.extension(T::EARLY_DATA).is_some(), extensions.early_data);
        assert_eq!(self.extension(T::POST_HANDSHAKE_AUTH).is_some(), extensions.post_handshake_auth);
        let offered = self.extension(T::PRE_SHARED_KEY);
        assert_eq!(offered.is_some(), extensions.pre_shared_key.is_some());
        if let (Some(offered), Some(read)) = (offered, &extensions.pre_shared_key) {
            let identities = offered.elements("identities").iter().map(|each| {
                let each = offered.inside(each);
                (each.opaque("identity").to_vec(), each.number("obfuscated_ticket_age"))
            });
            let expected =
                read.identities.iter().map(|each| (each.identity.clone(), each.obfuscated_ticket_age.into()));
            assert!(identities.eq(expected));
            let binders = offered.elements("binders").iter().map(|each| content(offered.bytes, each).to_vec());
            assert!(binders.eq(read.binders.iter().cloned()));
        }
    }

    fn server_hello(self, hello: &ServerHello) {
        use ExtensionType as T;
        let extensions = &hello.extensions;
        assert_eq!(self.number("legacy_version"), u64::from(hello.legacy_version.0));
        assert_eq!(self.bytes[self.field("random").range.clone()], hello.random);
        assert_eq!(self.field("random").value.ends_with("HelloRetryRequest"), hello.is_hello_retry_request());
        assert_eq!(self.opaque("legacy_session_id_echo"), hello.legacy_session_id_echo);
        assert_eq!(self.number("cipher_suite"), u64::from(hello.cipher_suite.0));
        assert_eq!(self.extension_types(), extensions.present);
        let version = self.extension(T::SUPPORTED_VERSIONS).map(|seen| seen.number("selected_version"));
        assert_eq!(version, extensions.supported_version.map(|version| u64::from(version.0)));
        let key_share = self.extension(T::KEY_SHARE);
        let selected =
            key_share.and_then(|seen| seen.tree.find("selected_group")).map(|field| integer(self.bytes, field));
        assert_eq!(selected, extensions.selected_group.map(|group| u64::from(group.0)));
        let server =
            key_share.and_then(|seen| seen.tree.find("server_share")).map(|field| self.inside(field).key_share());
        assert_eq!(server, extensions.key_share.as_ref().map(share));
        let cookie = self.extension(T::COOKIE).map(|seen| seen.opaque("cookie").to_vec());
        assert_eq!(cookie, extensions.cookie);
        let selected = self.extension(T::PRE_SHARED_KEY).map(|seen| seen.number("selected_identity"));
        assert_eq!(selected, extensions.selected_psk.map(u64::from));
    }

    fn encrypted_extensions(self, answers: &EncryptedExtensions) {
        use ExtensionType as T;
        assert_eq!(self.extension_types(), answers.present);
        assert_eq!(self.protocols(), answers.alpn.clone().map(|protocol| vec![protocol]));
        assert_eq!(self.extension(T::USE_SRTP).map(Self::use_srtp), answers.use_srtp.as_ref().map(srtp));
        assert_eq!(self.extension(T::SERVER_NAME).is_some(), answers.server_name_ack);
        assert_eq!(self.extension(T::EARLY_DATA).is_some(), answers.early_data);
        let count = self.extension(T::TICKET_REQUEST).map(|seen| seen.number("expected_count"));
        assert_eq!(count, answers.ticket_request.map(u64::from));
        let groups = self.extension(T::SUPPORTED_GROUPS).map(|seen| seen.numbers("named_group_list"));
        let expected = answers.supported_groups.as_ref();
        assert_eq!(groups, expected.map(|list| list.iter().map(|group| u64::from(group.0)).collect()));
    }

    fn certificate(self, chain: &Certificate) {
        assert_eq!(self.opaque("certificate_request_context"), chain.request_context);
        let entries = self.elements("certificate_list");
        assert_eq!(entries.len(), chain.entries.len());
        for (field, entry) in entries.iter().zip(&chain.entries) {
            let seen = self.inside(field);
            assert_eq!(seen.opaque("cert_data"), entry.der);
            assert_eq!(seen.inside(&field.children[1]).extension_types(), types_of(&entry.extensions));
        }
    }

    fn certificate_request(self, request: &CertificateRequest) {
        use ExtensionType as T;
        assert_eq!(self.opaque("certificate_request_context"), request.request_context);
        assert_eq!(self.extension_types(), request.present);
        let name = "supported_signature_algorithms";
        let schemes = self.extension(T::SIGNATURE_ALGORITHMS).map(|seen| seen.numbers(name)).unwrap_or_default();
        same_numbers(schemes, request.signature_algorithms.iter().map(|scheme| scheme.0));
        let schemes = self.extension(T::SIGNATURE_ALGORITHMS_CERT).map(|seen| seen.numbers(name));
        let expected = request.signature_algorithms_cert.as_ref();
        assert_eq!(schemes, expected.map(|list| list.iter().map(|scheme| u64::from(scheme.0)).collect()));
        let authorities = self.extension(T::CERTIFICATE_AUTHORITIES).map(|seen| {
            seen.elements("authorities").iter().map(|name| content(self.bytes, name).to_vec()).collect::<Vec<_>>()
        });
        assert_eq!(authorities.unwrap_or_default(), request.certificate_authorities);
    }

    fn new_session_ticket(self, ticket: &NewSessionTicket) {
        assert_eq!(self.number("ticket_lifetime"), u64::from(ticket.ticket_lifetime));
        assert_eq!(self.number("ticket_age_add"), u64::from(ticket.ticket_age_add));
        assert_eq!(self.opaque("ticket_nonce"), ticket.ticket_nonce);
        assert_eq!(self.opaque("ticket"), ticket.ticket);
        assert_eq!(self.extension_types(), ticket.present);
        let size = self.extension(ExtensionType::EARLY_DATA).map(|seen| seen.number("max_early_data_size"));
        assert_eq!(size, ticket.max_early_data_size.map(u64::from));
    }

    fn protocols(self) -> Option<Vec<Vec<u8>>> {
        let seen = self.extension(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION)?;
        let names = seen.elements("protocol_name_list");
        Some(names.iter().map(|name| content(self.bytes, name).to_vec()).collect())
    }

    fn use_srtp(self) -> (Vec<u64>, Vec<u8>) {
        (self.numbers("SRTPProtectionProfiles"), self.opaque("srtp_mki").to_vec())
    }

    fn key_share(self) -> (u64, Vec<u8>) {
        (self.number("group"), self.opaque("key_exchange").to_vec())
    }
}

fn srtp(use_srtp: &UseSrtp) -> (Vec<u64>, Vec<u8>) {
    (use_srtp.profiles.iter().map(|profile| u64::from(profile.0)).collect(), use_srtp.mki.clone())
}

fn share(entry: &KeyShareEntry) -> (u64, Vec<u8>) {
    (u64::from(entry.group.0), entry.key_exchange.clone())
}

fn same_numbers<T: Into<u64>>(seen: Vec<u64>, expected: impl Iterator<Item = T>) {
    assert!(seen.iter().copied().eq(expected.map(Into::into)), "{seen:?}");
}

/// The bytes of a vector behind its length.
fn content<'a>(bytes: &'a [u8], vector: &Field) -> &'a [u8] {
    &bytes[vector.children[0].range.end..vector.range.end]
}
