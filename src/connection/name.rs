//! The name that a server should have.

use core::net::IpAddr;

use crate::config::ConfigError;

/// A DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// A DNS name in ASCII (A-labels), without a dot at its end.
    Dns(String),
    /// An IP address in its textual form.
    Ip(String),
}

/// The longest DNS name in its textual form (RFC 1035 §3.1, less the root).
const MAX_DNS_NAME: usize = 253;
/// The longest label of a DNS name (RFC 1035 §3.1).
const MAX_LABEL: usize = 63;

impl ServerName {
    /// Reads a name.
    ///
    /// # Errors
    /// If it is neither an IP address nor a DNS name of letters, digits, hyphens and underscores.
    pub fn parse(name: &str) -> Result<Self, ConfigError> {
        if name.parse::<IpAddr>().is_ok() {
            return Ok(Self::Ip(name.to_owned()));
        }
        let dns = name.strip_suffix('.').unwrap_or(name);
        let is_label = |label: &str| {
            (1..=MAX_LABEL).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if dns.len() > MAX_DNS_NAME || !dns.split('.').all(is_label) {
            return Err(ConfigError::InvalidServerName(name.to_owned()));
        }
        Ok(Self::Dns(dns.to_owned()))
    }

    /// The name in its textual form.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dns(name) | Self::Ip(name) => name,
        }
    }

    /// The name, if it is a DNS name: only those are sent to the server (RFC 6066 §3).
    pub fn dns(&self) -> Option<&str> {
        match self {
            Self::Dns(name) => Some(name),
            Self::Ip(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_names_or_addresses() {
        assert_eq!(ServerName::parse("example.org."), Ok(ServerName::Dns("example.org".into())));
        assert_eq!(ServerName::parse("127.0.0.1"), Ok(ServerName::Ip("127.0.0.1".into())));
        assert_eq!(ServerName::parse("::1").map(|name| name.dns().is_none()), Ok(true));
        let long = "a".repeat(64);
        for bad in ["", ".", "a..b", "-a.org", "a-.org", "exa mple", "bücher.example", &long] {
            assert_eq!(ServerName::parse(bad), Err(ConfigError::InvalidServerName(bad.to_owned())));
        }
    }
}
