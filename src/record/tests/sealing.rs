//! What is written, and what is refused.

use super::*;

//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# Plaintext records MUST NOT be sent with sequence numbers that would exceed 2^48-1, so the upper 16 bits will
//# always be 0.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.1
//# Implementations MUST either abandon an association or rekey prior to allowing the sequence number to wrap.
#[test]
fn nothing_is_sealed_past_the_last_number() {
    let (mut writer, mut reader) = pair();
    let limit = writer.write_usage(3).unwrap().limits.confidentiality.min(MAX_SEQUENCE_NUMBER + 1);
    writer.write[1].set_next(limit - 1);
    let mut datagram = vec![7];
    assert_eq!(seal(&mut writer, 3, b"last", &mut datagram), limit - 1);
    let before = datagram.clone();
    let refused = writer.seal(3, ContentType::ALERT, &mut datagram, |out| out.push(1));
    assert_eq!((refused, &datagram), (Err(SealError::Exhausted), &before));
    assert_eq!(writer.next_number(3), Err(SealError::Exhausted));

    writer.skip_plaintext(MAX_SEQUENCE_NUMBER);
    assert!(writer.seal(0, ContentType::ALERT, &mut datagram, |out| out.push(1)).is_ok());
    assert_eq!(open_all(&mut reader, &datagram[before.len()..]), [Ok((0, MAX_SEQUENCE_NUMBER, vec![1]))]);
    let refused = writer.seal(0, ContentType::ALERT, &mut datagram, |out| out.push(1));
    assert_eq!(refused, Err(SealError::Exhausted));
}

#[test]
fn a_key_protects_no_more_records_than_it_may() {
    let mut writer = RecordLayer::new();
    writer.install_write(3, feeble_keys(16));
    let mut datagram = Vec::new();
    for used in 0..FEEBLE_LIMITS.confidentiality {
        assert_eq!(writer.write_usage(3), Some(KeyUsage { used, limits: FEEBLE_LIMITS }));
        seal(&mut writer, 3, b"x", &mut datagram);
    }
    let before = datagram.clone();
    assert_eq!(writer.seal(3, ContentType::ALERT, &mut datagram, |out| out.push(1)), Err(SealError::Exhausted));
    assert_eq!(datagram, before);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.3
//# Senders MUST pad short plaintexts out (using the conventional record padding mechanism) in order to make a
//# suitable-length ciphertext.
#[test]
fn short_tags_are_padded_to_the_sample() {
    for tag_len in [4, 8, 15, 16] {
        let (mut writer, mut reader) = (RecordLayer::new(), RecordLayer::new());
        writer.install_write(3, feeble_keys(tag_len));
        reader.install_read(3, feeble_keys(tag_len));
        let mut datagram = Vec::new();
        for (number, content) in [&b""[..], b"123", b"a content that is long enough"].into_iter().enumerate() {
            let start = datagram.len();
            seal(&mut writer, 3, content, &mut datagram);
            assert!(datagram.len() - start >= 5 + 16);
            assert_eq!(Some(datagram.len() - start), writer.sealed_len(3, content.len()));
            assert_eq!(open_all(&mut reader, &datagram[start..]), [Ok((3, number as u64, content.to_vec()))]);
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.4
//# However, the upper layer protocol MUST NOT write any record that exceeds the maximum record size of 2^14 bytes.
#[test]
fn what_fits_is_foretold() {
    let (mut writer, _) = pair();
    for epoch in [0, 2] {
        let overhead = if epoch == 0 { 13 } else { 22 };
        for room in 0..100 {
            let max = writer.max_plaintext(epoch, room);
            assert_eq!(max, room.saturating_sub(overhead));
            if max > 0 {
                let mut datagram = Vec::new();
                let content = vec![1; max];
                writer
                    .seal(epoch, ContentType::HANDSHAKE, &mut datagram, |out| out.extend_from_slice(&content))
                    .unwrap();
                assert_eq!(datagram.len(), room);
            }
        }
        assert_eq!(writer.max_plaintext(epoch, 1 << 20), MAX_PLAINTEXT);
        let mut datagram = vec![5];
        let too_long = vec![1; MAX_PLAINTEXT + 1];
        let refused = writer.seal(epoch, ContentType::HANDSHAKE, &mut datagram, |out| out.extend_from_slice(&too_long));
        assert_eq!((refused, &datagram[..]), (Err(SealError::TooLong), &[5][..]));
    }
    // Without keys nothing fits.
    assert_eq!(writer.max_plaintext(7, 1000), 0);
    assert_eq!(writer.seal(7, ContentType::ALERT, &mut Vec::new(), |_| ()), Err(SealError::NoKeys));
    writer.discard_write(0);
    assert_eq!(writer.max_plaintext(0, 1000), 0);
    assert_eq!(writer.seal(0, ContentType::ALERT, &mut Vec::new(), |_| ()), Err(SealError::NoKeys));
}

#[test]
fn only_what_was_sent_may_have_been_sent() {
    let (mut writer, _) = pair();
    let number = |epoch, sequence_number| RecordNumber { epoch, sequence_number };
    assert!(!writer.may_have_sent(number(0, 0)) && !writer.may_have_sent(number(3, 0)));
    writer.skip_plaintext(2);
    seal(&mut writer, 3, b"x", &mut Vec::new());
    assert!(writer.may_have_sent(number(0, 1)) && !writer.may_have_sent(number(0, 2)));
    assert!(writer.may_have_sent(number(3, 0)) && !writer.may_have_sent(number(3, 1)));
    assert!(!writer.may_have_sent(number(4, 0)) && !writer.may_have_sent(number(1 << 32 | 3, 0)));
    writer.discard_write(2);
    assert!(writer.may_have_sent(number(2, 77)));
}

#[test]
fn a_stateless_reply_is_not_numbered_again() {
    let mut writer = RecordLayer::new();
    writer.skip_plaintext(4);
    let mut datagram = Vec::new();
    let number = writer.seal(0, ContentType::HANDSHAKE, &mut datagram, |out| out.push(1)).unwrap();
    assert_eq!((number.epoch, number.sequence_number), (0, 4));
    // Never back.
    writer.skip_plaintext(1);
    assert_eq!(writer.next_number(0).unwrap().sequence_number, 5);
}

#[test]
fn memory_is_held_for_the_epochs_that_are_there() {
    let mut records = RecordLayer::new();
    for epoch in 2..20 {
        records.install_read(epoch, keys(2));
        records.install_write(epoch, keys(2));
        records.discard_read(epoch - 1);
        records.discard_write(epoch - 1);
    }
    records.discard_read(0);
    assert_eq!((records.read.capacity(), records.write.capacity()), (1, 1));
    assert!(records.plaintext_read.is_none());
}
