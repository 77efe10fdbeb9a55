//! This crate beside dimpl and BoringSSL: handshakes, records and memory, in one process and one run.
//!
//! `cargo run --release` in this folder prints one JSON object a line; `node scripts/bench.mjs` makes tables of them.
//! `--no-default-features` leaves BoringSSL out, which takes minutes to build.
//! Both ends of a connection run on one thread over memory, so that one handshake counts both, and one record is sealed
//! and opened. Rounds of all libraries alternate, time is that of the CPU, and the median counts: what is left of the
//! machine's other work falls on all alike. Compare only figures of one run.

use std::hint::black_box;

#[cfg(feature = "boring")]
mod boring;
mod count;
mod dimpl;
mod ours;

use count::cpu_nanos;

#[global_allocator]
static COUNTING: count::Counting = count::Counting;

/// How often every measurement is repeated.
const ROUNDS: usize = 7;

/// CPU time of one round, in nanoseconds: a hundred ticks of the scheduler, which is how exactly it is known.
const ROUND_NANOS: u64 = 400_000_000;

/// Connections that are kept at once to weigh them.
const KEPT: usize = 200;

/// A group that all can agree keys in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    X25519,
    P256,
    X25519MlKem768,
}

/// The certificate of every server: P-256, self-signed.
pub struct Identity {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
}

/// A way to make connections.
pub trait Subject {
    fn name(&self) -> &'static str;
    /// Both ends of a handshake, with nothing left to send.
    fn connect(&self, traffic: &mut Traffic) -> Box<dyn Pair>;
}

/// Both ends of a connection.
pub trait Pair {
    /// One datagram of application data from client to server.
    fn seal(&mut self, content: &[u8], datagram: &mut Vec<u8>);
    /// The length of the application data that arrives with `datagram`.
    fn open(&mut self, datagram: &mut Vec<u8>) -> usize;
}

/// What a handshake put on the wire.
#[derive(Default)]
pub struct Traffic {
    datagrams: usize,
    bytes: usize,
}

fn main() {
    let identity = Identity::new();
    for group in [Group::X25519, Group::P256, Group::X25519MlKem768] {
        let mut subjects: Vec<Box<dyn Subject>> = vec![Box::new(ours::Ours::new(group, &identity))];
        subjects.extend(dimpl::Dimpl::new(group, &identity).map(|subject| Box::new(subject) as Box<dyn Subject>));
        #[cfg(feature = "boring")]
        subjects.push(Box::new(boring::Boring::new(group, &identity)));
        measure_handshakes(group, &subjects);
        if group == Group::X25519 {
            measure_records(64, &subjects);
            measure_records(1200, &subjects);
            measure_memory(&subjects);
        }
    }
}

impl Identity {
    fn new() -> Self {
        use dtls_wasm::identity::{KeyAlgorithm, self_signed};
        let random = dtls_wasm::crypto::rustcrypto::OsRandom;
        let now = dtls_wasm::time::Instant::from_micros(1_800_000_000_000_000);
        let year = std::time::Duration::from_secs(365 * 86_400);
        let made = self_signed(KeyAlgorithm::P256, &[], now, year, &random).expect("a certificate");
        Self { certificate: made.certificate, private_key: made.private_key.to_vec() }
    }
}

fn measure_handshakes(group: Group, subjects: &[Box<dyn Subject>]) {
    let rates = alternate(subjects, |subject| {
        rate(|| {
            black_box(subject.connect(&mut Traffic::default()));
        })
    });
    for (subject, rates) in subjects.iter().zip(rates) {
        report(subject.name(), &format!("handshake {group:?}"), "per second", &rates);
        let mut traffic = Traffic::default();
        let before = count::calls();
        black_box(subject.connect(&mut traffic));
        let calls = count::calls() - before;
        let of = format!("handshake {group:?}");
        report(subject.name(), &of, "datagrams", &[traffic.datagrams as f64]);
        report(subject.name(), &of, "bytes", &[traffic.bytes as f64]);
        report(subject.name(), &of, "allocations", &[calls as f64]);
    }
}

fn measure_records(len: usize, subjects: &[Box<dyn Subject>]) {
    let content = vec![7; len];
    let mut overhead = Vec::new();
    let mut allocations = Vec::new();
    let rates = alternate(subjects, |subject| {
        let mut pair = subject.connect(&mut Traffic::default());
        let mut datagram = Vec::with_capacity(4096);
        let mut exchange = || {
            pair.seal(&content, &mut datagram);
            let on_wire = datagram.len();
            assert_eq!(pair.open(&mut datagram), len);
            on_wire
        };
        overhead.push((exchange() - len) as f64);
        // What is allocated once for a connection does not count.
        (0..100).for_each(|_| {
            black_box(exchange());
        });
        let before = count::calls();
        (0..100).for_each(|_| {
            black_box(exchange());
        });
        allocations.push((count::calls() - before) as f64 / 100.0);
        rate(|| {
            black_box(exchange());
        })
    });
    for (index, (subject, rates)) in subjects.iter().zip(rates).enumerate() {
        let of = format!("record {len}");
        report(subject.name(), &of, "per second", &rates);
        report(subject.name(), &of, "overhead", &[overhead[index]]);
        report(subject.name(), &of, "allocations", &[allocations[index]]);
    }
}

fn measure_memory(subjects: &[Box<dyn Subject>]) {
    for subject in subjects {
        drop(subject.connect(&mut Traffic::default()));
        let mut kept = Vec::with_capacity(KEPT);
        let before = count::live();
        count::start_peak();
        kept.push(subject.connect(&mut Traffic::default()));
        report(subject.name(), "memory", "peak of a handshake pair", &[(count::peak() - before) as f64]);
        kept.extend((1..KEPT).map(|_| subject.connect(&mut Traffic::default())));
        let each = (count::live() - before) as f64 / KEPT as f64;
        report(subject.name(), "memory", "idle pair", &[each]);
    }
}

/// Every round of every subject, all subjects taking turns.
fn alternate(subjects: &[Box<dyn Subject>], mut round: impl FnMut(&dyn Subject) -> f64) -> Vec<Vec<f64>> {
    let mut rates = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, rates) in subjects.iter().zip(&mut rates) {
            rates.push(round(&**subject));
        }
    }
    rates
}

/// How often `step` runs in a second of CPU time.
fn rate(mut step: impl FnMut()) -> f64 {
    let start = cpu_nanos();
    let mut steps = 0u64;
    let mut batch = 1;
    loop {
        (0..batch).for_each(|_| step());
        steps += batch;
        let elapsed = cpu_nanos() - start;
        if elapsed >= ROUND_NANOS {
            return steps as f64 * 1e9 / elapsed as f64;
        }
        // The clock is read some hundred times at the most.
        batch = (steps / 8).max(1);
    }
}

fn report(subject: &str, of: &str, unit: &str, values: &[f64]) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (median, least, most) = (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1]);
    println!(
        r#"{{"subject":"{subject}","test":"{of}","unit":"{unit}","median":{median:.2},"least":{least:.2},"most":{most:.2}}}"#
    );
}
