//! Handshakes with pre-shared keys, and resumed ones.

use super::*;
use crate::connection::ClientOffer;
use crate::crypto::psk::{HashAlgorithm, Psk, PskMode};
use crate::crypto::resumption::{ResumptionState, Session, TicketStore};
use crate::error::PeerMisbehaved;
use crate::wire::registry::AlertDescription;

mod misbehaviour;

const SHA256: HashAlgorithm = HashAlgorithm::Sha256;
const SHA384: HashAlgorithm = HashAlgorithm::Sha384;

/// A key that the null back end of the server knows, if it is one that there is.
fn key(identity: &[u8]) -> Arc<Psk> {
    let known = NullBackend::psk_of(identity);
    Arc::new(known.unwrap_or_else(|| Psk::external(identity, &[7; 32], SHA256).unwrap()))
}

/// A client with `psks` and a server that looks them up.
fn configs(psks: Vec<Arc<Psk>>) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (client_config(), server_config());
    client.key_shares = vec![NamedGroup::X25519];
    client.psks = psks;
    server.look_up_psks = true;
    (client, server)
}

/// How both sides ended.
fn errors((client, server): (ClientConfig, ServerConfig)) -> (Option<Error>, Option<Error>) {
    let mut pair = pair(client, server);
    settle(&mut pair);
    (pair.a.error().cloned(), pair.b.error().cloned())
}

/// Runs the handshake; gives back what the server and the client agreed on.
#[track_caller]
fn agreed((client, server): (ClientConfig, ServerConfig)) -> Negotiated {
    let mut pair = pair(client, server);
    connected(&mut pair);
    pair.a.send(b"ping").unwrap();
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(b"ping".to_vec())]);
    assert_eq!(pair.a.negotiated(), pair.b.negotiated());
    pair.a.negotiated().unwrap().clone()
}

#[test]
fn a_key_takes_the_place_of_a_certificate() {
    let mut pair = {
        let (client, server) = configs(vec![key(b"psk256 of a device")]);
        pair(client, server)
    };
    connected(&mut pair);
    let negotiated = pair.a.negotiated().unwrap();
    assert_eq!(negotiated.psk_identity.as_deref(), Some(&b"psk256 of a device"[..]));
    assert!(!negotiated.resumed);
    assert_eq!(negotiated.group, Some(NamedGroup::X25519));
    assert_eq!(pair.b.negotiated(), Some(negotiated));
    assert!(pair.a.peer_certificates().is_empty());
}

#[test]
fn a_key_alone_needs_neither_group_nor_scheme() {
    let (mut client, mut server) = configs(vec![key(b"psk256")]);
    client.psk_modes = vec![PskMode::PskOnly];
    client.psk_only = true;
    server.psk_modes = vec![PskMode::PskWithKeyShare, PskMode::PskOnly];
    server.psk_only = true;
    assert_eq!(agreed((client, server)).group, None);
}

#[test]
fn a_key_share_comes_before_a_key_alone() {
    let both = vec![PskMode::PskOnly, PskMode::PskWithKeyShare];
    let (mut client, mut server) = configs(vec![key(b"psk256")]);
    client.psk_modes.clone_from(&both);
    server.psk_modes = both;
    assert_eq!(agreed((client.clone(), server.clone())).group, Some(NamedGroup::X25519));
    // Without a group in common the key does it alone.
    server.common.groups = vec![NamedGroup::SECP256R1];
    client.common.groups = vec![NamedGroup::X25519];
    assert_eq!(agreed((client, server)).group, None);
}

#[test]
fn the_suite_has_the_hash_of_the_key() {
    for (identity, suite) in
        [(b"psk256", CipherSuite::TLS_AES_128_GCM_SHA256), (b"psk384", CipherSuite::TLS_AES_256_GCM_SHA384)]
    {
        let negotiated = agreed(configs(vec![key(identity)]));
        assert_eq!((negotiated.cipher_suite, negotiated.psk_identity.is_some()), (suite, true));
    }
}

#[test]
fn of_several_keys_one_that_is_known_is_used() {
    let keys = vec![key(b"unknown"), key(b"unknown too"), key(b"psk256 3")];
    assert_eq!(agreed(configs(keys)).psk_identity.as_deref(), Some(&b"psk256 3"[..]));
}

#[test]
fn without_a_known_key_the_certificate_is_used() {
    let (client, server) = configs(vec![key(b"unknown")]);
    assert_eq!(agreed((client.clone(), server.clone())).psk_identity, None);
    // The same if the server looks for none, or the modes differ.
    let mut deaf = server.clone();
    deaf.look_up_psks = false;
    assert_eq!(agreed((client.clone(), deaf)).psk_identity, None);
    let mut other = server;
    other.psk_modes = vec![PskMode::PskOnly];
    assert_eq!(agreed((client, other)).psk_identity, None);
}

