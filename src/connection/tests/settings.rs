//! Settings of how datagrams are sent, and what may be changed while a connection runs.

use super::*;
use crate::config::Reactions;
use crate::wire::registry::AlertDescription;

fn datagram_of(connection: &mut Connection, now: Instant) -> Vec<u8> {
    let mut datagram = Vec::new();
    connection.poll_transmit(&mut datagram, now);
    datagram
}

#[test]
fn where_only_timers_count_a_key_update_is_acknowledged_after_a_quarter_of_the_timeout() {
    for reactions in [Reactions::Prompt, Reactions::Timed] {
        let mut server = server_config();
        server.common.transport.reactions = reactions;
        let wait = server.common.transport.initial_timeout / server.common.transport.ack_delay_divisor;
        let mut pair = pair(client_config(), server);
        connected(&mut pair);
        settle(&mut pair);
        let now = pair.now();
        pair.a.update_keys(false, now).unwrap();
        let mut update = datagram_of(&mut pair.a, now);
        pair.b.handle_datagram(&mut update, now);
        let is_prompt = reactions == Reactions::Prompt;
        assert_eq!(datagram_of(&mut pair.b, now).is_empty(), !is_prompt);
        if !is_prompt {
            assert_eq!(pair.b.flight_timeout(), Some(now + wait));
            pair.b.handle_timeout(now + wait);
            assert!(!datagram_of(&mut pair.b, now + wait).is_empty());
        }
    }
}

#[test]
fn a_new_first_timeout_counts_from_when_the_flight_was_sent() {
    let mut client = Connection::client(Arc::new(client_config()), None, START).unwrap();
    assert!(!datagram_of(&mut client, START).is_empty());
    assert_eq!(client.flight_timeout(), Some(START + Duration::from_secs(1)));
    client.set_initial_timeout(Duration::from_millis(300));
    assert_eq!(client.flight_timeout(), Some(START + Duration::from_millis(300)));
    client.handle_timeout(START + Duration::from_millis(300));
    assert!(!datagram_of(&mut client, START + Duration::from_millis(300)).is_empty());
    // It has doubled; so does what replaces it.
    client.set_initial_timeout(Duration::from_millis(100));
    assert_eq!(client.flight_timeout(), Some(START + Duration::from_millis(500)));
}

#[test]
fn the_size_of_datagrams_can_change() {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    let before = pair.a.max_send_size();
    pair.a.set_max_datagram_size(600);
    assert_eq!(before - pair.a.max_send_size(), 1200 - 600);
}

#[test]
fn an_alert_of_the_application_s_choice_ends_both_sides() {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    let now = pair.now();
    pair.a.abort(AlertDescription::INTERNAL_ERROR, now);
    settle(&mut pair);
    assert_eq!(pair.a.error(), Some(&Error::Aborted(AlertDescription::INTERNAL_ERROR)));
    assert_eq!(pair.b.error(), Some(&Error::AlertReceived(AlertDescription::INTERNAL_ERROR)));
}

/// Bytes 1 and 2 of a plaintext record are its version.
#[test]
fn the_first_hello_can_say_that_it_is_of_an_older_version() {
    for (compatible, version) in [(false, [0xfe, 0xfd]), (true, [0xfe, 0xff])] {
        let mut config = client_config();
        config.common.transport.compatible_hello = compatible;
        let mut client = Connection::client(Arc::new(config), None, START).unwrap();
        assert_eq!(datagram_of(&mut client, START)[1..3], version);
    }
}

#[test]
fn plaintext_that_has_no_place_is_fatal_only_where_nobody_can_forge_it() {
    for authentic in [false, true] {
        let mut config = client_config();
        config.common.transport.path_is_authentic = authentic;
        let mut client = Connection::client(Arc::new(config), None, START).unwrap();
        let mut record = vec![23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1];
        client.handle_datagram(&mut record, START);
        assert_eq!(client.state() == ConnectionState::Failed, authentic, "{:?}", client.error());
    }
}
