#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

fn printed(saying: &Saying<'_>) -> String {
    let mut out = Vec::new();
    print(&mut out, saying);
    String::from_utf8(out).unwrap()
}

fn decoded(saying: &Saying<'_>) -> String {
    let whole = printed(saying);
    let data = whole.split('"').nth(3).unwrap();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

#[test]
fn markers_are_laid_over_ten_letters() {
    for (marker, laid) in
        [("", "MarkerName"), ("short", "shortrName"), ("marker0001", "marker0001"), ("ten_and_more", "ten_and_mo")]
    {
        assert_eq!(laid_over(marker.as_bytes()), laid.as_bytes());
    }
}

#[test]
fn status_and_presence_are_printed_as_captured() {
    let status = Saying::Status { user: 7, seconds: 1_795_484_193 };
    assert_eq!(
        printed(&status),
        r#"{"data":"eyJkYXRhIjoiMTc5NTQ4NDE5MyIsImV2ZW50X25hbWUiOiJ1c2VyX3N0YXR1c183In0=","pipe":"_answer_user_status","nodata":true}"#
    );
    assert_eq!(decoded(&status), r#"{"data":"1795484193","event_name":"user_status_7"}"#);
    assert_eq!(
        printed(&Saying::Presence { user: 7, online: false }),
        r#"{"data":"{\"data\":\"offline\",\"event_name\":\"offline\"}","pipe":"user_status_7","nodata":true}"#
    );
}

#[test]
fn errors_have_four_shapes() {
    let shape = |complaint| decoded(&Saying::Error(complaint));
    assert_eq!(shape(Complaint::TooManyNames), r#"{"error":"Too many subscriptions"}"#);
    assert_eq!(
        shape(Complaint::NameCharacters),
        r#"{"data":{"error":"The channel name can only contain characters A-Za-z0-9_-"},"event_name":"answer"}"#
    );
    assert_eq!(
        shape(Complaint::AuthType),
        r#"{"data":{"number_messages":-1,"error":"Invalid value auth_type."},"event_name":"answer"}"#
    );
    assert!(shape(Complaint::TrackPrefix).starts_with(r#"{"data":{"number_users":-1,"#));
}
