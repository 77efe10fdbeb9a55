use super::*;
use crate::crypto::null;
use crate::schedule::v13::TrafficSecret;
use crate::wire::registry::CipherSuite;

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
