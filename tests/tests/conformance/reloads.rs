//! What outlives a reload, and what keeps a new version from taking over.

use cometbot_tests::{Client, Comet, Home};

use crate::live::{ask, home, live};

/// Another build of the same source, as far as the host can tell: the plugin with one more custom section.
fn another_build(plugin: &[u8], number: u8) -> Vec<u8> {
    let name = b"build";
    let section = [&[0, 2 + 5, 5], &name[..], &[number]].concat();
    [plugin, &section].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_of_the_documentation_counts_on() {
    let page = include_str!("../../../docs/src/core-modules.md");
    let (_, example) = page.split_once("```wat\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("count.wat", example);
    let bot = home.live().await;
    home.rename_plugin("count.wat", format!(";; The next version.\n{example}"));
    assert_eq!(bot.replaced("count").await.field("state_bytes"), "8");
}

pub async fn carry_its_memory(plugin: &[u8]) {
    let comet = Comet::start().await;
    let home = home(&comet.url(), plugin);
    let mut bot = live(&home).await;
    let mut client = Client::join(&comet, ["web_out"]).await;
    let mut states = 0;

    // A version that does not save, or does not restore, replaces nothing.
    for (kept, number) in [("unsaved", 1), ("unrestored", 2)] {
        bot.forget();
        client.send("web_in", "remember", kept);
        assert_eq!(ask(&mut client, "recall", "").await, format!("recall {kept}"));
        home.rename_plugin("guest.wasm", another_build(plugin, number));
        let refused = bot.rejected("guest").await;
        let words = format!("cannot {}: it's \"ж\"", if kept == "unsaved" { "save" } else { "restore" });
        assert!(refused.says(&words), "{}", refused.raw);
        assert_eq!(ask(&mut client, "recall", "").await, format!("recall {kept}"));
        states += 1;
        assert_eq!(ask(&mut client, "state", "").await, format!("state {states}"));
    }

    // What is saved is kept, be it nothing; what is not saved is gone with the old version.
    for (kept, number) in [("it's \"ж\" 😀\\", 1), ("", 2)] {
        bot.forget();
        client.send("web_in", "remember", kept);
        home.rename_plugin("guest.wasm", another_build(plugin, number));
        bot.replaced("guest").await;
        assert_eq!(ask(&mut client, "recall", "").await, format!("recall {kept}"));
        assert_eq!(ask(&mut client, "state", "").await, "state 1");
    }
}
