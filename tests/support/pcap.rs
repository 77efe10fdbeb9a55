//! Reads the UDP datagrams of a capture file: pcap or pcapng, over Ethernet, Linux cooked, loopback or raw IP.
//!
//! Include it with `#[path = "support/pcap.rs"] mod pcap;`. Captures are test data: one that cannot be read is a panic.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// One UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Whose it is.
    pub source: SocketAddr,
    /// Whom it is for.
    pub destination: SocketAddr,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// The UDP datagrams of the capture at `path`, in order. Other traffic is left out, as are datagrams in IP fragments.
pub fn read_file(path: impl AsRef<Path>) -> Vec<Datagram> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read(&bytes)
}

/// The UDP datagrams of the capture `file`, in order.
pub fn read(file: &[u8]) -> Vec<Datagram> {
    match file[..4] {
        [0x0a, 0x0d, 0x0d, 0x0a] => read_pcapng(file),
        // Times in microseconds or in nanoseconds, which does not matter here.
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => read_pcap(file, u32::from_le_bytes),
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => read_pcap(file, u32::from_be_bytes),
        _ => panic!("not a capture file"),
    }
}

fn read_pcap(file: &[u8], u32_of: fn([u8; 4]) -> u32) -> Vec<Datagram> {
    let number = |at: usize| u32_of(file[at..at + 4].try_into().unwrap()) as usize;
    let link_type = number(20) & 0xffff;
    let mut datagrams = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let captured = number(at + 8);
        datagrams.extend(udp_of_frame(link_type, &file[at + 16..at + 16 + captured]));
        at += 16 + captured;
    }
    datagrams
}

fn read_pcapng(file: &[u8]) -> Vec<Datagram> {
    const SECTION_HEADER: usize = 0x0a0d_0d0a;
    const INTERFACE_DESCRIPTION: usize = 1;
    const SIMPLE_FRAME: usize = 3;
    const ENHANCED_FRAME: usize = 6;
    let mut u32_of: fn([u8; 4]) -> u32 = u32::from_le_bytes;
    let mut link_types = Vec::new();
    let mut datagrams = Vec::new();
    let mut at = 0;
    while at < file.len() {
        if file[at..at + 4] == [0x0a, 0x0d, 0x0d, 0x0a] {
            u32_of = if file[at + 8] == 0x1a { u32::from_be_bytes } else { u32::from_le_bytes };
            link_types.clear();
        }
        let number = |at: usize| u32_of(file[at..at + 4].try_into().unwrap()) as usize;
        let length = number(at + 4);
        match number(at) {
            INTERFACE_DESCRIPTION => {
                let pair: [u8; 2] = file[at + 8..at + 10].try_into().unwrap();
                let wide = if u32_of([1, 0, 0, 0]) == 1 { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
                link_types.push(usize::from(wide));
            }
            ENHANCED_FRAME => {
                let frame = &file[at + 28..at + 28 + number(at + 20)];
                datagrams.extend(udp_of_frame(link_types[number(at + 8)], frame));
            }
            SIMPLE_FRAME => {
                let captured = number(at + 8).min(length - 16);
                datagrams.extend(udp_of_frame(link_types[0], &file[at + 12..at + 12 + captured]));
            }
            SECTION_HEADER => {}
            _ => {}
        }
        assert!(length >= 12, "a block without length");
        at += length;
    }
    datagrams
}

/// The link types of <https://www.tcpdump.org/linktypes.html> that occur in practice.
fn udp_of_frame(link_type: usize, frame: &[u8]) -> Option<Datagram> {
    const NULL: usize = 0;
    const ETHERNET: usize = 1;
    const RAW: usize = 101;
    const LOOP: usize = 108;
    const LINUX_SLL: usize = 113;
    const IPV4: usize = 228;
    const IPV6: usize = 229;
    const LINUX_SLL2: usize = 276;
    match link_type {
        // The address family in the byte order of the machine, or in network order, says less than the IP header.
        NULL | LOOP => udp_of_ip(frame.get(4..)?),
        ETHERNET => match frame.get(12..14)? {
            [0x81, 0x00] => udp_of_ip(frame.get(18..)?),
            _ => udp_of_ip(frame.get(14..)?),
        },
        LINUX_SLL => udp_of_ip(frame.get(16..)?),
        LINUX_SLL2 => udp_of_ip(frame.get(20..)?),
        RAW | IPV4 | IPV6 => udp_of_ip(frame),
        other => panic!("link type {other}"),
    }
}

fn udp_of_ip(bytes: &[u8]) -> Option<Datagram> {
    const UDP: u8 = 17;
    match bytes.first()? >> 4 {
        4 => {
            let header_len = usize::from(bytes[0] & 0x0f) * 4;
            let total_len = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
            let is_fragment = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]) & 0x3fff != 0;
            if *bytes.get(9)? != UDP || is_fragment {
                return None;
            }
            let address =
                |at: usize| Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?)));
            udp(address(12)?, address(16)?, bytes.get(header_len..total_len)?)
        }
        6 => {
            let payload_len = usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]));
            if *bytes.get(6)? != UDP {
                return None;
            }
            let address =
                |at: usize| Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?)));
            udp(address(8)?, address(24)?, bytes.get(40..40 + payload_len)?)
        }
        _ => None,
    }
}

