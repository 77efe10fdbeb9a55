//! The cipher suites: AES-GCM, AES-CCM and ChaCha20-Poly1305, and the ciphers that mask record numbers.

use core::marker::PhantomData;

use aes::cipher::array::Array;
#[cfg(feature = "ccm")]
use aes::cipher::consts::U8;
use aes::cipher::consts::{U12, U16};
use aes::cipher::typenum::Unsigned as _;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::AesGcm;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadCore, AeadInOut, KeyInit};
use chacha20::cipher::{KeyIvInit, StreamCipherCore};
use chacha20::variants::Ietf;
use chacha20::{ChaChaCore, R20};
use chacha20poly1305::ChaCha20Poly1305;
use zeroize::Zeroizing;

use super::hash::{SHA256, SHA384};
use crate::crypto::{AeadAlgorithm, AeadError, AeadKey, AeadLimits, CipherSuiteImpl, NONCE_LEN, RecordNumberKey};
use crate::wire::registry::CipherSuite;

/// RFC 9846 appendix B.4.
pub static TLS_AES_128_GCM_SHA256: CipherSuiteImpl =
    CipherSuiteImpl { id: CipherSuite::TLS_AES_128_GCM_SHA256, hash: SHA256, aead: &Gcm::<Aes128Enc>(PhantomData) };

/// RFC 9846 appendix B.4.
pub static TLS_AES_256_GCM_SHA384: CipherSuiteImpl =
    CipherSuiteImpl { id: CipherSuite::TLS_AES_256_GCM_SHA384, hash: SHA384, aead: &Gcm::<Aes256Enc>(PhantomData) };

/// RFC 9846 appendix B.4.
pub static TLS_CHACHA20_POLY1305_SHA256: CipherSuiteImpl =
    CipherSuiteImpl { id: CipherSuite::TLS_CHACHA20_POLY1305_SHA256, hash: SHA256, aead: &ChaCha20 };

/// RFC 9846 appendix B.4.
#[cfg(feature = "ccm")]
pub static TLS_AES_128_CCM_SHA256: CipherSuiteImpl = CipherSuiteImpl {
    id: CipherSuite::TLS_AES_128_CCM_SHA256,
    hash: SHA256,
    aead: &Ccm::<U16> { forgeries: CCM_FORGERIES, tag: PhantomData },
};

/// RFC 9846 appendix B.4. **Never offered or accepted unless it is asked for by name**: its tag of 8 bytes is short
/// enough to be guessed, so that 128 forged records end a connection, which anybody on the path can send.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# Therefore, TLS_AES_128_CCM_8_SHA256
//# MUST NOT be used in DTLS without additional safeguards against
//# forgery.
#[cfg(feature = "ccm")]
pub static TLS_AES_128_CCM_8_SHA256: CipherSuiteImpl = CipherSuiteImpl {
    id: CipherSuite::TLS_AES_128_CCM_8_SHA256,
    hash: SHA256,
    aead: &Ccm::<U8> { forgeries: CCM_8_FORGERIES, tag: PhantomData },
};

/// Length of the tag of every AEAD here but that of CCM_8.
const TAG_LEN: usize = 16;

/// Length of the key of ChaCha20.
const CHACHA20_KEY_LEN: usize = 32;

/// How many records an AES-GCM key may protect: 2^24.5 (RFC 9846 §5.5).
const GCM_RECORDS: u64 = 23_726_566;

/// How many records may fail to deprotect under one key.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# For AEAD_AES_128_GCM, AEAD_AES_256_GCM, and AEAD_CHACHA20_POLY1305,
//# the limit on the number of records that fail authentication is 2^36.
const FORGERIES: u64 = 1 << 36;

/// How many records an AES-CCM key may protect: 2^23 (RFC 9147 §4.5.3, appendix B.1).
#[cfg(feature = "ccm")]
const CCM_RECORDS: u64 = 1 << 23;

/// How many records may fail to deprotect under one key: 2^23.5 (RFC 9147 §4.5.3, appendix B.2).
#[cfg(feature = "ccm")]
const CCM_FORGERIES: u64 = 11_863_283;

/// With a tag of 8 bytes: 2^7, which keeps the margins of the other suites (RFC 9147 appendix B.3).
//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# Implementations MUST set usage limits for
//# AEAD_AES_128_CCM_8 based on an understanding of any additional
//# forgery protections that are used.
#[cfg(feature = "ccm")]
const CCM_8_FORGERIES: u64 = 1 << 7;

/// AES-GCM with a key of either length.
struct Gcm<Aes>(PhantomData<Aes>);

