//! The way in: datagram, record, content.

use super::event::held_by;
use super::{Connection, ConnectionEvent, ConnectionState};
use crate::codec::{Decode as _, Reader};
use crate::error::{Error, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::flight::reassembly::Inserted;
use crate::handshake::early::EPOCH_EARLY;
use crate::handshake::server::hello::Accepted;
use crate::handshake::{EPOCH_APPLICATION, EPOCH_PLAINTEXT, State};
use crate::time::Instant;
use crate::trace::{Direction, DiscardReason, Event};
use crate::wire::ack::Ack;
use crate::wire::alert::Alert;
use crate::wire::fragment::FragmentHeader;
use crate::wire::record::RecordNumber;
use crate::wire::registry::{AlertDescription, ContentType, HandshakeType};

/// What became of a record's content.
pub(super) enum Handled {
    /// It was understood.
    Yes,
    /// It was ignored.
    Ignored(DiscardReason),
}

impl Connection {
    pub(super) fn receive_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        self.stats.datagrams_received = self.stats.datagrams_received.saturating_add(1);
        self.stats.bytes_received =
            self.stats.bytes_received.saturating_add(u64::try_from(datagram.len()).unwrap_or(u64::MAX));
        self.tracer.tell(now, || Event::Datagram { direction: Direction::Received, bytes: datagram });
        self.receive_records(datagram, now);
        self.release_held(now);
    }

    /// Takes again the records that were held, now that there are new keys.
    pub(super) fn release_held(&mut self, now: Instant) {
        // Records that still cannot be read are held again, so that one pass over what is there now is enough, and
        // another only if it brought yet newer keys.
        loop {
            let epoch = self.records.read_epoch();
            if self.held.is_empty() || epoch == EPOCH_PLAINTEXT {
                return;
            }
            for mut record in core::mem::take(&mut self.held) {
                self.receive_records(&mut record, now);
            }
            if self.records.read_epoch() == epoch {
                return;
            }
        }
    }

    fn receive_records(&mut self, datagram: &mut [u8], now: Instant) {
        let total = datagram.len();
        let mut rest = datagram;
        while !rest.is_empty() {
            let offset = total.saturating_sub(rest.len());
            let (result, behind) = self.records.open_next(rest);
            rest = behind;
            let (length, reason) = match result {
                Ok(opened) => {
                    let (number, content_type, length) = (opened.number, opened.content_type, opened.wire_len);
                    let (connection_id, is_newest) = (opened.connection_id, opened.is_newest);
                    self.tracer.tell(now, || Event::Record {
                        direction: Direction::Received,
                        number,
                        content_type,
                        offset,
                        length,
                        plaintext: opened.content,
                    });
                    match self.handle_record(number, content_type, opened.content, now) {
                        Ok(Handled::Yes) => {
                            self.stats.records_received = self.stats.records_received.saturating_add(1);
                            // What follows in the datagram may need the keys that this record led to.
                            self.drive(now);
                            self.arm_ack(now);
                            if let Some(place) = connection_id {
                                self.note_arrival(place, is_newest, length, now);
                            }
                            continue;
                        }
                        Ok(Handled::Ignored(reason)) => (length, reason),
                        Err(error) => return self.fail(error, now),
                    }
                }
                Err(discarded) => {
                    if let Some(misbehaved) = discarded.misbehaved {
                        return self.fail(misbehaved.into(), now);
                    }
                    let length = discarded.wire_len;
                    if discarded.reason == DiscardReason::UnknownEpoch && self.hold(discarded.record) {
                        self.tracer.tell(now, || Event::RecordHeld { offset, length });
                        continue;
                    }
                    (length, discarded.reason)
                }
            };
            self.stats.count_discarded(reason);
            self.tracer.tell(now, || Event::RecordDiscarded { offset, length, reason });
        }
    }

    /// Puts a record aside whose keys may come with the next message (RFC 9147 §4.2.1).
    fn hold(&mut self, record: &[u8]) -> bool {
        let room = self.handshake.is_some()
            && self.may_become_readable(record)
            && self.held.len() < self.common().limits.held_records;
        if room {
            self.held.push_back(record.to_vec());
        }
        room
    }

    fn handle_record(
        &mut self,
        number: RecordNumber,
        content_type: ContentType,
        content: &[u8],
        now: Instant,
    ) -> Result<Handled, Error> {
        if matches!(self.state, ConnectionState::Closed | ConnectionState::Failed) {
            self.repeat_last_words(content_type, now);
            return Ok(Handled::Ignored(DiscardReason::Closed));
        }
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5.10
        //# Any data received with an epoch/sequence number pair after that of a valid received closure alert MUST be
        //# ignored.
        if self.peer_closed_at.is_some_and(|closure| number > closure) {
            return Ok(Handled::Ignored(DiscardReason::Closed));
        }
        let is_protected = number.epoch != u64::from(EPOCH_PLAINTEXT);
        if number.epoch == u64::from(EPOCH_EARLY) {
            // Such records say nothing of whether the client could read our ServerHello.
            return self.handle_early_record(content_type, content);
        }
        if is_protected {
            self.saw_protected = true;
            self.retire_old_epochs(number, now);
        }
        if number.epoch >= u64::from(EPOCH_APPLICATION) {
            self.end_early_data(now);
        }
        match content_type {
            ContentType::HANDSHAKE if !self.is_forgeable(number) => self.handle_handshake(number, content, now),
            ContentType::HANDSHAKE => Ok(self.handle_plaintext_handshake(number, content, now)),
            ContentType::ACK => self.handle_ack(number, content, now),
            ContentType::ALERT => self.handle_alert(number, content, now),
            ContentType::APPLICATION_DATA if number.epoch >= u64::from(EPOCH_APPLICATION) => {
                Ok(self.handle_application_data(content))
            }
            ContentType::RETURN_ROUTABILITY_CHECK if self.may_check_paths() => {
                let is_handled = self.handle_path_check(content, now)?;
                Ok(if is_handled { Handled::Yes } else { Handled::Ignored(DiscardReason::Unexpected) })
            }
            _ if !self.is_forgeable(number) => Err(PeerMisbehaved::UnexpectedRecord(content_type).into()),
            _ => Ok(Handled::Ignored(DiscardReason::Unexpected)),
        }
    }

    /// The peer sends in its newest epoch: those before it are kept for what was overtaken, and no longer.
    fn retire_old_epochs(&mut self, number: RecordNumber, now: Instant) {
        let newest = self.records.read_epoch();
        let is_first = number.epoch == u64::from(newest) && self.timers.old_epoch.is_none();
        if is_first && self.records.oldest_read_epoch().is_some_and(|oldest| oldest < newest) {
            self.timers.old_epoch = Some(now + self.common().limits.old_epoch);
        }
    }

    /// Whether anybody could have made the record of this number.
    fn is_forgeable(&self, number: RecordNumber) -> bool {
        number.epoch == u64::from(EPOCH_PLAINTEXT) && !self.common().transport.path_is_authentic
    }

    fn handle_application_data(&mut self, content: &[u8]) -> Handled {
        let held = self.received_bytes.saturating_add(held_by(content));
        if held > self.common().limits.receive_queue {
            return Handled::Ignored(DiscardReason::NoRoom);
        }
        self.received_bytes = held;
        if self.established.is_some() {
            self.events.push_back(ConnectionEvent::Datagram(content.to_vec()));
        } else {
            //= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.1
            //# Implementations MUST either discard or buffer all application data records for epoch 3 and above
            //# until they have received the Finished message from the peer.
            self.ahead.push_back(content.to_vec());
        }
        Handled::Yes
    }

    /// Plaintext handshake records: hellos only, and only the one that is expected next. Anyone can forge them, so
    /// nothing about them is fatal before they are whole.
    fn handle_plaintext_handshake(&mut self, number: RecordNumber, content: &[u8], now: Instant) -> Handled {
        if self.is_old_hello(content)
            && self.reacts_promptly()
            && self.timers.may_resend(&self.role.common().transport, now)
        {
            // RFC 9147 §5.8.1: a flight that comes once more says that ours was lost.
            self.outgoing.resend();
        }
        if !matches!(&self.handshake, Some(state) if state.epoch() == EPOCH_PLAINTEXT) {
            return Handled::Ignored(DiscardReason::PlaintextAfterKeys);
        }
        let mut reader = Reader::new(content);
        let (mut understood, mut all_kept) = (false, true);
        while !reader.is_empty() {
            let Ok(header) = FragmentHeader::decode(&mut reader) else { break };
            let Ok(body) =
                usize::try_from(header.fragment_length).map_or(Err(()), |len| reader.take(len).map_err(|_| ()))
            else {
                break;
            };
            if header.message_seq != self.incoming.next_message_seq() {
                //= https://www.rfc-editor.org/rfc/rfc9147#section-7
                //# As an example, implementations MUST NOT send ACKs for handshake messages which they discard because
                //# they are not the next expected message.
                all_kept &= header.message_seq < self.incoming.next_message_seq();
                continue;
            }
            let limits = &self.role.common().limits;
            match self.incoming.insert(&header, body, EPOCH_PLAINTEXT, limits) {
                Ok(Inserted::New) => understood = true,
                Ok(Inserted::Duplicate) => {}
                Ok(Inserted::Dropped) | Err(_) => all_kept = false,
            }
        }
        if !understood {
            return Handled::Ignored(DiscardReason::Unexpected);
        }
        // Before it is certain that the peer speaks 1.3, a part of a hello, which anybody can forge, does not stop our
        // hello from being sent again.
        if self.may_acknowledge() {
            self.acknowledge_implicitly(now);
        }
        if all_kept {
            self.remember_for_ack(number, now);
        }
        Handled::Yes
    }

    /// Whether `content` begins with a part of the ClientHello that our unacknowledged flight answers.
    fn is_old_hello(&self, content: &[u8]) -> bool {
        self.is_server()
            && self.handshake.is_some()
            && !self.saw_protected
            && FragmentHeader::decode(&mut Reader::new(content)).is_ok_and(|header| {
                header.msg_type == HandshakeType::CLIENT_HELLO
                    && header.message_seq.checked_add(1) == Some(self.incoming.next_message_seq())
            })
    }

    fn handle_handshake(&mut self, number: RecordNumber, content: &[u8], now: Instant) -> Result<Handled, Error> {
        let malformed = PeerMisbehaved::MalformedRecord(ContentType::HANDSHAKE);
        if content.is_empty() {
            return Err(malformed.into());
        }
        // Epochs are 16 bits wide in this implementation: see MAX_EPOCH.
        let epoch = u16::try_from(number.epoch).unwrap_or(u16::MAX);
        let mut reader = Reader::new(content);
        let (mut new, mut all_kept) = (false, true);
        while !reader.is_empty() {
            let header = FragmentHeader::decode(&mut reader).map_err(|_| malformed)?;
            let len = usize::try_from(header.fragment_length).map_err(|_| malformed)?;
            let body = reader.take(len).map_err(|_| malformed)?;
            match self.incoming.insert(&header, body, epoch, &self.role.common().limits)? {
                Inserted::New => new = true,
                Inserted::Duplicate => {}
                //= https://www.rfc-editor.org/rfc/rfc9147#section-7
                //# Implementations MUST NOT acknowledge records containing handshake messages or fragments which have not been processed or buffered.
                Inserted::Dropped => all_kept = false,
            }
        }
        if new && (epoch != EPOCH_PLAINTEXT || self.may_acknowledge()) {
            self.acknowledge_implicitly(now);
        }
        if !self.answer_old_flight(epoch, new, now) && all_kept {
            self.remember_for_ack(number, now);
        }
        Ok(if new || all_kept { Handled::Yes } else { Handled::Ignored(DiscardReason::NoRoom) })
    }

    /// A part of the server's handshake flight came once more, while our last flight is unacknowledged: it was lost, and
    /// an ACK in the epoch of application data could not be read. So the flight is sent again, within reason.
    fn answer_old_flight(&mut self, epoch: u16, new: bool, now: Instant) -> bool {
        let is_old = !new
            && epoch < EPOCH_APPLICATION
            && self.established.is_some()
            && !self.is_server()
            && self.reacts_promptly();
        if is_old && !self.outgoing.is_empty() && self.timers.may_resend(&self.role.common().transport, now) {
            self.outgoing.resend();
        }
        is_old
    }

    //= https://www.rfc-editor.org/rfc/rfc9147#section-7.2
    //# the receipt of any record responding to a given flight MUST be taken as an implicit acknowledgement for the entire flight to which it is responding.
    fn acknowledge_implicitly(&mut self, now: Instant) {
        // After the handshake, messages are acknowledged one by one.
        if self.handshake.is_some() {
            self.acknowledge_flight(now);
        }
    }

    /// Our flight was answered.
    pub(super) fn acknowledge_flight(&mut self, now: Instant) {
        if !self.outgoing.is_empty() {
            self.outgoing.acknowledge_all();
            self.all_acknowledged(now);
        }
    }

    /// Notes that a record is to be acknowledged: at once after the handshake, else if the rest of its flight is late.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-7.1
    //# ACKs MUST NOT be sent for records of any content type other than handshake or for records which cannot be
    //# deprotected.
    fn remember_for_ack(&mut self, number: RecordNumber, now: Instant) {
        self.to_acknowledge.add(number, &self.role.common().limits);
        //= https://www.rfc-editor.org/rfc/rfc9147#section-8
        //# As with other handshake messages with no built-in response, KeyUpdates MUST be acknowledged.
        if self.reacts_promptly() {
            self.ack_due |= self.established.is_some();
        } else if self.may_acknowledge() && !self.ack_due && !self.timers.is_ack_armed() {
            self.timers.arm_ack(&self.role.common().transport, now);
        }
    }

    /// Begins to wait for the rest of a flight of which a part arrived.
    fn arm_ack(&mut self, now: Instant) {
        let is_partial = self.handshake.is_some() && !self.to_acknowledge.is_empty();
        if !is_partial || !self.may_acknowledge() || !self.reacts_promptly() {
            return;
        }
        //= https://www.rfc-editor.org/rfc/rfc9147#section-7.1
        //# In general, flights MUST be ACKed unless they are implicitly acknowledged.
        // RFC 9147 §7.1: at once behind a gap, else when the rest is late.
        self.ack_due |= self.incoming.has_gap();
        if !self.timers.is_ack_armed() {
            self.timers.arm_ack(&self.role.common().transport, now);
        }
    }

    /// Whether it is certain that the peer speaks 1.3: before, an ACK could reach a server of 1.2, which knows none.
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7
    //# DTLS 1.3 endpoints MUST NOT send ACK records until the sender knows that the peer is negotiating DTLS 1.3.
    fn may_acknowledge(&self) -> bool {
        match &self.handshake {
            Some(State::ExpectServerHello(state)) => state.was_retried(),
            Some(State::ExpectClientHello(state)) => state.was_retried(),
            Some(_) => true,
            None => self.established.is_some(),
        }
    }

    fn handle_ack(&mut self, number: RecordNumber, content: &[u8], now: Instant) -> Result<Handled, Error> {
        let is_protected = number.epoch != u64::from(EPOCH_PLAINTEXT);
        if !is_protected && (self.saw_protected || self.established.is_some()) {
            return Ok(Handled::Ignored(DiscardReason::PlaintextAfterKeys));
        }
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7
        //# Until that point, ACK records received in epoch 0 MUST be ignored.
        // Whoever can guess the numbers of a first flight could otherwise keep it from being sent again.
        if !is_protected && !self.may_acknowledge() {
            return Ok(Handled::Ignored(DiscardReason::Unexpected));
        }
        let Ok(ack) = Ack::decode_all(content) else {
            return if self.is_forgeable(number) {
                Ok(Handled::Ignored(DiscardReason::Malformed))
            } else {
                Err(PeerMisbehaved::MalformedRecord(ContentType::ACK).into())
            };
        };
        self.stats.acks_received = self.stats.acks_received.saturating_add(1);
        let numbers = &ack.record_numbers;
        self.tracer.tell(now, || Event::Ack { direction: Direction::Received, records: numbers });
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7.2
        //# If any element of record_numbers in the ACK references an epoch that is higher than the epoch in which
        //# the ACK was received, the implementation MUST terminate the connection with an "illegal_parameter"
        //# alert.
        // RFC 9147 §7 with erratum 8108: an ACK of a record of a higher epoch is illegal. During the handshake the epoch
        // of the ACK itself is meant, as both directions move together; afterwards each direction has epochs of its
        // own, and what remains to be checked is that the epoch is one in which we have sent.
        let highest = if self.handshake.is_some() { number.epoch } else { u64::from(self.records.write_epoch()) };
        if numbers.iter().any(|acknowledged| acknowledged.epoch > highest) {
            return if self.is_forgeable(number) {
                Ok(Handled::Ignored(DiscardReason::Unexpected))
            } else {
                Err(PeerMisbehaved::AckOfUnsentRecord.into())
            };
        }
        if self.outgoing.is_empty() {
            return Ok(Handled::Yes);
        }
        let acknowledged = self.outgoing.acknowledge(numbers);
        if acknowledged.anything_new && self.reacts_promptly() {
            self.timers.retransmission.reset_backoff();
            self.outgoing.resend_overtaken();
        }
        if self.outgoing.is_empty() {
            self.all_acknowledged(now);
        } else if self.reacts_promptly() && self.timers.may_resend(&self.role.common().transport, now) {
            // RFC 9147 §7.2: what an ACK leaves out was lost, unless it was sent only just now. An empty one says that
            // nothing could be read.
            self.outgoing.resend();
        }
        Ok(Handled::Yes)
    }

    fn handle_alert(&mut self, number: RecordNumber, content: &[u8], now: Instant) -> Result<Handled, Error> {
        let is_protected = number.epoch != u64::from(EPOCH_PLAINTEXT);
        if !is_protected && (self.saw_protected || self.established.is_some()) {
            return Ok(Handled::Ignored(DiscardReason::PlaintextAfterKeys));
        }
        let Ok(alert) = Alert::decode_all(content) else {
            return if self.is_forgeable(number) {
                Ok(Handled::Ignored(DiscardReason::Malformed))
            } else {
                Err(PeerMisbehaved::MalformedRecord(ContentType::ALERT).into())
            };
        };
        // RFC 9846 §6: which of its two values the level has is of no importance. Others do not exist.
        if !matches!(alert.level, Alert::WARNING | Alert::FATAL) {
            return if self.is_forgeable(number) {
                Ok(Handled::Ignored(DiscardReason::Malformed))
            } else {
                Err(PeerMisbehaved::InvalidAlertLevel(alert.level).into())
            };
        }
        self.tracer.tell(now, || Event::Alert {
            direction: Direction::Received,
            level: alert.level,
            description: alert.description,
        });
        match alert.description {
            AlertDescription::USER_CANCELED => {}
            AlertDescription::CLOSE_NOTIFY if self.established.is_some() => {
                self.peer_closed_at = Some(number);
                self.events.push_back(ConnectionEvent::PeerClosed);
                if self.state == ConnectionState::Connected {
                    self.state = ConnectionState::Closing;
                }
            }
            // RFC 9846 §6: whatever its level, any other alert is fatal; so is an end before the handshake is complete.
            description => return Err(Error::AlertReceived(description)),
        }
        Ok(Handled::Yes)
    }

    /// Takes the ClientHello that a listener read for us.
    pub(super) fn take_message_of_listener(&mut self, accepted: Accepted, now: Instant) {
        if let Some(state) = self.handshake.take() {
            let message = ReceivedMessage {
                msg_type: HandshakeType::CLIENT_HELLO,
                message_seq: accepted.message_seq,
                epoch: EPOCH_PLAINTEXT,
                body: accepted.client_hello,
            };
            self.tell_message(&message, now);
            self.step(now, |cx| state.handle(&message, cx));
        }
    }

    pub(super) fn tell_message(&mut self, message: &ReceivedMessage, now: Instant) {
        let ReceivedMessage { msg_type, message_seq, epoch, body } = message;
        self.tracer.tell(now, || Event::Message {
            direction: Direction::Received,
            msg_type: *msg_type,
            message_seq: *message_seq,
            epoch: *epoch,
            body,
        });
    }
}
