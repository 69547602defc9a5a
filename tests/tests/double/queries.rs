//! The commands that ask (PROTOCOL.md, sections 3 and 5).

use super::harness::{Double, HASH, Raw, counted, error};

const CHARACTERS: &str = "The channel name can only contain characters A-Za-z0-9_-";

#[tokio::test]
async fn pipe_count_counts_subscriptions_and_echoes_the_marker() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.subscribe("web_x\nweb_x\ntrack_room").await;
    assert_eq!(raw.ask("pipe_count\nweb_x\nmarker0001\n").await, counted(2, "marker0001"));
    assert_eq!(raw.ask("pipe_count\ntrack_room\nmarker0001").await, counted(1, "marker0001"));
    for command in ["pipe_count\nweb_x\n\n", "pipe_count\nweb_x"] {
        assert_eq!(raw.ask(command).await, counted(2, ""));
    }
    let long = "m".repeat(65);
    assert_eq!(raw.ask(format!("pipe_count\nweb_none\n{long}\n")).await, counted(0, &long));
    for name in ["any_pipe", "webauth_x", ""] {
        assert_eq!(
            raw.ask(format!("pipe_count\n{name}\nm\n")).await,
            error("[pipe_count] Invalid channel name. The channel should start with web_")
        );
    }
    let mut compatible = double.compatible().await;
    assert_eq!(
        compatible.ask("pipe_count\ntrack_room\nmarker0001\n").await,
        r#"{"api_data":"for major_version < 4","data":"[\"user_in_pipe\",1]","event":"user_in_pipe","event_name":"user_in_pipe","marker":"marker0001","message_send_time":T,"pipe":"_answer_pipe_count"}"#
    );
}

/// Hazards 21 and 43.
#[tokio::test]
async fn bad_names_in_pipe_count_are_two_errors() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let long = "w".repeat(66);
    for (command, first) in [
        ("pipe_count\nweb_x.y\nm\n".to_owned(), CHARACTERS),
        ("pipe_count\nweb_x\nmar.ker\n".to_owned(), CHARACTERS),
        ("pipe_count\r\nweb_x\r\nm\r\n".to_owned(), CHARACTERS),
        (format!("pipe_count\n{long}\nm\n"), "Invalid pipe name length"),
    ] {
        assert_eq!(raw.ask(&command).await, error(first), "{command}");
        assert_eq!(raw.text().await, error("Invalid pipe name."), "{command}");
    }
    raw.quiet().await;
}

/// Hazard 42.
#[tokio::test]
async fn user_status_is_now_for_those_online_and_one_more_for_strangers() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let seven = double.seven().await;
    let (online, now) = status(&mut raw, "7", 7).await;
    assert_eq!(online, now);
    drop(seven);
    double.control.wait_for_connections(1).await;
    let (offline, _) = status(&mut raw, "7", 7).await;
    assert!(offline < 10, "{offline}");
    let (stranger, now) = status(&mut raw, "424242", 424_242).await;
    assert_eq!(stranger, now + 1);
    for nobody in ["abc", ""] {
        let (nobody, now) = status(&mut raw, nobody, 0).await;
        assert_eq!(nobody, now + 1);
    }
}

/// The seconds that are answered, and the time of the answer. Of one that is spoilt only the seconds are read.
async fn status(raw: &mut Raw, user: &str, asked: u64) -> (u64, u64) {
    raw.send(format!("user_status\n{user}")).await;
    let text = String::from_utf8(raw.payload().await).unwrap();
    let number = |after: &str| {
        let rest = text.split(after).nth(1).unwrap();
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap()
    };
    let (seconds, time) = (number("\"last_online_time\":"), number("\"message_send_time\":"));
    let whole = format!(
        r#"{{"data":{{"data":{seconds},"last_online_time":{seconds}}},"event":"user_status_{asked}","message_send_time":{time},"pipe":"_answer_user_status"}}"#
    );
    assert_eq!(text.trim_end_matches('\0'), &whole[..text.trim_end_matches('\0').len()]);
    assert_eq!(text.len(), whole.len());
    (seconds, time)
}

#[tokio::test]
async fn user_data_takes_its_marker_first() {
    let double = Double::faithful().await;
    double.control.set_user_data(7, "some \"data\"");
    let mut raw = double.anonymous().await;
    let found = |data: &str, user: u32| {
        format!(
            r#"{{"data":{{"user_data":"{data}","user_id":{user}}},"event":"answer","marker":"marker0001","message_send_time":T,"pipe":"_answer"}}"#
        )
    };
    assert_eq!(raw.ask("user_data\nmarker0001\n7").await, found("some \\\"data\\\"", 7));
    assert_eq!(raw.ask("user_data\nmarker0001\n999").await, found("", 999));
    let failed = |text: &str, end: &str| {
        format!(
            r#"{{"data":{{"error":"{text}","user_data":"","user_id":-1}},"event":"error","message_send_time":T,"pipe":"sys{end}"#
        )
    };
    for command in ["user_data\nmarker0001\nabc", "user_data\n7", "user_data"] {
        assert_eq!(raw.ask(command).await, failed("Invalid user id", "\0\0"), "{command}");
    }
    assert_eq!(raw.ask("user_data\nmar.ker\n7").await, error(CHARACTERS));
    assert_eq!(raw.text().await, failed("Invalid marker name.", "\"}"));
}

#[tokio::test]
async fn the_rest_says_nothing_and_stays_open() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    for command in
        ["statistics\n{\"url\":\"x\"}", "statistics", "cgi_call\nx\ny", "CometQL_call\nmarker0001\nabc", "CometQL_call"]
    {
        raw.send(command).await;
        raw.quiet().await;
    }
    assert_eq!(raw.ask("CometQL_call\nmar.ker\nabc").await, error(CHARACTERS));
    assert_eq!(
        raw.text().await,
        r#"{"data":{"error":"Invalid marker name.","user_data":"","user_id":-1},"event":"error","message_send_time":T,"pipe":"sys"}"#
    );
}

#[tokio::test]
async fn the_hash_is_shown_to_its_owner_alone() {
    let double = Double::faithful().await;
    let mut owner = double.shaken(&format!("sesion={HASH}&myid=7&devid=0&v=3.31&uuid=x&api=js")).await;
    assert_eq!(
        owner.text().await,
        format!(
            r#"{{"api_data":"for major_version < 4","authorized":true,"data":"{HASH}","event":"serverInfo","event_name":"serverInfo","message_send_time":T,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}}"#
        )
    );
}
