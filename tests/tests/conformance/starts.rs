//! How it starts: with what it wants, with a refusal in its own words, or with a death that is told.

use cometbot_tests::{Ended, Home};

async fn check(plugin: &[u8], config: &str) -> Ended {
    let home = Home::new().set("plugin.guest.config", config).plugin("guest.wasm", plugin);
    home.spawn(["check"]).patient(crate::PATIENCE).end().await
}

pub async fn as_it_should_or_with_a_reason(plugin: &[u8]) {
    let ended = check(plugin, "").await;
    let wants = "hears web_in web_picky[one,two]; send web_out web_in; log web_log; count web_count";
    assert!(ended.out.contains("\nguest 1.0.0+"), "{ended:?}");
    assert!(ended.out.contains(&format!(": ok, {wants}")), "{ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let ended = check(plugin, "refuse = \"nö, \\\"danke\\\"\"").await;
    assert!(ended.out.contains("\nguest: it refuses to run: refused: nö, \"danke\""), "{ended:?}");
    assert_eq!(ended.code, Some(1), "{ended:?}");

    // A trap where the language dies, its own words where it throws.
    let ended = check(plugin, "panic-in-setup = \"boom\"").await;
    let (trapped, thrown) = ("\nguest: its `setup` failed: ", "\nguest: it refuses to run: ");
    assert!(ended.out.contains(trapped) || ended.out.contains(thrown), "{ended:?}");
    assert!(!ended.out.contains(thrown) || ended.out.contains("boom"), "{ended:?}");
    assert_eq!(ended.code, Some(1), "{ended:?}");
}