impl<Aes> AeadAlgorithm for Gcm<Aes>
where
    Aes: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + Send + Sync + 'static,
{
    fn key_len(&self) -> usize {
        Aes::key_size()
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn limits(&self) -> AeadLimits {
        AeadLimits { confidentiality: GCM_RECORDS, integrity: FORGERIES }
    }

    fn aead_key(&self, key: &[u8]) -> Option<Box<dyn AeadKey>> {
        Some(Box::new(InPlace(AesGcm::<Aes, U12>::new_from_slice(key).ok()?)))
    }

    fn record_number_key(&self, key: &[u8]) -> Option<Box<dyn RecordNumberKey>> {
        Some(Box::new(AesMask(Aes::new_from_slice(key).ok()?)))
    }
}

/// AES-CCM with a tag of either length.
#[cfg(feature = "ccm")]
struct Ccm<Tag> {
    forgeries: u64,
    tag: PhantomData<Tag>,
}

#[cfg(feature = "ccm")]
impl<Tag> AeadAlgorithm for Ccm<Tag>
where
    Tag: ccm::aead::array::ArraySize + ccm::TagSize + Send + Sync,
{
    fn key_len(&self) -> usize {
        <Aes128Enc as aes_gcm::aead::KeySizeUser>::key_size()
    }

    fn tag_len(&self) -> usize {
        Tag::USIZE
    }

    fn limits(&self) -> AeadLimits {
        AeadLimits { confidentiality: CCM_RECORDS, integrity: self.forgeries }
    }

    fn aead_key(&self, key: &[u8]) -> Option<Box<dyn AeadKey>> {
        Some(Box::new(InPlace(ccm::Ccm::<Aes128Enc, Tag, U12>::new_from_slice(key).ok()?)))
    }

    fn record_number_key(&self, key: &[u8]) -> Option<Box<dyn RecordNumberKey>> {
        Some(Box::new(AesMask(Aes128Enc::new_from_slice(key).ok()?)))
    }
}

struct ChaCha20;

impl AeadAlgorithm for ChaCha20 {
    fn key_len(&self) -> usize {
        CHACHA20_KEY_LEN
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    fn limits(&self) -> AeadLimits {
        // Record numbers run out before its confidentiality does (RFC 9846 §5.5).
        AeadLimits { confidentiality: u64::MAX, integrity: FORGERIES }
    }

    fn aead_key(&self, key: &[u8]) -> Option<Box<dyn AeadKey>> {
        Some(Box::new(InPlace(ChaCha20Poly1305::new_from_slice(key).ok()?)))
    }

    fn record_number_key(&self, key: &[u8]) -> Option<Box<dyn RecordNumberKey>> {
        Some(Box::new(ChaCha20Mask(Zeroizing::new(key.try_into().ok()?))))
    }
}

/// An AEAD whose nonce has 12 bytes, as all of TLS 1.3.
struct InPlace<A>(A);

impl<A> AeadKey for InPlace<A>
where
    A: AeadInOut + AeadCore<NonceSize = U12> + Send + Sync,
{
    fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &mut [u8], tag: &mut [u8]) -> Result<(), AeadError> {
        let tag: &mut Array<u8, A::TagSize> = tag.try_into().map_err(|_| AeadError)?;
        *tag = self.0.encrypt_inout_detached(nonce.into(), aad, InOutBuf::from(in_out)).map_err(|_| AeadError)?;
        Ok(())
    }

    fn open<'a>(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], in_out: &'a mut [u8]) -> Result<&'a mut [u8], AeadError> {
        let content_len = in_out.len().checked_sub(A::TagSize::USIZE).ok_or(AeadError)?;
        let (content, tag) = in_out.split_at_mut_checked(content_len).ok_or(AeadError)?;
        let tag: &Array<u8, A::TagSize> = (&*tag).try_into().map_err(|_| AeadError)?;
        self.0.decrypt_inout_detached(nonce.into(), aad, InOutBuf::from(&mut *content), tag).map_err(|_| AeadError)?;
        Ok(content)
    }
}

/// `Mask = AES-ECB(sn_key, Ciphertext[0..15])` (RFC 9147 §4.2.3)
struct AesMask<Aes>(Aes);

impl<Aes> RecordNumberKey for AesMask<Aes>
where
    Aes: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + Send + Sync,
{
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2] {
        let mut block = Array::from(*sample);
        self.0.encrypt_block(&mut block);
        let [first, second, ..] = <[u8; 16]>::from(block);
        [first, second]
    }
}

/// `Mask = ChaCha20(sn_key, Ciphertext[0..3], Ciphertext[4..15])` (RFC 9147 §4.2.3)
struct ChaCha20Mask(Zeroizing<[u8; CHACHA20_KEY_LEN]>);

impl RecordNumberKey for ChaCha20Mask {
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2] {
        let [c0, c1, c2, c3, nonce @ ..] = sample;
        let mut cipher = ChaChaCore::<R20, Ietf>::new((&*self.0).into(), nonce.into());
        // The block counter is little-endian, as every integer of ChaCha20 (RFC 8439 §2.3).
        cipher.set_block_pos(u32::from_le_bytes([*c0, *c1, *c2, *c3]));
        let mut block = Array::default();
        cipher.write_keystream_block(&mut block);
        let [first, second, ..] = <[u8; 64]>::from(block);
        [first, second]
    }
}
