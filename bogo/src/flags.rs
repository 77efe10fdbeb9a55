//! The command line of a shim: one flag for each thing that a test wants.

use base64ct::{Base64, Encoding as _};
use dtls_wasm::crypto::psk::HashAlgorithm;

/// What the flags behind a `-new-*-credential` describe, or those before the first.
#[derive(Clone, Debug, Default)]
pub struct CredentialFlags {
    pub kind: CredentialKind,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    pub signing_prefs: Vec<u16>,
    pub ocsp_response: Option<Vec<u8>>,
    pub timestamps: Option<Vec<u8>>,
    pub must_match_issuer: bool,
    pub delegated_credential: Option<Vec<u8>>,
    pub psk_key: Vec<u8>,
    pub psk_identity: Vec<u8>,
    pub psk_context: Vec<u8>,
    pub psk_hash: Option<HashAlgorithm>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialKind {
    #[default]
    X509,
    RawPublicKey,
    Delegated,
    Psk,
}

/// What the command line asks for, for one connection.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub port: u16,
    pub shim_id: u64,
    pub ipv6: bool,
    pub server: bool,
    /// How many connections follow the first, each with the session of the one before.
    pub resume_count: usize,

    /// The certificate that no `-new-*-credential` introduced.
    pub own: CredentialFlags,
    /// Those that one did, in order.
    pub credentials: Vec<CredentialFlags>,
    pub expect_selected_credential: Option<i32>,
    pub available_client_cert_types: Vec<u8>,
    pub verify_peer: bool,
    pub verify_fail: bool,
    pub custom_verify: bool,
    pub require_client_certificate: bool,
    pub expect_verify_result: bool,
    pub reverify_on_resume: bool,
    pub expect_no_peer_cert: bool,
    pub enable_ocsp_stapling: bool,
    pub enable_timestamps: bool,
    pub expect_ocsp_response: Option<Vec<u8>>,
    pub expect_timestamps: Option<Vec<u8>>,
    pub decline_ocsp_callback: bool,
    pub fail_ocsp_callback: bool,
    pub expect_msg_callback: Option<String>,

    pub mtu: Option<usize>,
    pub initial_timeout_ms: Option<u32>,
    pub private_key_delay_ms: u32,
    pub max_cert_list: Option<usize>,

    pub curves: Vec<u16>,
    pub verify_prefs: Vec<u16>,
    pub host_name: Option<String>,
    pub expect_server_name: Option<String>,
    pub no_server_name_ack: bool,
    pub advertise_alpn: Vec<Vec<u8>>,
    pub expect_alpn: Option<String>,
    pub select_alpn: Option<String>,
    pub expect_advertised_alpn: Option<Vec<Vec<u8>>>,
    pub decline_alpn: bool,
    pub reject_alpn: bool,
    pub select_empty_alpn: bool,
    pub allow_unknown_alpn: bool,
    pub srtp_profiles: Vec<String>,
    pub grease: bool,
    pub permute_extensions: bool,

    pub expect_hrr: bool,
    pub expect_no_hrr: bool,
    pub expect_session_miss: bool,
    pub expect_no_session: bool,
    pub no_ticket: bool,
    pub skip_ticket: bool,
    pub enable_early_data: bool,
    pub expect_ticket_supports_early_data: bool,

    pub export_length: usize,
    pub export_label: String,
    pub export_context: Vec<u8>,

    pub shim_writes_first: bool,
    pub key_update_before_read: bool,
    pub send_alert: bool,

    pub min_version: Option<u16>,
    pub max_version: Option<u16>,
    pub no_tls13: bool,
}

/// The number of DTLS 1.3.
const DTLS_1_3: u16 = 0xfefc;

/// Flags that change nothing for a library without callbacks and without I/O, or that speak of what DTLS has not.
const WITHOUT_EFFECT: &[&str] = &[
    "dtls",
    "async",
    "implicit-handshake",
    "use-old-client-cert-callback",
    "use-early-callback",
    "use-ticket-callback",
    "use-ocsp-callback",
    "set-ocsp-in-callback",
    "use-ticket-aead-callback",
    "renew-ticket",
    "renegotiate-freely",
    "no-tls1",
    "no-tls11",
    "no-tls12",
    "expect-no-session-id",
    "expect-accept-early-data",
    "expect-reject-early-data",
];

