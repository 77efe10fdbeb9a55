use super::*;
use crate::crypto::rustcrypto::provider;

const FIRST: ExternalKey<'_> = ExternalKey {
    identity: b"psk1",
    context: b"context1",
    secret: b"ABCDABCDABCDABCDABCDABCDABCDABCD",
    hash: HashAlgorithm::Sha256,
};

const SECOND: ExternalKey<'_> = ExternalKey {
    identity: b"psk2",
    context: b"context2",
    secret: b"EFGHEFGHEFGHEFGHEFGHEFGHEFGHEFGHEFGHEFGHEFGHEFGH",
    hash: HashAlgorithm::Sha384,
};

const THIRD: ExternalKey<'_> = ExternalKey {
    identity: b"me",
    context: b"",
    secret: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    hash: HashAlgorithm::Sha256,
};

/// The answers were computed by a script over Python's `cryptography` 48.0.0, which follows RFC 9258 §5.1 and shares
/// nothing with this crate.
#[test]
fn imported_keys_are_the_known_ones() {
    let provider = provider();
    let cases = [
        (
            &FIRST,
            HashAlgorithm::Sha256,
            "000470736b310008636f6e7465787431fefc0001",
            "1e4a15c8fecc0bdac69cd02f12ca50ef7f7f4872c16e05f403383cac4761e15a",
        ),
        (
            &FIRST,
            HashAlgorithm::Sha384,
            "000470736b310008636f6e7465787431fefc0002",
            "9289cc986cc806911b8e67f509e3edcddc0fea46ea2c626e172447e28bcd0c532fe1f83e6115348a71df76c75c693f59",
        ),
        (
            &SECOND,
            HashAlgorithm::Sha256,
            "000470736b320008636f6e7465787432fefc0001",
            "0884aa69e7a918bf732a4dc7603e0c52f913598cf94f667c6a3990e878fe9167",
        ),
        (
            &SECOND,
            HashAlgorithm::Sha384,
            "000470736b320008636f6e7465787432fefc0002",
            "41811c1859d4cf6e0d9d27c00c1bd3f5a4ece2891bc72a9c824c10afa131c13584f83896b49f257c5df57289c9f8fa88",
        ),
        (
            &THIRD,
            HashAlgorithm::Sha256,
            "00026d650000fefc0001",
            "1994a1e54ee858c7385083d17dfa2cb2a2a233737651cd03de4a74ef33eee916",
        ),
        (
            &THIRD,
            HashAlgorithm::Sha384,
            "00026d650000fefc0002",
            "4c4f88b1d31ce4ad34f340c3244e66232e76370d91e287a1947d5e7e480a1a7603f02b15e47fd3b5dbc84e3ea17461e2",
        ),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (key, target, identity, secret) in cases {
        let imported = Psk::import(&provider, key, &[target]).unwrap();
        let [psk] = &imported[..] else { panic!("{} keys", imported.len()) };
        assert_eq!((hex(psk.identity()), hex(psk.expose())), (identity.to_owned(), secret.to_owned()));
        assert_eq!((psk.hash(), psk.kind()), (target, PskKind::Imported));
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let external = |identity: &[u8], secret: &[u8]| Psk::external(identity, secret, HashAlgorithm::Sha256).map(drop);
    assert_eq!(external(b"me", &[1; 16]), Ok(()));
    assert_eq!(external(b"me", &[1; 15]), Err(PskError::SecretTooShort { len: 15 }));
    assert_eq!(external(b"", &[1; 16]), Err(PskError::EmptyIdentity));
    assert_eq!(external(&[1; MAX_IDENTITY_LEN], &[1; 16]), Ok(()));
    let len = MAX_IDENTITY_LEN + 1;
    assert_eq!(external(&vec![1; len], &[1; 16]), Err(PskError::IdentityTooLong { len }));

    let targets = [HashAlgorithm::Sha256];
    let import = |key: ExternalKey<'_>| Psk::import(&provider(), &key, &targets).map(|keys| keys.len());
    assert_eq!(import(FIRST), Ok(1));
    assert_eq!(import(ExternalKey { secret: &[1; 8], ..FIRST }), Err(PskError::SecretTooShort { len: 8 }));
    assert_eq!(import(ExternalKey { identity: b"", ..FIRST }), Err(PskError::EmptyIdentity));
    // The identity on the wire has the context, two lengths and two numbers beside the external one.
    let context = vec![1; MAX_IDENTITY_LEN];
    let too_long = PskError::IdentityTooLong { len: MAX_IDENTITY_LEN + 4 + 8 };
    assert_eq!(import(ExternalKey { context: &context, ..FIRST }), Err(too_long));
    let mut without_sha384 = provider();
    without_sha384.suites.retain(|suite| HashAlgorithm::of_suite(suite.id) == Some(HashAlgorithm::Sha256));
    let missing = PskError::UnsupportedHash(HashAlgorithm::Sha384);
    assert_eq!(Psk::import(&without_sha384, &SECOND, &targets).map(drop), Err(missing));
}

#[test]
fn keys_are_not_printed() {
    let psk = Psk::external(b"me", b"a secret of 18 byt", HashAlgorithm::Sha256).unwrap();
    assert_eq!(format!("{psk:?}"), "Psk { identity: \"me\", hash: Sha256, kind: External, .. }");
}
