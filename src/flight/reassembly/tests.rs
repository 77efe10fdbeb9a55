use super::*;

const LIMITS: fn() -> Limits = Limits::default;

fn header(message_seq: u16, length: usize, start: usize, len: usize) -> FragmentHeader {
    FragmentHeader {
        msg_type: HandshakeType::CERTIFICATE,
        length: u32::try_from(length).unwrap(),
        message_seq,
        fragment_offset: u32::try_from(start).unwrap(),
        fragment_length: u32::try_from(len).unwrap(),
    }
}

/// Bytes that differ from their neighbours and from those of other messages.
fn message(message_seq: u16, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 256 + usize::from(message_seq) * 31) as u8).collect()
}

/// A pseudorandom sequence.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn insert(reassembly: &mut Reassembly, message_seq: u16, body: &[u8], range: core::ops::Range<usize>) -> Inserted {
    let header = header(message_seq, body.len(), range.start, range.len());
    reassembly.insert(&header, &body[range], 2, &LIMITS()).unwrap()
}

/// Pieces as number, start and length, without regard for each other.
fn random_pieces(bodies: &[Vec<u8>], random: &mut Random) -> Vec<(usize, usize, usize)> {
    (0..1 + random.below(200))
        .map(|_| {
            let seq = random.below(bodies.len());
            let start = random.below(bodies[seq].len() + 1);
            let longest = [20, 4000][random.below(2)];
            (seq, start, random.below(1 + (bodies[seq].len() - start).min(longest)))
        })
        .collect()
}

/// Pieces that cover every message.
fn cut(bodies: &[Vec<u8>], random: &mut Random) -> Vec<(usize, usize, usize)> {
    let mut pieces = Vec::new();
    for (seq, body) in bodies.iter().enumerate() {
        let longest = 1 + [100, 1000, 4000][random.below(3)];
        let mut start = 0;
        loop {
            let len = (1 + random.below(longest)).min(body.len() - start);
            pieces.push((seq, start, len));
            start += len;
            if start == body.len() {
                break;
            }
        }
    }
    pieces
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.5
//# When a DTLS implementation receives a handshake message fragment corresponding to the next expected handshake
//# message sequence number, it MUST process it, either by buffering it until it has the entire handshake message or
//# by processing any in-order portions of the message. DTLS implementations MUST be able to handle overlapping
//# fragment ranges.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.2
//# If the sequence number is less than next_receive_seq, the message MUST be discarded.
#[test]
fn any_cuts_in_any_order_give_the_messages() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let bodies: Vec<_> = (0..6).map(|seq| message(seq, [0, 1, 5, 300, 3000][random.below(5)])).collect();
        let mut reassembly = Reassembly::new(0);
        let mut received = Vec::new();
        // What is known of each byte, as a naive model has it.
        let mut known: Vec<Vec<bool>> = bodies.iter().map(|body| vec![false; body.len().max(1)]).collect();
        // Random pieces first; then all that is missing, in pieces that overlap them, until nothing is.
        let mut pieces = Vec::new();
        for round in 0.. {
            assert!(round < 10_000, "it does not end");
            if pieces.is_empty() {
                if received.len() == bodies.len() {
                    break;
                }
                pieces = if round == 0 { random_pieces(&bodies, &mut random) } else { cut(&bodies, &mut random) };
            }
            let (seq, start, len) = pieces.swap_remove(random.below(pieces.len()));
            let body = &bodies[seq];
            let inserted = insert(&mut reassembly, seq as u16, body, start..start + len);
            let units = if body.is_empty() { 0..1 } else { start..start + len };
            let is_new = units.clone().any(|unit| !known[seq][unit]);
            match inserted {
                Inserted::New => {
                    assert!(is_new);
                    known[seq][units].fill(true);
                }
                Inserted::Duplicate => assert!(!is_new),
                // The number of pieces is bounded.
                Inserted::Dropped => assert!(is_new && body.len() >= 64),
            }
            while let Some(message) = reassembly.pop() {
                assert_eq!(usize::from(message.message_seq), received.len());
                assert_eq!(message.body, bodies[received.len()]);
                assert_eq!((message.epoch, message.msg_type), (2, HandshakeType::CERTIFICATE));
                received.push(message);
            }
            let waiting = received.len()..bodies.len();
            assert_eq!(
                reassembly.buffered(),
                waiting
                    .clone()
                    .filter(|seq| !bodies[*seq].is_empty())
                    .map(|seq| known[seq].iter().filter(|k| **k).count())
                    .sum::<usize>(),
            );
            assert_eq!(reassembly.is_empty(), waiting.clone().all(|seq| known[seq].iter().all(|known| !known)));
            assert_eq!(
                reassembly.has_partial(),
                waiting.clone().any(|seq| known[seq].contains(&true) && known[seq].contains(&false))
            );
        }
        assert!(reassembly.is_empty() && reassembly.ahead.capacity() == 0);
        assert_eq!(insert(&mut reassembly, 3, &bodies[3], 0..0), Inserted::Duplicate);
        assert_eq!(reassembly.next_message_seq(), 6);
    }
}

