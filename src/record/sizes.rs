//! How long records may be, and how long they are made: record_size_limit (RFC 8449) and padding (RFC 9846 §5.4).

use super::RecordLayer;
use super::protect13::{MAX_PLAINTEXT, SAMPLE_LEN};
use crate::config::Padding;

/// The longest DTLSInnerPlaintext: content, type and padding (RFC 9846 §5.4). It is also the highest record_size_limit
/// (RFC 8449 §4).
pub const MAX_INNER_PLAINTEXT: usize = MAX_PLAINTEXT + 1;

/// The epoch of early data, whose keys no handshake of this connection has made.
const EPOCH_EARLY: u64 = 1;

/// Bounds of a DTLSInnerPlaintext.
#[derive(Debug)]
pub(super) struct Sizes {
    read: usize,
    write: usize,
    padding: Padding,
}

impl Sizes {
    pub(super) const fn new() -> Self {
        Self { read: MAX_INNER_PLAINTEXT, write: MAX_INNER_PLAINTEXT, padding: Padding::None }
    }

    /// Whether a record of the peer's is longer than it may be.
    ///
    /// Records are subject to the limits of the handshake that made their keys (RFC 8449 §4): early data to none of this.
    pub(super) const fn is_overflow(&self, epoch: u64, inner_len: usize) -> bool {
        inner_len > if epoch == EPOCH_EARLY { MAX_INNER_PLAINTEXT } else { self.read }
    }

    /// The longest content of a protected record of ours.
    pub(super) const fn max_content(&self) -> usize {
        self.write.saturating_sub(1)
    }

    /// How long the DTLSInnerPlaintext becomes that has at least `least` bytes, in a record with `room` for it.
    ///
    //= https://www.rfc-editor.org/rfc/rfc8449#section-4
    //# When the "record_size_limit" extension is negotiated, an endpoint
    //# MUST NOT generate a protected record with plaintext that is larger
    //# than the RecordSizeLimit value it receives from its peer.
    pub(super) fn inner_len(&self, least: usize, room: usize) -> usize {
        self.padding.padded(least).min(room.min(self.write)).max(least)
    }
}

/// How one of our protected records is to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    /// The connection ID in its header; empty: none.
    pub(super) connection_id: &'a [u8],
    pub(super) sizes: &'a Sizes,
    /// How many bytes the whole record may have once it is padded.
    pub(super) room: usize,
}

impl RecordLayer {
    /// The same as [`Self::new`], with records that are padded so.
    pub fn with_padding(padding: Padding) -> Self {
        let mut this = Self::new();
        this.sizes.padding = padding;
        this
    }

    /// Both sides have told their record_size_limit (RFC 8449): `ours` bounds what is accepted, `theirs` what is sent.
    pub fn set_size_limits(&mut self, ours: u16, theirs: u16) {
        self.sizes.read = usize::from(ours).min(MAX_INNER_PLAINTEXT);
        // RFC 8449 §4: a higher limit may belong to an extension that we do not know; ours is that of the protocol.
        self.sizes.write = usize::from(theirs).min(MAX_INNER_PLAINTEXT);
    }

    /// How many bytes a record of `epoch` with `content_len` bytes of content has on the wire once it is padded, if there
    /// is room for `room` bytes. None if the epoch cannot be written.
    pub fn padded_len(&self, epoch: u16, content_len: usize, room: usize) -> Option<usize> {
        let shortest = self.sealed_len(epoch, content_len)?;
        if epoch == 0 {
            return Some(shortest);
        }
        // A record with a sample's length of content needs no padding for its mask: the rest of it is header and tag.
        let overhead = self.sealed_len(epoch, SAMPLE_LEN)?.saturating_sub(SAMPLE_LEN + 1);
        let inner = self.sizes.inner_len(shortest.saturating_sub(overhead), room.saturating_sub(overhead));
        Some(inner.saturating_add(overhead))
    }
}
