//! `hashlib`: hashes of OpenSSL and of CPython's own, by `Modules/_hashopenssl.c` and its neighbours.
//!
//! Which algorithm an OpenSSL hash runs is in structs that OpenSSL does not publish; the offsets are taken from the machine
//! code of its accessors, in the library that the process has mapped. Where that cannot be read, the name is left out.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use crate::framework::{Library, Target, facts, known, reducers};

reducers! {
    /// *What it holds.* The state of a hash function.
    /// *What is saved.* `name`, where the library lets it be read; the state itself is OpenSSL's.
    /// *What becomes a surrogate.* None but the unreadable.
    Hash ["_hashlib.HASH", "_hashlib.HASHXOF"] "`name`" => hash;

    /// *What it holds.* The state of a keyed hash, and so a key.
    /// *What is saved.* Nothing but that it is one.
    /// *What becomes a surrogate.* None but the unreadable.
    Hmac ["_hashlib.HMAC"] "that it is one" => |target, _| {
        facts!(target, "initialized": !target.field(known(target.layouts().hmac)?.ctx)?.is_null());
        Ok(())
    };

    /// *What it holds.* The state of a hash function in CPython's own code.
    /// *What is saved.* `name`, by the type.
    /// *What becomes a surrogate.* None but the unreadable.
    OwnHash [
        "_md5.md5", "_sha1.sha1", "_sha256.sha224", "_sha256.sha256", "_sha512.sha384", "_sha512.sha512",
        "_sha2.SHA224Type", "_sha2.SHA256Type", "_sha2.SHA384Type", "_sha2.SHA512Type", "_sha3.sha3_224", "_sha3.sha3_256",
        "_sha3.sha3_384", "_sha3.sha3_512", "_sha3.shake_128", "_sha3.shake_256", "_blake2.blake2b", "_blake2.blake2s",
    ] "`name`" => |target, _| {
        let name = target.object.type_name();
        let name = name.rsplit('.').next().unwrap_or_default().trim_end_matches("Type").to_ascii_lowercase();
        facts!(target, "name": name);
        Ok(())
    };
}

fn hash(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let context = target.field(known(target.layouts().hash)?.ctx)?;
    if let Some(name) = algorithm(target, context.0) {
        facts!(target, "name": name);
    }
    Ok(())
}

fn algorithm(target: &Target<'_>, context: u64) -> Option<&'static str> {
    let library = Library::of(target, "libcrypto.so")?;
    let digest = library.ask(target, &["EVP_MD_CTX_get0_md", "EVP_MD_CTX_md"], &[], context)?;
    name(library.ask(target, &["EVP_MD_get_type", "EVP_MD_type"], &[], digest)?)
}

/// The name that `hashlib` has for an algorithm, by its number in `openssl/obj_mac.h`.
fn name(number: u64) -> Option<&'static str> {
    Some(match number {
        4 => "md5",
        64 => "sha1",
        95 => "mdc2",
        114 => "md5-sha1",
        117 => "ripemd160",
        257 => "md4",
        672 => "sha256",
        673 => "sha384",
        674 => "sha512",
        675 => "sha224",
        804 => "whirlpool",
        1056 => "blake2b",
        1057 => "blake2s",
        1094 => "sha512_224",
        1095 => "sha512_256",
        1096 => "sha3_224",
        1097 => "sha3_256",
        1098 => "sha3_384",
        1099 => "sha3_512",
        1100 => "shake_128",
        1101 => "shake_256",
        1143 => "sm3",
        _ => return None,
    })
}
