//! Cookies: all that a listener knows of a client before the client has proved its address (RFC 9147 §5.1).

use std::sync::Arc;

use core::time::Duration;

use subtle::ConstantTimeEq as _;

use super::address::PeerAddress;
use crate::codec::{Decode as _, Encode as _, Reader, put_u32, put_vector8};
use crate::crypto::{CryptoProvider, Hash, HashOutput, MAX_HASH_LEN, NoRandomBytes, Secret, SecureRandom};
use crate::error::InvalidMessage;
use crate::time::Instant;
use crate::wire::registry::{CipherSuite, NamedGroup};

/// What a cookie tells the listener that issued it: enough to build the HelloRetryRequest again bit by bit, and to go on
/// with the transcript behind it.
///
/// ```text
/// struct {
///     uint8 version_and_key;            /* 0x10, and the low bit of the key's number */
///     uint32 issued;                    /* seconds */
///     CipherSuite suite;
///     NamedGroup group;                 /* 0: a share for the selected group was there */
///     opaque client_hello1_hash<0..64>;
///     opaque mac[16];
/// } Cookie;
/// ```
///
/// The MAC is an HMAC over all that stands before it, the client's address and what both hellos must have in common. It
/// has half of SHA-256's length, the least that RFC 2104 §5 recommends: the reply must not be much longer than the hello,
/// and a forger has one try for each datagram and a minute's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// The suite that was selected.
    pub(crate) suite: CipherSuite,
    /// The group for which a share was demanded, if one was.
    pub(crate) group: Option<NamedGroup>,
    /// The hash of the first ClientHello, by the hash of `suite`. A hash tells nothing of the hello (RFC 9147 §11).
    pub(crate) client_hello1_hash: HashOutput,
}

/// What a cookie is bound to besides its own content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    /// The address from which the hello came.
    pub(crate) from: &'a PeerAddress,
    /// A hash over what the first and the second hello must have in common.
    pub(crate) invariants: &'a HashOutput,
}

/// Issues cookies and opens them again.
pub(crate) struct Baker {
    hash: &'static dyn Hash,
    random: Arc<dyn SecureRandom>,
    key_age: Duration,
    cookie_age: Duration,
    current: Key,
    previous: Option<Key>,
}

struct Key {
    secret: Secret,
    made: Instant,
    number: u8,
}

const VERSION: u8 = 0x10;
const MAC_LEN: usize = 16;
const KEY_LEN: usize = 32;

/// Keeps this use of the HMAC apart from every other.
const LABEL: &[u8] = b"dtls-wasm cookie";

impl Baker {
    pub(crate) fn new(
        provider: &CryptoProvider,
        key_age: Duration,
        cookie_age: Duration,
        now: Instant,
    ) -> Result<Self, NoRandomBytes> {
        // SHA-256, as long as any suite has it; a provider without any suite is refused by its configuration's checks.
        let hash = provider.suites.iter().map(|suite| suite.hash).min_by_key(|hash| hash.output_len());
        let current = Key::new(&*provider.random, now, 0)?;
        Ok(Self {
            hash: hash.ok_or(NoRandomBytes)?,
            random: Arc::clone(&provider.random),
            key_age: key_age.max(cookie_age),
            cookie_age,
            current,
            previous: None,
        })
    }

