//! A thousand connections, for which the process needs 2,100 open files, and long bursts.

use rustix::process::{Resource, getrlimit, setrlimit};

use super::harness::{Double, answered, frame};

/// Many systems allow a process 1,024 open files unless it asks for more.
fn allow_open_files(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        limit.current = Some(count);
        setrlimit(Resource::Nofile, limit).expect("the system's hard limit of open files is too low for this test");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_hear_the_same_message() {
    allow_open_files(4_096);
    let double = Double::faithful().await;
    let mut listeners = Vec::new();
    for _ in 0..1_000 {
        let mut listener = double.anonymous().await;
        listener.send("subscription\nweb_all").await;
        listeners.push(listener);
    }
    double.control.wait_for_subscribers("web_all", 1_000).await;
    let mut sender = double.anonymous().await;
    assert_eq!(sender.ask("pipe_count\nweb_all\nmarker0001\n").await, super::harness::counted(1_000, "marker0001"));
    let data = "x".repeat(60);
    for _ in 0..10 {
        assert_eq!(sender.ask(format!("web_pipe2\nweb_all\ne\n*\n{data}")).await, answered(&data, 1_000, "web_all"));
    }
    for listener in &mut listeners {
        for _ in 0..10 {
            assert!(listener.text().await.contains(&data));
        }
    }
    drop(listeners);
    double.control.wait_for_connections(1).await;
    assert_eq!(double.control.subscribers("web_all"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_arrive_whole_and_in_order() {
    const MESSAGES: u32 = 100_000;
    let double = Double::faithful().await;
    let mut listener = double.anonymous().await;
    listener.subscribe("web_a").await;
    let mut sender = double.anonymous().await.into_stream();
    let (mut answers, mut commands) = sender.split();
    let write = async {
        let burst: Vec<u8> = (0..MESSAGES)
            .flat_map(|number| frame(0x81, format!("web_pipe2\nweb_a\ne\n*\n{number}").as_bytes()))
            .collect();
        tokio::io::AsyncWriteExt::write_all(&mut commands, &burst).await.unwrap();
    };
    let drain = async {
        // The answers have to be read, or the server stops reading the sends.
        let mut buffer = vec![0; 65_536];
        while tokio::io::AsyncReadExt::read(&mut answers, &mut buffer).await.unwrap() > 0 {}
    };
    let hear = async {
        for number in 0..MESSAGES {
            assert_eq!(
                listener.text().await,
                format!(r#"{{"data":"{number}","event":"e","message_send_time":T,"pipe":"web_a","user_id":0}}"#)
            );
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(write, hear) } => {}
        () = drain => panic!("the sender was closed"),
    }
}
