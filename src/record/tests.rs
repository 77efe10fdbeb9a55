mod connection_ids;
mod sealing;

use super::number::MAX_SEQUENCE_NUMBER;
use super::protect13::{MAX_CIPHERTEXT, MAX_PLAINTEXT};
use super::*;
use crate::crypto::{AeadAlgorithm, AeadError, AeadKey, AeadLimits, CipherSuiteImpl, NONCE_LEN, RecordNumberKey, null};
use crate::error::PeerMisbehaved;
use crate::schedule::v13::TrafficSecret;
use crate::trace::DiscardReason;
use crate::wire::record::{RecordNumber, UnifiedHeader};
use crate::wire::registry::{CipherSuite, ContentType};

fn keys(secret: u8) -> TrafficKeys {
    let suite = null::provider(1).suite(CipherSuite::TLS_AES_128_GCM_SHA256).unwrap();
    TrafficSecret::new(suite, &[secret; 32]).keys()
}

/// A layer that writes epochs 2 and 3, and one that reads them.
fn pair() -> (RecordLayer, RecordLayer) {
    let (mut writer, mut reader) = (RecordLayer::new(), RecordLayer::new());
    for epoch in [2, 3] {
        writer.install_write(epoch, keys(epoch as u8));
        reader.install_read(epoch, keys(epoch as u8));
    }
    (writer, reader)
}

fn seal(writer: &mut RecordLayer, epoch: u16, content: &[u8], datagram: &mut Vec<u8>) -> u64 {
    let sealed = writer.seal(epoch, ContentType::APPLICATION_DATA, datagram, |out| out.extend_from_slice(content));
    sealed.unwrap().sequence_number
}

/// What became of a record: epoch, sequence number and content, or the reason why it was discarded.
type Outcome = Result<(u64, u64, Vec<u8>), DiscardReason>;

/// What became of each record of `datagram`.
fn open_all(reader: &mut RecordLayer, datagram: &[u8]) -> Vec<Outcome> {
    let mut datagram = datagram.to_vec();
    let mut rest = datagram.as_mut_slice();
    let mut outcomes = Vec::new();
    while !rest.is_empty() {
        let (outcome, behind) = reader.open_next(rest);
        outcomes.push(match outcome {
            Ok(opened) => Ok((opened.number.epoch, opened.number.sequence_number, opened.content.to_vec())),
            Err(discarded) => Err(discarded.reason),
        });
        rest = behind;
    }
    outcomes
}

#[test]
fn records_of_several_epochs_share_a_datagram() {
    let (mut writer, mut reader) = pair();
    let mut datagram = Vec::new();
    writer.seal(0, ContentType::HANDSHAKE, &mut datagram, |out| out.push(1)).unwrap();
    seal(&mut writer, 2, b"two", &mut datagram);
    seal(&mut writer, 3, b"", &mut datagram);
    seal(&mut writer, 2, b"again", &mut datagram);
    assert_eq!(datagram.len(), 14 + 25 + 22 + 27);
    assert_eq!(
        open_all(&mut reader, &datagram),
        [Ok((0, 0, vec![1])), Ok((2, 0, b"two".to_vec())), Ok((3, 0, vec![])), Ok((2, 1, b"again".to_vec()))]
    );
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.1
//# The window MUST NOT be updated due to a received record until that record has been deprotected successfully.
#[test]
fn a_damaged_record_does_not_lose_those_behind_it() {
    let (mut writer, mut reader) = pair();
    let mut datagram = Vec::new();
    seal(&mut writer, 3, b"first", &mut datagram);
    let second = datagram.len();
    seal(&mut writer, 3, b"second", &mut datagram);
    datagram[second - 1] ^= 1;
    assert_eq!(open_all(&mut reader, &datagram), [Err(DiscardReason::Forged), Ok((3, 1, b"second".to_vec()))]);
    // The record itself, undamaged, is still new: the window was not moved for the forged one.
    datagram[second - 1] ^= 1;
    assert_eq!(open_all(&mut reader, &datagram), [Ok((3, 0, b"first".to_vec())), Err(DiscardReason::Replayed)]);
    assert_eq!(reader.read_usage(3).unwrap().used, 1);
}

/// An AEAD whose keys wear out soon, with a tag of any length up to 16.
struct Feeble {
    tag_len: usize,
}

const FEEBLE_LIMITS: AeadLimits = AeadLimits { confidentiality: 3, integrity: 4 };

fn strong() -> &'static CipherSuiteImpl {
    null::provider(1).suite(CipherSuite::TLS_AES_128_GCM_SHA256).unwrap()
}