#[test]
fn a_whole_message_needs_no_more_than_its_own_bytes() {
    let mut reassembly = Reassembly::new(0);
    let body = message(0, 1000);
    assert_eq!(insert(&mut reassembly, 0, &body, 0..1000), Inserted::New);
    assert_eq!(reassembly.pop().unwrap().body.capacity(), 1000);
    assert_eq!(reassembly.ahead.capacity(), 0);
}

#[test]
fn memory_is_in_proportion_to_what_was_received() {
    let mut reassembly = Reassembly::new(0);
    let length = LIMITS().handshake_message;
    for message_seq in 0..=LIMITS().messages_ahead {
        let header = header(message_seq, length, length - 1, 1);
        assert_eq!(reassembly.insert(&header, &[7], 0, &LIMITS()), Ok(Inserted::New));
    }
    let held: usize = reassembly.held().flat_map(|incoming| &incoming.pieces).map(|piece| piece.bytes.capacity()).sum();
    assert!(held < 100, "{held}");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let mut reassembly = Reassembly::new(0);
    let refused = Err(PeerMisbehaved::FragmentMismatch);
    // Past the end of its message.
    assert_eq!(reassembly.insert(&header(0, 10, 5, 6), &[0; 6], 0, &LIMITS()), refused);
    assert_eq!(reassembly.insert(&header(0, 10, 11, 0), &[], 0, &LIMITS()), refused);
    assert_eq!(reassembly.insert(&header(0, 0xff_ffff, 0xff_ffff, 1), &[0], 0, &LIMITS()), refused);
    // Other bytes than its header says.
    assert_eq!(reassembly.insert(&header(0, 10, 0, 5), &[0; 4], 0, &LIMITS()), refused);
    assert!(reassembly.is_empty());
}

#[test]
fn what_contradicts_what_is_held_is_refused() {
    let refused = Err(PeerMisbehaved::FragmentMismatch);
    // Behind the next message or not, whole or in part.
    for (message_seq, held) in [(0, 4), (1, 4), (1, 10)] {
        let mut reassembly = Reassembly::new(0);
        let body = message(message_seq, 10);
        assert_eq!(insert(&mut reassembly, message_seq, &body, 0..held), Inserted::New);
        // Another length, shorter and longer; this is how memory was overwritten in GnuTLS.
        for length in [9, 11, 5000] {
            assert_eq!(reassembly.insert(&header(message_seq, length, 4, 5), &body[4..9], 2, &LIMITS()), refused);
        }
        // Another type.
        let other_type = FragmentHeader { msg_type: HandshakeType::FINISHED, ..header(message_seq, 10, 4, 6) };
        assert_eq!(reassembly.insert(&other_type, &body[4..], 2, &LIMITS()), refused);
        // Another byte.
        assert_eq!(reassembly.insert(&header(message_seq, 10, 3, 1), &[body[3] ^ 1], 2, &LIMITS()), refused);
        // Another epoch.
        let across = reassembly.insert(&header(message_seq, 10, 4, 6), &body[4..], 3, &LIMITS());
        assert_eq!(across, Err(PeerMisbehaved::MessageAcrossKeyChange));
        // And it goes on as if nothing had been.
        let expected = if held == 10 { Inserted::Duplicate } else { Inserted::New };
        assert_eq!(insert(&mut reassembly, message_seq, &body, 2..10), expected);
        assert!(!reassembly.has_partial());
    }
}

#[test]
fn fragments_of_no_bytes_bring_nothing() {
    let mut reassembly = Reassembly::new(0);
    for _ in 0..1000 {
        assert_eq!(reassembly.insert(&header(0, 100, 50, 0), &[], 0, &LIMITS()), Ok(Inserted::Duplicate));
        assert_eq!(reassembly.insert(&header(1, 100, 0, 0), &[], 0, &LIMITS()), Ok(Inserted::Duplicate));
    }
    assert!(reassembly.is_empty() && reassembly.pop().is_none());
    // But a message without body is one.
    assert_eq!(reassembly.insert(&header(0, 0, 0, 0), &[], 0, &LIMITS()), Ok(Inserted::New));
    assert_eq!(reassembly.insert(&header(0, 0, 0, 0), &[], 0, &LIMITS()), Ok(Inserted::Duplicate));
    assert!(reassembly.pop().unwrap().body.is_empty());
}

