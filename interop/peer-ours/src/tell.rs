//! What the library tells, in the words of the exchange.

use dtls_wasm::ConnectionIdUsage;
use dtls_wasm::connection::{Connection, ConnectionEvent, EarlyDataStatus, PathId, UpdateKeysError};
use dtls_wasm::error::Error;
use dtls_wasm::wire::registry::CertificateType;
use peer::stack::{SrtpAgreement, name_of};
use peer::{Happening, Negotiated};

use crate::configure::{self, GROUPS, PROFILES, SUITES};

/// What the exchange wants to know of an event; nothing of some.
pub fn happening(event: ConnectionEvent, connection: &Connection, asked_name: Option<&str>) -> Option<Happening> {
    match event {
        ConnectionEvent::Connected => Some(Happening::Connected(Box::new(negotiated(connection, asked_name)))),
        ConnectionEvent::Datagram(data) => Some(Happening::Data(data)),
        ConnectionEvent::EarlyData(data) => Some(Happening::EarlyData(data)),
        ConnectionEvent::PeerAuthenticated { peer, .. } => Some(Happening::Authenticated(peer.chain)),
        ConnectionEvent::PeerClosed => Some(Happening::CloseNotify),
        ConnectionEvent::Closed => Some(Happening::Closed),
        ConnectionEvent::Failed(error) => Some(failed(&error)),
        _ => None,
    }
}

fn negotiated(connection: &Connection, asked_name: Option<&str>) -> Negotiated {
    let Some(agreed) = connection.negotiated() else { return Negotiated::default() };
    let peer = connection.peer_identity();
    let raw = peer.filter(|peer| peer.certificate_type == CertificateType::RAW_PUBLIC_KEY);
    Negotiated {
        version: "DTLSv1.3".to_owned(),
        cipher: name_of(SUITES, &agreed.cipher_suite),
        group: agreed.group.map(|group| name_of(GROUPS, &group)),
        alpn: agreed.alpn_protocol.as_ref().map(|name| String::from_utf8_lossy(name).into_owned()),
        name: asked_name.map(str::to_owned).or_else(|| agreed.server_name.clone()),
        peer_chain: if raw.is_none() { connection.peer_certificates().to_vec() } else { Vec::new() },
        peer_key: raw.and_then(|peer| peer.chain.first().cloned()),
        ocsp: peer.and_then(|peer| peer.ocsp_response.clone()),
        resumed: Some(agreed.resumed),
        early: match connection.early_data() {
            EarlyDataStatus::Accepted => Some(true),
            EarlyDataStatus::Rejected => Some(false),
            _ => None,
        },
        srtp: connection.srtp_keys().map(|keys| SrtpAgreement {
            profile: name_of(PROFILES, &keys.profile),
            // In the order in which the extractor yields them (RFC 5764, Section 4.2).
            keys: Some(
                [&keys.client_key[..], &keys.server_key[..], &keys.client_salt[..], &keys.server_salt[..]].concat(),
            ),
        }),
    }
}

fn failed(error: &Error) -> Happening {
    match error {
        Error::AlertReceived(alert) => Happening::Alert(alert.0),
        _ => Happening::Failed(error.to_string()),
    }
}

/// Exported keying material. In TLS 1.3 no context and an empty one are the same (RFC 9846, Section 7.5).
pub fn export(connection: &Connection, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>, String> {
    let mut exported = vec![0; length];
    connection
        .export_keying_material(label, context.unwrap_or_default(), &mut exported)
        .map_err(|error| error.to_string())?;
    Ok(exported)
}

pub fn request_authentication(connection: &mut Connection) -> Result<(), String> {
    let asked = connection.request_client_authentication(false, configure::now());
    asked.map(drop).map_err(|error| error.to_string())
}

pub fn replace_connection_id(connection: &mut Connection) -> Result<(), String> {
    let given = connection.provide_connection_ids(1, ConnectionIdUsage::Immediate, configure::now());
    given.map_err(|error| error.to_string())
}

/// Where return routability (RFC 9853) was not agreed on, the exchange believes whoever has the connection's keys.
pub fn follow(connection: &mut Connection, path: PathId) {
    let ids = connection.negotiated().and_then(|agreed| agreed.connection_ids.as_ref());
    if ids.is_some_and(|ids| !ids.return_routability) {
        // A connection that ends at this moment stays where it is.
        let _ = connection.use_path(path, configure::now());
    }
}

pub fn epochs(connection: &Connection) -> (u64, u64) {
    let (read, write) = connection.epochs();
    (u64::from(read), u64::from(write))
}

/// An update that the other side asked for may be under way; then the own one has to wait for its acknowledgement.
pub fn update_keys(connection: &mut Connection, request_peer: bool) -> Result<bool, String> {
    match connection.update_keys(request_peer, configure::now()) {
        Ok(()) => Ok(true),
        Err(UpdateKeysError::InProgress) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
