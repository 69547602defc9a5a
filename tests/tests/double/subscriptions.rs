//! The `subscription` command (PROTOCOL.md, section 6).

use super::harness::{Double, Raw};

const TOO_MANY: &str =
    r#"{"data":{"code":"403","error":"Too many letters"},"event":"error","message_send_time":T,"pipe":"sys"}"#;
const TOO_LONG: &str =
    r#"{"data":{"code":"403","error":"Channel name is too long"},"event":"error","message_send_time":T,"pipe":"sys"}"#;

async fn counts(double: &Double, raw: &mut Raw, list: &str, expected: &[(&str, usize)]) {
    raw.send(format!("subscription{list}")).await;
    raw.quiet().await;
    for (name, count) in expected {
        assert_eq!(double.control.subscribers(name), *count, "{name} after {list:?}");
    }
}

/// Hazards 26 and 29.
#[tokio::test]
async fn lists_are_read_as_the_real_server_reads_them() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let n60 = format!("web_{}", "n".repeat(60));
    for (list, expected) in [
        ("\nweb_a1\nweb_b1\nweb_c1", &[("web_a1", 1), ("web_b1", 1), ("web_c1", 1)][..]),
        ("\nweb_a1\nweb_b1\n", &[("web_a1", 1), ("web_b1", 1), ("web_c1", 0)]),
        ("\r\nweb_a1\r\nweb_b1\r\n", &[("web_a1", 0), ("web_b1", 0)]),
        ("\nweb_a1\r\nweb_b1", &[("web_a1", 1), ("web_b1", 0)]),
        ("\nweb_a1\n\nweb_b1", &[("web_a1", 1), ("web_b1", 0)]),
        ("\nweb_a1\nx\nweb_b1", &[("web_a1", 1), ("x", 0), ("web_b1", 0)]),
        ("\nweb_a1\nxy\nweb_b1", &[("web_a1", 1), ("xy", 1), ("web_b1", 1)]),
        ("\nweb_a1 web_b1,web_c1", &[("web_a1", 1), ("web_b1", 1), ("web_c1", 1)]),
        (" web_a1", &[("web_a1", 1), ("web_b1", 0)]),
        ("\nweb_a1.evt\nweb_b1", &[("web_a1", 1), ("evt", 1), ("web_b1", 1)]),
        ("\nweb_чат\nweb_b1", &[("web_", 1), ("web_b1", 0)]),
        ("\nweb_a1\nweb_a1", &[("web_a1", 2)]),
        (&format!("\nweb_a1\n{n60}"), &[("web_a1", 1), (&n60, 1)]),
        (
            "\nmsg\nsys\nuser_status_7\ntrust_q\ntrack_q\nanything\nwebauth_q\nweb_",
            &[
                ("msg", 1),
                ("sys", 1),
                ("user_status_7", 1),
                ("trust_q", 1),
                ("track_q", 1),
                ("anything", 1),
                ("webauth_q", 1),
                ("web_", 1),
            ],
        ),
        ("\n", &[("web_a1", 0), ("web_", 0)]),
        ("\nweb_a1", &[("web_a1", 1)]),
        ("", &[("web_a1", 0)]),
    ] {
        counts(&double, &mut raw, list, expected).await;
    }
}

/// Hazard 27.
#[tokio::test]
async fn the_33rd_name_is_an_error_and_32_stay() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.subscribe("web_before").await;
    let list: String = (0..33).map(|number| format!("\nweb_p{number}")).collect();
    assert_eq!(raw.ask(format!("subscription{list}")).await, TOO_MANY);
    raw.quiet().await;
    for (name, count) in [("web_before", 0), ("web_p0", 1), ("web_p31", 1), ("web_p32", 0)] {
        assert_eq!(double.control.subscribers(name), count, "{name}");
    }
}

/// Hazard 27.
#[tokio::test]
async fn long_names_and_long_lists_are_an_error_and_the_end() {
    let double = Double::faithful().await;
    let lists = [
        (format!("web_a1\nweb_{}", "n".repeat(61)), TOO_LONG),
        ("web_a1\n".repeat(311), TOO_MANY),
        // Hazard 28: behind a private name all is one name.
        (format!("private_x{}", (0..12).map(|number| format!("\nweb_p{number}")).collect::<String>()), TOO_LONG),
    ];
    for (list, error) in lists {
        let mut raw = double.anonymous().await;
        assert_eq!(raw.ask(format!("subscription\n{list}")).await, error);
        raw.ends().await;
        double.control.wait_for_connections(0).await;
        assert_eq!(double.control.subscribers("web_a1"), 0);
    }
}

/// Hazard 28.
#[tokio::test]
async fn private_names_need_a_login_and_otherwise_swallow_the_rest() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    let expected = [("web_a1", 1), ("private_x", 0), ("web_b1", 0), ("web_c1", 0)];
    counts(&double, &mut raw, "\nweb_a1\nprivate_x\nweb_b1\nweb_c1", &expected).await;
    let mut seven = double.seven().await;
    counts(&double, &mut seven, "\nprivate_x\nweb_b1", &[("private_x", 1), ("web_b1", 1)]).await;
}

/// Hazard 29.
#[tokio::test]
async fn a_name_given_twice_is_heard_twice() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.subscribe("web_dup\nweb_dup").await;
    assert_eq!(double.control.publish("web_dup", "e", "once"), Ok(2));
    for _ in 0..2 {
        assert_eq!(raw.text().await, r#"{"data":"once","event":"e","message_send_time":T,"pipe":"web_dup"}"#);
    }
    raw.quiet().await;
}

#[tokio::test]
async fn a_connection_that_ends_leaves_its_pipes() {
    let double = Double::faithful().await;
    let mut raw = double.anonymous().await;
    raw.subscribe("web_a\nweb_b\nweb_a").await;
    assert_eq!(double.control.subscribers("web_a"), 2);
    drop(raw);
    double.control.wait_for_connections(0).await;
    double.control.wait_for_subscribers("web_a", 0).await;
    double.control.wait_for_subscribers("web_b", 0).await;
}
