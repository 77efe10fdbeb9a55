//! What broke other people's DTLS, and the tests that show that it does not break ours.
//!
//! Each row is one story; the names are of tests anywhere in the project, and this file makes sure that they are there.
//! "Not ours" rows say why there is nothing to show.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// What went wrong elsewhere (project and number where it has one), and which tests show it here.
const PITFALLS: &[(&str, &[&str])] = &[
    // RFC 9147 as it must be read, with its errata and the draft that folds them in.
    (
        "label prefix `dtls13` without a space (Bouncy Castle, purecrypto)",
        &["records_of_wolfssl_open", "the_illustrated_handshake_is_computed_from_its_private_keys"],
    ),
    ("transcript without message_seq and fragment fields", &["every_record_is_deprotected_and_every_finished_matches"]),
    (
        "no record of the next epoch before KeyUpdate and all before it are acknowledged (8047)",
        &["new_keys_wait_for_the_ack_and_old_ones_are_kept_until_new_ones_are_seen", "key_updates_survive_every_order"],
    ),
    ("a KeyUpdate ends the messages of its epoch", &["a_message_behind_the_key_update_of_its_epoch_is_a_violation"]),
    ("message_seq does not wrap (8048)", &["message_numbers_do_not_wrap", "the_last_number_is_the_last"]),
    (
        "the epoch has a limit (8050)",
        &[
            "in_the_last_epoch_keys_are_not_updated_and_requests_are_ignored",
            "an_update_past_the_last_epoch_ends_the_connection",
        ],
    ),
    (
        "the session id is not echoed, and who echoes it is told (8066, 8067; wolfSSL up to 5.9.0)",
        &["the_session_id_of_an_older_version_is_not_echoed", "server_hello_selects_only_what_was_offered"],
    ),
    ("no ACK in epoch 1 (8107)", &["acks_name_handshake_records_that_came_and_stand_in_the_right_epoch"]),
    ("ACK of a higher epoch (8108)", &["an_ack_of_an_epoch_that_was_never_sent_in_is_illegal"]),
    (
        "128-bit record numbers in ACKs only; the nonce has 64 bits (8141)",
        &["a_record_number_comes_back", "sealing_gives_the_same_bytes"],
    ),
    (
        "no ACK before the version is known",
        &[
            "nothing_is_acknowledged_before_the_version_is_known",
            "a_forged_ack_does_not_keep_a_first_hello_from_being_sent_again",
        ],
    ),
    (
        "invalid records are dropped and counted; content that deprotects is the peer's fault",
        &["what_has_no_use_is_discarded_for_its_reason", "content_that_authenticates_and_is_wrong_is_the_peers_fault"],
    ),
    (
        "the cookie comes first in the second ClientHello (wolfSSL)",
        &["the_cookie_comes_first_and_the_key_shares_come_late"],
    ),
    // Attacks and bugs.
    (
        "reassembly overwritten by inconsistent lengths (GnuTLS CVE-2026-33846, CVE-2026-42009)",
        &["what_contradicts_itself_is_refused", "what_contradicts_what_is_held_is_refused"],
    ),
    (
        "fragments without bytes that loop (pion GHSA-cm8f-h6j3-p25c)",
        &[
            "fragments_of_no_bytes_bring_nothing",
            "announcing_the_longest_message_and_sending_a_byte_of_it_costs_a_byte",
        ],
    ),
    (
        "announcing 16 MB and sending one byte",
        &[
            "announcing_the_longest_message_and_sending_a_byte_of_it_costs_a_byte",
            "announcing_much_and_sending_little_costs_little",
        ],
    ),
    (
        "truncation of integers in an ACK (wolfSSL CVE-2026-6679)",
        &["the_longest_ack_that_fits_is_read", "every_kept_input_passes"],
    ),
    ("floods of ACKs, and ACKs of records never sent", &["acks_without_end_change_nothing"]),
    (
        "a raw public key that was not negotiated (wolfSSL CVE-2026-55960)",
        &[
            "types_are_listed_and_selected_by_the_rules",
            "without_a_type_in_common_there_is_no_certificate",
            "no_verifier_takes_a_key_for_a_certificate_or_a_certificate_for_a_key",
        ],
    ),
    ("an extension in a message where it may not stand", &["encrypted_extensions_answer_what_was_offered"]),
    ("sequence numbers do not wrap", &["nothing_is_sealed_past_the_last_number"]),
    ("connection ID stripped by rewriting the type byte (wolfSSL PR 11177)", &["the_connection_id_is_demanded"]),
    (
        "a cookie without statelessness (Botan#2318)",
        &[
            "a_flood_of_hellos_from_everywhere_costs_a_listener_next_to_nothing",
            "a_flood_of_first_fragments_is_held_within_the_limits",
        ],
    ),
    ("amplification (matrixssl#31, Botan#1833)", &["no_address_is_sent_much_more_than_came_from_it"]),
    (
        "predictable cookies (tinydtls#243)",
        &["keys_of_two_bakers_differ_and_so_do_old_and_new", "every_changed_bit_and_every_other_length_is_noticed"],
    ),
    (
        "cookies from another address, after a change of keys, too old",
        &["a_cookie_is_good_for_its_address_alone", "a_cookie_outlives_one_change_of_keys_but_not_its_age"],
    ),
    (
        "forged plaintext records that stall or kill a handshake",
        &["a_handshake_with_keys_goes_on_whatever_is_forged", "a_connection_goes_on_whatever_is_forged"],
    ),
    ("a second HelloRetryRequest", &["a_hello_retry_request_changes_something_and_comes_once"]),
    (
        "an unbounded answer to requests for KeyUpdates (dimpl#146)",
        &["key_updates_without_end_are_followed_and_answered_with_one"],
    ),
    (
        "AEAD limits: failures counted, keys renewed in time",
        &[
            "too_many_forged_records_end_the_connection",
            "a_key_protects_no_more_records_than_it_may",
            "keys_are_renewed_before_they_are_worn_out",
        ],
    ),
    (
        "0-RTT replayed: within the window, after a restart, at another server",
        &[
            "a_copy_of_early_data_is_not_taken",
            "a_register_that_was_restarted_knows_that_it_has_forgotten",
            "a_ticket_of_one_server_opens_at_another_that_shares_its_keys_and_register",
        ],
    ),
    (
        "the age of a ticket, and clocks that differ",
        &["a_hello_is_admitted_once", "a_hello_from_the_future_is_known_for_as_long_as_it_is_fresh"],
    ),
    (
        "tickets of single use, binders over the right transcript, another suite or protocol",
        &[
            "a_ticket_of_single_use_is_used_once",
            "a_retry_computes_the_binders_anew_and_drops_keys_of_another_hash",
            "another_suite_or_protocol_refuses_early_data",
        ],
    ),
    (
        "requests for certificates after the handshake without end",
        &["requests_for_certificates_without_end_are_refused_or_answered_within_bounds"],
    ),
    // Stalls.
    (
        "a last flight or its ACK is lost (openssl#32891, #32853, #32878; wolfSSL PR 8882; pion#478)",
        &[
            "every_pattern_of_one_or_two_lost_datagrams_is_survived",
            "a_last_flight_that_comes_again_is_acknowledged_again_for_four_minutes",
        ],
    ),
    (
        "the contract of timers (str0m#943, #932, #1017)",
        &[
            "no_order_of_calls_loses_a_retransmission",
            "a_timer_that_lies_far_in_the_past_fires_once_and_a_fresh_one_is_named",
        ],
    ),
    (
        "retransmissions cut in other places (OvenMediaEngine#2329)",
        &["any_cuts_in_any_order_give_the_messages", "flights_shrink_to_what_the_path_carries"],
    ),
    (
        "several messages in one record, several records in one datagram, one message over both (SChannel)",
        &["flights_that_arrive_in_one_datagram_are_understood", "records_of_several_epochs_share_a_datagram"],
    ),
    (
        "a ClientHello of two or more fragments (esp-webrtc-solution#175)",
        &["fragments_are_put_together_in_every_order_and_with_every_boundary", "hellos_in_pieces_survive_every_order"],
    ),
    (
        "data that is queued, or comes too early, is bounded",
        &[
            "sending_is_refused_with_the_reason",
            "data_that_nobody_takes_is_bounded_and_so_is_data_without_any_byte",
            "records_of_unknown_epochs_are_held_only_as_far_as_the_limit",
        ],
    ),
    (
        "one slow handshake delays no other (pion#279, webrtc-rs#614)",
        &["a_handshake_whose_tasks_are_slow_does_not_delay_another"],
    ),
    (
        "handshakes that never finish are reaped (litep2p#587)",
        &["half_open_connections_are_bounded_and_reaped_and_an_honest_client_gets_in"],
    ),
    (
        "close_notify waits for the peer's handshake",
        &["a_close_right_after_the_handshake_waits_until_the_peer_can_read_it"],
    ),
    (
        "a ticket crosses a KeyUpdate (the mode \"tickets that cross key updates\")",
        &["every_pattern_of_one_or_two_lost_datagrams_is_survived"],
    ),
    // MTU.
    (
        "fragments fit the path, and shrink (mediasoup#1100, srs#3565, wolfssl-rs PR 249, wolfSSL#10616)",
        &[
            "every_datagram_keeps_within_the_size",
            "datagrams_are_made_of_whole_records_of_one_connection_and_fit_the_path",
            "a_path_that_gets_narrower_is_found_out_with_everything_counted",
        ],
    ),
    (
        "what does not fit a datagram is refused, and the limit named",
        &["sending_is_refused_with_the_reason", "errors_name_what_was_given_and_what_would_be_right"],
    ),
    // Interoperation.
    (
        "an empty certificate_authorities, which BoringSSL refuses",
        &["whoever_chooses_a_certificate_hears_all_that_is_asked"],
    ),
    ("GREASE values anywhere", &["grease_stands_in_every_list_of_a_hello_and_is_ignored"]),
    (
        "no ACK of a partial flight, and data held until Finished is acknowledged (OpenSSL's development branch)",
        &[
            "every_pattern_of_one_or_two_lost_datagrams_is_survived",
            "the_last_flight_is_acknowledged_and_then_not_sent_again",
        ],
    ),
    (
        "the first timeout is an option (libdatachannel#1635)",
        &["a_silent_peer_is_unreachable_after_the_configured_number_of_tries"],
    ),
    // Not ours: random nonces of AES-GCM (pion CVE-2026-26014) and HelloVerifyRequest, in what follows which NSS is strict,
    // belong to DTLS 1.2.
    // Not ours: tickets that match the address, but not the port. Tickets are bound to no address: a client may come from
    // another one, a retry or a path check proves it, and copies of early data are the strike register's to find.
    // Not ours: RequestConnectionId, which pion and wolfSSL 5.9.2 answer by an alert, is sent only if the application asks.
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_pitfall_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let is_test = |name: &&str| {
        let tested = format!("#[test]\nfn {name}()");
        let in_module = format!("#[test]\n    fn {name}()");
        text.contains(&tested) || text.contains(&in_module)
    };
    let missing: Vec<_> = PITFALLS.iter().flat_map(|(_, tests)| *tests).filter(|name| !is_test(name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
    assert!(PITFALLS.iter().all(|(story, tests)| !story.is_empty() && !tests.is_empty()));
}
