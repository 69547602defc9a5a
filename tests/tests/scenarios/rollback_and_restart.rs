//! What the bot remembers of versions: which were good, which was taken back, what was granted, what is switched off; over
//! a restart as well.

use cometbot::bot::{
    control::{Answer, Request},
    outcome::{Outcome, OutcomeKind},
};
use cometbot_tests::{Client, Comet, Ended, Home, Plugin, Process, within};

use crate::scrape::{SERVED, Scraper};

fn saying(word: &str) -> Plugin {
    Plugin::answering("web_chat", word)
}

/// A version that fails on everything.
fn failing() -> Plugin {
    Plugin::new().hears("web_chat", ["msg"]).sends("web_chat").handle("unreachable")
}

async fn done(home: &Home, arguments: &[&str]) -> Ended {
    let ended = home.run(arguments).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended
}

/// What the only plugin answers.
async fn said(client: &mut Client) -> String {
    client.ask("web_chat", "x").await
}

fn is_swapped(outcomes: &[Outcome]) -> bool {
    matches!(outcomes, [Outcome { kind: OutcomeKind::Swapped { .. }, .. }])
}

async fn restarted(bot: Process, home: &Home) -> Process {
    assert_eq!(bot.stop().await.code, Some(0));
    home.live().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_goes_back_version_by_version_also_after_a_restart_and_the_folder_does_not_undo_it() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").plugin("word.wat", saying("one").text());
    let mut bot = home.live().await;
    for word in ["two", "three"] {
        bot.forget();
        home.rename_plugin("word.wat", saying(word).text());
        bot.replaced("word").await;
    }
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(said(&mut client).await, "three x");
    let ended = done(&home, &["rollback", "word", "--wait"]).await;
    assert!(ended.out.starts_with("word: swapped to "), "{ended:?}");
    assert_eq!(said(&mut client).await, "two x");

    // The file in the folder is the third version still: a restart does not bring it back.
    let mut bot = restarted(bot, &home).await;
    assert_eq!(said(&mut client).await, "two x");
    done(&home, &["rollback", "word", "--wait"]).await;
    assert_eq!(said(&mut client).await, "one x");
    let ended = home.run(["rollback", "word", "--wait"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("of word no earlier version is kept"), "{ended:?}");

    // The operator's own word brings it back, and a new file as well.
    done(&home, &["reload", "word", "--wait"]).await;
    assert_eq!(said(&mut client).await, "three x");
    bot.forget();
    home.rename_plugin("word.wat", saying("four").text());
    bot.replaced("word").await;
    assert_eq!(said(&mut client).await, "four x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_every_plugin_the_versions_that_one_can_go_back_to_are_kept_and_no_others() {
    let comet = Comet::start().await;
    let mut home = Home::at(&comet).set("plugins", "keep-versions = 2").set("defaults", "probation-events = 0");
    let other = |number: usize| Plugin::answering("web_other", &format!("other{number}"));
    for number in 0..8 {
        home = home.plugin(&format!("other{number}.wat"), other(number).text());
    }
    let home = home.plugin("word.wat", saying("v0").text());
    let mut bot = home.live().await;
    let kept = |folder: &str| std::fs::read_dir(home.path().join("state").join(folder)).unwrap().count();
    assert_eq!(kept("versions"), 9, "of each plugin the one that runs");
    for number in 1..6 {
        bot.forget();
        home.rename_plugin("word.wat", saying(&format!("v{number}")).text());
        bot.replaced("word").await;
    }
    // The one that runs and two before it; and the key beside what is compiled.
    done(&home, &["reload", "--wait"]).await;
    assert_eq!((kept("versions"), kept("compiled")), (8 + 3, 8 + 3 + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_taken_back_does_not_come_back_with_a_restart() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", saying("good").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    home.rename_plugin("word.wat", failing().text());
    bot.replaced("word").await;
    client.send_all("web_chat", "msg", ["a", "b", "c"]);
    assert_eq!(client.next_lines(3).await, ["good a", "good b", "good c"], "the old version makes them good");
    bot.wait_until_it_says("an earlier version is back").await;

    let bot = restarted(bot, &home).await;
    bot.wait_until_it_says("the file is a version that was taken back").await;
    assert_eq!(said(&mut client).await, "good x");
    assert_eq!(bot.lines(|line| line.says("failed on an event")).len(), 0);
    // Its author writes a better one.
    home.rename_plugin("word.wat", saying("better").text());
    bot.replaced("word").await;
    assert_eq!(said(&mut client).await, "better x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_went_bad_while_the_bot_was_away_does_not_keep_the_last_good_version_from_running() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", saying("good").text());
    let bot = home.live().await;
    assert_eq!(bot.stop().await.code, Some(0));
    home.write_plugin("word.wat", "(module (oops))");
    let bot = home.live().await;
    bot.rejected("word").await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(said(&mut client).await, "good x");
    drop(bot);
    // One that is new and good takes over as it would have while the bot ran.
    home.write_plugin("word.wat", saying("new").text());
    let _bot = home.live().await;
    assert_eq!(said(&mut client).await, "new x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_asks_for_more_runs_when_it_is_granted_and_not_before_also_after_a_restart() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).granting("word", "web_chat").plugin("word.wat", saying("old").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat", "web_other"]).await;
    home.rename_plugin("word.wat", saying("new").hears("web_other", []).sends("web_other").text());
    let line = bot.wait_until_it_says("waits for you").await;
    assert!(line.says("(hear web_other; send web_other)"), "{}", line.raw);
    let ended = home.run(["reload", "word", "--wait"]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_eq!(said(&mut client).await, "old x");

    let bot = restarted(bot, &home).await;
    bot.wait_until_it_says("waits for you").await;
    assert_eq!(said(&mut client).await, "old x");
    let ended = done(&home, &["--json", "plugins", "word"]).await;
    assert!(ended.out.contains(r#""state":"waiting""#), "{ended:?}");
    assert_eq!(home.run(["grant", "word"]).await.code, Some(0));
    bot.replaced("word").await;
    comet.subscribed("web_other", 2).await;
    assert_eq!(said(&mut client).await, "new x");
    assert_eq!(client.ask("web_other", "y").await, "new y");

    // What was granted once need not be granted again, and less may be asked for at any time.
    let mut bot = restarted(bot, &home).await;
    for word in ["less", "more"] {
        bot.forget();
        let less = saying(word);
        let version = if word == "less" { less } else { less.hears("web_other", []).sends("web_other") };
        home.rename_plugin("word.wat", version.text());
        bot.replaced("word").await;
        assert_eq!(said(&mut client).await, format!("{word} x"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_want_to_be_asked_sets_it_so() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "new-grants = \"grant\"").plugin("word.wat", saying("old").text());
    let bot = home.live().await;
    home.rename_plugin("word.wat", saying("new").counts("web_chat").text());
    bot.replaced("word").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_is_disabled_finishes_stays_so_over_a_restart_and_comes_back_when_it_is_enabled() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).plugin("word.wat", saying("word").text());
    let bot = home.live().await;
    done(&home, &["disable", "word"]).await;
    bot.wait_until_it_says("plugin disabled").await;
    comet.subscribed("web_chat", 0).await;
    let bot = restarted(bot, &home).await;
    // A new file does not run either.
    home.rename_plugin("word.wat", saying("other").text());
    let ended = done(&home, &["--json", "plugins", "word"]).await;
    assert!(ended.out.contains(r#""state":"disabled""#), "{ended:?}");
    comet.subscribed("web_chat", 0).await;
    assert_eq!(home.run(["reload", "word"]).await.code, Some(1));
    done(&home, &["enable", "word"]).await;
    bot.started("word").await;
    comet.subscribed("web_chat", 1).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(said(&mut client).await, "other x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_lasts_until_the_probation_is_over_and_its_end_is_the_exit_code() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-seconds = 3").plugin("word.wat", saying("good").text());
    let mut bot = home.live().await;
    let mut client = Client::join(&comet, ["web_chat"]).await;

    // Nothing changes with the command, but it is not over. Where a process takes longer to start than a probation, once
    // more: then there is nothing to wait for.
    let swapped = async {
        let mut attempt = 0;
        loop {
            attempt += 1;
            bot.forget();
            home.rename_plugin("word.wat", saying(&format!("better{attempt}")).text());
            bot.replaced("word").await;
            let ended = done(&home, &["reload", "--wait"]).await;
            if !ended.out.is_empty() {
                return ended;
            }
        }
    };
    let ended = within("a command that waits for the end of a probation", swapped).await;
    assert!(ended.out.contains("word: swapped to "), "{ended:?}");

    bot.forget();
    home.rename_plugin("word.wat", failing().text());
    bot.replaced("word").await;
    let waiting = home.spawn(["reload", "word", "--wait"]);
    // For as long as it takes: if it was taken back before the command came, that tries it once more.
    let talk = async {
        loop {
            client.send_and_wait("web_chat", "msg", "x").await;
        }
    };
    let ended = tokio::select! {
        ended = waiting.end() => ended,
        () = talk => panic!("talk has no end"),
    };
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.out.contains("word: rolled back to ") && ended.out.contains("it failed on 3 of its"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_outcome_is_counted_in_the_metrics() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).granting("word", "web_chat").set("service", SERVED);
    let home = home.plugin("word.wat", saying("good").text());
    let mut bot = home.live().await;
    let scraper = Scraper::of(&bot).await;
    home.rename_plugin("word.wat", "no plugin");
    bot.rejected("word").await;
    home.rename_plugin("word.wat", saying("greedy").counts("web_chat").text());
    bot.wait_until_it_says("waits for you").await;
    bot.forget();
    home.rename_plugin("word.wat", failing().text());
    bot.replaced("word").await;
    let client = Client::join(&comet, ["web_chat"]).await;
    client.send_all("web_chat", "msg", ["a", "b", "c"]);
    bot.wait_until_it_says("an earlier version is back").await;
    done(&home, &["disable", "word"]).await;
    let count = |outcome: &str| format!("cometbot_plugin_reloads_total{{plugin=\"word\",outcome=\"{outcome}\"}}");
    let page = scraper.until("the end", |page| page.value(&count("disabled")) == Some(1.0)).await;
    for outcome in ["started", "swapped", "rejected", "waiting", "rolled_back", "disabled"] {
        assert_eq!(page.value(&count(outcome)), Some(1.0), "{outcome}");
    }
    assert_eq!(page.value("cometbot_plugin_swap_pause_seconds_count"), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_granted_and_disabled_holds_for_a_file_that_goes_and_comes_again() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").granting("word", "web_chat");
    let home = home.plugin("word.wat", saying("old").counts("web_chat").text());
    let mut bot = home.live().await;
    bot.wait_until_it_says("not granted, and refused: count web_chat;").await;
    done(&home, &["grant", "word", "--wait"]).await;
    bot.forget();
    home.delete_plugin("word.wat");
    bot.wait_until_it_says("plugin removed").await;
    home.write_plugin("word.wat", saying("new").counts("web_chat").logs("web_chat").text());
    // One that comes anew runs, with what it had been granted.
    bot.started("word").await;
    bot.wait_until_it_says("not granted, and refused: log web_chat;").await;
    done(&home, &["disable", "word"]).await;
    home.delete_plugin("word.wat");
    bot.wait_until_it_says("plugin removed").await;
    home.write_plugin("word.wat", saying("again").text());
    // The file of another plugin that comes after it, and runs.
    home.write_plugin("other.wat", Plugin::answering("web_other", "other").text());
    bot.started("other").await;
    let ended = done(&home, &["--json", "plugins", "word"]).await;
    assert!(ended.out.contains(r#""state":"disabled""#), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_that_the_operator_goes_back_to_during_a_probation_misses_nothing() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("defaults", "probation-seconds = 600")
        .plugin("word.wat", Plugin::counting(&["web_a", "web_b"], "good").text());
    let bot = home.live().await;
    let mut client = Client::join(&comet, ["web_a", "web_b", "web_told"]).await;
    client.send_all("web_a", "msg", ["1", "2"]);
    assert_eq!(client.next_lines(2).await, ["good 1", "good 2"]);
    // It does not hear web_b, forgets what it is given, and fails on one event.
    let lazy = Plugin::new().hears("web_a", []).sends("web_*").handle(
        r#"(if (call $is (local.get $data) (local.get $data_bytes) "bad") (then (return (call $fail "no"))))
        (call $send (local.get $pipe) (local.get $pipe_bytes) "lazy" (local.get $data) (local.get $data_bytes))"#,
    );
    home.rename_plugin("word.wat", lazy.text());
    bot.replaced("word").await;
    client.send("web_a", "msg", "3");
    assert_eq!(client.next_lines(1).await, ["lazy 3"]);
    client.send("web_a", "msg", "bad");
    bot.failed("word").await;
    client.send_and_wait("web_b", "msg", "4").await;
    done(&home, &["rollback", "word", "--wait"]).await;
    assert_eq!(client.next_lines(2).await, ["good bad", "good 4"], "what was not answered is, and the rest not again");
    client.send("web_ask", "msg", "");
    assert_eq!(client.next_lines(1).await, ["good 5"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_taken_back_does_not_come_back_by_disabling_and_enabling() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").plugin("word.wat", saying("one").text());
    let bot = home.live().await;
    home.rename_plugin("word.wat", saying("two").text());
    bot.replaced("word").await;
    done(&home, &["rollback", "word", "--wait"]).await;
    let ended = done(&home, &["plugins", "word"]).await;
    assert!(ended.out.contains("\n  taken back  "), "{ended:?}");
    done(&home, &["disable", "word"]).await;
    done(&home, &["enable", "word"]).await;
    comet.subscribed("web_chat", 1).await;
    let mut client = Client::join(&comet, ["web_chat"]).await;
    assert_eq!(said(&mut client).await, "one x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_put_right_while_its_version_is_on_probation_is_judged_by_that() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-seconds = 3").plugin("word.wat", saying("one").text());
    let bot = home.live().await;
    home.rename_plugin("word.wat", saying("two").text());
    bot.replaced("word").await;
    home.rename_plugin("word.wat", "(module (oops))");
    bot.rejected("word").await;
    home.rename_plugin("word.wat", saying("two").text());
    let request = Request::Reload { plugin: Some("word".to_owned()), wait: true, without_state: false };
    let answer = home.ask(&request).await;
    assert!(matches!(&answer, Answer::Outcomes { outcomes, .. } if is_swapped(outcomes)), "{answer:?}");
    bot.wait_until_it_says("the version has passed its probation").await;
    let ended = done(&home, &["--json", "plugins", "word"]).await;
    assert!(ended.out.contains(r#""state":"running""#), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_the_configuration_does_not_put_the_running_bot_out_of_reach() {
    let comet = Comet::start().await;
    let home = Home::at(&comet).set("defaults", "probation-events = 0").plugin("word.wat", saying("one").text());
    let bot = home.live().await;
    home.rename_plugin("word.wat", saying("two").text());
    bot.replaced("word").await;
    std::fs::write(home.path().join("bot.toml"), "[pluggins]\n").unwrap();
    let ended = done(&home, &["rollback", "word", "--wait"]).await;
    assert!(ended.err.contains("pluggins") && ended.err.contains("going on with"), "{ended:?}");
}
