//! Connection IDs in the headers of records.

use super::*;

fn with_ids(write: &[u8], read: &[u8]) -> (RecordLayer, RecordLayer) {
    let (mut writer, mut reader) = pair();
    writer.set_write_connection_id(write.into());
    reader.set_read_connection_id(read);
    (writer, reader)
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# If a Connection ID is negotiated, then it MUST be contained in all datagrams.
#[test]
fn every_protected_record_carries_the_connection_id_and_counts_it() {
    for len in [1, 7, 20, 255] {
        let id = vec![0xa5; len];
        let (mut writer, mut reader) = with_ids(&id, &id);
        let mut datagram = Vec::new();
        writer.seal(0, ContentType::HANDSHAKE, &mut datagram, |out| out.push(1)).unwrap();
        let start = datagram.len();
        seal(&mut writer, 2, b"two", &mut datagram);
        assert_eq!(Some(datagram.len() - start), writer.sealed_len(2, 3));
        seal(&mut writer, 3, b"three", &mut datagram);
        assert_eq!(datagram.len(), 14 + (25 + len) + (27 + len));
        assert_eq!(writer.max_plaintext(3, 27 + len), 5);
        assert_eq!(writer.max_plaintext(3, 21 + len), 0);
        assert_eq!(
            open_all(&mut reader, &datagram),
            [Ok((0, 0, vec![1])), Ok((2, 0, b"two".to_vec())), Ok((3, 0, b"three".to_vec()))]
        );
    }
}

#[test]
fn the_other_form_is_dropped_and_so_is_a_connection_id_that_was_stripped() {
    let (mut writer, mut reader) = with_ids(b"", b"id");
    let mut datagram = Vec::new();
    seal(&mut writer, 3, b"bare", &mut datagram);
    assert_eq!(open_all(&mut reader, &datagram), [Err(DiscardReason::WrongConnectionId)]);
    // The bit taken away, and the connection ID with it.
    let (mut writer, mut reader) = with_ids(b"id", b"id");
    let mut datagram = Vec::new();
    seal(&mut writer, 3, b"whole", &mut datagram);
    let stripped = [&[datagram[0] & !UnifiedHeader::CONNECTION_ID_BIT], &datagram[3..]].concat();
    assert_eq!(open_all(&mut reader, &stripped), [Err(DiscardReason::WrongConnectionId)]);
    assert_eq!(open_all(&mut reader, &datagram), [Ok((3, 0, b"whole".to_vec()))]);
    // And the other way round.
    let (mut writer, mut reader) = with_ids(b"id", b"");
    let mut datagram = Vec::new();
    seal(&mut writer, 3, b"x", &mut datagram);
    assert_eq!(open_all(&mut reader, &datagram), [Err(DiscardReason::WrongConnectionId)]);
}

#[test]
fn the_connection_id_is_authenticated() {
    let (mut writer, mut reader) = with_ids(b"id", b"id");
    reader.add_read_connection_id(b"ie");
    let mut datagram = Vec::new();
    seal(&mut writer, 3, b"x", &mut datagram);
    datagram[2] ^= 1;
    assert_eq!(open_all(&mut reader, &datagram), [Err(DiscardReason::Forged)]);
}

#[test]
fn early_data_goes_without_because_its_client_cannot_know() {
    let (mut writer, mut reader) = with_ids(b"id", b"id");
    writer.install_write(1, keys(1));
    reader.install_read(1, keys(1));
    let mut datagram = Vec::new();
    seal(&mut writer, 1, b"early", &mut datagram);
    assert_eq!(datagram[0] & UnifiedHeader::CONNECTION_ID_BIT, 0);
    assert_eq!(open_all(&mut reader, &datagram), [Ok((1, 0, b"early".to_vec()))]);
    // The exception ends with the epoch: epoch 5 has the same bits.
    reader.discard_read(1);
    reader.install_read(5, keys(5));
    writer.install_write(5, keys(5));
    writer.set_write_connection_id(Box::default());
    let mut datagram = Vec::new();
    seal(&mut writer, 5, b"late", &mut datagram);
    assert_eq!(open_all(&mut reader, &datagram), [Err(DiscardReason::WrongConnectionId)]);
}

#[test]
fn what_is_only_offered_is_not_demanded() {
    for id in [&b""[..], b"id"] {
        let (mut writer, mut reader) = pair();
        reader.offer_read_connection_id(b"id");
        writer.set_write_connection_id(id.into());
        let mut datagram = Vec::new();
        seal(&mut writer, 3, b"x", &mut datagram);
        assert_eq!(open_all(&mut reader, &datagram), [Ok((3, 0, b"x".to_vec()))]);
    }
}

#[test]
fn several_are_known_by_their_place_and_the_last_one_stays() {
    let (mut writer, mut reader) = with_ids(b"one", b"one");
    reader.add_read_connection_id(b"two");
    reader.add_read_connection_id(b"two");
    reader.add_read_connection_id(b"longer");
    assert_eq!(reader.read_connection_ids().len(), 2);
    for (id, place) in [(&b"one"[..], 0), (b"two", 1)] {
        writer.set_write_connection_id(id.into());
        let mut datagram = Vec::new();
        seal(&mut writer, 3, b"x", &mut datagram);
        assert_eq!(reader.open_next(&mut datagram).0.unwrap().connection_id, Some(place));
    }
    reader.retire_read_connection_id(0);
    reader.retire_read_connection_id(0);
    assert_eq!(reader.read_connection_ids(), [Box::from(&b"two"[..])]);
}

#[test]
fn the_newest_record_is_known() {
    let (mut writer, mut reader) = pair();
    let mut datagrams = Vec::new();
    for epoch in [2, 2, 3, 3, 2] {
        let mut datagram = Vec::new();
        seal(&mut writer, epoch, b"x", &mut datagram);
        datagrams.push(datagram);
    }
    let mut is_newest = |index: usize| reader.open_next(&mut datagrams[index]).0.unwrap().is_newest;
    assert!(is_newest(1));
    assert!(!is_newest(0), "overtaken");
    assert!(is_newest(3));
    assert!(!is_newest(2), "overtaken in epoch 3");
    assert!(!is_newest(4), "the highest of epoch 2, but epoch 3 has begun");
}
