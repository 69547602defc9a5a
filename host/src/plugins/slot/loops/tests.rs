#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::*;

const HOPS: u32 = 50;
const MS: Duration = Duration::from_millis(1);

/// A plugin in one pipe, and what it answers.
struct Plugin {
    loops: Loops,
    pipe: Arc<str>,
    now: Instant,
    batch: u64,
}

impl Plugin {
    fn new() -> Self {
        Self { loops: Loops::default(), pipe: "web_chat".into(), now: Instant::now(), batch: 0 }
    }

    /// Hears `data` some time later, in a batch of its own, and answers it.
    fn answers(&mut self, data: &str, answer: &str, later: Duration) -> Option<Instant> {
        self.now += later;
        self.batch += 1;
        let event = Answered { pipe: &Arc::clone(&self.pipe), name: "msg", data, batch: self.batch };
        self.loops.look(event, &[answer.to_owned()], HOPS, self.now)
    }

    /// Waits for the verdict, while so much waits at first and so much at the end.
    fn verdict(&mut self, at_half: usize, at_the_end: usize) -> Option<Finding> {
        self.now = self.loops.wake_at().unwrap();
        assert_eq!(self.loops.judge(self.now, |_| at_half), None);
        self.now = self.loops.wake_at().unwrap();
        self.loops.judge(self.now, |_| at_the_end)
    }
}

/// Answers until it is suspected; gives after how many answers.
fn suspected(plugin: &mut Plugin, later: Duration, mut texts: impl FnMut(u32) -> (String, String)) -> Option<u32> {
    (1..1000).find(|number| {
        let (data, answer) = texts(*number);
        plugin.answers(&data, &answer, later).is_some()
    })
}

#[test]
fn two_who_repeat_each_other_are_a_loop_if_the_pipe_falls_silent_with_the_plugin() {
    let mut plugin = Plugin::new();
    assert_eq!(suspected(&mut plugin, 5 * MS, |_| ("hi".into(), "ho".into())), Some(HOPS + 1));
    let Some(Finding::Loop { hops, time, data, .. }) = plugin.verdict(1, 1) else { panic!("it is one") };
    assert_eq!((hops, time, data.as_str()), (HOPS + 1, 250 * MS, "hi"));
}

#[test]
fn a_text_that_grows_is_a_loop() {
    let mut plugin = Plugin::new();
    let texts = |number| {
        let text = "re: ".repeat(2 * number as usize) + "hello";
        (text.clone(), format!("re: {text}"))
    };
    assert_eq!(suspected(&mut plugin, 3 * MS, texts), Some(HOPS + 1));
    assert!(matches!(plugin.verdict(1, 1), Some(Finding::Loop { .. })));
}

#[test]
fn a_plugin_that_hears_itself_is_a_loop() {
    let mut plugin = Plugin::new();
    let texts = |number| (format!("say {number}"), format!("say {}", number + 1));
    assert_eq!(suspected(&mut plugin, 3 * MS, texts), Some(HOPS + 1));
}

#[test]
fn two_texts_in_turn_are_a_loop() {
    let mut plugin = Plugin::new();
    let texts = |number| if number % 2 == 0 { ("a".into(), "x".into()) } else { ("b".into(), "y".into()) };
    assert_eq!(suspected(&mut plugin, 3 * MS, texts), Some(2 * HOPS + 1));
}

#[test]
fn other_texts_are_none() {
    let mut plugin = Plugin::new();
    let texts = |number| (format!("question {number}"), format!("to {number}: yes"));
    assert_eq!(suspected(&mut plugin, 3 * MS, texts), None);
}

#[test]
fn a_busy_pipe_is_cleared_and_not_suspected_again_for_a_while() {
    let mut plugin = Plugin::new();
    let same = |_| ("hello".into(), "hello you".into());
    assert_eq!(suspected(&mut plugin, 5 * MS, same), Some(HOPS + 1));
    assert_eq!(plugin.verdict(100, 200), Some(Finding::Cleared("web_chat".into())));
    assert_eq!(suspected(&mut plugin, 5 * MS, same), None);
    plugin.now += CLEARED;
    assert_eq!(suspected(&mut plugin, 5 * MS, same), Some(HOPS + 1));
}

#[test]
fn what_came_before_the_answer_was_not_caused_by_it() {
    let mut plugin = Plugin::new();
    for _ in 0..1000 {
        plugin.batch = 7;
        plugin.now += 3 * MS;
        let event = Answered { pipe: &Arc::clone(&plugin.pipe), name: "msg", data: "hello", batch: 7 };
        assert_eq!(plugin.loops.look(event, &["hello".to_owned()], HOPS, plugin.now), None);
    }
}

#[test]
fn a_crowd_that_stopped_by_chance_gets_the_benefit_of_the_doubt_once() {
    let mut plugin = Plugin::new();
    let same = |_| ("hello".into(), "hello you".into());
    suspected(&mut plugin, 5 * MS, same).unwrap();
    assert_eq!(plugin.verdict(30, 30), None);
    assert!(!plugin.loops.is_any());
    assert_eq!(suspected(&mut plugin, 5 * MS, same), Some(HOPS + 1));
    assert!(matches!(plugin.verdict(30, 30), Some(Finding::Loop { .. })));
}

