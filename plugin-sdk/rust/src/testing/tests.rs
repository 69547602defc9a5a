#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::{Gap, clock, config, log, random};

#[derive(Debug)]
struct Everything {
    gaps: Vec<Gap>,
    missed: Vec<Event>,
}

impl Plugin for Everything {
    fn setup() -> Result<(Self, Wants), Error> {
        if config::get("refuse")?.is_some() {
            return Err("not today".into());
        }
        log::info!("started");
        let wants = Wants::new().hear_all("web_chat").send("web_*").log("web_chat").count("web_*").hear_all("host:gap");
        Ok((Self { gaps: Vec::new(), missed: Vec::new() }, wants))
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match &*event.name {
            "send" => comet::send(&event.data, "msg", "x")?,
            "send, and fail" => {
                comet::send("web_chat", "msg", "x")?;
                return Err("failed".into());
            }
            "as told" => {
                let call = event.json::<[String; 4]>()?;
                // What is refused is not always the end of an event.
                let _ = match call.each_ref().map(String::as_str) {
                    ["send", pipe, name, message] => comet::send(pipe, name, message),
                    ["count", pipe, ..] => comet::count(pipe).map(drop),
                    [_, pipe, ..] => comet::log(pipe, 9).map(drop),
                };
            }
            "much" => {
                for _ in 0..17 {
                    comet::send("web_chat", "much", &"x".repeat(65_000))?;
                }
            }
            "line" => log::warn!(target: "billing", "no credit"),
            "nul" => comet::send("web_chat", "msg", "\0")?,
            "log" => event.reply("log", comet::log("web_chat", 2)?.last().map_or("", |row| &row.data))?,
            "count" => event.reply_json("count", &comet::count("web_chat")?)?,
            "json" => event.reply_json("json", &event.json::<Vec<u8>>()?)?,
            "time" => event.reply_json("time", &clock::monotonic().as_secs())?,
            _ => event.reply("random", &format!("{} {}", random::number(), random::bytes(9).len()))?,
        }
        Ok(())
    }

    fn history(&mut self, event: Event) -> Result<(), Error> {
        self.missed.push(event);
        Ok(())
    }

    fn gap(&mut self, event: Event) -> Result<(), Error> {
        self.gaps.push(event.json()?);
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, Error> {
        match self.missed.len() {
            0 => Ok(Vec::new()),
            1 => comet::send("web_chat", "saved", "").map(|()| Vec::new()).map_err(Error::from),
            2 => Ok(vec![0; STATE_MAX_BYTES + 1]),
            _ => Ok(serde_json::to_vec(&self.missed.iter().map(|event| &event.data).collect::<Vec<_>>())?),
        }
    }

    fn restore(&mut self, state: Vec<u8>) -> Result<(), Error> {
        let missed: Vec<String> = serde_json::from_slice(&state)?;
        self.missed = missed.iter().map(|data| event("restored", data)).collect();
        if missed.len() > 3 { Err("that is too many".into()) } else { Ok(()) }
    }
}

fn missed(data: &str) -> Event {
    Event { history: true, ..event("msg", data) }
}

fn event(name: &str, data: &str) -> Event {
    Event::new("web_chat", name, data)
}

fn stage() -> Stage<Everything> {
    Stage::with()
        .log("web_chat", [event("msg", "1"), event("msg", "2"), event("msg", "3")])
        .count("web_chat", 5)
        .start()
        .unwrap()
}

#[test]
fn what_is_sent_is_noted_and_what_was_not_asked_for_is_denied() {
    let mut stage = stage();
    assert_eq!(stage.handle(event("send", "web_other")).unwrap(), [Sent::new("web_other", "msg", "x")]);
    let denied = stage.handle(event("send", "webauth_x")).unwrap_err();
    assert!(matches!(denied.downcast_ref(), Some(comet::Error::Denied(_))), "{denied}");
    let invalid = stage.handle(event("nul", "")).unwrap_err();
    assert!(matches!(invalid.downcast_ref(), Some(comet::Error::Invalid(_))), "{invalid}");
}

#[test]
fn a_handle_that_fails_sends_nothing() {
    let mut stage = stage();
    assert_eq!(stage.handle(event("send, and fail", "")).unwrap_err().to_string(), "failed");
    assert_eq!(stage.handle(event("json", "[1]")).unwrap(), [Sent::new("web_chat", "json", "[1]")]);
}

#[test]
fn logs_and_counts_are_the_tests() {
    let mut stage = stage();
    assert_eq!(stage.handle(event("log", "")).unwrap()[0].message, "3");
    assert_eq!(stage.handle(event("count", "")).unwrap()[0].message, "5");
    stage.refuse(comet::Error::TimedOut);
    assert_eq!(stage.handle(event("count", "")).unwrap_err().to_string(), comet::Error::TimedOut.to_string());
}

#[test]
fn time_passes_when_the_test_says_so_and_lines_are_noted() {
    let mut stage = stage();
    stage.pass(Duration::from_secs(3));
    assert_eq!(stage.handle(event("time", "")).unwrap()[0].message, "3");
    assert_eq!(stage.lines(), [Line::new("INFO", "started")]);
    assert_ne!(stage.handle(event("random", "")).unwrap(), stage.handle(event("random", "")).unwrap());
}

#[test]
fn a_target_that_was_chosen_is_the_context_of_its_line() {
    let mut stage = stage();
    stage.handle(event("line", "")).unwrap();
    assert_eq!(stage.lines()[1..], [Line { context: "billing".into(), ..Line::new("WARN", "no credit") }]);
}

#[test]
fn a_gap_and_what_was_missed_go_where_they_belong() {
    let mut stage = stage();
    let data = r#"{"pipe":"web_chat","recovered":2,"since":10,"until":20,"why":"no log","new":1}"#;
    stage.handle(Event::new("host:gap", "web_chat", data)).unwrap();
    stage.gap(&Gap::new("web_other", 30, 40)).unwrap();
    let gaps = [(10, 20, 2), (30, 40, 0)];
    assert_eq!(stage.plugin.gaps.iter().map(|gap| (gap.since, gap.until, gap.recovered)).collect::<Vec<_>>(), gaps);
    assert_eq!(stage.handle(missed("x")).unwrap(), []);
    assert_eq!(stage.plugin.missed, [missed("x")]);
}

#[test]
fn what_setup_did_not_ask_for_does_not_arrive() {
    let words = stage().handle(Event::new("web_other", "msg", "")).unwrap_err().to_string();
    assert_eq!(words, "the plugin does not hear `msg` in web_other: `setup` must ask for it");
}

#[test]
fn what_the_server_could_not_take_is_invalid_and_what_was_refused_is_noted() {
    let mut stage = stage();
    let long = "n".repeat(65);
    let mut refused = |call: [&str; 4]| {
        stage.handle(event("as told", &serde_json::to_string(&call).unwrap())).unwrap();
        stage.refused().pop().map(|refused| refused.error)
    };
    for (call, is_fine) in [
        (["send", "web_chat", "", ""], true),
        (["send", "@web_chat", "msg", "quotes \" and 😀"], true),
        (["send", "web_chat", &long, ""], false),
        (["send", &format!("web_{long}"), "msg", ""], false),
        (["send", "web_chat", "a b", ""], false),
        (["send", "web_чат", "msg", ""], false),
        (["send", "web_chat", "msg", "\0"], false),
        (["send", "web_chat", "msg", &"x".repeat(65_536)], false),
        (["count", "web_chat", "", ""], true),
        (["count", "web_a b", "", ""], false),
        (["log", "web_chat", "", ""], true),
    ] {
        match refused(call) {
            None => assert!(is_fine, "{call:?}"),
            Some(error) => assert!(!is_fine && matches!(error, comet::Error::Invalid(_)), "{call:?}: {error:?}"),
        }
    }
    assert!(matches!(refused(["log", "web_other", "", ""]), Some(comet::Error::Denied(_))));
}

#[test]
fn one_event_cannot_send_more_than_a_mebibyte() {
    let refused = stage().handle(event("much", "")).unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(comet::Error::Unavailable(_))), "{refused}");
}

