//! Alerts (RFC 9846 §6).

use crate::codec::{Decode, Encode, Reader};
use crate::error::InvalidMessage;
use crate::wire::registry::AlertDescription;

/// An alert (RFC 9846 §6).
///
/// ```text
/// enum { warning(1), fatal(2), (255) } AlertLevel;
///
/// struct {
///     AlertLevel level;
///     AlertDescription description;
/// } Alert;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How grave it is. In 1.3 the description alone says so, and this is to be ignored.
    pub level: u8,
    /// What it says.
    pub description: AlertDescription,
}

impl Alert {
    /// `warning(1)`
    pub const WARNING: u8 = 1;
    /// `fatal(2)`
    pub const FATAL: u8 = 2;
}

impl Alert {
    /// Length of an alert in bytes.
    pub const LEN: usize = 2;

    /// An alert that ends the connection.
    pub const fn fatal(description: AlertDescription) -> Self {
        Self { level: 2, description }
    }

    /// An alert that closes it, or says that it will be closed.
    pub const fn warning(description: AlertDescription) -> Self {
        Self { level: 1, description }
    }
}

impl Decode for Alert {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self { level: reader.u8()?, description: AlertDescription::decode(reader)? })
    }
}

impl Encode for Alert {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.level);
        self.description.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_comes_back() {
        let alert = Alert { level: Alert::WARNING, description: AlertDescription::CLOSE_NOTIFY };
        assert_eq!(alert.encoded(), [1, 0]);
        assert_eq!(Alert::decode_all(&[1, 0]), Ok(alert));
        assert_eq!(Alert::decode_all(&[2]), Err(InvalidMessage::TooShort));
        assert_eq!(Alert::decode_all(&[2, 80, 0]), Err(InvalidMessage::TrailingData));
        assert_eq!(Alert::decode_all(&[9, 200]), Ok(Alert { level: 9, description: AlertDescription(200) }));
    }
}