#[test]
fn what_is_slower_than_one_in_a_second_is_left_alone_and_what_is_slow_gets_a_longer_look() {
    let mut plugin = Plugin::new();
    assert_eq!(suspected(&mut plugin, 1100 * MS, |_| ("tick".into(), "tock".into())), None);
    let mut plugin = Plugin::new();
    suspected(&mut plugin, 500 * MS, |_| ("tick".into(), "tock".into())).unwrap();
    let pause = plugin.loops.suspicion.as_ref().map(|suspicion| suspicion.until - plugin.now).unwrap();
    assert!(pause > 3500 * MS, "{pause:?}");
}

#[test]
fn in_a_loop_an_event_waits_for_a_second_and_others_do_not() {
    let mut plugin = Plugin::new();
    suspected(&mut plugin, 5 * MS, |_| ("hi".into(), "ho ho".into())).unwrap();
    plugin.verdict(1, 1).unwrap();
    let begin = plugin.now;
    for step in 0..20_u32 {
        plugin.batch += 1;
        let (now, pipe) = (plugin.now, Arc::clone(&plugin.pipe));
        let event = Answered { pipe: &pipe, name: "msg", data: "hi", batch: plugin.batch };
        assert_eq!(plugin.loops.hold(event, now, |_| 1), Ok(()));
        plugin.loops.look(event, &["ho ho".to_owned()], HOPS, now);
        assert_eq!(plugin.loops.hold(Answered { data: "something else", ..event }, now, |_| 1), Ok(()));
        let held = plugin.loops.hold(Answered { batch: plugin.batch + 1, ..event }, now + 5 * MS, |_| 1);
        assert_eq!(held, Err(Held::Until(begin + (step + 1) * STEP)));
        plugin.now += STEP;
    }
    assert_eq!(plugin.loops.wake_at(), Some(begin + 19 * STEP + QUIET));
    plugin.now = begin + 19 * STEP + QUIET;
    let over = Finding::Over { pipe: "web_chat".into(), answers: 20 };
    assert_eq!(plugin.loops.judge(plugin.now, |_| 0), Some(over));
    assert!(!plugin.loops.is_any() && plugin.loops.wake_at().is_none());
}

#[test]
fn a_crowd_that_was_taken_for_a_loop_is_let_go() {
    let mut plugin = Plugin::new();
    suspected(&mut plugin, 5 * MS, |_| ("hi".into(), "ho ho".into())).unwrap();
    plugin.verdict(1, 1).unwrap();
    let steps = (0..10).find_map(|step| {
        plugin.batch += 1;
        let now = plugin.now + step * STEP;
        let pipe = Arc::clone(&plugin.pipe);
        let event = Answered { pipe: &pipe, name: "msg", data: "hi", batch: plugin.batch };
        let held = plugin.loops.hold(event, now, |_| 50 * (step as usize + 1));
        plugin.loops.look(event, &["ho ho".to_owned()], HOPS, now);
        held.err().map(|held| (step, held))
    });
    assert_eq!(steps, Some((2, Held::NoMore(Finding::Cleared("web_chat".into())))));
    assert!(!plugin.loops.is_any());
}

#[test]
fn whoever_keeps_a_loop_alive_by_a_few_messages_a_second_does_not_hold_the_plugin_up_for_long() {
    let mut plugin = Plugin::new();
    suspected(&mut plugin, 5 * MS, |_| ("hi".into(), "ho ho".into())).unwrap();
    plugin.verdict(1, 1).unwrap();
    let steps = (0..30).find_map(|step| {
        plugin.batch += 1;
        let now = plugin.now + step * STEP;
        let pipe = Arc::clone(&plugin.pipe);
        let event = Answered { pipe: &pipe, name: "msg", data: "hi", batch: plugin.batch };
        let held = plugin.loops.hold(event, now, |_| 1 + step as usize);
        plugin.loops.look(event, &["ho ho".to_owned()], HOPS, now);
        held.err().map(|held| (step, held))
    });
    assert_eq!(steps, Some((11, Held::NoMore(Finding::Cleared("web_chat".into())))));
}

proptest! {
    #[test]
    fn nothing_is_suspected_before_it_was_answered_often_enough(
        heard in proptest::collection::vec((0_usize..4, 0_u64..3000), 0..400), hops in 1_u32..40,
    ) {
        let texts = ["one", "a longer one", "a longer one, repeated", ""];
        let mut plugin = Plugin::new();
        for (answered, (text, later)) in heard.into_iter().enumerate() {
            let text = texts[text];
            plugin.now += Duration::from_millis(later);
            plugin.batch += 1;
            let event = Answered { pipe: &Arc::clone(&plugin.pipe), name: "msg", data: text, batch: plugin.batch };
            let stops = plugin.loops.look(event, &[text.to_owned()], hops, plugin.now);
            prop_assert!(stops.is_none() || answered >= hops as usize);
            prop_assert!(plugin.loops.answered.len() <= ANSWERED && plugin.loops.sent.len() <= SENT);
            if let Some(until) = stops {
                prop_assert!((PAUSE..=SLOW * PAUSE_HOPS).contains(&(until - plugin.now)));
                break;
            }
        }
    }
}
