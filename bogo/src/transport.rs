//! What carries datagrams and time between the runner and a shim: one TCP connection, one letter for each kind of
//! message, integers in big-endian.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::flags::Flags;

const DATAGRAM: u8 = b'P';
const TIMEOUT: u8 = b'T';
const TIMEOUT_DONE: u8 = b't';
const MTU: u8 = b'M';
const EXPECT_TIMEOUT: u8 = b'E';
const INITIAL_TIMEOUT: u8 = b'U';

/// The longest datagram of a runner that is not mad: UDP would carry no longer one, but records may be.
const MAX_DATAGRAM: usize = 1 << 20;

/// Something that the runner does.
pub enum Input {
    /// A datagram arrives.
    Datagram(Vec<u8>),
    /// Time goes on.
    Advance(Duration),
    /// The next timer must be that far away; `None`: there must be none.
    ExpectTimeout(Option<Duration>),
    /// Datagrams must not be longer.
    Mtu(usize),
    /// The first timeout of a flight is this from now on.
    InitialTimeout(Duration),
}

pub struct Transport {
    stream: TcpStream,
}

impl Transport {
    pub fn connect(flags: &Flags) -> io::Result<Self> {
        let address = match flags.ipv6 {
            true => SocketAddr::from((Ipv6Addr::LOCALHOST, flags.port)),
            false => SocketAddr::from((Ipv4Addr::LOCALHOST, flags.port)),
        };
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&flags.shim_id.to_le_bytes())?;
        Ok(Self { stream })
    }

    /// What comes next; `None`: the runner hung up.
    pub fn receive(&mut self) -> io::Result<Option<Input>> {
        let mut letter = [0];
        match self.stream.read(&mut letter) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(match letter[0] {
            DATAGRAM => {
                let length = self.u32()? as usize;
                if length > MAX_DATAGRAM {
                    return Err(io::Error::other(format!("a datagram of {length} bytes")));
                }
                let mut datagram = vec![0; length];
                self.stream.read_exact(&mut datagram)?;
                Input::Datagram(datagram)
            }
            TIMEOUT => Input::Advance(Duration::from_nanos(self.u64()?)),
            EXPECT_TIMEOUT => {
                let nanos = self.u64()?;
                Input::ExpectTimeout((nanos != u64::MAX).then_some(Duration::from_nanos(nanos)))
            }
            MTU => Input::Mtu(self.u32()? as usize),
            INITIAL_TIMEOUT => Input::InitialTimeout(Duration::from_millis(self.u32()?.into())),
            other => return Err(io::Error::other(format!("an unknown letter {other:#x}"))),
        }))
    }

    pub fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let length = u32::try_from(datagram.len()).map_err(io::Error::other)?;
        let mut message = vec![DATAGRAM];
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(datagram);
        self.stream.write_all(&message)
    }

    /// Says that [`Input::Advance`] was understood, before anything is sent that comes of it.
    pub fn confirm_advance(&mut self) -> io::Result<()> {
        self.stream.write_all(&[TIMEOUT_DONE])
    }

    /// Hangs up. What the runner still says is read to its end: closing earlier could lose our last words.
    pub fn finish(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = io::copy(&mut self.stream, &mut io::sink());
    }

    fn u32(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.stream.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn u64(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.stream.read_exact(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }
}
