//! A bot that knows several servers goes to the next when one is away.

use cometbot_tests::{Client, Comet, Home, Plugin};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_goes_to_the_next_server_and_round_again() {
    let (mut one, mut two) = (Comet::start().await, Comet::start().await);
    let home = Home::new()
        .set("server", &format!("urls = [\"{}\", \"{}\"]", one.url(), two.url()))
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let mut bot = home.live().await;
    one.subscribed("web_chat", 1).await;

    bot.forget();
    one.stop().await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&two, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "x").await, "echo x");

    one.start_again().await;
    bot.forget();
    two.stop().await;
    bot.wait_until_it_says("live: events reach the plugins").await;
    let mut client = Client::join(&one, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "y").await, "echo y");
}
