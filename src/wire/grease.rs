//! The values that mean nothing and stand where a value may be unknown, so that nobody forgets to ignore those
//! (GREASE, RFC 8701).

use super::registry::ExtensionType;

/// How many values each 16-bit registry reserves (RFC 8701 §2).
const VALUES: u8 = 16;

/// How many values `PskKeyExchangeMode` reserves (RFC 8701 §2).
const MODES: u8 = 8;

/// One of the values 0x0a0a, 0x1a1a … 0xfafa that suites, versions, groups, schemes and extensions reserve (RFC 8701 §2);
/// `choice` says which, whatever it is.
pub const fn value(choice: u8) -> u16 {
    0x0a0a + 0x1010 * (choice % VALUES) as u16
}

/// One of the values 0x0b, 0x2a … 0xe4 that psk_key_exchange_modes reserves (RFC 8701 §2).
pub const fn mode(choice: u8) -> u8 {
    0x0b + 0x1f * (choice % MODES)
}

/// Whether `value` is one that a 16-bit registry reserves.
pub const fn is_value(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// Whether `extension_type` is one that means nothing.
pub const fn is_extension(extension_type: ExtensionType) -> bool {
    is_value(extension_type.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists of RFC 8701 §2.
    #[test]
    fn the_values_are_those_that_are_reserved() {
        let values: Vec<_> = (0..VALUES).map(value).collect();
        let reserved = [
            0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a, 0x6a6a, 0x7a7a, 0x8a8a, 0x9a9a, 0xaaaa, 0xbaba, 0xcaca,
            0xdada, 0xeaea, 0xfafa,
        ];
        assert_eq!(values, reserved);
        assert_eq!((0..MODES).map(mode).collect::<Vec<_>>(), [0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4]);
        assert_eq!((0..=u16::MAX).filter(|number| is_value(*number)).collect::<Vec<_>>(), reserved);
        assert_eq!(value(17), 0x1a1a);
        assert_eq!(mode(255), 0xe4);
    }
}