#[test]
fn bounds_hold_and_leave_room_for_the_next_message() {
    let limits = Limits { handshake_message: 100, reassembly: 250, messages_ahead: 3, fragments: 4, ..LIMITS() };
    let mut reassembly = Reassembly::new(7);
    let mut insert = |message_seq, length, range: core::ops::Range<usize>| {
        let body = message(message_seq, length);
        reassembly.insert(&header(message_seq, length, range.start, range.len()), &body[range], 2, &limits)
    };
    assert_eq!(insert(7, 101, 0..1), Err(PeerMisbehaved::MessageTooLong));
    assert_eq!(insert(11, 10, 0..1), Ok(Inserted::Dropped));
    // 250 - 100 bytes of messages behind the next one.
    assert_eq!(insert(8, 100, 0..100), Ok(Inserted::New));
    assert_eq!(insert(9, 100, 0..51), Ok(Inserted::Dropped));
    assert_eq!(insert(9, 100, 0..50), Ok(Inserted::New));
    assert_eq!(insert(10, 100, 0..1), Ok(Inserted::Dropped));
    assert_eq!(insert(9, 100, 0..50), Ok(Inserted::Duplicate));
    assert_eq!(insert(9, 100, 40..60), Ok(Inserted::Dropped));
    // Four pieces, and a fifth only if it joins others.
    for start in [10, 30, 50, 70] {
        assert_eq!(insert(7, 100, start..start + 10), Ok(Inserted::New));
    }
    assert_eq!(insert(7, 100, 90..100), Ok(Inserted::Dropped));
    assert_eq!(insert(7, 100, 80..100), Ok(Inserted::New));
    assert_eq!(insert(7, 100, 0..95), Ok(Inserted::New));
    assert_eq!(reassembly.pop().unwrap().body, message(7, 100));
    assert_eq!(reassembly.pop().unwrap().body, message(8, 100));
    assert_eq!(reassembly.pop(), None);
    assert!(reassembly.has_partial());
}

#[test]
fn a_gap_is_noticed() {
    let body = message(0, 10);
    let mut reassembly = Reassembly::new(0);
    assert!(!reassembly.has_gap());
    insert(&mut reassembly, 0, &body, 0..3);
    assert!(!reassembly.has_gap());
    insert(&mut reassembly, 0, &body, 5..6);
    assert!(reassembly.has_gap());
    insert(&mut reassembly, 0, &body, 3..5);
    assert!(!reassembly.has_gap());
    insert(&mut reassembly, 1, &body, 0..10);
    assert!(reassembly.has_gap());
    insert(&mut reassembly, 0, &body, 6..10);
    assert!(!reassembly.has_gap());
}

#[test]
fn the_last_number_is_the_last() {
    let mut reassembly = Reassembly::new(u16::MAX);
    assert_eq!(insert(&mut reassembly, u16::MAX, &[1], 0..1), Inserted::New);
    assert_eq!(reassembly.pop().unwrap().message_seq, u16::MAX);
    for message_seq in [0, 1, u16::MAX] {
        assert_eq!(insert(&mut reassembly, message_seq, &[1], 0..1), Inserted::Duplicate);
    }
    assert_eq!(reassembly.pop(), None);
}

#[test]
fn no_fragments_whatever_make_it_hold_more_than_its_limit() {
    let limits = Limits { handshake_message: 200, reassembly: 500, fragments: 5, ..LIMITS() };
    let mut random = Random(3);
    let mut reassembly = Reassembly::new(0);
    let (mut delivered, mut refused) = (0, 0);
    for _ in 0..50_000 {
        let message_seq = usize::from(reassembly.next_message_seq()) + random.below(12);
        let message_seq = (message_seq as u16).wrapping_sub(random.below(2) as u16);
        // Numbers of any size now and then, and else a message of 50 bytes, so that there are messages at all.
        let (length, start) = match random.below(200) {
            0 => (random.below(1 << 24), random.below(1 << 24)),
            1 => (random.below(300), random.below(300)),
            _ => (50, [0, random.below(50)][random.below(2)]),
        };
        let rest = 50_usize.saturating_sub(start);
        let len = [rest, rest, random.below(rest + 1), random.below(300)][match random.below(200) {
            0 => 3,
            other => other % 3,
        }];
        let body = vec![0; len];
        if reassembly.insert(&header(message_seq, length, start, len), &body, 0, &limits).is_err() {
            // The connection has ended.
            reassembly = Reassembly::new(message_seq);
            refused += 1;
        }
        assert!(reassembly.buffered() <= limits.reassembly);
        assert!(reassembly.held().all(|incoming| incoming.pieces.len() <= limits.fragments));
        assert!(reassembly.held().count() <= usize::from(limits.messages_ahead) + 1);
        while let Some(message) = reassembly.pop() {
            assert!(message.body.len() <= limits.handshake_message);
            delivered += 1;
        }
    }
    assert!(delivered > 100 && refused > 100, "{delivered} delivered, {refused} refused");
}
