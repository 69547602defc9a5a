//! The bot that somebody would write by hand for this one purpose: the usual libraries, one task, no sandbox. It
//! answers all that has arrived before it flushes.

use std::{borrow::Cow, error::Error};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_tungstenite::{client_async, tungstenite::Message};

#[derive(Deserialize)]
struct Event<'a> {
    pipe: &'a str,
    event: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

pub(crate) fn run(address: &str) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(bot(address))
}

async fn bot(address: &str) -> Result<(), Box<dyn Error>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{address}/ws/sesion=&myid=&devid=0&v=4.09&uuid=Db_YTZOMMQc902yluqo7mLns3RXWFz2t&api=js");
    let (mut socket, _) = client_async(url, stream).await?;
    socket.send(Message::text("subscription\nweb_bench")).await?;
    while let Some(mut message) = socket.next().await {
        loop {
            if let Message::Text(text) = message? {
                let event: Event<'_> = serde_json::from_str(&text)?;
                if event.pipe == "web_bench" && event.event == "msg" {
                    let data: Cow<'_, str> = serde_json::from_str(event.data.get())?;
                    socket.feed(Message::text(format!("web_pipe2\nweb_bench\necho\n*\n{data}"))).await?;
                }
            }
            match socket.next().now_or_never() {
                Some(Some(next)) => message = next,
                _ => break,
            }
        }
        socket.flush().await?;
    }
    Ok(())
}
