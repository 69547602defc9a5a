//! What is said to those who are not let in.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::broadcast::Receiver,
};

use super::{
    End, Refusal,
    connection::close,
    fault::{Order, cut},
};

/// How much is read at once.
const READ_BYTES: usize = 4096;
/// One line of the head that never ends.
const ENDLESS_LINE: &[u8] = b"X-Patience: 0123456789012345678901234567890123456789012345678901234567890\r\n";

/// Refuses a connection and stays until the bot has gone or the connection is cut.
pub(super) async fn refuse(mut bot: TcpStream, refusal: Refusal, shared: &super::Shared, orders: &mut Receiver<Order>) {
    let end = tokio::select! {
        biased;
        end = cut(orders) => {
            shared.counts.send_modify(|counts| counts.cut += 1);
            end
        }
        () = answer(&mut bot, refusal) => End::Fin,
    };
    close(bot, end).await;
}

/// Whatever cannot be written any more has ended with the bot's going.
async fn answer(bot: &mut TcpStream, refusal: Refusal) {
    match refusal {
        // Whoever slipped in while the door was being closed.
        Refusal::NoListener | Refusal::Hangup => return,
        Refusal::Mute => {}
        Refusal::Http(status) => say(bot, http(status).as_bytes()).await,
        Refusal::Bytes(bytes) => say(bot, &bytes).await,
        Refusal::EndlessHead => {
            if read_request(bot).await && bot.write_all(UPGRADE).await.is_ok() {
                while bot.write_all(ENDLESS_LINE).await.is_ok() {}
            }
        }
    }
    // Until it goes by itself: closing on something unread would take the answer back.
    while matches!(bot.read(&mut [0; READ_BYTES]).await, Ok(1..)) {}
}

const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

async fn say(bot: &mut TcpStream, bytes: &[u8]) {
    if read_request(bot).await && bot.write_all(bytes).await.is_ok() {
        let _ = bot.shutdown().await;
    }
}

/// Whether a whole request has come.
async fn read_request(bot: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if !matches!(bot.read_buf(&mut request).await, Ok(1..)) {
            return false;
        }
    }
    true
}

fn http(status: u16) -> String {
    // A redirection leads nowhere: nothing listens at port 1.
    let location = if (300..400).contains(&status) { "Location: http://127.0.0.1:1/\r\n" } else { "" };
    format!("HTTP/1.1 {status} Because\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n")
}