/// Those of them that have a value.
const WITHOUT_EFFECT_VALUED: &[&str] = &["trust-cert", "expect-early-data-reason", "write-settings"];

impl Flags {
    /// Reads `args` for the first connection, or for one that resumes; an error says what is not implemented.
    pub fn parse(args: &[String], is_resumption: bool) -> Result<Self, String> {
        let mut flags = Self::default();
        let mut values = Values(args.iter());
        while let Some(arg) = values.0.next() {
            let name = arg.strip_prefix('-').ok_or_else(|| format!("{arg} is not a flag"))?;
            let (name, applies) = match name {
                _ if name.starts_with("on-initial-") => (&name["on-initial-".len()..], !is_resumption),
                _ if name.starts_with("on-resume-") => (&name["on-resume-".len()..], is_resumption),
                _ if name.starts_with("on-retry-") => (&name["on-retry-".len()..], false),
                _ if name.starts_with("on-shim-") => (&name["on-shim-".len()..], true),
                _ => (name, true),
            };
            let mut elsewhere = Self::default();
            let target = if applies { &mut flags } else { &mut elsewhere };
            target.set(name, &mut values)?;
        }
        flags.check_versions()?;
        Ok(flags)
    }

    fn set(&mut self, name: &str, values: &mut Values<'_>) -> Result<(), String> {
        match name {
            "port" => self.port = values.number()?,
            "shim-id" => self.shim_id = values.number()?,
            "ipv6" => self.ipv6 = true,
            "server" => self.server = true,
            "resume-count" => self.resume_count = values.number()?,

            "expect-selected-credential" => self.expect_selected_credential = Some(values.number()?),
            "available-client-cert-types" => self.available_client_cert_types.push(values.number()?),
            "verify-peer" => self.verify_peer = true,
            "verify-fail" => self.verify_fail = true,
            "use-custom-verify-callback" => self.custom_verify = true,
            "require-any-client-certificate" => self.require_client_certificate = true,
            "expect-verify-result" => self.expect_verify_result = true,
            "reverify-on-resume" => self.reverify_on_resume = true,
            "expect-no-peer-cert" => self.expect_no_peer_cert = true,
            "enable-ocsp-stapling" => self.enable_ocsp_stapling = true,
            "enable-signed-cert-timestamps" => self.enable_timestamps = true,
            "expect-ocsp-response" => self.expect_ocsp_response = Some(values.base64()?),
            "expect-signed-cert-timestamps" => self.expect_timestamps = Some(values.base64()?),
            "decline-ocsp-callback" => self.decline_ocsp_callback = true,
            "fail-ocsp-callback" => self.fail_ocsp_callback = true,
            "expect-msg-callback" => self.expect_msg_callback = Some(values.text()?),

            "mtu" => self.mtu = Some(values.number()?),
            "initial-timeout-duration-ms" => self.initial_timeout_ms = Some(values.number()?),
            "private-key-delay-ms" => self.private_key_delay_ms = values.number()?,
            "max-cert-list" => self.max_cert_list = Some(values.number()?),

            "curves" => self.curves.push(values.number()?),
            "verify-prefs" => self.verify_prefs.push(values.number()?),
            "host-name" => self.host_name = Some(values.text()?),
            "expect-server-name" => self.expect_server_name = Some(values.text()?),
            "no-server-name-ack" => self.no_server_name_ack = true,
            "advertise-alpn" => self.advertise_alpn = protocols(&values.text()?)?,
            "expect-alpn" => self.expect_alpn = Some(values.text()?),
            "select-alpn" => self.select_alpn = Some(values.text()?),
            "expect-advertised-alpn" => self.expect_advertised_alpn = Some(protocols(&values.text()?)?),
            "decline-alpn" => self.decline_alpn = true,
            "reject-alpn" => self.reject_alpn = true,
            "select-empty-alpn" => self.select_empty_alpn = true,
            "allow-unknown-alpn-protos" => self.allow_unknown_alpn = true,
            "srtp-profiles" => self.srtp_profiles = values.text()?.split(':').map(str::to_owned).collect(),
            "enable-grease" => self.grease = true,
            "permute-extensions" => self.permute_extensions = true,

            "expect-hrr" => self.expect_hrr = true,
            "expect-no-hrr" => self.expect_no_hrr = true,
            "expect-session-miss" => self.expect_session_miss = true,
            "expect-no-session" => self.expect_no_session = true,
            "no-ticket" => self.no_ticket = true,
            "skip-ticket" => self.skip_ticket = true,
            "enable-early-data" => self.enable_early_data = true,
            "expect-ticket-supports-early-data" => self.expect_ticket_supports_early_data = true,

            "export-keying-material" => self.export_length = values.number()?,
            "export-label" => self.export_label = values.text()?,
            "export-context" => self.export_context = values.text()?.into_bytes(),
            // An absent context and an empty one are the same in 1.3.
            "use-export-context" => {}

            "shim-writes-first" => self.shim_writes_first = true,
            "key-update-before-read" => self.key_update_before_read = true,
            "send-alert" => self.send_alert = true,

            "min-version" => self.min_version = Some(values.number()?),
            "max-version" => self.max_version = Some(values.number()?),
            "no-tls13" => self.no_tls13 = true,

            _ if WITHOUT_EFFECT.contains(&name) => {}
            _ if WITHOUT_EFFECT_VALUED.contains(&name) => drop(values.text()?),
            _ => return self.set_credential(name, values),
        }
        Ok(())
    }

