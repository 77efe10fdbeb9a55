//! Where a datagram comes from and goes to.

use core::fmt;
use std::net::{IpAddr, SocketAddr};

use super::limits::MAX_ADDRESS_LEN;

/// The address of a peer: bytes that the caller gives a meaning, at most [`MAX_ADDRESS_LEN`] of them.
///
/// What is equal is the same peer; nothing else is asked of an address. For UDP it is the IP address and the port. The
/// cookie of a listener is bound to it: where a peer's address says more than the peer can prove, leave that out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddress {
    bytes: [u8; MAX_ADDRESS_LEN],
    len: u8,
}

impl PeerAddress {
    /// The address with these bytes; `None` if they are too many.
    pub fn new(address: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        bytes.get_mut(..address.len())?.copy_from_slice(address);
        Some(Self { bytes, len: u8::try_from(address.len()).ok()? })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The socket address, if this was made from one: 6 bytes for IPv4, 18 for IPv6, the port last.
    ///
    /// The scope of an IPv6 address is not kept.
    pub fn to_socket_addr(&self) -> Option<SocketAddr> {
        let (ip, port) = self.as_bytes().split_last_chunk::<2>()?;
        let port = u16::from_be_bytes(*port);
        if let Ok(ip) = <[u8; 4]>::try_from(ip) {
            return Some(SocketAddr::new(IpAddr::from(ip), port));
        }
        <[u8; 16]>::try_from(ip).ok().map(|ip| SocketAddr::new(IpAddr::from(ip), port))
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        let port = address.port().to_be_bytes();
        let mut len = 0u8;
        let mut put = |content: &[u8]| {
            for (to, from) in bytes.iter_mut().zip(content.iter().chain(&port)) {
                *to = *from;
                len = len.saturating_add(1);
            }
        };
        match address.ip() {
            IpAddr::V4(ip) => put(&ip.octets()),
            IpAddr::V6(ip) => put(&ip.octets()),
        }
        Self { bytes, len }
    }
}

impl fmt::Debug for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.to_socket_addr() {
            return write!(f, "{address}");
        }
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_address_comes_back() {
        for text in ["192.0.2.7:4433", "[2001:db8::1]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(PeerAddress::from(address).to_socket_addr(), Some(address));
            assert_eq!(format!("{:?}", PeerAddress::from(address)), text);
        }
    }

    #[test]
    fn other_bytes_are_an_address_too_unless_they_are_too_many() {
        let address = PeerAddress::new(&[1; MAX_ADDRESS_LEN]).unwrap();
        assert_eq!((address.as_bytes(), address.to_socket_addr()), (&[1; MAX_ADDRESS_LEN][..], None));
        assert_eq!(PeerAddress::new(&[1; MAX_ADDRESS_LEN + 1]), None);
        assert_ne!(PeerAddress::new(&[0]), PeerAddress::new(&[0, 0]));
    }
}
