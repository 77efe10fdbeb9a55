//! Every bound of an endpoint, so that nobody who sends datagrams makes it hold or do more than was decided here.

use core::time::Duration;

/// The longest address, in bytes: an IPv6 address with port and scope has 22, and 32 leaves room for a relay's tag.
pub const MAX_ADDRESS_LEN: usize = 32;

/// How much longer a reply to an address that has proved nothing may be than what came from there, in bytes.
///
/// The smallest ClientHello for which there is a HelloRetryRequest has 98 bytes in its datagram (one suite, one group, one
/// scheme, no key share), and the longest HelloRetryRequest 157 (a cookie around a hash of SHA-384, and a group), because
/// the cookie has to carry the hash of the hello. A bound of zero would shut such clients out for ever; with 64 an address
/// is sent at most 1.5 times what came from there, the 28 bytes of IP and UDP headers counted, and clients that send more
/// than 157 bytes, as all browsers do, are sent less than they sent. RFC 9147 §5.1 allows three times as much, as does
/// QUIC (RFC 9000 §8.1): a spoofer who gains less than half is better off sending to his victim himself.
pub const MAX_SURPLUS: usize = 64;

/// What a listener may hold and for how long.
///
/// Before a client has shown that it receives what is sent to its address, all that is held for it is the part of a first
/// or second ClientHello that arrived, if that came in fragments. Today's browsers send two (RFC 9147 does not forbid it,
/// and a key share of X25519MLKEM768 alone has 1,216 bytes). They send them in one go, so that the second is less than a
/// millisecond behind the first; what has to be bridged is their order and, rarely, a lost one until its retransmission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Hellos of which a part has arrived. Default: 1,024.
    ///
    /// If there are more, the oldest goes. A flood of first fragments from forged addresses therefore replaces what the
    /// flood itself has left, and costs a client that sends two fragments its first one only if more than 1,024 others
    /// begin between its two: at less than a millisecond, a flood of more than a million datagrams in a second.
    pub partial_hellos: usize,
    /// Bytes of such parts, all together. Default: 2 MiB, which is 1,024 first fragments of 2,048 bytes; browsers send
    /// 1,200 to 1,400. If there are more, the oldest goes.
    pub partial_bytes: usize,
    /// The longest ClientHello, in bytes. Default: 8 KiB: one with key shares of 1,665 bytes (a hybrid with ML-KEM-1024),
    /// a ticket, an encrypted inner hello and padding is below 4 KiB.
    pub hello: usize,
    /// Pieces of one ClientHello that wait for the gaps between them. Default: 32: a hello of 8 KiB in datagrams of 256
    /// bytes, the smallest that we allow ourselves.
    pub pieces: usize,
    /// How long the parts of a hello are kept. Default: 10 s. A client with the timers of RFC 9147 §5.8.2 has sent a lost
    /// fragment again three times by then (after 1, 3 and 7 s).
    pub partial_hello_age: Duration,
    /// How old a cookie may be. Default: 60 s, the time that a handshake may take: a second ClientHello that is lost five
    /// times (1 + 2 + 4 + 8 + 16 s) still arrives in time. Whoever can read what is sent to an address can use its cookie
    /// for as long.
    pub cookie_age: Duration,
    /// How long a cookie key is used. Default: 10 min. It stays valid for as long again, so this must not be less than
    /// `cookie_age`. Age alone ends a cookie's life; the change of keys is for a key that was stolen (RFC 9147 §11), and
    /// costs 32 random bytes.
    pub cookie_key_age: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            partial_hellos: 1024,
            partial_bytes: 2 * 1024 * 1024,
            hello: 8 * 1024,
            pieces: 32,
            partial_hello_age: Duration::from_secs(10),
            cookie_age: Duration::from_secs(60),
            cookie_key_age: Duration::from_secs(600),
        }
    }
}

/// What an endpoint may hold and for how long, besides what its listener and its connections may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointLimits {
    /// The limits of the listener.
    pub listener: ListenerLimits,
    /// Connections altogether. Default: 65,536, which is every port of one address; past it the one that was over first
    /// is let go, and if none is over, no new one is taken.
    pub connections: usize,
    /// Connections that clients have begun and not completed. Default: 1,024. Each may hold a flight of ours and a part
    /// of one of the client's, some 10 KB in practice, and each client has proved its address. Past it the oldest one is
    /// let go; if that is younger than `half_open_grace`, the new one is ignored, and tries again with its next
    /// retransmission.
    pub half_open: usize,
    /// How long a client has for its handshake even where others wait for its room. Default: 2 s: two round trips of half
    /// a second, and a retransmission. Whoever has 1,024 addresses of his own can keep others out for no longer than that
    /// at a time.
    pub half_open_grace: Duration,
    /// How long a connection that is over still answers what its peer sends again. Default: 10 s, three retransmissions
    /// of a peer with the timers of RFC 9147 §5.8.2 (after 1, 3 and 7 s).
    pub linger: Duration,
    /// Replies of the listener that wait to be sent. Default: 256. There is one at most for each datagram that arrives, so
    /// that more wait only if the caller does not fetch them; then the oldest goes.
    pub replies: usize,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self {
            listener: ListenerLimits::default(),
            connections: 65_536,
            half_open: 1024,
            half_open_grace: Duration::from_secs(2),
            linger: Duration::from_secs(10),
            replies: 256,
        }
    }
}
