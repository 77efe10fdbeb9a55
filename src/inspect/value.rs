//! Values in words.

use core::fmt::{self, Display, Write};

use crate::wire::registry::{
    AlertDescription, CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion,
    SignatureScheme, SrtpProfile,
};

/// Bytes that are shown in full; of longer values the front is shown, since the bytes themselves are at hand.
const MAX_SHOWN: usize = 48;

/// `bytes` in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let shown = bytes.get(..MAX_SHOWN).unwrap_or(bytes);
    let mut text = String::new();
    for byte in shown {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    if shown.len() < bytes.len() {
        let _ = write!(text, "… ({} bytes)", bytes.len());
    }
    text
}

/// `bytes` as text in quotes if they are printable ASCII, else in hexadecimal digits.
pub(super) fn text(bytes: &[u8]) -> String {
    let is_text = !bytes.is_empty() && bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    match core::str::from_utf8(bytes) {
        Ok(text) if is_text => format!("\"{text}\""),
        _ => hex(bytes),
    }
}

/// A number of bytes.
pub(super) fn bytes(len: usize) -> String {
    if len == 1 { "1 byte".to_owned() } else { format!("{len} bytes") }
}

/// A number of things in a list.
pub(super) fn count(len: usize, what: &str) -> String {
    if len == 1 { format!("1 {what}") } else { format!("{len} {what}s") }
}

/// A number that IANA assigns, with its name.
pub(super) fn registered<T: Registered>(number: T) -> String {
    match number.known_name() {
        Some(name) => format!("{name} ({})", number.number()),
        None if number.is_grease() => format!("GREASE ({})", number.number()),
        None => format!("unknown ({})", number.number()),
    }
}

/// What can be shown by [`registered`].
pub(super) trait Registered: Copy {
    /// The name in the registry.
    fn known_name(self) -> Option<&'static str>;

    /// The number, as documents write those of this registry.
    fn number(self) -> String;

    /// Whether it is one of the numbers that are reserved so that nobody comes to rely on others (RFC 8701).
    fn is_grease(self) -> bool;
}

/// Numbers of one byte are written in decimal digits.
macro_rules! registered8 {
    ($($name:ty),*) => {$(
        impl Registered for $name {
            fn known_name(self) -> Option<&'static str> {
                self.name()
            }

            fn number(self) -> String {
                self.0.to_string()
            }

            fn is_grease(self) -> bool {
                false
            }
        }
    )*};
}

/// Numbers of two bytes are written in hexadecimal digits, those of extensions in decimal ones.
macro_rules! registered16 {
    ($($name:ty: $format:literal),*) => {$(
        impl Registered for $name {
            fn known_name(self) -> Option<&'static str> {
                self.name()
            }

            fn number(self) -> String {
                format!($format, self.0)
            }

            fn is_grease(self) -> bool {
                let [high, low] = self.0.to_be_bytes();
                high == low && low & 0x0f == 0x0a
            }
        }
    )*};
}

registered8!(ContentType, HandshakeType, AlertDescription);
registered16!(ProtocolVersion: "{:#06x}", CipherSuite: "{:#06x}", NamedGroup: "{:#06x}", SignatureScheme: "{:#06x}",
    SrtpProfile: "{:#06x}", ExtensionType: "{}");

/// A number with a name of its own that stands in no registry of `wire`.
pub(super) fn named(number: impl Display, name: Option<&str>) -> String {
    format!("{} ({number})", name.unwrap_or("unknown"))
}

/// Seconds, and what they are in larger units.
pub(super) fn seconds(value: u64) -> String {
    struct Parts(u64);
    impl Display for Parts {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let (days, hours, minutes) = (self.0 / 86_400, self.0 / 3_600, self.0 / 60);
            match (days, hours, minutes) {
                (0, 0, 0) => Ok(()),
                (0, 0, minutes) => write!(f, " ({minutes} min)"),
                (0, hours, _) => write!(f, " ({hours} h)"),
                (days, ..) => write!(f, " ({days} d)"),
            }
        }
    }
    format!("{value} s{}", Parts(value))
}
