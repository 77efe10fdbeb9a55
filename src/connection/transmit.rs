//! The way out: one datagram at a time, in the order alert, ACK, flight, application data.

use super::{Connection, ConnectionState};
use crate::codec::{Encode as _, put_vector16};
use crate::error::{Error, Exhausted};
use crate::handshake::EPOCH_HANDSHAKE;
use crate::record::SealError;
use crate::time::Instant;
use crate::trace::{Direction, Event};
use crate::wire::alert::Alert;
use crate::wire::post_handshake::KeyUpdateRequest;
use crate::wire::record::RecordNumber;
use crate::wire::registry::{AlertDescription, ContentType};

/// More than a second record adds to a datagram: the header of a plaintext record has 13 bytes, that of a protected one
/// 5, with 17 for tag and content type.
const RECORD_OVERHEAD: usize = 32;

/// A record that was sealed into the datagram that is being filled.
struct Sealed {
    number: RecordNumber,
    content_type: ContentType,
    offset: usize,
    length: usize,
    /// Kept only for a listener.
    plaintext: Vec<u8>,
}

/// What one pass over the queues wrote.
#[derive(Default)]
pub(super) struct Written {
    records: Vec<Sealed>,
}

impl Connection {
    //= https://www.rfc-editor.org/rfc/rfc9147#section-4
    //# Sending implementations MUST NOT mix records from multiple DTLS associations in the same datagram.
    pub(super) fn transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool {
        //= https://www.rfc-editor.org/rfc/rfc9147#section-4.3
        //# The first byte of the datagram payload MUST be the beginning of a record.
        datagram.clear();
        let mut written = Written::default();
        if let Err(error) = self.fill(datagram, &mut written, now) {
            // A record that cannot be sealed any more: the numbers of its key are used up. What was written stands.
            self.fail(error, now);
        }
        if datagram.is_empty() {
            return false;
        }
        self.stats.datagrams_sent = self.stats.datagrams_sent.saturating_add(1);
        self.stats.bytes_sent = self.stats.bytes_sent.saturating_add(u64::try_from(datagram.len()).unwrap_or(u64::MAX));
        for record in &written.records {
            self.tracer.tell(now, || Event::Record {
                direction: Direction::Sent,
                number: record.number,
                content_type: record.content_type,
                offset: record.offset,
                length: record.length,
                plaintext: &record.plaintext,
            });
        }
        self.tracer.tell(now, || Event::Datagram { direction: Direction::Sent, bytes: datagram });
        true
    }

    fn fill(&mut self, datagram: &mut Vec<u8>, written: &mut Written, now: Instant) -> Result<(), Error> {
        if matches!(self.state, ConnectionState::Closed | ConnectionState::Failed) {
            return self.write_last_words(datagram, written, now);
        }
        self.renew_keys(now);
        self.send_connection_ids(now)?;
        if self.write_path_check(datagram, written, now)? {
            return Ok(());
        }
        self.write_ack(datagram, written, now)?;
        self.write_flight(datagram, written, now)?;
        self.write_early_data(datagram, written)?;
        self.write_application_data(datagram, written)?;
        self.write_close_notify(datagram, written, now)
    }

    /// Begins to send under new keys before the bound on the present ones is reached.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
    //# Implementations SHOULD initiate a key update before reaching this limit.
    fn renew_keys(&mut self, now: Instant) {
        let Some(mut established) = self.established.take() else { return };
        let usage = self.records.write_usage(established.write_epoch);
        // The last quarter is for what is sent until the peer has acknowledged the KeyUpdate.
        let is_due = usage.is_some_and(|usage| usage.used >= usage.limits.confidentiality / 4 * 3);
        if is_due && established.pending_key_update.is_none() && self.state == ConnectionState::Connected {
            let mut sent = false;
            // At the last epoch there are no new keys: the connection then ends when the present ones are used up.
            if established.key_updates.is_some() {
                let has_begun = established.begin_extended_key_update().is_ok();
                self.established = Some(established);
                if has_begun {
                    self.drive(now);
                }
                return;
            }
            let _ = established.send_key_update(KeyUpdateRequest::NotRequested, &mut self.context(now, &mut sent));
        }
        self.established = Some(established);
    }

    fn room(&self, datagram: &[u8], epoch: u16) -> usize {
        let room = self.max_datagram_size.saturating_sub(datagram.len());
        self.records.max_plaintext(epoch, room)
    }

    pub(super) fn seal(
        &mut self,
        content_type: ContentType,
        content: &[u8],
        datagram: &mut Vec<u8>,
        written: &mut Written,
    ) -> Result<RecordNumber, Error> {
        self.seal_in(self.records.write_epoch(), content_type, content, datagram, written)
    }

    pub(super) fn seal_in(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        content: &[u8],
        datagram: &mut Vec<u8>,
        written: &mut Written,
    ) -> Result<RecordNumber, Error> {
        let offset = datagram.len();
        let limit = self.common().transport.max_datagram_size;
        let number = self
            .records
            .seal_within(epoch, content_type, datagram, limit, |out| out.extend_from_slice(content))
            .map_err(exhausted)?;
        if self.tracer.is_active() {
            let length = datagram.len().saturating_sub(offset);
            written.records.push(Sealed { number, content_type, offset, length, plaintext: content.to_vec() });
        }
        Ok(number)
    }