#[test]
fn a_retry_computes_the_binders_anew_and_drops_keys_of_another_hash() {
    for keys in [
        vec![key(b"psk256 1")],
        vec![key(b"unknown"), key(b"psk256 2")],
        vec![key(b"psk384 1"), key(b"psk256 2")],
        vec![key(b"psk384 1")],
    ] {
        let (mut client, server) = configs(keys);
        client.key_shares = Vec::new();
        let negotiated = agreed((client, server));
        assert!(negotiated.psk_identity.is_some_and(|identity| identity.starts_with(b"psk")));
    }
    // After a fallback too.
    let (mut client, server) = configs(vec![key(b"unknown")]);
    client.key_shares = Vec::new();
    assert_eq!(agreed((client, server)).psk_identity, None);
}

#[test]
fn who_does_not_have_the_key_is_told_no_more_than_who_offers_none_that_exists() {
    let told = Some(Error::AlertReceived(AlertDescription::DECRYPT_ERROR));
    // The server knows another key by this name.
    let wrong = Arc::new(Psk::external(b"psk256", &[9; 32], SHA256).unwrap());
    for psk_only in [false, true] {
        for (psk, error) in [
            (Arc::clone(&wrong), Error::from(PeerMisbehaved::InvalidBinder)),
            (key(b"unknown"), PeerIncompatible::UnknownPskIdentity.into()),
        ] {
            let (mut client, mut server) = configs(vec![psk]);
            // Either side can rule out certificates.
            client.psk_only = psk_only;
            server.psk_only = !psk_only;
            assert_eq!(errors((client, server)), (told.clone(), Some(error)));
        }
    }
}

#[test]
fn a_client_that_wants_a_key_takes_no_certificate() {
    // A server that takes no keys at all.
    let (mut client, mut server) = configs(vec![key(b"psk256")]);
    client.psk_only = true;
    server.look_up_psks = false;
    let told = Some(Error::AlertReceived(AlertDescription::HANDSHAKE_FAILURE));
    assert_eq!(errors((client, server)), (told, Some(PeerIncompatible::NoPsk.into())));
    // A server that demands one.
    let (client, mut server) = configs(Vec::new());
    server.psk_only = true;
    let told = Some(Error::AlertReceived(AlertDescription::HANDSHAKE_FAILURE));
    assert_eq!(errors((client, server)), (told, Some(PeerIncompatible::NoPsk.into())));
}

#[test]
fn a_client_that_wants_a_key_needs_one() {
    let connect = |psks: Vec<Arc<Psk>>| {
        let mut config = client_config();
        config.psk_only = true;
        config.psks = psks;
        config.common.cipher_suites = vec![CipherSuite::TLS_AES_256_GCM_SHA384];
        Connection::client(Arc::new(config), None, START).map(drop)
    };
    assert_eq!(connect(Vec::new()), Err(ConfigError::NoPsk));
    assert_eq!(connect(vec![key(b"psk256")]), Err(ConfigError::NoPsk));
    assert_eq!(connect(vec![key(b"psk256"), key(b"psk384")]), Ok(()));
}

#[test]
fn a_client_is_asked_for_no_certificate() {
    let (client, mut server) = configs(vec![key(b"psk256")]);
    server.client_auth = ClientAuth::Required;
    assert!(agreed((client, server)).psk_identity.is_some());
}

/// Tickets that are numbers, for as many uses as anybody likes, or for one.
#[derive(Debug, Default)]
struct Numbered {
    single_use: bool,
    states: std::sync::Mutex<Vec<(ResumptionState, bool)>>,
}

impl TicketStore for Numbered {
    fn issue(&self, state: &ResumptionState, _: &dyn crate::crypto::SecureRandom) -> Option<Vec<u8>> {
        let mut states = self.states.lock().unwrap();
        states.push((state.clone(), false));
        Some(format!("ticket {}", states.len() - 1).into_bytes())
    }

    fn open(&self, ticket: &[u8], _: Instant) -> Option<ResumptionState> {
        let number = std::str::from_utf8(ticket).ok()?.strip_prefix("ticket ")?.parse::<usize>().ok()?;
        self.states.lock().unwrap().get(number).map(|(state, _)| state.clone())
    }

    fn redeem(&self, ticket: &[u8], _: Instant) -> bool {
        let number = std::str::from_utf8(ticket).unwrap().strip_prefix("ticket ").unwrap().parse::<usize>().unwrap();
        let used = std::mem::replace(&mut self.states.lock().unwrap()[number].1, true);
        !(used && self.single_use)
    }
}

/// A client's session and the store that its server knows it from, as if they had met before.
fn session(store: &Numbered, hash: HashAlgorithm) -> Session {
    let cipher_suite = match hash {
        HashAlgorithm::Sha384 => CipherSuite::TLS_AES_256_GCM_SHA384,
        _ => CipherSuite::TLS_AES_128_GCM_SHA256,
    };
    let state = ResumptionState {
        cipher_suite,
        secret: crate::crypto::secret::SecretBytes::new(vec![5; hash.output_len()]),
        issued_at: START,
        authenticated_at: START,
        lifetime: 3600,
        age_add: 0xffff_fff0,
        server_name: Some("example.org".to_owned()),
        alpn_protocol: None,
        peer_certificates: vec![b"the server's".to_vec()],
        psk_identity: None,
        max_early_data: 0,
    };
    let known = ResumptionState { peer_certificates: vec![b"the client's".to_vec()], ..state.clone() };
    let ticket = store.issue(&known, &*null::provider(1).random).unwrap();
    Session { ticket, state }
}

