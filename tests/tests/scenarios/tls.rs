//! The bot over TLS, against certificates made on the spot.

use std::sync::Arc;

use cometbot_tests::{Client, Comet, Home, Plugin};
use rcgen::CertifiedKey;
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate for `localhost`, as PEM, and a way into `comet` that shows it. Ends with the test.
async fn tls_in_front_of(comet: &Comet) -> (String, u16) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = comet.address();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate leaves here.
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (cert.pem(), port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_answers_over_tls() {
    let comet = Comet::start().await;
    let (certificate, port) = tls_in_front_of(&comet).await;
    let home = Home::at_url(&format!("wss://localhost:{port}/ws/"))
        .file("ca.pem", &certificate)
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let authorities = home.path().join("ca.pem");
    let home = home.variable("SSL_CERT_FILE", authorities.to_str().unwrap());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "hello").await, "echo hello");
    assert_eq!(bot.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_vouches_for_is_refused_with_what_to_check() {
    let comet = Comet::start().await;
    let (_, port) = tls_in_front_of(&comet).await;
    let (stranger, _) = tls_in_front_of(&comet).await;
    let home = Home::at_url(&format!("wss://localhost:{port}/ws/")).file("ca.pem", &stranger);
    let authorities = home.path().join("ca.pem");
    let home = home.variable("SSL_CERT_FILE", authorities.to_str().unwrap());
    let ended = home.run(["count", "web_chat"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("check the certificate"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_to_a_server_without_it_is_a_clear_error() {
    let comet = Comet::start().await;
    let home = Home::at_url(&format!("wss://localhost:{}/ws/", comet.address().port()));
    let ended = home.run(["count", "web_chat"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("ws://"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_of_one_s_own_is_trusted_when_it_is_named() {
    let comet = Comet::start().await;
    let (certificate, port) = tls_in_front_of(&comet).await;
    let home = Home::at_url(&format!("wss://localhost:{port}/ws/"))
        .set("server", "ca-file = \"ca.pem\"")
        .file("ca.pem", &certificate)
        .plugin("echo.wat", Plugin::answering("web_chat", "echo").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(client.ask("web_chat", "hello").await, "echo hello");
    assert_eq!(bot.stop().await.code, Some(0));

    let home = Home::at_url(&format!("wss://localhost:{port}/ws/"))
        .set("server", "ca-file = \"ca.pem\"")
        .file("ca.pem", "no certificate");
    let ended = home.run(["count", "web_chat"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("ca.pem holds no certificate"), "{}", ended.err);
}