fn feeble_keys(tag_len: usize) -> TrafficKeys {
    let aead = Box::leak(Box::new(Feeble { tag_len }));
    let suite = Box::leak(Box::new(CipherSuiteImpl { id: strong().id, hash: strong().hash, aead }));
    TrafficSecret::new(suite, &[9; 32]).keys()
}

impl AeadAlgorithm for Feeble {
    fn key_len(&self) -> usize {
        strong().aead.key_len()
    }

    fn tag_len(&self) -> usize {
        self.tag_len
    }

    fn limits(&self) -> AeadLimits {
        FEEBLE_LIMITS
    }

    fn aead_key(&self, key: &[u8]) -> Option<Box<dyn AeadKey>> {
        Some(Box::new(FeebleKey { key: strong().aead.aead_key(key)?, tag_len: self.tag_len }))
    }

    fn record_number_key(&self, key: &[u8]) -> Option<Box<dyn RecordNumberKey>> {
        strong().aead.record_number_key(key)
    }
}

struct FeebleKey {
    key: Box<dyn AeadKey>,
    tag_len: usize,
}

impl AeadKey for FeebleKey {
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), AeadError> {
        let mut whole = [0; 16];
        self.key.seal(nonce, aad, in_out, &mut whole)?;
        tag.copy_from_slice(&whole[..self.tag_len]);
        Ok(())
    }

    fn open<'a>(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &'a mut [u8]) -> Result<&'a mut [u8], AeadError> {
        let content_len = in_out.len().checked_sub(self.tag_len).ok_or(AeadError)?;
        let (content, tag) = in_out.split_at_mut(content_len);
        let mut expected = vec![0; self.tag_len];
        // The null AEAD leaves content as it is.
        self.seal(nonce, aad, content, &mut expected)?;
        if expected == tag { Ok(content) } else { Err(AeadError) }
    }
}