#[test]
fn of_a_log_with_more_than_99_rows_the_oldest_are_given() {
    let mut stage = stage();
    stage.log("web_chat", (4..=120).map(|number| event("msg", &number.to_string())));
    assert_eq!(stage.handle(event("log", "")).unwrap()[0].message, "99");
}

#[test]
fn names_that_cannot_be_keep_a_plugin_from_starting() {
    let words = |wants: Wants| rules::check_wants(&wants).unwrap_err();
    assert_eq!(
        words(Wants::new().hear_all("web.chat")),
        "`setup` asks in `hear` for what cannot be: pipe name \"web.chat\" has the character '.': only A-Z a-z 0-9 _ and \
         - are allowed"
    );
    assert!(words(Wants::new().send("web_*_x")).contains("`send`"));
    assert!(words(Wants::new().count("x")).contains("too short"));
    assert!(
        words(Wants::new().hear("web_chat", (0..129).map(|number| format!("e{number}")))).contains("128 is the most")
    );
    assert_eq!(rules::check_wants(&Wants::new().hear_all("host:gap").hear_all("msg").log("*")), Ok(()));
}

#[test]
fn a_refusal_is_the_error_of_the_start() {
    let refused = Stage::<Everything>::with().config("refuse", "1").start().unwrap_err();
    assert_eq!(refused.to_string(), "not today");
}

#[test]
fn json_of_another_form_is_an_error_that_names_the_event() {
    let words = stage().handle(event("json", "{}")).unwrap_err().to_string();
    assert!(words.starts_with("the data of `json` in web_chat are not as expected: "), "{words}");
}

#[test]
fn a_reload_sets_a_new_instance_up_which_takes_what_the_old_one_saved() {
    let mut stage = stage();
    stage.plugin.gaps.push(Gap::new("web_chat", 1, 2));
    stage.reload().unwrap();
    assert_eq!((stage.plugin.gaps.len(), stage.plugin.missed.len()), (0, 0));
    for data in ["1", "2", "3"] {
        stage.handle(missed(data)).unwrap();
    }
    stage.reload().unwrap();
    assert_eq!(stage.plugin.missed, ["1", "2", "3"].map(|data| event("restored", data)));
    assert_eq!(stage.lines().len(), 3);
    assert_eq!(stage.handle(event("json", "[1]")).unwrap().len(), 1);
}

#[test]
fn a_reload_that_fails_leaves_the_instance_as_it_was() {
    let mut stage = stage();
    let words = |stage: &mut Stage<Everything>, data: &str| {
        stage.handle(missed(data)).unwrap();
        stage.reload().map_or_else(|error| error.to_string(), |()| String::new())
    };
    assert_eq!(
        words(&mut stage, "1"),
        "`setup` did not ask to send in the pipe \"web_chat\": name it in the list `send`"
    );
    assert_eq!(words(&mut stage, "2"), "`save` handed over 8388609 bytes: 8388608 is the most (`state-mib`)");
    assert_eq!(words(&mut stage, "3"), "");
    assert_eq!(words(&mut stage, "4"), "that is too many");
    assert_eq!(stage.plugin.missed.len(), 4);
    assert_eq!(stage.handle(event("json", "[1]")).unwrap().len(), 1);
}