    /// A flag that introduces a credential, or describes the one that was introduced last.
    fn set_credential(&mut self, name: &str, values: &mut Values<'_>) -> Result<(), String> {
        let mut introduce = |kind| self.credentials.push(CredentialFlags { kind, ..CredentialFlags::default() });
        match name {
            "new-x509-credential" => introduce(CredentialKind::X509),
            "new-rpk-credential" => introduce(CredentialKind::RawPublicKey),
            "new-delegated-credential" => introduce(CredentialKind::Delegated),
            "new-psk-credential" => introduce(CredentialKind::Psk),
            _ => return self.credentials.last_mut().unwrap_or(&mut self.own).set(name, values),
        }
        Ok(())
    }

    /// Versions count down in DTLS: the lowest number is the highest version.
    fn check_versions(&self) -> Result<(), String> {
        if self.no_tls13 || self.max_version.is_some_and(|version| version != 0 && version > DTLS_1_3) {
            return Err("only DTLS 1.3 is implemented".into());
        }
        Ok(())
    }
}

impl CredentialFlags {
    fn set(&mut self, name: &str, values: &mut Values<'_>) -> Result<(), String> {
        match name {
            "cert-file" => self.cert_file = Some(values.text()?),
            "key-file" => self.key_file = Some(values.text()?),
            "signing-prefs" => self.signing_prefs.push(values.number()?),
            "ocsp-response" => self.ocsp_response = Some(values.base64()?),
            "signed-cert-timestamps" => self.timestamps = Some(values.base64()?),
            "must-match-issuer" => self.must_match_issuer = true,
            "delegated-credential" => self.delegated_credential = Some(values.base64()?),
            "psk-importer-key" => self.psk_key = values.base64()?,
            "psk-importer-identity" => self.psk_identity = values.base64()?,
            "psk-importer-context" => self.psk_context = values.base64()?,
            "psk-importer-sha256" => self.psk_hash = Some(HashAlgorithm::Sha256),
            "psk-importer-sha384" => self.psk_hash = Some(HashAlgorithm::Sha384),
            _ => return Err(format!("-{name} is not implemented")),
        }
        Ok(())
    }
}

/// The arguments that are still to be read.
struct Values<'a>(std::slice::Iter<'a, String>);

impl Values<'_> {
    fn text(&mut self) -> Result<String, String> {
        self.0.next().cloned().ok_or_else(|| "a value is missing".into())
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let text = self.text()?;
        text.parse().map_err(|_| format!("{text} is not a number in range"))
    }

    fn base64(&mut self) -> Result<Vec<u8>, String> {
        let text = self.text()?;
        Base64::decode_vec(&text).map_err(|error| format!("{text}: {error}"))
    }
}

/// A list of protocol names as it stands on the wire: each with its length before it.
fn protocols(wire: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut names = Vec::new();
    let mut rest = wire.as_bytes();
    while let Some((length, behind)) = rest.split_first() {
        let (name, behind) = behind.split_at_checked(usize::from(*length)).ok_or("a protocol name is cut off")?;
        names.push(name.to_vec());
        rest = behind;
    }
    Ok(names)
}
