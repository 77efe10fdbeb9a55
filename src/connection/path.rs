//! The path to the peer: where datagrams come from, where they go, and how a new one is checked (RFC 9146 §6, RFC 9853).

use std::collections::VecDeque;

use super::transmit::Written;
use super::{Connection, ConnectionEvent, ConnectionState};
use crate::codec::{Decode as _, Encode as _};
use crate::config::PathCheck;
use crate::error::{Error, PeerMisbehaved};
use crate::time::Instant;
use crate::trace::Event;
use crate::wire::registry::ContentType;
use crate::wire::return_routability::{PathCookie, ReturnRoutabilityCheck};

use super::ConnectionIdError;

/// The caller's number for a path: a pair of addresses, or whatever else tells where a datagram came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u64);

impl PathId {
    /// The path of a connection that begins, and the only one for callers that know of no other.
    pub const INITIAL: Self = Self(0);
}

/// The paths that a connection knows: one that it uses, and at most one that is being checked.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Where we send.
    current: PathId,
    /// The path that the application has left: datagrams from there are late ones.
    left: Option<PathId>,
    /// The path of which the application was told last.
    announced: Option<PathId>,
    /// The path of the datagram that is being handled.
    arriving: PathId,
    /// The path of the datagram that is being filled.
    sending: PathId,
    check: Option<Box<Check>>,
    answers: VecDeque<Answer>,
}

/// A return routability check under way (RFC 9853 §5).
#[derive(Debug)]
struct Check {
    /// The new path.
    path: PathId,
    /// What our records on it carry, if the peer has given a spare one: paths must not be linked (RFC 9853 §9).
    connection_id: Option<Box<[u8]>>,
    stage: Stage,
    /// What was asked in this stage.
    cookies: Vec<PathCookie>,
    /// When to ask next, if there is to be another question.
    ask_at: Option<Instant>,
    /// T: when this stage ends without an answer.
    deadline: Instant,
    /// Bytes of records that came on the new path and were understood.
    received: usize,
    /// Bytes that were sent there.
    sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Does the peer still prefer the old path?
    AskOld,
    /// Is the peer on the new path?
    AskNew,
}

/// An answer to a path_challenge.
#[derive(Debug)]
struct Answer {
    path: PathId,
    message: ReturnRoutabilityCheck,
    /// How many bytes may be sent for it.
    budget: usize,
}

/// How often a path is asked within T: one question may be lost, and one answer.
const QUESTIONS: usize = 3;

/// How many times as much is sent to an address as came from there before it is known that the peer receives it (RFC
/// 9853 §2).
const ANTI_AMPLIFICATION: usize = 3;

/// Paths.
impl Connection {
    /// The path that we send on.
    pub const fn path(&self) -> PathId {
        self.paths.current
    }

    /// Whether datagrams may still come from or go to `path`: the one in use, one that is being checked or answered, the
    /// one that was left last.
    pub fn is_path_in_use(&self, path: PathId) -> bool {
        let paths = &self.paths;
        [Some(paths.current), paths.left, paths.announced].contains(&Some(path))
            || paths.check.as_ref().is_some_and(|check| check.path == path)
            || paths.answers.iter().any(|answer| answer.path == path)
    }

    /// [`handle_datagram`](Self::handle_datagram) for a datagram that came on `path`.
    ///
    /// If connection IDs are in use and the peer's newest record comes on another path than before, the application is
    /// told by [`ConnectionEvent::NewPath`]. With return routability negotiated the path is then checked, and changes
    /// once the peer has answered on it. Without, it does not change until the application says so by
    /// [`use_path`](Self::use_path): it has to find out for itself whether the peer is there.
    pub fn handle_datagram_on(&mut self, path: PathId, datagram: &mut [u8], now: Instant) {
        self.paths.arriving = path;
        self.receive_datagram(datagram, now);
        self.paths.arriving = self.paths.current;
    }

    /// [`poll_transmit`](Self::poll_transmit), with the path that the datagram is for.
    pub fn poll_transmit_on(&mut self, datagram: &mut Vec<u8>, now: Instant) -> Option<PathId> {
        self.transmit(datagram, now).then_some(self.paths.sending)
    }

