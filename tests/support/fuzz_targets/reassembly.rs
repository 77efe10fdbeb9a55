//! Reassembly against a model that keeps every byte by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use dtls_wasm::config::Limits;
use dtls_wasm::flight::{Inserted, Reassembly};
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::registry::HandshakeType;

/// What the model knows of one message.
struct Model {
    msg_type: HandshakeType,
    epoch: u16,
    /// The bytes of it that were taken.
    bytes: Vec<Option<u8>>,
}

/// Small enough that every bound is met.
fn limits() -> Limits {
    Limits { handshake_message: 600, reassembly: 1000, messages_ahead: 3, fragments: 5, ..Limits::default() }
}

/// Each fragment is eight bytes of input: message, kind, offset, length, and what is wrong with it.
///
/// Whatever is taken is handed out again, whole, once, in order and unchanged; nothing else is. What is held stays within
/// its bounds and is never more than what came.
pub fn run(input: &[u8]) {
    let limits = limits();
    let first = input.first().map_or(0, |byte| if byte & 1 == 0 { 0 } else { u16::MAX - 2 });
    let mut reassembly = Reassembly::new(first);
    let mut model: BTreeMap<u16, Model> = BTreeMap::new();
    let mut next = u32::from(first);
    let mut received = 0;
    for step in input.get(1..).unwrap_or_default().chunks_exact(8) {
        let [seq, kind, offset_high, offset_low, len_high, len_low, total, flaw] = *step else { return };
        let message_seq = first.wrapping_add(u16::from(seq % 8));
        // The length of a message follows from its number, unless the step says otherwise.
        let length = if flaw & 0x0f == 1 { u32::from(total) * 5 } else { u32::from(message_seq % 5) * 149 };
        let offset = u32::from(u16::from_be_bytes([offset_high, offset_low])) % (length + 2);
        let len = usize::from(u16::from_be_bytes([len_high, len_low])) % (usize::try_from(length).unwrap() + 2);
        let mut body: Vec<u8> = (0..len).map(|at| content(message_seq, offset as usize + at)).collect();
        if flaw & 0x0f == 2 && !body.is_empty() {
            let at = usize::from(total) % body.len();
            body[at] ^= 0x55;
        }
        let claimed = if flaw & 0x0f == 3 { u32::from(total) } else { u32::try_from(len).unwrap() };
        let header = FragmentHeader {
            msg_type: HandshakeType(if flaw & 0x0f == 4 { kind } else { 11 }),
            length,
            message_seq,
            fragment_offset: offset,
            fragment_length: claimed,
        };
        let epoch = if flaw & 0x0f == 5 { u16::from(total) } else { 2 };
        received += body.len();
        let inserted = reassembly.insert(&header, &body, epoch, &limits);
        let is_next = u32::from(message_seq) == next;
        match expect(&model, &header, &body, epoch, next, &limits) {
            Expected::Error => assert!(inserted.is_err(), "{header:?}: {inserted:?}"),
            Expected::Duplicate => assert_eq!(inserted, Ok(Inserted::Duplicate), "{header:?}"),
            Expected::Ahead => assert_eq!(inserted, Ok(Inserted::Dropped), "{header:?}"),
            // There may be no room for it.
            Expected::New => {
                assert!(matches!(inserted, Ok(Inserted::New | Inserted::Dropped)), "{header:?}: {inserted:?}");
                if inserted == Ok(Inserted::New) {
                    take(&mut model, &header, &body, epoch);
                }
            }
        }
        if inserted.is_err() {
            return;
        }
        assert!(reassembly.buffered() <= limits.reassembly && reassembly.buffered() <= received);
        let held: usize = model.values().map(|message| message.bytes.iter().flatten().count()).sum();
        assert_eq!(reassembly.buffered(), held);
        if flaw & 0x10 == 0 || is_next {
            while let Some(message) = reassembly.pop() {
                assert_eq!(u32::from(message.message_seq), next);
                let expected = model.remove(&message.message_seq).unwrap();
                let bytes: Option<Vec<u8>> = expected.bytes.into_iter().collect();
                assert_eq!(Some(message.body), bytes);
                assert_eq!((message.msg_type, message.epoch), (expected.msg_type, expected.epoch));
                next += 1;
            }
            // Nothing that is whole waits.
            if let Some(front) = u16::try_from(next).ok().and_then(|next| model.get(&next)) {
                assert!(front.bytes.iter().any(Option::is_none));
            }
        }
        assert_eq!(reassembly.is_empty(), model.is_empty());
        assert_eq!(reassembly.has_partial(), model.values().any(|message| message.bytes.contains(&None)));
    }
    complete(&mut reassembly, next, &limits);
}

/// Whatever was held before: the messages that follow can still be put together.
fn complete(reassembly: &mut Reassembly, mut next: u32, limits: &Limits) {
    while reassembly.pop().is_some() {
        next += 1;
    }
    let Ok(message_seq) = u16::try_from(next) else { return };
    let held_in_part = reassembly.has_partial();
    let length = usize::from(message_seq % 5) * 149;
    let body: Vec<u8> = (0..length).map(|at| content(message_seq, at)).collect();
    let header = FragmentHeader {
        msg_type: HandshakeType(11),
        length: u32::try_from(length).unwrap(),
        message_seq,
        fragment_offset: 0,
        fragment_length: u32::try_from(length).unwrap(),
    };
    match reassembly.insert(&header, &body, 2, limits) {
        Ok(Inserted::New) => assert_eq!(reassembly.pop().unwrap().body, body),
        // Only what was held of it, with a flaw, can be in its way.
        Ok(other) => panic!("{other:?} of the next message, whole"),
        Err(_) => assert!(held_in_part),
    }
}

enum Expected {
    Error,
    Duplicate,
    Ahead,
    New,
}

fn expect(
    model: &BTreeMap<u16, Model>,
    header: &FragmentHeader,
    body: &[u8],
    epoch: u16,
    next: u32,
    limits: &Limits,
) -> Expected {
    let start = header.fragment_offset as usize;
    if header.fragment_length as usize != body.len() || start + body.len() > header.length as usize {
        return Expected::Error;
    }
    let Some(ahead) = u32::from(header.message_seq).checked_sub(next) else { return Expected::Duplicate };
    if ahead > u32::from(limits.messages_ahead) {
        return Expected::Ahead;
    }
    if header.length as usize > limits.handshake_message {
        return Expected::Error;
    }
    let Some(message) = model.get(&header.message_seq) else {
        let is_pointless = body.is_empty() && header.length > 0;
        return if is_pointless { Expected::Duplicate } else { Expected::New };
    };
    let differs = |(at, byte): (usize, &u8)| message.bytes[start + at].is_some_and(|held| held != *byte);
    if (message.msg_type, message.bytes.len(), message.epoch) != (header.msg_type, header.length as usize, epoch)
        || body.iter().enumerate().any(differs)
    {
        return Expected::Error;
    }
    if message.bytes[start..start + body.len()].contains(&None) { Expected::New } else { Expected::Duplicate }
}

fn take(model: &mut BTreeMap<u16, Model>, header: &FragmentHeader, body: &[u8], epoch: u16) {
    let message = model.entry(header.message_seq).or_insert_with(|| Model {
        msg_type: header.msg_type,
        epoch,
        bytes: vec![None; header.length as usize],
    });
    for (at, byte) in body.iter().enumerate() {
        message.bytes[header.fragment_offset as usize + at] = Some(*byte);
    }
}

/// What byte `at` of a message is.
fn content(message_seq: u16, at: usize) -> u8 {
    (usize::from(message_seq) * 31 + at * 7 + at / 256) as u8
}
