//! When a token expires, read off a JSON web token.

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};

/// JSON web tokens have no padding; whoever writes it nevertheless is understood.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The `exp` of the token in whole Unix seconds; none if it is no JSON web token or has no such number.
pub(super) fn of(token: &str) -> Option<u64> {
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let payload = BASE64_URL.decode(payload).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    // A fraction is allowed (RFC 7519, section 2); the server reads the number likewise.
    claims.get("exp").and_then(Value::as_f64).map(|seconds| seconds as u64)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::comet::login::{Login, Token};

    /// A token with this payload. Nobody here looks at the signature.
    pub(in crate::comet::login) fn jwt(payload: &str) -> String {
        format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl", BASE64_URL.encode(payload).trim_end_matches('='))
    }

    #[test]
    fn a_json_web_token_says_when_it_expires() {
        assert_eq!(of(&jwt(r#"{"user_id":21,"exp":1764000000}"#)), Some(1_764_000_000));
        assert_eq!(of(&jwt(r#"{"exp":1764000000.9,"user_id":21}"#)), Some(1_764_000_000));
        assert_eq!(of(&jwt(r#"{"exp":-1}"#)), Some(0), "long ago");
        let padded = format!("a.{}.c", BASE64_URL.encode(r#"{"exp":17}"#));
        assert!(padded.contains('='));
        assert_eq!(of(&padded), Some(17));
    }

    #[test]
    fn a_hash_or_a_token_that_does_not_say_never_expires() {
        for payload in [r#"{"user_id":21}"#, r#"{"exp":"1764000000"}"#, r#"{"exp":null}"#, "[1]", "", "{"] {
            assert_eq!(of(&jwt(payload)), None, "{payload}");
        }
        for token in ["", "0123456789abcdef", "a.b", "...", "a.b.c", "a.b.c.d", &format!("{}.d", jwt(r#"{"exp":1}"#))] {
            assert_eq!(of(token), None, "{token}");
        }
    }

    #[test]
    fn an_anonymous_login_never_expires() {
        let token = || Token::new(jwt(r#"{"exp":17}"#)).unwrap();
        assert_eq!(Login::new(token(), Some(7), None).unwrap().expires(), Some(17));
        assert_eq!(Login::new(token(), Some(0), None).unwrap().expires(), None);
        assert_eq!(Login::anonymous(0).expires(), None);
    }

    proptest::proptest! {
        /// Whatever stands in a token: a time or none, never a panic.
        #[test]
        fn any_text_may_be_looked_at(token in "[A-Za-z0-9_=.-]{0,80}", payload in "\\PC{0,60}") {
            let _ = (of(&token), of(&jwt(&payload)));
        }
    }
}