    /// Sends on `path` from now on, with another connection ID if the peer has given a spare one: our own address has
    /// changed, or the application knows that the peer is there.
    ///
    /// # Errors
    /// While not connected.
    pub fn use_path(&mut self, path: PathId, now: Instant) -> Result<(), ConnectionIdError> {
        if self.state != ConnectionState::Connected {
            return Err(ConnectionIdError::NotConnected);
        }
        if path != self.paths.current {
            let follows_peer = self.paths.announced == Some(path);
            let old = core::mem::replace(&mut self.paths.current, path);
            self.paths.left = (!follows_peer).then_some(old);
            self.paths.check = None;
            self.paths.announced = None;
            //= https://www.rfc-editor.org/rfc/rfc9147#section-9
            //# Implementations SHOULD use a new CID whenever sending on a new path
            if let Some(next) = self.take_spare_connection_id() {
                self.change_connection_id(next, now);
            }
            self.path_changed(now);
        }
        Ok(())
    }
}

impl Connection {
    /// Whether return routability checks were negotiated.
    pub(super) fn may_check_paths(&self) -> bool {
        self.connection_ids.as_ref().is_some_and(|ids| ids.may_check())
    }

    /// A record was understood that carries a connection ID of ours, `wire_len` bytes long.
    pub(super) fn note_arrival(&mut self, place: usize, is_newest: bool, wire_len: usize, now: Instant) {
        if is_newest {
            self.note_connection_id(place, now);
        }
        let paths = &mut self.paths;
        let path = paths.arriving;
        if path == paths.current || self.state != ConnectionState::Connected {
            return;
        }
        if let Some(check) = &mut paths.check {
            if check.path == path {
                check.received = check.received.saturating_add(wire_len);
                if check.ask_at.is_none() && check.cookies.len() < QUESTIONS {
                    check.ask_at = Some(now);
                }
            }
            // RFC 9853 §5: a path that comes up while another is checked is not checked before that is over.
            return;
        }
        //= https://www.rfc-editor.org/rfc/rfc9146#section-6
        //# The received datagram is "newer" (in terms of both epoch and
        //# sequence number) than the newest datagram received.
        if !is_newest || paths.left == Some(path) {
            return;
        }
        if paths.announced.replace(path) != Some(path) {
            self.tracer.tell(now, || Event::Path { path: path.0, what: "seen" });
            self.events.push_back(ConnectionEvent::NewPath { path });
        }
        self.begin_check(path, wire_len, now);
    }

    //= https://www.rfc-editor.org/rfc/rfc9147#section-11
    //# DTLS implementations MUST NOT update the address they send to in response to packets from a different
    //# address unless they first perform some reachability test; no such test is defined in this specification and
    //# a future specification would need to specify a complete procedure for how and when to update addresses.
    fn begin_check(&mut self, path: PathId, received: usize, now: Instant) {
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-3
        //# The client and server MUST NOT use RRC unless both sides have successfully exchanged "rrc" extensions.
        if !self.may_check_paths() {
            return;
        }
        let config = &self.role.common().connection_ids;
        let stage = if config.path_check == PathCheck::Enhanced { Stage::AskOld } else { Stage::AskNew };
        let deadline = now + config.path_timeout;
        let connection_id = self.take_spare_connection_id();
        self.stats.path_checks = self.stats.path_checks.saturating_add(1);
        self.paths.check = Some(Box::new(Check {
            path,
            connection_id,
            stage,
            cookies: Vec::new(),
            ask_at: Some(now),
            deadline,
            received,
            sent: 0,
        }));
    }

    /// Whether application data waits because it is not certain where the peer is.
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5
    //# A receiver that observes the peer's address change MUST stop sending any buffered application data, or limit
    //# the data sent to the unvalidated address to the anti-amplification limit.
    pub(super) const fn is_checking_path(&self) -> bool {
        self.paths.check.is_some()
    }

    /// When a check goes on.
    pub(super) fn path_timeout(&self) -> Option<Instant> {
        let check = self.paths.check.as_ref()?;
        Some(check.ask_at.map_or(check.deadline, |at| at.min(check.deadline)))
    }