/// A record that nothing of `protect13` has touched: `first` is its first byte, `connection_id` follows it.
fn record(keys: &TrafficKeys, first: u8, connection_id: &[u8], number: u64, inner: &[u8]) -> Vec<u8> {
    let mut head = [&[first], connection_id].concat();
    let number_at = head.len();
    let number_bytes = number.to_be_bytes();
    let number_len = if first & UnifiedHeader::SEQUENCE_BIT != 0 { 2 } else { 1 };
    head.extend_from_slice(&number_bytes[8 - number_len..]);
    let tag_len = keys.suite.aead.tag_len();
    if first & UnifiedHeader::LENGTH_BIT != 0 {
        head.extend_from_slice(&u16::try_from(inner.len() + tag_len).unwrap().to_be_bytes());
    }
    let mut nonce = keys.iv;
    for (byte, other) in nonce[4..].iter_mut().zip(number_bytes) {
        *byte ^= other;
    }
    let mut body = inner.to_vec();
    let mut tag = vec![0; tag_len];
    keys.aead.seal(&nonce, &head, &mut body, &mut tag).unwrap();
    body.extend_from_slice(&tag);
    if let Some(sample) = body.first_chunk() {
        let mask = keys.record_number.mask(sample);
        for (byte, mask) in head[number_at..number_at + number_len].iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    [head, body].concat()
}

fn reader_of_epoch_3() -> RecordLayer {
    let mut reader = RecordLayer::new();
    reader.install_read(3, keys(3));
    reader
}

#[test]
fn every_form_of_the_header_is_read() {
    let keys = keys(3);
    for first in [0x23, 0x27, 0x2b, 0x2f] {
        for connection_id in [&b""[..], b"id"] {
            let mut reader = reader_of_epoch_3();
            reader.set_read_connection_id(connection_id);
            let first = if connection_id.is_empty() { first } else { first | UnifiedHeader::CONNECTION_ID_BIT };
            let mut datagram = record(&keys, first, connection_id, 0, b"zero\x17");
            let has_length = first & UnifiedHeader::LENGTH_BIT != 0;
            // Without a length the record reaches to the end of its datagram.
            if has_length {
                datagram.extend(record(&keys, first, connection_id, 1, b"one\x17"));
                assert_eq!(
                    open_all(&mut reader, &datagram),
                    [Ok((3, 0, b"zero".to_vec())), Ok((3, 1, b"one".to_vec()))]
                );
            } else {
                assert_eq!(open_all(&mut reader, &datagram), [Ok((3, 0, b"zero".to_vec()))]);
            }
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# If the second or later record has a connection ID which does not correspond to the same association used for previous
//# records, the rest of the datagram MUST be discarded.
#[test]
fn behind_a_record_of_another_connection_nothing_is_read() {
    let keys = keys(3);
    let of = |connection_id: &[u8], number| record(&keys, 0x3f, connection_id, number, b"x\x17");
    let mut reader = reader_of_epoch_3();
    reader.set_read_connection_id(b"id");
    let datagram = [of(b"id", 0), of(b"no", 1), of(b"id", 2)].concat();
    assert_eq!(open_all(&mut reader, &datagram), [Ok((3, 0, b"x".to_vec())), Err(DiscardReason::WrongConnectionId)]);
    assert_eq!(open_all(&mut reader, &of(b"id", 2)), [Ok((3, 2, b"x".to_vec()))]);
}

#[test]
fn numbers_of_8_and_16_bits_go_on_past_their_ends() {
    let keys = keys(3);
    for (first, step) in [(0x27, 100), (0x2f, 30_000)] {
        let mut reader = reader_of_epoch_3();
        for number in (0..20).map(|i| i * step) {
            let datagram = record(&keys, first, b"", number, b"x\x17");
            assert_eq!(open_all(&mut reader, &datagram), [Ok((3, number, b"x".to_vec()))]);
        }
        // A late one.
        let late = 19 * step - 50;
        assert_eq!(open_all(&mut reader, &record(&keys, first, b"", late, b"y\x17")), [Ok((3, late, b"y".to_vec()))]);
    }
    // Too far ahead for 8 bits: another number is reconstructed, and the nonce does not fit.
    let mut reader = reader_of_epoch_3();
    assert_eq!(open_all(&mut reader, &record(&keys, 0x27, b"", 256, b"x\x17")), [Err(DiscardReason::Forged)]);
}

#[test]
fn padding_is_removed() {
    let keys = keys(3);
    let mut reader = reader_of_epoch_3();
    for (number, padding) in [0, 1, 15, 1000, MAX_PLAINTEXT].into_iter().enumerate() {
        let inner = [&b"\0"[..], &[ContentType::ACK.0], &vec![0; padding.saturating_sub(1)]].concat();
        let mut datagram = record(&keys, 0x2f, b"", number as u64, &inner);
        let len = datagram.len();
        let (opened, rest) = reader.open_next(&mut datagram);
        let opened = opened.unwrap();
        assert_eq!((opened.content_type, &opened.content[..], opened.wire_len), (ContentType::ACK, &b"\0"[..], len));
        assert!(rest.is_empty());
    }
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-4.5.2
//# Records that are successfully decoded and deprotected can be assumed to be valid and errors in the contents of
//# records MUST be regarded as originating from the peer.
#[test]
fn content_that_authenticates_and_is_wrong_is_the_peers_fault() {
    let keys = keys(3);
    let cases = [
        (vec![0; 16], PeerMisbehaved::NoContentType),
        (Vec::new(), PeerMisbehaved::NoContentType),
        (vec![0; MAX_PLAINTEXT + 1], PeerMisbehaved::NoContentType),
        (vec![0x17; MAX_PLAINTEXT + 2], PeerMisbehaved::RecordOverflow),
        (vec![0; MAX_PLAINTEXT + 2], PeerMisbehaved::RecordOverflow),
        ([&[0x17][..], &[0; MAX_PLAINTEXT + 1]].concat(), PeerMisbehaved::RecordOverflow),
    ];
    for (inner, misbehaved) in cases {
        let mut datagram = record(&keys, 0x2f, b"", 0, &inner);
        let discarded = reader_of_epoch_3().open_next(&mut datagram).0.map(|opened| opened.content.len()).unwrap_err();
        assert_eq!(discarded.misbehaved, Some(misbehaved), "{} bytes", inner.len());
    }
    // The longest that is right.
    let mut datagram = record(&keys, 0x2f, b"", 0, &[0x17; MAX_PLAINTEXT + 1]);
    assert_eq!(reader_of_epoch_3().open_next(&mut datagram).0.unwrap().content.len(), MAX_PLAINTEXT);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.3
//# Receivers MUST reject shorter records as if they had failed deprotection, as described in Section 4.5.2.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4.3
//# Records MUST NOT span datagrams.
//= https://www.rfc-editor.org/rfc/rfc9147#section-9.1
//# If no CID is negotiated, then the receiver MUST reject any records it receives that contain a CID.
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-4.5.2
//# An endpoint MUST discard a record which cannot be processed at the record layer.
#[test]
fn what_has_no_use_is_discarded_for_its_reason() {
    let keys = keys(3);
    let good = record(&keys, 0x2f, b"", 0, b"good\x17");
    let plain = |content_type: u8, epoch: u8, length: u16, content: &[u8]| {
        let [high, low] = length.to_be_bytes();
        [&[content_type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, high, low], content].concat()
    };
    let too_long = [&[0x2f, 0, 0], &u16::try_from(MAX_CIPHERTEXT + 1).unwrap().to_be_bytes()[..]].concat();
    let too_long = [too_long, vec![1; MAX_CIPHERTEXT + 1]].concat();
    // Each is followed by a good record, which is found if the length before it is known.
    let cases: Vec<(Vec<u8>, DiscardReason, bool)> = vec![
        (vec![0x2f, 0, 0, 0, 15, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], DiscardReason::Malformed, true),
        (vec![0x2f, 0, 0, 0, 0], DiscardReason::Malformed, true),
        (vec![0x2f, 0, 0, 0xff, 0xff, 1, 2], DiscardReason::Malformed, false),
        (too_long, DiscardReason::TooLong, true),
        (record(&keys, 0x2e, b"", 0, b"epoch 2\x17"), DiscardReason::UnknownEpoch, true),
        (record(&keys, 0x3f, b"id", 0, b"x\x17"), DiscardReason::WrongConnectionId, false),
        // The form of another record: 10 has no meaning, 25 is for DTLS 1.2 with a connection ID, 64 is no record.
        (vec![10; 40], DiscardReason::Malformed, false),
        (vec![25; 40], DiscardReason::Malformed, false),
        (vec![64; 40], DiscardReason::Malformed, false),
        (plain(22, 1, 1, &[1]), DiscardReason::Malformed, true),
        (plain(22, 0, 5000, &[1]), DiscardReason::Malformed, false),
        (plain(22, 0, 16_385, &[1; 16_385]), DiscardReason::TooLong, true),
    ];
    for (bytes, reason, is_delimited) in cases {
        let mut reader = reader_of_epoch_3();
        let outcomes = open_all(&mut reader, &[&bytes[..], &good].concat());
        let expected = if is_delimited { vec![Err(reason), Ok((3, 0, b"good".to_vec()))] } else { vec![Err(reason)] };
        assert_eq!(outcomes, expected, "{:02x?}", &bytes[..bytes.len().min(20)]);
    }
    // A plaintext record, repeated, and after plaintext records are not read any more.
    let mut reader = reader_of_epoch_3();
    let alert = plain(21, 0, 2, &[1, 0]);
    assert_eq!(
        open_all(&mut reader, &[&alert[..], &alert].concat()),
        [Ok((0, 1, vec![1, 0])), Err(DiscardReason::Replayed)]
    );
    reader.discard_read(0);
    assert!(!reader.can_read(0));
    assert_eq!(
        open_all(&mut reader, &[&alert[..], &good].concat()),
        [Err(DiscardReason::PlaintextAfterKeys), Ok((3, 0, b"good".to_vec()))]
    );
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.1
//# If the first byte is alert(21), handshake(22), or ack(proposed, 26), the record MUST be interpreted as a
//# DTLSPlaintext record. If the first byte is any other value, then receivers MUST check to see if the leading bits
//# of the first byte are 001. If so, the implementation MUST process the record as DTLSCiphertext; the true content
//# type will be inside the protected portion. Otherwise, the record MUST be rejected as if it had failed
//# deprotection, as described in Section 4.5.2.
#[test]
fn every_prefix_and_any_first_byte_is_harmless() {
    let whole = record(&keys(3), 0x2f, b"", 0, b"content\x17");
    for len in 1..whole.len() {
        assert!(open_all(&mut reader_of_epoch_3(), &whole[..len]).iter().all(Result::is_err), "{len}");
    }
    for first in 0..=255 {
        let mut changed = whole.clone();
        changed[0] = first;
        let outcomes = open_all(&mut reader_of_epoch_3(), &changed);
        assert_eq!(outcomes.iter().any(Result::is_ok), first == 0x2f, "{first:#x}");
    }
}

#[test]
fn a_record_without_keys_stays_as_it_is() {
    let held = record(&keys(2), 0x2e, b"", 0, b"early\x17");
    let mut datagram = held.clone();
    let mut reader = RecordLayer::new();
    let discarded = reader.open_next(&mut datagram).0.unwrap_err();
    assert_eq!(
        (discarded.reason, discarded.record, discarded.misbehaved),
        (DiscardReason::UnknownEpoch, &held[..], None)
    );
    reader.install_read(2, keys(2));
    assert_eq!(open_all(&mut reader, &datagram), [Ok((2, 0, b"early".to_vec()))]);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.1
//# The received record counter for an epoch MUST be initialized to zero when that epoch is first used.
#[test]
fn the_highest_epoch_with_these_bits_is_meant() {
    let mut reader = RecordLayer::new();
    for epoch in [2, 3, 4, 5, 6] {
        reader.install_read(epoch, keys(epoch as u8));
        assert_eq!(reader.read_epoch(), epoch);
    }
    let of = |epoch: u8, number| record(&keys(epoch), 0x2c | epoch & 3, b"", number, b"x\x17");
    assert_eq!(open_all(&mut reader, &of(6, 0)), [Ok((6, 0, b"x".to_vec()))]);
    assert_eq!(open_all(&mut reader, &of(2, 0)), [Err(DiscardReason::Forged)]);
    assert_eq!(open_all(&mut reader, &of(5, 0)), [Ok((5, 0, b"x".to_vec()))]);
    // Each epoch has a window and numbers of its own.
    assert_eq!(open_all(&mut reader, &of(6, 1)), [Ok((6, 1, b"x".to_vec()))]);
    assert_eq!(open_all(&mut reader, &of(5, 0)), [Err(DiscardReason::Replayed)]);
    reader.discard_read(6);
    assert_eq!(open_all(&mut reader, &of(2, 0)), [Ok((2, 0, b"x".to_vec()))]);
    assert!(reader.can_read(2) && !reader.can_read(6));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# Implementations MUST count the number of received packets that fail authentication with each key.
#[test]
fn too_many_forged_records_end_the_connection() {
    let mut reader = RecordLayer::new();
    reader.install_read(3, feeble_keys(16));
    let good = record(&feeble_keys(16), 0x2f, b"", 0, b"x\x17");
    for count in 1..10 {
        let mut forged = good.clone();
        *forged.last_mut().unwrap() ^= 1;
        let discarded = reader.open_next(&mut forged).0.unwrap_err();
        assert_eq!(discarded.reason, DiscardReason::Forged);
        let expected = (count > FEEBLE_LIMITS.integrity).then_some(PeerMisbehaved::TooManyForgedRecords);
        assert_eq!(discarded.misbehaved, expected, "{count}");
        assert_eq!(reader.read_usage(3).unwrap().used, count);
    }
    // What is not an attempt on the AEAD is not counted.
    assert_eq!(open_all(&mut reader, &[0x2f, 0, 0, 0, 1, 1]), [Err(DiscardReason::Malformed)]);
    assert_eq!(reader.read_usage(3).unwrap().used, 9);
}

#[test]
fn any_bytes_are_harmless_and_are_used_up() {
    let mut random = 5u64;
    let mut next_random = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % bound
    };
    let keys = [keys(2), keys(3)];
    let (_, mut reader) = pair();
    let mut opened_records = 0;
    for round in 0..20_000 {
        let mut datagram = Vec::new();
        for _ in 0..next_random(4) {
            if next_random(2) == 0 {
                let first = 0x2c | (2 + next_random(2)) as u8;
                datagram.extend(record(&keys[usize::from(first & 1)], first, b"", round, b"content\x17"));
            } else {
                datagram.extend([[22, 0xfe, 0xfd, 0, 0, 0, 0], [0x2f, 0, 0, 0, 20, 1, 2]][next_random(2)]);
                datagram.extend((0..next_random(40)).map(|_| 0));
            }
        }
        for _ in 0..next_random(3) {
            if !datagram.is_empty() {
                let place = next_random(datagram.len());
                datagram[place] = next_random(256) as u8;
            }
        }
        let mut rest = datagram.as_mut_slice();
        while !rest.is_empty() {
            let before = rest.len();
            let (outcome, behind) = reader.open_next(rest);
            let wire_len = match &outcome {
                Ok(opened) => opened.wire_len,
                Err(discarded) => discarded.record.len(),
            };
            opened_records += usize::from(outcome.is_ok());
            assert!(wire_len > 0 && wire_len + behind.len() == before);
            rest = behind;
        }
    }
    assert!(opened_records > 1000, "{opened_records}");
}
