//! server_name (RFC 6066 §3).
//!
//! ```text
//! struct {
//!     NameType name_type;
//!     select (name_type) {
//!         case host_name: HostName;
//!     } name;
//! } ServerName;
//!
//! enum { host_name(0), (255) } NameType;
//! opaque HostName<1..2^16-1>;
//!
//! struct {
//!     ServerName server_name_list<1..2^16-1>
//! } ServerNameList;
//! ```

use crate::codec::{Reader, put_vector16};
use crate::error::InvalidMessage;

/// `host_name`, the only type of name that was ever defined.
pub const HOST_NAME: u8 = 0;

/// A domain name is 255 bytes on the wire (RFC 1035 §3.1), which are 253 characters without the trailing dot.
const MAX_NAME_LEN: usize = 253;

/// RFC 1035 §3.1.
const MAX_LABEL_LEN: usize = 63;

/// All of `data` as the one name of a server.
///
/// RFC 6066 §3 forbids two names of one type, and there is only one type: a list of several is malformed.
pub(crate) fn read_host_name(data: &[u8]) -> Result<String, InvalidMessage> {
    let mut reader = Reader::new(data);
    let mut list = Reader::new(reader.vector16()?);
    reader.finish()?;
    if list.is_empty() {
        return Err(InvalidMessage::EmptyVector);
    }
    if list.u8()? != HOST_NAME {
        return Err(InvalidMessage::InvalidName);
    }
    let name = list.vector16()?;
    if name.is_empty() {
        return Err(InvalidMessage::EmptyVector);
    }
    if !list.is_empty() {
        return Err(InvalidMessage::InvalidName);
    }
    host_name(name).ok_or(InvalidMessage::InvalidName)
}

/// Appends a list of one name.
pub(crate) fn put_host_name(out: &mut Vec<u8>, name: &str) {
    put_vector16(out, |out| {
        out.push(HOST_NAME);
        put_vector16(out, |out| out.extend_from_slice(name.as_bytes()));
    });
}

/// `name` as text, if it can be a host name: labels of letters, digits, hyphens and underscores (which names in use have
/// although RFC 952 does not), without a trailing dot. It keeps its case.
fn host_name(name: &[u8]) -> Option<String> {
    let is_label = |label: &[u8]| {
        (1..=MAX_LABEL_LEN).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > MAX_NAME_LEN || !name.split(|byte| *byte == b'.').all(is_label) {
        return None;
    }
    String::from_utf8(name.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[(u8, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        put_vector16(&mut out, |out| {
            for (name_type, name) in names {
                out.push(*name_type);
                put_vector16(out, |out| out.extend_from_slice(name));
            }
        });
        out
    }

    #[test]
    fn a_name_comes_back() {
        let mut out = Vec::new();
        put_host_name(&mut out, "a.Example_1-2.org");
        assert_eq!(out, list(&[(0, b"a.Example_1-2.org")]));
        assert_eq!(read_host_name(&out), Ok("a.Example_1-2.org".to_owned()));
    }

    #[test]
    fn what_is_no_single_host_name_is_refused() {
        use InvalidMessage as E;
        assert_eq!(read_host_name(&list(&[])), Err(E::EmptyVector));
        assert_eq!(read_host_name(&list(&[(0, b"")])), Err(E::EmptyVector));
        assert_eq!(read_host_name(&list(&[(1, b"a")])), Err(E::InvalidName));
        assert_eq!(read_host_name(&list(&[(0, b"a"), (0, b"b")])), Err(E::InvalidName));
        for name in [&b"a."[..], b".", b"a..b", b"a b", b"a\0", b"::1", "ä".as_bytes(), &[b'a'; 64]] {
            assert_eq!(read_host_name(&list(&[(0, name)])), Err(E::InvalidName), "{name:?}");
        }
        let long = [&[b'a'; 63][..]; 4].join(&b'.');
        assert_eq!(read_host_name(&list(&[(0, &long)])), Err(E::InvalidName));
        assert!(read_host_name(&list(&[(0, &long[2..])])).is_ok());
        let mut trailing = list(&[(0, b"a")]);
        trailing.push(0);
        assert_eq!(read_host_name(&trailing), Err(E::TrailingData));
    }
}
