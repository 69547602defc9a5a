//! Who a connection is: the check of `sesion` as a JSON web token or as a stored hash (PROTOCOL.md, section 1.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;

use super::limits::HASH_BYTES;
use super::options::Secret;

/// Whether `token` is a JSON web token for `user` of `dev`: HS256 with the password followed by the dev as the secret,
/// a numeric `user_id`, and an `exp` that lies in the future.
pub(super) fn is_token_for(token: &str, password: &Secret, dev: u32, user: u32, now: u64) -> bool {
    claims(token, password, dev).is_some_and(|claims| {
        let id = claims.get("user_id").and_then(Value::as_f64);
        let expires = claims.get("exp").and_then(Value::as_f64);
        // The server compares numbers whatever their form, so 21.0 is user 21.
        id == Some(f64::from(user)) && expires.is_some_and(|expires| expires > now as f64)
    })
}

fn claims(token: &str, password: &Secret, dev: u32) -> Option<Value> {
    // With an empty password anybody could sign with the dev alone.
    if password.expose().is_empty() {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return None;
    }
    let secret = format!("{}{dev}", password.expose());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// A hash for a user who has none, in the shape of the server's: a uuid whose dashes became `0`, cut to 32 characters.
/// `None` if the system has no random numbers.
pub(super) fn new_hash() -> Option<String> {
    let mut bytes = [0_u8; HASH_BYTES / 2];
    SystemRandom::new().fill(&mut bytes).ok()?;
    let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let dash = |at: usize| [8, 13, 18, 23].contains(&at);
    Some(digits.char_indices().map(|(at, digit)| if dash(at) { '0' } else { digit }).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn token(header: &str, claims: &str, secret: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
    }

    const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn accepted(token: &str) -> bool {
        is_token_for(token, &Secret::new("PASS"), 0, 21, 1_000)
    }

    #[test]
    fn a_token_signed_with_password_and_dev_is_accepted() {
        assert!(accepted(&token(HEADER, r#"{"user_id":21,"exp":1001}"#, "PASS0")));
        let other_dev = token(HEADER, r#"{"user_id":21,"exp":1001}"#, "PASS15");
        assert!(!accepted(&other_dev));
        assert!(is_token_for(&other_dev, &Secret::new("PASS"), 15, 21, 1_000));
    }

    #[test]
    fn every_flaw_is_refused() {
        for (claims, secret) in [
            (r#"{"user_id":21}"#, "PASS0"),
            (r#"{"user_id":21,"exp":1000}"#, "PASS0"),
            (r#"{"user_id":21,"exp":"1001"}"#, "PASS0"),
            (r#"{"user_id":22,"exp":1001}"#, "PASS0"),
            (r#"{"user_id":"21","exp":1001}"#, "PASS0"),
            (r#"{"exp":1001}"#, "PASS0"),
            (r#"{"user_id":21,"exp":1001}"#, "PASS"),
            ("no json", "PASS0"),
        ] {
            assert!(!accepted(&token(HEADER, claims, secret)), "{claims}");
        }
        assert!(!accepted(&token(r#"{"alg":"none"}"#, r#"{"user_id":21,"exp":1001}"#, "PASS0")));
        for garbage in ["", ".", "..", "a.b.c", "undefined"] {
            assert!(!accepted(garbage), "{garbage}");
        }
    }

    #[test]
    fn without_a_password_no_token_is_good() {
        let signed_with_dev = token(HEADER, r#"{"user_id":21,"exp":1001}"#, "0");
        assert!(!is_token_for(&signed_with_dev, &Secret::default(), 0, 21, 1_000));
    }

    #[test]
    fn a_new_hash_has_32_hex_digits_and_differs_each_time() {
        let (one, two) = (new_hash().unwrap(), new_hash().unwrap());
        assert!(one.len() == HASH_BYTES && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, two);
    }
}