    fn write_alerts(&mut self, datagram: &mut Vec<u8>, written: &mut Written, now: Instant) -> Result<(), Error> {
        while let Some(alert) = self.alerts.pop_front() {
            let (level, description) = (alert.level, alert.description);
            self.seal(ContentType::ALERT, &alert.encoded(), datagram, written)?;
            self.tracer.tell(now, || Event::Alert { direction: Direction::Sent, level, description });
            self.last_words.spoken(alert, now);
        }
        Ok(())
    }

    /// After the end: what is left of a flight, once, and the alerts. Without the ServerHello that was queued before
    /// them a client could not read alerts that are protected.
    fn write_last_words(&mut self, datagram: &mut Vec<u8>, written: &mut Written, now: Instant) -> Result<(), Error> {
        self.write_flight(datagram, written, now)?;
        if self.outgoing.has_unsent() {
            return Ok(());
        }
        let epoch = self.records.write_epoch();
        let needed = Alert::LEN.saturating_mul(self.alerts.len());
        // Two alerts at the most: each in a record of its own, with room for two headers.
        if datagram.is_empty() || self.room(datagram, epoch) >= needed.saturating_add(RECORD_OVERHEAD) {
            self.write_alerts(datagram, written, now)?;
        }
        Ok(())
    }

    //= https://www.rfc-editor.org/rfc/rfc9147#section-7
    //# Implementations SHOULD simply use the highest current sending epoch
    fn write_ack(&mut self, datagram: &mut Vec<u8>, written: &mut Written, now: Instant) -> Result<(), Error> {
        if !core::mem::take(&mut self.ack_due) {
            return Ok(());
        }
        //= https://www.rfc-editor.org/rfc/rfc9147#section-7
        //# After the handshake, implementations MUST use the highest available sending epoch.
        let epoch = u64::from(self.records.write_epoch());
        let room = self.room(datagram, self.records.write_epoch());
        // Each number has 16 bytes, the list has 2 before it.
        let most = room.saturating_sub(2) / 16;
        //= https://www.rfc-editor.org/rfc/rfc9147#section-7
        //# During the handshake, ACK records MUST be sent with an epoch which is equal to or higher than the record
        //# which is being acknowledged.
        // During the handshake an ACK names no record of a higher epoch than its own (RFC 9147 §7).
        let in_handshake = self.handshake.is_some();
        let numbers = self.to_acknowledge.latest(most, |number| !in_handshake || number.epoch <= epoch);
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7.1
        //# Empty ACKs MUST NOT be sent before DTLS 1.3 has been selected.
        if numbers.is_empty() {
            return Ok(());
        }
        let mut content = Vec::new();
        put_vector16(&mut content, |out| numbers.iter().for_each(|number| number.encode(out)));
        self.seal(ContentType::ACK, &content, datagram, written)?;
        self.stats.acks_sent = self.stats.acks_sent.saturating_add(1);
        self.tracer.tell(now, || Event::Ack { direction: Direction::Sent, records: &numbers });
        if !in_handshake && self.reacts_promptly() {
            // Each record that comes after the handshake is acknowledged once for each time it comes.
            self.to_acknowledge.clear();
        }
        Ok(())
    }

    fn write_flight(&mut self, datagram: &mut Vec<u8>, written: &mut Written, now: Instant) -> Result<(), Error> {
        if !self.outgoing.has_unsent() || self.flight_begun {
            return Ok(());
        }
        let limit = self.flight_datagram_size;
        let traced = self.tracer.is_active();
        let records = &mut written.records;
        let packed =
            self.outgoing.pack(&mut self.records, datagram, limit, &mut |number, content_type, plaintext, range| {
                if traced {
                    let length = range.end.saturating_sub(range.start);
                    records.push(Sealed {
                        number,
                        content_type,
                        offset: range.start,
                        length,
                        plaintext: plaintext.to_vec(),
                    });
                }
            });
        if packed.map_err(exhausted)? {
            self.timers.retransmission.arm(now);
            self.timers.last_sent = Some(now);
        }
        Ok(())
    }

    fn write_application_data(&mut self, datagram: &mut Vec<u8>, written: &mut Written) -> Result<(), Error> {
        // One record of application data in a datagram: what is sent apart is lost apart.
        let epoch = self.records.write_epoch();
        let fits = self.send_queue.front().is_some_and(|data| data.len() <= self.room(datagram, epoch));
        if self.established.is_none() || !fits || self.is_checking_path() {
            return Ok(());
        }
        if let Some(data) = self.send_queue.pop_front() {
            self.queued_bytes = self.queued_bytes.saturating_sub(data.len());
            self.seal(ContentType::APPLICATION_DATA, &data, datagram, written)?;
        }
        Ok(())
    }

    /// The last record. It waits for the peer's handshake to be complete, or it could not be read, and would be lost. It
    /// does not wait for a KeyUpdate to be acknowledged: the peer can read it, and may be gone already.
    fn write_close_notify(&mut self, datagram: &mut Vec<u8>, written: &mut Written, now: Instant) -> Result<(), Error> {
        // A peer that has closed acknowledges nothing any more.
        let is_heard = self.peer_closed_at.is_some() || !self.outgoing.needs_epoch(EPOCH_HANDSHAKE);
        let waits = !self.send_queue.is_empty() || !is_heard;
        if self.state != ConnectionState::Closing || waits {
            return Ok(());
        }
        if self.room(datagram, self.records.write_epoch()) < Alert::LEN {
            return Ok(());
        }
        self.alerts.push_back(Alert::warning(AlertDescription::CLOSE_NOTIFY));
        self.write_alerts(datagram, written, now)?;
        self.closed(now);
        Ok(())
    }
}

const fn exhausted(_: SealError) -> Error {
    Error::Exhausted(Exhausted::SequenceNumber)
}