    pub(super) fn fire_path_timer(&mut self, now: Instant) {
        let timeout = self.role.common().connection_ids.path_timeout;
        let Some(check) = self.paths.check.as_mut().filter(|check| check.deadline <= now) else { return };
        match check.stage {
            //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.2
            //# In this case, the initiator MUST perform a return routability check on the observed new address, as
            //# described in Section 5.1.
            Stage::AskOld => check.ask_new(now, now + timeout),
            // RFC 9853 §5.1: "If T expires the peer address binding is not updated."
            Stage::AskNew => self.reject_path(now),
        }
    }

    /// Takes a message of a check; `false`: it is to be ignored.
    pub(super) fn handle_path_check(&mut self, content: &[u8], now: Instant) -> Result<bool, Error> {
        let malformed = PeerMisbehaved::MalformedRecord(ContentType::RETURN_ROUTABILITY_CHECK);
        let message = ReturnRoutabilityCheck::decode_all(content).map_err(|_| malformed)?;
        let timeout = self.role.common().connection_ids.path_timeout;
        let (current, arriving) = (self.paths.current, self.paths.arriving);
        let (cookie, is_drop) = match message {
            ReturnRoutabilityCheck::Challenge(cookie) => return Ok(self.answer_challenge(cookie, content.len())),
            ReturnRoutabilityCheck::Response(cookie) => (cookie, false),
            ReturnRoutabilityCheck::Drop(cookie) => (cookie, true),
            // RFC 9853 §4: messages of an unknown type are parsed and ignored.
            ReturnRoutabilityCheck::Unknown(_) => return Ok(false),
        };
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.4
        //# The initiator MUST silently discard any invalid "path_response" or "path_drop" it receives.
        let Some(check) = self.paths.check.as_mut().filter(|check| check.cookies.contains(&cookie)) else {
            return Ok(false);
        };
        match (check.stage, is_drop) {
            //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.2
            //# the initiator MUST continue using the previously valid address, i.e., no switch to the new path takes
            //# place and the peer address binding is not updated.
            (Stage::AskOld, false) if arriving == current => self.reject_path(now),
            //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.2
            //# When a "return_routability_check" message of type "path_drop" was received, the initiator MUST perform
            //# a return routability check on the observed new address, as described in Section 5.1.
            (Stage::AskOld, true) if arriving == current => check.ask_new(now, now + timeout),
            (Stage::AskNew, false) if arriving == check.path => self.accept_path(now),
            _ => return Ok(false),
        }
        Ok(true)
    }

    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.4
    //# The responder MUST send exactly one "path_response" or "path_drop" message for each valid "path_challenge" it
    //# received.
    //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.4
    //# The responder MUST send the "path_response" or the "path_drop" to the address from which the corresponding
    //# "path_challenge" was received.
    fn answer_challenge(&mut self, cookie: PathCookie, content_len: usize) -> bool {
        let path = self.paths.arriving;
        let message = if self.paths.left == Some(path) {
            ReturnRoutabilityCheck::Drop(cookie)
        } else {
            ReturnRoutabilityCheck::Response(cookie)
        };
        // The least that the record can have had on the wire: header, content, type and tag.
        let len = content_len.saturating_add(5 + 1 + 8);
        let budget = if path == self.paths.current { usize::MAX } else { len.saturating_mul(ANTI_AMPLIFICATION) };
        let has_room = self.paths.answers.len() < self.common().limits.path_responses;
        if has_room {
            self.paths.answers.push_back(Answer { path, message, budget });
        }
        has_room
    }

    fn accept_path(&mut self, now: Instant) {
        let Some(check) = self.paths.check.take() else { return };
        self.paths.current = check.path;
        self.paths.announced = None;
        if let Some(connection_id) = check.connection_id {
            self.change_connection_id(connection_id, now);
        }
        self.path_changed(now);
    }

    fn path_changed(&mut self, now: Instant) {
        let path = self.paths.current;
        self.paths.arriving = path;
        self.stats.path_changes = self.stats.path_changes.saturating_add(1);
        self.tracer.tell(now, || Event::Path { path: path.0, what: "changed" });
        self.events.push_back(ConnectionEvent::PathChanged { path });
    }

