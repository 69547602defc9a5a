//! The shipped echo.wat against a faithful server: what people write comes back byte for byte.

use cometbot::local::Era;
use cometbot_tests::{Client, Comet, Home, Plugin};

const ECHO: &str = include_str!("../../../plugins/echo.wat");
/// The versions that a bot can speak; they decide the form of what the server sends.
const VERSIONS: [&str; 2] = ["3.31", "4.09"];

/// What a client message's frame has besides its data, with a pipe of 8 characters, an event of 3, and user 0
/// (PROTOCOL.md, section 2.3).
const FRAME_WITHOUT_DATA_BYTES: usize = 64 + 3 + 10 + 8 + 1;

fn home(comet: &Comet, version: &str) -> Home {
    Home::at(comet).set("server", &format!("version = \"{version}\"")).plugin("echo.wat", ECHO)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_text_comes_back_byte_for_byte() {
    for (era, version) in [(Era::V409, "3.31"), (Era::V409, "4.09"), (Era::V331, "3.31"), (Era::V331, "4.09")] {
        let comet = Comet::start_like(era).await;
        let home = home(&comet, version);
        let _bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        for text in [
            "hello",
            "",
            " ",
            r#"{"text":"he said \"hi\"","n":[1,2,{"a":null}]}"#,
            "it's \"quoted\" and 'quoted'",
            "line1\nline2\r\nline3\r",
            "\n",
            "\\",
            r"\\\\\\\\\\",
            r"\n is not a line break, \\n neither",
            "tab\t and \u{1a} and \u{7f}",
            "Привет, мир! Ёж.",
            "😀👩‍👩‍👧‍👦🏳️‍🌈",
            "A::7;not a user",
            r#"{"data":"x","event":"y","pipe":"sys","authorized":true}"#,
        ] {
            assert_eq!(
                client.ask("web_chat", text).await,
                format!("echo echo: {text}"),
                "version {version} of {era:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_the_lengths_that_the_server_damages_come_back_whole() {
    let comet = Comet::start().await;
    for version in VERSIONS {
        let home = home(&comet, version);
        let _bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        // All lengths at which a frame of either form, of a message or of its answer, is one of the three.
        for length in 0..80 {
            let text = "x".repeat(length);
            assert_eq!(client.ask("web_chat", &text).await, format!("echo echo: {text}"), "{length} bytes, {version}");
        }
        for frame in [123, 124, 125] {
            let text = "y".repeat(frame - FRAME_WITHOUT_DATA_BYTES);
            assert_eq!(client.ask("web_chat", &text).await, format!("echo echo: {text}"), "{frame}, {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_whose_number_the_server_lost_is_unknown_and_never_guessed() {
    let comet = Comet::start().await;
    let plugin = Plugin::new().hears("web_chat", ["msg"]).sends("web_told").handle(
        r#"(if (local.get $has_user)
            (then (call $send "web_told" "user" (call $decimal (local.get $user))))
            (else (call $send "web_told" "unknown" (i32.const 0) (i32.const 0))))"#,
    );
    for (version, wanted) in [("3.31", ["user 7", "user 7", "user 7"]), ("4.09", ["user 7", "unknown ", "unknown "])] {
        let home = Home::at(&comet).set("server", &format!("version = \"{version}\"")).plugin("who.wat", plugin.text());
        let _bot = home.live().await;
        let mut told = Client::join(&comet, ["web_told"]).await;
        let client = Client::join_as_user(&comet, []).await;
        for frame in [123, 124, 125] {
            client.send("web_chat", "msg", &"z".repeat(frame - FRAME_WITHOUT_DATA_BYTES));
        }
        assert_eq!(told.next_lines(3).await, wanted, "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_message_that_fits_arrives_and_a_larger_one_is_refused_to_the_plugin() {
    let comet = Comet::start().await;
    for version in VERSIONS {
        let home = home(&comet, version);
        let bot = home.live().await;
        let mut client = Client::join(&comet, ["web_chat"]).await;
        let is_sendable = |length: usize| {
            let mut commands = cometbot::comet::commands::Commands::default();
            commands.send("web_chat", "msg", &"m".repeat(length)).is_ok()
        };
        let largest = (0..=65_535).rev().find(|length| is_sendable(*length)).unwrap();
        // The answer is larger than the question by what stands before it.
        let fits = "m".repeat(largest - "echo: ".len());
        assert_eq!(client.ask("web_chat", &fits).await, format!("echo echo: {fits}"), "version {version}");

        client.send("web_chat", "msg", &"m".repeat(largest));
        let failure = bot.failed("echo").await;
        assert!(failure.says("it returned an error") && failure.says("65535 is the most"), "{}", failure.raw);
        assert_eq!(client.ask("web_chat", "still here").await, "echo echo: still here");
        assert_eq!(comet.control.crashes(), 0);
    }
}
