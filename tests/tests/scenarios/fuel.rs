//! What a plugin computes, metered.

use cometbot_tests::{Client, Comet, Home, Plugin};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fuel_is_bounded_from_the_start_on_at_which_it_was_asked_for() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("defaults", "retries = 0\nbreaker-failures = 0\ntime-per-event-ms = 50")
        .plugin("rogue.wat", Plugin::rogue("(loop $again (br $again))").text())
        .plugin("good.wat", Plugin::answering("web_chat", "neighbour").text());
    let mut client = Client::join(&comet, ["web_chat"]).await;
    let bot = home.live().await;
    client.send("web_chat", "msg", "misbehave");
    assert!(bot.failed("rogue").await.says("it ran longer than 50 ms"));
    // What was compiled without fuel lies there still.
    let config = std::fs::read_to_string(home.path().join("bot.toml")).unwrap();
    std::fs::write(home.path().join("bot.toml"), format!("{config}[plugin.rogue]\nfuel-per-event = 100000\n")).unwrap();
    let line = bot.wait_until_it_says("apply only after a restart of the bot").await;
    assert!(line.says("plugin.rogue.fuel-per-event"), "{}", line.raw);
    bot.stop().await;

    let bot = home.live().await;
    assert_eq!(client.next_lines(1).await, ["neighbour misbehave"], "from before");
    client.send("web_chat", "msg", "misbehave");
    let line = bot.failed("rogue").await;
    assert!(line.says("it used more than 100000 units of fuel and was stopped (`fuel-per-event`)"), "{}", line.raw);
    client.send("web_chat", "msg", "hello");
    let mut lines = client.next_lines(4).await;
    lines.sort();
    assert_eq!(lines, ["before hello", "echo hello", "neighbour hello", "neighbour misbehave"]);
}