    fn reject_path(&mut self, now: Instant) {
        let Some(check) = self.paths.check.take() else { return };
        let path = check.path;
        // RFC 9853 §5: "A new path validation will start when new data is received."
        self.paths.announced = None;
        self.stats.path_checks_failed = self.stats.path_checks_failed.saturating_add(1);
        self.tracer.tell(now, || Event::Path { path: path.0, what: "rejected" });
        self.events.push_back(ConnectionEvent::PathRejected { path });
    }

    /// Writes one message of a check, which has a datagram for itself; `false`: there is none.
    pub(super) fn write_path_check(
        &mut self,
        datagram: &mut Vec<u8>,
        written: &mut Written,
        now: Instant,
    ) -> Result<bool, Error> {
        self.paths.sending = self.paths.current;
        while let Some(answer) = self.paths.answers.pop_front() {
            if self.path_record_len(answer.path) <= answer.budget {
                self.seal_on(answer.path, answer.message, datagram, written)?;
                return Ok(true);
            }
        }
        let Some(check) = self.paths.check.as_ref().filter(|check| check.ask_at.is_some_and(|at| at <= now)) else {
            return Ok(false);
        };
        let (stage, path) = (check.stage, check.path);
        let target = if stage == Stage::AskOld { self.paths.current } else { path };
        let len = self.path_record_len(target);
        let allowed = check.received.saturating_mul(ANTI_AMPLIFICATION);
        let is_allowed = stage == Stage::AskOld || check.sent.saturating_add(len) <= allowed;
        // RFC 9853 §5.3: "Each path_challenge message MUST contain random data."
        let mut cookie = PathCookie::default();
        let has_cookie = self.role.common().provider.random.fill(&mut cookie).is_ok();
        let pause = self.role.common().connection_ids.path_timeout / 3;
        let Some(check) = self.paths.check.as_mut() else { return Ok(false) };
        if !is_allowed || !has_cookie {
            // Until more comes from there.
            check.ask_at = None;
            return Ok(false);
        }
        check.cookies.push(cookie);
        check.ask_at = (check.cookies.len() < QUESTIONS).then_some(now + pause);
        if stage == Stage::AskNew {
            check.sent = check.sent.saturating_add(len);
        }
        self.tracer.tell(now, || Event::Path { path: target.0, what: "challenged" });
        self.seal_on(target, ReturnRoutabilityCheck::Challenge(cookie), datagram, written)?;
        Ok(true)
    }

    /// How many bytes a message of a check has on the wire.
    fn path_record_len(&self, path: PathId) -> usize {
        let own = self.records.write_connection_id().len();
        let len = self.records.sealed_len(self.records.write_epoch(), ReturnRoutabilityCheck::LEN);
        let other = self.connection_id_on(path).map_or(own, |id| id.len());
        len.unwrap_or(usize::MAX).saturating_sub(own).saturating_add(other)
    }

    /// The connection ID for `path`, if it is another than usual.
    fn connection_id_on(&self, path: PathId) -> Option<&[u8]> {
        let check = self.paths.check.as_ref().filter(|check| check.path == path)?;
        check.connection_id.as_deref()
    }

    fn seal_on(
        &mut self,
        path: PathId,
        message: ReturnRoutabilityCheck,
        datagram: &mut Vec<u8>,
        written: &mut Written,
    ) -> Result<(), Error> {
        let usual = self.connection_id_on(path).map(Box::from).map(|id| self.records.set_write_connection_id(id));
        let sealed = self.seal(ContentType::RETURN_ROUTABILITY_CHECK, &message.encoded(), datagram, written);
        if let Some(usual) = usual {
            self.records.set_write_connection_id(usual);
        }
        self.paths.sending = path;
        sealed.map(drop)
    }
}

impl Check {
    /// The old path did not object: now the new one is asked.
    fn ask_new(&mut self, now: Instant, deadline: Instant) {
        self.stage = Stage::AskNew;
        self.cookies.clear();
        self.ask_at = Some(now);
        self.deadline = deadline;
    }
}
