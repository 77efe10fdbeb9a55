//! Captures that Wireshark reads and decrypts: pcapng (draft-ietf-opsawg-pcapng) with the secrets inside.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};

use super::keylog;
use super::{Direction, Event, Trace};
use crate::time::Instant;

/// A listener that keeps datagrams and secrets, and makes a capture file of them. Clones share what was kept.
///
/// The file is made at the end, and not written as things happen, because a reader wants the secrets before the datagrams
/// that they decrypt, and a connection knows them only after.
#[derive(Clone, Debug)]
pub struct Capture {
    local: SocketAddrV4,
    remote: SocketAddrV4,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    secrets: String,
    datagrams: Vec<(Instant, Direction, Vec<u8>)>,
    bytes: usize,
    left_out: u64,
}

/// The most bytes of datagrams that a capture keeps: a minute at 2 Mbit/s. It is for looking at handshakes and the first
/// data behind them, and must not eat the memory of a page that forgets it.
const MAX_BYTES: usize = 16 * 1024 * 1024;

impl Capture {
    /// A capture in which we are `local` and the peer is `remote`. The addresses only stand in the file: they are those
    /// that the datagrams are to be shown with.
    pub fn new(local: SocketAddrV4, remote: SocketAddrV4) -> Self {
        Self { local, remote, kept: Arc::default() }
    }

    /// How many datagrams were left out because the capture was full.
    pub fn left_out(&self) -> u64 {
        self.lock(|kept| kept.left_out)
    }

    /// The capture file.
    pub fn to_pcapng(&self) -> Vec<u8> {
        self.lock(|kept| {
            let mut file = Vec::new();
            section_header(&mut file);
            interface_description(&mut file);
            if !kept.secrets.is_empty() {
                decryption_secrets(&mut file, kept.secrets.as_bytes());
            }
            for (at, direction, bytes) in &kept.datagrams {
                let (from, to) = match direction {
                    Direction::Sent => (self.local, self.remote),
                    Direction::Received => (self.remote, self.local),
                };
                captured(&mut file, *at, &udp_over_ipv4(from, to, bytes));
            }
            file
        })
    }

    fn lock<T>(&self, access: impl FnOnce(&mut Kept) -> T) -> T {
        access(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Trace for Capture {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        self.lock(|kept| match event {
            Event::Datagram { direction, bytes } => {
                let total = kept.bytes.saturating_add(bytes.len());
                if total > MAX_BYTES {
                    kept.left_out = kept.left_out.saturating_add(1);
                    return;
                }
                kept.bytes = total;
                kept.datagrams.push((at, *direction, bytes.to_vec()));
            }
            Event::Secret { label, client_random, secret } => {
                kept.secrets.push_str(&keylog::line(label, client_random, secret));
            }
            _ => {}
        });
    }

    fn wants_secrets(&self) -> bool {
        true
    }
}

// Block types and constants: draft-ietf-opsawg-pcapng §4. Everything is little-endian, as the byte-order magic says.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const CAPTURED: u32 = 6;
const DECRYPTION_SECRETS: u32 = 0x0000_000a;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Raw IP: what stands in a block begins with an IP header.
const LINKTYPE_RAW: u16 = 101;
/// Secrets in the form of SSLKEYLOGFILE.
const TLS_KEY_LOG: u32 = 0x544c_534b;

fn section_header(file: &mut Vec<u8>) {
    block(file, SECTION_HEADER, |body| {
        body.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        // Version 1.0, and a section whose length is not given.
        body.extend_from_slice(&1u16.to_le_bytes());
        body.extend_from_slice(&0u16.to_le_bytes());
        body.extend_from_slice(&u64::MAX.to_le_bytes());
    });
}

fn interface_description(file: &mut Vec<u8>) {
    block(file, INTERFACE_DESCRIPTION, |body| {
        body.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
        body.extend_from_slice(&[0; 2]);
        // No limit on the length of what was captured; times are in microseconds, the default.
        body.extend_from_slice(&0u32.to_le_bytes());
    });
}

fn decryption_secrets(file: &mut Vec<u8>, lines: &[u8]) {
    block(file, DECRYPTION_SECRETS, |body| {
        body.extend_from_slice(&TLS_KEY_LOG.to_le_bytes());
        body.extend_from_slice(&length(lines.len()).to_le_bytes());
        body.extend_from_slice(lines);
    });
}

fn captured(file: &mut Vec<u8>, at: Instant, bytes: &[u8]) {
    let [high, low] = split(at.as_micros());
    block(file, CAPTURED, |body| {
        body.extend_from_slice(&0u32.to_le_bytes());
        body.extend_from_slice(&high.to_le_bytes());
        body.extend_from_slice(&low.to_le_bytes());
        body.extend_from_slice(&length(bytes.len()).to_le_bytes());
        body.extend_from_slice(&length(bytes.len()).to_le_bytes());
        body.extend_from_slice(bytes);
    });
}

fn block(file: &mut Vec<u8>, block_type: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    write(&mut body);
    body.resize(body.len().next_multiple_of(4), 0);
    let total = length(body.len().saturating_add(12)).to_le_bytes();
    file.extend_from_slice(&block_type.to_le_bytes());
    file.extend_from_slice(&total);
    file.extend_from_slice(&body);
    file.extend_from_slice(&total);
}

/// An IPv4 header (RFC 791 §3.1) and a UDP header (RFC 768) before `bytes`. The UDP checksum is zero: not computed.
fn udp_over_ipv4(from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) -> Vec<u8> {
    let udp_len = u16::try_from(bytes.len().saturating_add(8)).unwrap_or(u16::MAX);
    let mut header = [0u8; 20];
    // Version 4, five words; don't fragment; 64 hops; protocol 17.
    header[0] = 0x45;
    header[2..4].copy_from_slice(&udp_len.saturating_add(20).to_be_bytes());
    header[6] = 0x40;
    header[8] = 64;
    header[9] = 17;
    header[12..16].copy_from_slice(&from.ip().octets());
    header[16..20].copy_from_slice(&to.ip().octets());
    let checksum = internet_checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&checksum);

    let mut all = Vec::with_capacity(bytes.len().saturating_add(28));
    all.extend_from_slice(&header);
    all.extend_from_slice(&from.port().to_be_bytes());
    all.extend_from_slice(&to.port().to_be_bytes());
    all.extend_from_slice(&udp_len.to_be_bytes());
    all.extend_from_slice(&[0; 2]);
    all.extend_from_slice(bytes);
    all
}

/// RFC 1071.
fn internet_checksum(header: &[u8; 20]) -> u16 {
    let mut sum = header.chunks_exact(2).fold(0u32, |sum, pair| match pair {
        [high, low] => sum.wrapping_add(u32::from(u16::from_be_bytes([*high, *low]))),
        _ => sum,
    });
    while sum > 0xffff {
        sum = (sum & 0xffff).wrapping_add(sum >> 16);
    }
    let [_, _, high, low] = sum.to_be_bytes();
    !u16::from_be_bytes([high, low])
}

fn split(value: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