fn udp(source: IpAddr, destination: IpAddr, bytes: &[u8]) -> Option<Datagram> {
    let number = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    Some(Datagram {
        source: SocketAddr::new(source, number(0)?),
        destination: SocketAddr::new(destination, number(2)?),
        payload: bytes.get(8..usize::from(number(4)?))?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A datagram from port 1 to port 2 that carries "hi".
    const UDP: [u8; 10] = [0, 1, 0, 2, 0, 10, 0, 0, b'h', b'i'];

    fn over_ipv4() -> Vec<u8> {
        [&[0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2][..], &UDP].concat()
    }

    fn over_ipv6() -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 10, 17, 64];
        bytes.extend_from_slice(&Ipv6Addr::LOCALHOST.octets());
        bytes.extend_from_slice(&Ipv6Addr::LOCALHOST.octets());
        bytes.extend_from_slice(&UDP);
        bytes
    }

    fn pcap(link_type: u8, link_header: &[u8], ip: &[u8]) -> Vec<u8> {
        let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0];
        file.extend_from_slice(&[link_type, 0, 0, 0]);
        let frame = [link_header, ip].concat();
        let len = u32::try_from(frame.len()).unwrap().to_le_bytes();
        file.extend_from_slice(&[&[0; 8], &len[..], &len].concat());
        file.extend_from_slice(&frame);
        file
    }

    #[test]
    fn every_link_type_gives_the_same_datagram() {
        let expected = read(&pcap(101, &[], &over_ipv4()));
        assert_eq!(expected.len(), 1);
        assert_eq!((expected[0].source.port(), expected[0].destination.port()), (1, 2));
        assert_eq!(expected[0].payload, b"hi");
        assert_eq!(read(&pcap(0, &[2, 0, 0, 0], &over_ipv4())), expected);
        let ethernet = [&[0; 12][..], &[8, 0]].concat();
        assert_eq!(read(&pcap(1, &ethernet, &over_ipv4())), expected);
        let tagged = [&[0; 12][..], &[0x81, 0, 0, 1, 8, 0]].concat();
        assert_eq!(read(&pcap(1, &tagged, &over_ipv4())), expected);
        assert_eq!(read(&pcap(113, &[0; 16], &over_ipv4())), expected);
        let sixth = read(&pcap(101, &[], &over_ipv6()));
        assert_eq!(sixth[0].payload, b"hi");
        assert!(sixth[0].source.is_ipv6());
    }

    #[test]
    fn what_is_not_udp_is_left_out() {
        let mut tcp = over_ipv4();
        tcp[9] = 6;
        assert_eq!(read(&pcap(101, &[], &tcp)), []);
        let mut fragment = over_ipv4();
        fragment[6] = 0x20;
        assert_eq!(read(&pcap(101, &[], &fragment)), []);
    }
}
