//! What servers before 4.0 do differently (section 10). Used only after a first frame that says so: a newer server's
//! guests may write anything that looks like these forms.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    envelope::{self, Envelope},
    loose,
    values::Data,
};

/// What such servers write in place of a pipe where there is none.
pub(super) const NO_PIPE: &str = "undefined";

/// The object inside `data`, as strict JSON: in base64, or as it is. Only where the server puts one.
pub(super) fn inner_object(envelope: &Envelope<'_>) -> Option<String> {
    let Data::Text(data) = &envelope.data else { return None };
    if !envelope.no_data && !envelope.pipe.as_text().is_some_and(|pipe| pipe.starts_with("_answer")) {
        return None;
    }
    let decoded = STANDARD.decode(data.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.as_deref().and_then(object).or_else(|| object(data))
}

fn object(text: &str) -> Option<String> {
    let text = text.trim();
    let is_object = |text: &str| envelope::first(text).is_ok_and(|(_, bytes)| bytes == text.len());
    if is_object(text) {
        return Some(text.to_owned());
    }
    let strict = loose::strict(text);
    is_object(&strict).then_some(strict)
}

/// Puts what the inner object says in place of what the outer says. Answers whether it said anything of the kind.
pub(super) fn unfold<'m>(outer: &mut Envelope<'m>, inner: &'m str) -> bool {
    let Ok((inner, _)) = envelope::first(inner) else { return false };
    if inner.data == Data::Absent && inner.name.is_absent() && inner.error.is_absent() {
        return false;
    }
    outer.data = inner.data;
    outer.error = inner.error;
    if !inner.name.is_absent() {
        outer.name = inner.name;
    }
    true
}

/// The sender and the text of `A::<user_id>;<text>`, the form of the first protocol.
pub(super) fn sender_in_front(data: &str) -> Option<(u64, &str)> {
    let (user_id, text) = data.strip_prefix("A::")?.split_once(';')?;
    Some((user_id.parse().ok()?, text))
}

/// What a newer server writes at `data` of a change in a `track_` pipe: the join has it one level deeper, the leave
/// has it beside `data`.
pub(super) fn track_data(envelope: &Envelope<'_>) -> Option<String> {
    let is_track = envelope.pipe.as_text()?.starts_with("track_")
        && matches!(envelope.name.as_text(), Some("subscription" | "unsubscription"));
    if !is_track {
        return None;
    }
    if let Data::Text(data) = &envelope.data
        && let Some(inner) = envelope::data_text(data)
        && inner.starts_with('{')
    {
        return Some(inner.to_owned());
    }
    let uuid = serde_json::to_string(envelope.uuid.as_text()?).ok()?;
    let user_id = envelope.user_id.as_number()?;
    Some(format!(r#"{{"user_id":"{user_id}","uuid":{uuid}}}"#))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn inner(frame: &str) -> Option<String> {
        inner_object(&envelope::first(frame).unwrap().0)
    }

    #[test]
    fn base64_is_read_only_where_the_server_puts_it() {
        let data = STANDARD.encode(r#"{"data":"x"}"#);
        assert!(inner(&format!(r#"{{"data":"{data}","pipe":"_answer"}}"#)).is_some());
        assert!(inner(&format!(r#"{{"data":"{data}","pipe":"web_a","nodata":true}}"#)).is_some());
        assert_eq!(inner(&format!(r#"{{"data":"{data}","pipe":"web_a"}}"#)), None);
    }

    /// `test` and `12345678` decode to bytes, but to no object.
    #[test]
    fn base64_that_is_no_object_is_text() {
        for text in ["test", "12345678", "MTI=", "WzFd"] {
            assert_eq!(inner(&format!(r#"{{"data":"{text}","pipe":"_answer","nodata":true}}"#)), None);
        }
    }

    #[test]
    fn an_apostrophe_in_the_inner_object_is_mended() {
        let data = STANDARD.encode(r#"{"data":{"number_messages":1,"message":"it\'s"}}"#);
        let frame = format!(r#"{{"data":"{data}","pipe":"_answer_to_web_a","nodata":true}}"#);
        assert_eq!(inner(&frame).unwrap(), r#"{"data":{"number_messages":1,"message":"it's"}}"#);
    }

    #[test]
    fn a_sender_in_front_needs_the_whole_form() {
        assert_eq!(sender_in_front("A::7;x;y"), Some((7, "x;y")));
        for text in ["A::7", "A::x;y", "a::7;y", " A::7;y", "A::;y"] {
            assert_eq!(sender_in_front(text), None);
        }
    }
}
