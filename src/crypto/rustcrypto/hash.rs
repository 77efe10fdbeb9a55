//! SHA-256 and SHA-384, with HMAC.

use core::marker::PhantomData;

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384};
use zeroize::{Zeroize as _, Zeroizing};

use crate::crypto::{Hash, HashContext, HashOutput};

/// SHA-256.
pub static SHA256: &dyn Hash = &Sha2::<Sha256>(PhantomData);

/// SHA-384.
pub static SHA384: &dyn Hash = &Sha2::<Sha384>(PhantomData);

struct Sha2<D>(PhantomData<D>);

impl<D> Hash for Sha2<D>
where
    D: Digest + EagerHash + Clone + Send + Sync + 'static,
    Hmac<D>: KeyInit + Mac,
{
    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn hash(&self, data: &[u8]) -> HashOutput {
        HashOutput::new(&D::digest(data))
    }

    fn start(&self) -> Box<dyn HashContext> {
        Box::new(Context(D::new()))
    }

    fn hmac(&self, key: &[u8], data: &[&[u8]]) -> HashOutput {
        // A key of one block is taken as it is: a shorter one is filled up with zeros, a longer one hashed (RFC 2104 §2).
        let mut block = Zeroizing::new(digest::Key::<Hmac<D>>::default());
        let mut hashed = HashOutput::new(&[]);
        let key = if key.len() > block.len() {
            hashed = self.hash(key);
            hashed.as_slice()
        } else {
            key
        };
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        hashed.zeroize();
        let mut mac = <Hmac<D> as KeyInit>::new(&block);
        for piece in data {
            mac.update(piece);
        }
        let mut tag = mac.finalize().into_bytes();
        let output = HashOutput::new(&tag);
        tag.zeroize();
        output
    }
}

struct Context<D>(D);

impl<D: Digest + Clone + Send + Sync + 'static> HashContext for Context<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn current(&self) -> HashOutput {
        HashOutput::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn HashContext> {
        Box::new(Self(self.0.clone()))
    }
}
