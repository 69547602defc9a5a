//! What a service manager is told over its socket (systemd, `Type=notify`).

use cometbot_tests::{Comet, Home, Plugin, within};
use tokio::net::UnixDatagram;

async fn next(socket: &UnixDatagram) -> String {
    let mut message = [0; 512];
    let length = within("a word to the service manager", socket.recv(&mut message)).await.unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_when_the_bot_is_ready_how_it_does_and_when_it_stops() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let home = home.variable("NOTIFY_SOCKET", path.to_str().unwrap());
    let bot = home.live().await;
    assert_eq!(next(&socket).await.trim(), "READY=1");
    while next(&socket).await.trim() != "STATUS=live" {}
    assert_eq!(bot.stop().await.code, Some(0));
    while next(&socket).await.trim() != "STOPPING=1" {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_does_not_keep_the_bot_from_being_ready() {
    let mut comet = Comet::start().await;
    comet.stop().await;
    let home = Home::at(&comet);
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let home = home.variable("NOTIFY_SOCKET", path.to_str().unwrap());
    let bot = home.start();
    assert_eq!(next(&socket).await.trim(), "READY=1");
    while !next(&socket).await.starts_with("STATUS=waiting") {}
    assert_eq!(bot.stop().await.code, Some(0));
}
