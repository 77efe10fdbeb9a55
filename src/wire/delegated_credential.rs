//! Delegated credentials (RFC 9345 §4).

use crate::codec::{Decode, Encode, Reader, put_vector16, put_vector24};
use crate::error::InvalidMessage;
use crate::wire::extensions::lists::nonempty;
use crate::wire::registry::SignatureScheme;

/// A key that the owner of a certificate has delegated its authority to, for a while (RFC 9345 §4).
///
/// ```text
/// struct {
///   uint32 valid_time;
///   SignatureScheme dc_cert_verify_algorithm;
///   opaque ASN1_subjectPublicKeyInfo<1..2^24-1>;
/// } Credential;
///
/// struct {
///   Credential cred;
///   SignatureScheme algorithm;
///   opaque signature<0..2^16-1>;
/// } DelegatedCredential;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegatedCredential {
    /// After so many seconds from the certificate's notBefore it is not valid any more.
    pub valid_time: u32,
    /// `dc_cert_verify_algorithm`: the scheme that its key signs CertificateVerify with.
    pub scheme: SignatureScheme,
    /// Its public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// `algorithm`: the scheme that the certificate's key has signed it with.
    pub algorithm: SignatureScheme,
    /// That signature.
    pub signature: Vec<u8>,
}

impl DelegatedCredential {
    /// What the certificate's key signs (RFC 9345 §4).
    pub fn signed_content(&self, is_server: bool, certificate: &[u8]) -> Vec<u8> {
        let context: &[u8] =
            if is_server { b"TLS, server delegated credentials" } else { b"TLS, client delegated credentials" };
        let mut content = [&[0x20; 64][..], context, &[0], certificate].concat();
        self.put_credential(&mut content);
        self.algorithm.encode(&mut content);
        content
    }

    fn put_credential(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.valid_time.to_be_bytes());
        self.scheme.encode(out);
        put_vector24(out, |out| out.extend_from_slice(&self.public_key));
    }
}

impl Decode for DelegatedCredential {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self {
            valid_time: reader.array().map(u32::from_be_bytes)?,
            scheme: SignatureScheme::decode(reader)?,
            public_key: nonempty(reader.vector24()?.to_vec())?,
            algorithm: SignatureScheme::decode(reader)?,
            signature: reader.vector16()?.to_vec(),
        })
    }
}

impl Encode for DelegatedCredential {
    fn encode(&self, out: &mut Vec<u8>) {
        self.put_credential(out);
        self.algorithm.encode(out);
        put_vector16(out, |out| out.extend_from_slice(&self.signature));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back() {
        let credential = DelegatedCredential {
            valid_time: 0x0102_0304,
            scheme: SignatureScheme::ED25519,
            public_key: vec![5; 3],
            algorithm: SignatureScheme::ECDSA_SECP256R1_SHA256,
            signature: vec![6; 2],
        };
        let bytes = credential.encoded();
        assert_eq!(bytes, [1, 2, 3, 4, 8, 7, 0, 0, 3, 5, 5, 5, 4, 3, 0, 2, 6, 6]);
        assert_eq!(DelegatedCredential::decode_all(&bytes), Ok(credential));
        for len in 0..bytes.len() {
            assert_eq!(DelegatedCredential::decode_all(&bytes[..len]), Err(InvalidMessage::TooShort), "{len} bytes");
        }
        let without_key = [0, 0, 0, 1, 8, 7, 0, 0, 0, 4, 3, 0, 0];
        assert_eq!(DelegatedCredential::decode_all(&without_key), Err(InvalidMessage::EmptyVector));
    }
}
