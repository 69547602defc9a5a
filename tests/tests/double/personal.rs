//! Personal messages and presence (PROTOCOL.md, section 9).

use cometbot::local::Personal;

use super::harness::{Double, HASH};

#[tokio::test]
async fn a_personal_message_reaches_all_connections_of_its_user_in_their_forms() {
    let double = Double::faithful().await;
    let (mut new, mut anonymous) = (double.seven().await, double.anonymous().await);
    let mut compatible = double.greeted(&format!("sesion={HASH}&myid=7&devid=0&v=3.31&uuid=x&api=js")).await;
    assert_eq!(double.control.personal(7, "pev", "hello 7"), Ok(Personal::Sent(2)));
    assert_eq!(new.text().await, r#"{"data":"hello 7","event":"pev","pipe":"msg"}"#);
    assert_eq!(
        compatible.text().await,
        r#"{"api_data":"for major_version < 4","data":"hello 7","event":"pev","event_name":"pev","pipe":"msg"}"#
    );
    double.control.personal(7, "", r#"{"a":1}"#).unwrap();
    assert_eq!(new.text().await, r#"{"data":"{\"a\":1}","event":"","pipe":"msg"}"#);
    assert_eq!(double.control.personal(0, "pev", "to nobody"), Ok(Personal::Queued));
    anonymous.quiet().await;
}

/// Hazard 33.
#[tokio::test]
async fn of_twelve_queued_messages_ten_come_at_the_login_before_anything_else() {
    let double = Double::faithful().await;
    for number in 0..12 {
        assert_eq!(
            double.control.personal(7, &format!("ev{number}"), &format!("queued {number}")),
            Ok(Personal::Queued)
        );
    }
    // Whatever is said after the login comes behind them.
    let mut raw = double.seven().await;
    double.control.personal(7, "live", "live").unwrap();
    for number in 0..10 {
        assert_eq!(
            raw.text().await,
            format!(
                r#"{{"data":"queued {number}","event":"ev{number}","fromQueue":true,"message_send_time":T,"pipe":"msg"}}"#
            )
        );
    }
    assert_eq!(raw.text().await, r#"{"data":"live","event":"live","pipe":"msg"}"#);
    raw.quiet().await;
}

#[tokio::test]
async fn the_17th_connection_of_a_user_gets_no_personal_messages() {
    let double = Double::faithful().await;
    let mut connections = Vec::new();
    for _ in 0..17 {
        connections.push(double.seven().await);
    }
    assert_eq!(double.control.personal(7, "e", "x"), Ok(Personal::Sent(16)));
    let mut last = connections.pop().unwrap();
    last.quiet().await;
    for connection in &mut connections {
        assert_eq!(connection.text().await, r#"{"data":"x","event":"e","pipe":"msg"}"#);
    }
    // Taking the hash away ends those that are known.
    double.control.remove_user(7);
    for connection in connections {
        connection.ends().await;
    }
    last.quiet().await;
}

#[tokio::test]
async fn presence_is_told_at_the_first_and_the_last_connection_only() {
    let double = Double::faithful().await;
    let mut watcher = double.anonymous().await;
    watcher.subscribe("user_status_7").await;
    let one = double.seven().await;
    assert_eq!(watcher.text().await, r#"{"data":"online","event":"online","pipe":"user_status_7"}"#);
    let two = double.seven().await;
    drop(one);
    double.control.wait_for_connections(2).await;
    watcher.quiet().await;
    drop(two);
    assert_eq!(watcher.text().await, r#"{"data":"offline","event":"offline","pipe":"user_status_7"}"#);
}