fn resuming(
    client: ClientConfig,
    server: ServerConfig,
    session: Session,
    name: &str,
    now: Instant,
) -> Pair<Connection, Connection> {
    let offer = ClientOffer { server_name: Some(name.to_owned()), session: Some(session), ..ClientOffer::default() };
    let client = Connection::connect(Arc::new(client), offer, now).unwrap();
    let server = Connection::server(Arc::new(server), now).unwrap();
    let conditions = Conditions { delay: Duration::from_millis(10), ..Conditions::default() };
    Pair::new(client, server, Network::new(7, conditions), now)
}

#[test]
fn a_session_is_resumed_with_the_certificates_of_old() {
    for hash in [SHA256, SHA384] {
        for shares in [vec![NamedGroup::X25519], Vec::new()] {
            let store = Arc::new(Numbered::default());
            let session = session(&store, hash);
            let (mut client, mut server) = (client_config(), server_config());
            client.key_shares = shares;
            server.tickets = Some(store);
            server.client_auth = ClientAuth::Required;
            let mut pair = resuming(client, server, session, "example.org", START + Duration::from_secs(60));
            connected(&mut pair);
            let negotiated = pair.a.negotiated().unwrap();
            assert_eq!((negotiated.resumed, &negotiated.psk_identity), (true, &None));
            assert_eq!(pair.b.negotiated(), Some(negotiated));
            assert_eq!(pair.a.peer_certificates(), [b"the server's".to_vec()]);
            assert_eq!(pair.b.peer_certificates(), [b"the client's".to_vec()]);
        }
    }
}

#[test]
fn a_session_that_cannot_be_resumed_leads_to_a_full_handshake() {
    let hour = Duration::from_secs(3600);
    let almost = hour.checked_sub(Duration::from_secs(1)).unwrap();
    let run = |name: &str, after: Duration, change: fn(&mut ClientConfig, &mut ServerConfig, &mut Session)| {
        let store = Arc::new(Numbered::default());
        let mut session = session(&store, SHA256);
        let (mut client, mut server) = (client_config(), server_config());
        server.tickets = Some(store);
        change(&mut client, &mut server, &mut session);
        let mut pair = resuming(client, server, session, name, START + after);
        connected(&mut pair);
        assert_eq!(pair.a.negotiated(), pair.b.negotiated());
        pair.a.negotiated().unwrap().resumed
    };
    assert!(run("example.org", almost, |_, _, _| {}));
    assert!(!run("example.com", almost, |_, _, _| {}), "another name");
    assert!(!run("example.org", hour + Duration::from_millis(1), |_, _, _| {}), "too old");
    assert!(!run("example.org", almost, |client, _, _| {
        client.common.cipher_suites = vec![CipherSuite::TLS_AES_256_GCM_SHA384];
    }));
    assert!(!run("example.org", almost, |_, server, _| {
        server.common.cipher_suites = vec![CipherSuite::TLS_AES_256_GCM_SHA384];
    }));
    assert!(!run("example.org", almost, |_, server, _| server.tickets = None), "no tickets any more");
    assert!(!run("example.org", almost, |_, _, session| session.ticket = b"ticket 9".to_vec()), "unknown");
    assert!(!run("example.org", almost, |_, server, _| server.psk_modes = vec![PskMode::PskOnly]), "no mode in common");
}

#[test]
fn a_ticket_for_one_use_is_good_for_one() {
    let store = Arc::new(Numbered { single_use: true, ..Numbered::default() });
    let session = session(&store, SHA256);
    for resumed in [true, false] {
        let mut server = server_config();
        server.tickets = Some(Arc::clone(&store) as Arc<dyn TicketStore>);
        let mut pair = resuming(client_config(), server, session.clone(), "example.org", START);
        connected(&mut pair);
        assert_eq!(pair.a.negotiated().unwrap().resumed, resumed);
        assert_eq!(pair.b.negotiated().unwrap().resumed, resumed);
    }
}

#[test]
fn a_session_comes_before_a_key_and_a_key_before_a_certificate() {
    for (single_use, known) in [(false, true), (true, false)] {
        let store = Arc::new(Numbered { single_use, ..Numbered::default() });
        let mut session = session(&store, SHA256);
        if !known {
            session.ticket = b"ticket 9".to_vec();
        }
        let (client, mut server) = configs(vec![key(b"psk256")]);
        server.tickets = Some(store);
        let mut pair = resuming(client, server, session, "example.org", START);
        connected(&mut pair);
        let negotiated = pair.b.negotiated().unwrap();
        assert_eq!((negotiated.resumed, negotiated.psk_identity.is_some()), (known, !known));
    }
}
