use core::time::Duration;

use super::super::limits::ListenerLimits;
use super::super::partial::PartialHellos;
use super::{START, address, after};
use crate::sim::SplitMix64;
use crate::time::Instant;
use crate::wire::fragment::FragmentHeader;
use crate::wire::registry::HandshakeType;

fn message(len: usize) -> Vec<u8> {
    let mut random = SplitMix64::new(len as u64);
    (0..len).map(|_| random.next_u64() as u8).collect()
}

fn header(length: usize, message_seq: u16, offset: usize, fragment_length: usize) -> FragmentHeader {
    FragmentHeader {
        msg_type: HandshakeType::CLIENT_HELLO,
        length: length as u32,
        message_seq,
        fragment_offset: offset as u32,
        fragment_length: fragment_length as u32,
    }
}

/// Inserts `range` of `message` for `from`; gives the whole body and what was sent for it.
fn insert(
    table: &mut PartialHellos,
    from: u32,
    message: &[u8],
    range: core::ops::Range<usize>,
    limits: &ListenerLimits,
    now: Instant,
) -> Option<(Vec<u8>, usize)> {
    let header = header(message.len(), 0, range.start, range.len());
    table.insert(&address(from), &header, &message[range], limits, now).map(|whole| (whole.body, whole.sent))
}

#[test]
fn pieces_come_together_in_every_order() {
    let limits = ListenerLimits::default();
    let message = message(1000);
    let pieces = [0..300, 300..301, 301..800, 800..1000];
    for order in permutations(4) {
        let mut table = PartialHellos::default();
        for (count, index) in order.iter().enumerate() {
            let whole = insert(&mut table, 1, &message, pieces[*index].clone(), &limits, START);
            if count < 3 {
                assert_eq!(whole, None);
            } else {
                assert_eq!(whole, Some((message.clone(), 1000 + 4 * 12)));
            }
        }
        assert_eq!((table.len(), table.bytes(), table.evicted()), (0, 0, 0));
    }
}

#[test]
fn overlapping_pieces_with_random_boundaries_come_together() {
    let limits = ListenerLimits { pieces: 1000, ..ListenerLimits::default() };
    let message = message(1500);
    for seed in 0..500 {
        let mut random = SplitMix64::new(seed);
        let mut table = PartialHellos::default();
        let mut whole = None;
        let mut sent = 0;
        while whole.is_none() {
            let from = random.below(1500) as usize;
            let to = (from + 1 + random.below(700) as usize).min(1500);
            whole = insert(&mut table, 1, &message, from..to, &limits, START);
            sent += to - from + 12;
            assert!(table.bytes() <= message.len());
        }
        let (body, counted) = whole.unwrap();
        assert_eq!(body, message);
        assert!(counted <= sent);
        assert_eq!((table.len(), table.bytes()), (0, 0));
    }
}

#[test]
fn a_repeated_piece_changes_nothing_and_does_not_count_as_sent() {
    let limits = ListenerLimits::default();
    let message = message(100);
    let mut table = PartialHellos::default();
    for _ in 0..50 {
        assert_eq!(insert(&mut table, 1, &message, 0..50, &limits, START), None);
        assert_eq!((table.len(), table.bytes()), (1, 50));
    }
    assert_eq!(insert(&mut table, 1, &message, 40..100, &limits, START), Some((message, 50 + 60 + 2 * 12)));
}

#[test]
fn a_client_that_begins_anew_replaces_what_it_left() {
    let limits = ListenerLimits::default();
    let (old, mut new) = (message(1000), message(1000));
    new[2] ^= 1;
    let mut table = PartialHellos::default();
    assert_eq!(insert(&mut table, 1, &old, 0..600, &limits, START), None);
    assert_eq!(insert(&mut table, 1, &new, 0..500, &limits, START), None);
    assert_eq!(table.bytes(), 500);
    let (body, _) = insert(&mut table, 1, &new, 500..1000, &limits, START).unwrap();
    assert_eq!(body, new);

    // Another length or another message number is another hello.
    let longer = message(1001);
    insert(&mut table, 1, &old, 0..600, &limits, START);
    insert(&mut table, 1, &longer, 0..1, &limits, START);
    assert_eq!(table.bytes(), 1);
    table.insert(&address(1), &header(1001, 1, 1, 1), &longer[1..2], &limits, START);
    assert_eq!((table.len(), table.bytes()), (1, 1));
}

#[test]
fn addresses_do_not_mix() {
    let limits = ListenerLimits::default();
    let message = message(100);
    let mut table = PartialHellos::default();
    assert_eq!(insert(&mut table, 1, &message, 0..50, &limits, START), None);
    assert_eq!(insert(&mut table, 2, &message, 50..100, &limits, START), None);
    assert_eq!(table.len(), 2);
    table.forget(&address(1));
    assert_eq!((table.len(), table.bytes()), (1, 50));
}

#[test]
fn a_flood_costs_no_more_than_the_bounds_and_evicts_itself() {
    let limits = ListenerLimits { partial_hellos: 100, partial_bytes: 100_000, ..ListenerLimits::default() };
    let message = message(2000);
    let mut table = PartialHellos::default();
    for from in 0..10_000 {
        let len = 1 + (from as usize % 1900);
        insert(&mut table, from, &message, 0..len, &limits, START);
        assert!(table.len() <= 100 && table.bytes() <= 100_000);
    }
    assert!(table.evicted() >= 9_900);
    // A client in the middle of the flood is served as long as fewer than 50 large hellos begin between its fragments.
    insert(&mut table, 20_000, &message, 0..1200, &limits, START);
    for from in 30_000..30_040 {
        insert(&mut table, from, &message, 0..1900, &limits, START);
    }
    assert!(insert(&mut table, 20_000, &message, 1200..2000, &limits, START).is_some());
}

#[test]
fn pieces_of_one_hello_are_bounded() {
    let limits = ListenerLimits { pieces: 8, ..ListenerLimits::default() };
    let message = message(2000);
    let mut table = PartialHellos::default();
    for at in (0..2000).step_by(2) {
        insert(&mut table, 1, &message, at..at + 1, &limits, START);
    }
    assert_eq!((table.len(), table.bytes()), (1, 8));
}

#[test]
fn what_is_old_goes() {
    let limits = ListenerLimits { partial_hello_age: Duration::from_secs(10), ..ListenerLimits::default() };
    let message = message(100);
    let mut table = PartialHellos::default();
    insert(&mut table, 1, &message, 0..50, &limits, START);
    insert(&mut table, 2, &message, 0..50, &limits, after(5));
    assert_eq!(insert(&mut table, 1, &message, 50..100, &limits, after(11)), None);
    assert_eq!((table.len(), table.bytes(), table.evicted()), (2, 100, 1));
    assert!(insert(&mut table, 2, &message, 50..100, &limits, after(15)).is_some());
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    permutations(count - 1)
        .into_iter()
        .flat_map(|rest| {
            (0..count).map(move |at| {
                let mut order = rest.clone();
                order.insert(at, count - 1);
                order
            })
        })
        .collect()
}
