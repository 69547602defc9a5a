//! The example plugins that are built from source, as a user meets them.

use cometbot_tests::{Client, Comet, Home, USER, example};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moderator_counts_strikes_of_each_user() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("plugin.moderator.config", "words = [\"badword\"]\nstrikes = 2")
        .plugin("moderator.wasm", example("moderator.wasm"));
    let _bot = home.live().await;
    let mut chat = Client::join(&comet, ["web_chat"]).await;
    let mut user = Client::join_as_user(&comet, []).await;
    for (text, strike) in [("such a BADWORD!", 1), ("{\"text\":\"badword\"}", 2), ("badword", 1)] {
        user.send_and_wait("web_chat", "msg", "all is well").await;
        user.send_and_wait("web_chat", "msg", text).await;
        let warning = format!("bot careful: please mind your words, user {USER} (strike {strike} of 2)");
        assert_eq!(chat.next_lines(3).await, ["msg all is well".to_owned(), format!("msg {text}"), warning]);
        if strike == 2 {
            assert_eq!(chat.next_lines(1).await, [format!("moderation {{\"user_id\":{USER},\"strikes\":2}}")]);
        }
    }
    assert_eq!(chat.ask("web_chat", "badword").await, "bot careful: please mind your words", "nobody in particular");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_shows_the_last_messages() {
    let comet = Comet::start().await;
    comet.control.set_log_length("web_chat", 50);
    let home = Home::at(&comet).plugin("history.wasm", example("history.wasm"));
    let _bot = home.live().await;
    let mut chat = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(chat.ask("web_chat", "!last 3").await, "bot nobody has said anything yet");
    for text in ["one", "it's \"two\"", "three", "four"] {
        chat.send_and_wait("web_chat", "msg", text).await;
    }
    chat.send("web_chat", "msg", "!last 3");
    let answer = chat.next().await.data;
    let lines: Vec<&str> = answer.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    // The earlier question and its answer are in the log as well; only messages of people are shown.
    assert_eq!(lines, ["anonymous: it’s \"two\"", "anonymous: three", "anonymous: four"]);
    assert_eq!(chat.ask("web_chat", "!last many").await, "bot say !last N, with an N from 1 to 20");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_says_when_there_is_no_log() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("history.wasm", example("history.wasm"));
    let _bot = home.live().await;
    let mut chat = Client::join(&comet, ["web_chat"]).await;
    let answer = chat.ask("web_chat", "!last 3").await;
    assert_eq!(answer, "bot this pipe has no log: the operator of the comet server can switch it on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn online_counts_who_listens_without_the_bot() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("online.wasm", example("online.wasm"));
    let _bot = home.live().await;
    let mut chat = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(chat.ask("web_chat", "!who").await, "bot 1 connection is listening to web_chat");
    let _others = (Client::join(&comet, ["web_chat"]).await, Client::join(&comet, ["web_chat"]).await);
    assert_eq!(chat.ask("web_chat", " !who ").await, "bot 3 connections are listening to web_chat");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_them_run_together_and_hear_other_pipes_if_told_to() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("plugin.online.config", "pipes = [\"web_a\", \"web_b\"]")
        .plugin("moderator.wasm", example("moderator.wasm"))
        .plugin("history.wasm", example("history.wasm"))
        .plugin("online.wasm", example("online.wasm"))
        .plugin("echo.wat", include_str!("../../../plugins/echo.wat"));
    let bot = home.live().await;
    let line = bot.wait_until_it_says("live: events reach the plugins").await;
    assert_eq!(line.field("plugins"), "echo history moderator online");
    let mut client = Client::join(&comet, ["web_b", "web_chat"]).await;
    assert_eq!(client.ask("web_b", "!who").await, "bot 1 connection is listening to web_b");
    client.send("web_chat", "msg", "damn");
    let mut lines = client.next_lines(2).await;
    lines.sort();
    assert_eq!(lines, ["bot careful: please mind your words", "echo echo: damn"]);
}
