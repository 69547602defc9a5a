//! Events that reach it exactly as they are written here: every field, and every payload.

use std::time::Duration;

use cometbot::{
    config::PluginTerms,
    kit::trial::{
        script::{Case, Logged, Played, Script, Sent},
        stage::Stage,
    },
};

async fn stage(plugin: &[u8], script: &Script) -> Stage {
    let terms = PluginTerms {
        // A busy machine is no failure of a language.
        time_per_event: Duration::from_secs(5),
        queue_events: 1,
        ..PluginTerms::default()
    };
    Stage::set("guest", plugin, terms, script).await.unwrap_or_else(|error| panic!("{error}"))
}

fn event(name: &str, data: &str) -> Played {
    Played { pipe: "web_in".into(), name: name.into(), data: data.into(), user_id: None, time: None, history: false }
}

/// Plays an event, which must be handled, and gives what was sent to `web_out`.
async fn play(stage: &mut Stage, event: Played) -> Vec<(String, String)> {
    let what = format!("{} {:.60}", event.name, event.data);
    let case = Case { name: what.clone(), event, sends: vec![nothing("web_out"), nothing("web_in")], fails: None };
    let verdict = stage.play(&case).await.unwrap();
    assert_eq!(verdict.failed, None, "{what}");
    verdict.sent.into_iter().map(|sent| (sent.event, sent.message)).collect()
}

/// A stage listens to the pipes that its script names.
fn nothing(pipe: &str) -> Sent {
    Sent { pipe: pipe.into(), event: String::new(), message: String::new() }
}

async fn answer(stage: &mut Stage, event: Played) -> String {
    let what = format!("{} {:.60}", event.name, event.data);
    let mut sent = play(stage, event).await;
    assert_eq!(sent.len(), 1, "{what}: {sent:?}");
    sent.remove(0).1
}

fn digest(data: &str) -> String {
    let hash = data.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{} {hash:08x}", data.len())
}

pub async fn every_field_and_every_payload_arrives(plugin: &[u8]) {
    let mut stage = stage(plugin, &Script::default()).await;
    let large = "0123456789abcdef".repeat(4096);
    let larger = "ж😀".repeat(160_000);
    for data in [
        "",
        "x",
        "привет, мир",
        "😀👨‍👩‍👧‍👦🇦🇶",
        r#"say "hi" \ 'there' /\n"#,
        "a\0b\0",
        "\u{1}\t\r\n\u{7f}\u{80}\u{2028}\u{feff}\u{fffd}\u{10ffff}",
        r#"{"text":"a\u0000b","n":[1,2.5e3,null,true],"ö":{}}"#,
        &large,
        &larger,
    ] {
        assert_eq!(answer(&mut stage, event("digest", data)).await, digest(data), "{data:.40}");
    }
    for data in ["", "x", "привет", "😀", r#""quoted" \ and 'more'"#, "two\nlines\tand a tab"] {
        let sent = play(&mut stage, event("echo", data)).await;
        assert_eq!(sent, [("echo".to_owned(), data.to_owned())]);
    }
    for (user_id, time, history) in [
        (None, None, false),
        (Some(0), Some(0), true),
        (Some(7), Some(1_795_478_008), false),
        (Some(4_294_967_296), Some(4_294_967_295), true),
        (None, Some(1), true),
        (Some(9_007_199_254_740_991), None, false),
    ] {
        let told = |value: Option<u64>| value.map_or("none".to_owned(), |value| value.to_string());
        let expected = format!("web_in|fields|7|{}|{}|{history}", told(user_id), told(time));
        let event = Played { user_id, time, history, ..event("fields", "ж😀x") };
        assert_eq!(answer(&mut stage, event).await, expected);
    }
    assert_eq!(play(&mut stage, event("", "an event without a name")).await, []);
    for (data, text) in [
        (r#""say \"hi\"\n\u043f\u0440\u0438 \ud83d\ude00 \/\\\t""#, "say \"hi\"\nпри 😀 /\\\t"),
        ("plain", "plain"),
        ("", ""),
        ("12", "12"),
        (r#"{"text":"hi"}"#, r#"{"text":"hi"}"#),
        (r#""open"#, r#""open"#),
        (r#""hi" she said"#, r#""hi" she said"#),
    ] {
        assert_eq!(answer(&mut stage, event("text", data)).await, text, "{data}");
    }
    for (data, form) in [("!ask", "a\n\"b\""), (r#""!ask""#, r#""a\n\"b\"""#)] {
        assert_eq!(play(&mut stage, event("reply", data)).await, [("reply".to_owned(), form.to_owned())], "{data}");
    }
    let state = async |stage: &mut Stage| answer(stage, event("state", "")).await;
    assert_eq!((state(&mut stage).await, state(&mut stage).await), ("1".to_owned(), "2".to_owned()));
    let (one, other) = (answer(&mut stage, event("random", "")).await, answer(&mut stage, event("random", "")).await);
    assert!(
        one != other
            && [&one, &other].iter().all(|number| u64::from_str_radix(number, 16).is_ok() && number.len() == 16),
        "{one} {other}"
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let clock: u64 = answer(&mut stage, event("clock", "")).await.parse().unwrap();
    assert!(clock.abs_diff(now) < 60, "{clock} {now}");
}

pub async fn what_the_host_refuses_is_an_error_that_can_be_told_apart(plugin: &[u8]) {
    let row = |data: &str| Logged { pipe: "web_log".into(), event: "say".into(), data: data.into() };
    let script = Script { log: vec![row("один"), row("two \"2\""), row("3")], ..Script::default() };
    let mut stage = stage(plugin, &script).await;
    let pair = |event: &str, message: &str| (event.to_owned(), message.to_owned());
    let sent = play(&mut stage, event("send", "web_out said with  spaces")).await;
    assert_eq!(sent, [pair("said", "with  spaces"), pair("outcome", "ok")]);
    for (data, beginning) in [
        ("web_out said nul\0inside", "invalid: "),
        ("web_out näme x", "invalid: "),
        ("web_elsewhere said x", "denied: "),
    ] {
        let words = answer(&mut stage, event("send", data)).await;
        assert!(words.starts_with(beginning) && words.len() > beginning.len() + 10, "{data:?}: {words}");
    }
    let rows = "3\nweb_log|say|none|true|один\nweb_log|say|none|true|two \"2\"\nweb_log|say|none|true|3";
    let logged = answer(&mut stage, event("log", "web_log 98")).await;
    // Who published them without being a user has the number 0 in the log.
    assert_eq!(logged.replace("|0|", "|none|"), rows);
    assert_eq!(answer(&mut stage, event("log", "web_log 0")).await, "0");
    let denied = answer(&mut stage, event("log", "web_out 9")).await;
    assert!(denied.starts_with("denied: "), "{denied}");
    assert_eq!(answer(&mut stage, event("count", "web_count")).await, "0");
    let denied = answer(&mut stage, event("count", "web_log")).await;
    assert!(denied.starts_with("denied: "), "{denied}");
    // An error of the plugin's own costs its event, and no more.
    assert_eq!(answer(&mut stage, event("state", "")).await, "1");
    let fails = Case { name: "fail".into(), event: event("fail", "ж \"x\""), sends: Vec::new(), fails: None };
    let verdict = stage.play(&fails).await.unwrap();
    assert_eq!(verdict.failed.as_deref(), Some("it returned an error: failed: ж \"x\""));
    assert_eq!(answer(&mut stage, event("state", "")).await, "2");
}