    /// The hash that binds what both hellos must have in common.
    pub(crate) const fn hash(&self) -> &'static dyn Hash {
        self.hash
    }

    pub(crate) fn issue(&mut self, cookie: &Cookie, binding: Binding<'_>, now: Instant) -> Vec<u8> {
        self.change_keys(now);
        let mut bytes = vec![VERSION | (self.current.number & 1)];
        put_u32(&mut bytes, seconds(now));
        cookie.suite.encode(&mut bytes);
        cookie.group.unwrap_or(NamedGroup(0)).encode(&mut bytes);
        put_vector8(&mut bytes, |out| out.extend_from_slice(cookie.client_hello1_hash.as_slice()));
        let mac = self.mac(&self.current, &bytes, binding);
        bytes.extend(mac.as_slice().iter().take(MAC_LEN));
        bytes
    }

    /// What `bytes` say, if they are a cookie of ours that is bound to the same, and young enough.
    pub(crate) fn open(&mut self, bytes: &[u8], binding: Binding<'_>, now: Instant) -> Result<Cookie, InvalidCookie> {
        self.change_keys(now);
        let (content, mac) = bytes.split_last_chunk::<MAC_LEN>().ok_or(InvalidCookie::Malformed)?;
        let first = *content.first().ok_or(InvalidCookie::Malformed)?;
        if first & !1 != VERSION {
            return Err(InvalidCookie::Malformed);
        }
        let key = [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.number & 1 == first & 1)
            .ok_or(InvalidCookie::Forged)?;
        let expected = self.mac(key, content, binding);
        //= https://www.rfc-editor.org/rfc/rfc9147#section-11
        //# It MUST NOT be possible for anyone other than the issuing entity to generate cookies that are accepted
        //# as valid by that entity.
        if !bool::from(expected.as_slice().get(..MAC_LEN).unwrap_or(&[]).ct_eq(mac)) {
            return Err(InvalidCookie::Forged);
        }
        let (issued, cookie) = Cookie::read(content).map_err(|_| InvalidCookie::Malformed)?;
        // What is dated later than now was issued before the clock went back; it is not of another kind.
        let apart = issued.abs_diff(seconds(now));
        if u64::from(apart) > self.cookie_age.as_secs() {
            return Err(InvalidCookie::Expired);
        }
        Ok(cookie)
    }

    fn mac(&self, key: &Key, content: &[u8], binding: Binding<'_>) -> HashOutput {
        //= https://www.rfc-editor.org/rfc/rfc9147#section-11
        //# The cookie MUST depend on the client's address.
        let address = binding.from.as_bytes();
        // The length makes the concatenation unambiguous; an address has at most 32 bytes.
        let address_len = [u8::try_from(address.len()).unwrap_or(u8::MAX)];
        self.hash.hmac(key.secret.expose(), &[LABEL, &address_len, address, binding.invariants.as_slice(), content])
    }

    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
    //# It is RECOMMENDED that servers implement a key rotation
    //# scheme that allows the server to manage keys with overlapping
    //# lifetimes.
    fn change_keys(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.current.made);
        if age < self.key_age {
            return;
        }
        // Where there are no random bytes the old key has to do until there are.
        let Ok(next) = Key::new(&*self.random, now, self.current.number.wrapping_add(1)) else { return };
        let last = core::mem::replace(&mut self.current, next);
        // A key that nobody has used for a whole further period has no cookies left that could be valid.
        self.previous = (age < self.key_age.saturating_mul(2)).then_some(last);
    }
}

impl Cookie {
    fn read(content: &[u8]) -> Result<(u32, Self), InvalidMessage> {
        let mut reader = Reader::new(content);
        reader.u8()?;
        let issued = reader.u32()?;
        let suite = CipherSuite::decode(&mut reader)?;
        let group = Some(NamedGroup::decode(&mut reader)?).filter(|group| group.0 != 0);
        let hash = reader.vector8()?;
        reader.finish()?;
        if hash.len() > MAX_HASH_LEN {
            return Err(InvalidMessage::InvalidVectorLength);
        }
        Ok((issued, Self { suite, group, client_hello1_hash: HashOutput::new(hash) }))
    }
}

impl Key {
    fn new(random: &dyn SecureRandom, made: Instant, number: u8) -> Result<Self, NoRandomBytes> {
        let mut bytes = [0; KEY_LEN];
        random.fill(&mut bytes)?;
        // `from_output` wipes what it is given; the array on the stack is wiped here.
        let secret = Secret::new(&bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        Ok(Self { secret, made, number })
    }
}

/// Why a cookie is not accepted. The client learns only that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidCookie {
    /// It does not have the form of ours.
    Malformed,
    /// It is not ours, or not for this client, or of a key that is gone.
    Forged,
    /// It is too old.
    Expired,
}

/// The clock in seconds, as far as 32 bits go: until 2106, and then again from the start. What counts is the difference.
const fn seconds(now: Instant) -> u32 {
    let [_, _, _, _, a, b, c, d] = now.as_secs().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
