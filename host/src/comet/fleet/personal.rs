//! Personal messages, each passed once, although every connection of a user brings it (PROTOCOL.md, section 9).
//!
//! Nothing on the wire tells a message from another with the same name and text, so none can be known by itself; but
//! copies can be counted. A **live** message goes to all connections that the server knows at that moment. The first
//! link that brings it passes it, and every other link then *owes* one copy: when it brings an equal message, that is
//! the copy. So equal messages pass as often as they were sent, in whatever order the links bring them.
//!
//! A link that connects owes nothing of what had passed before: the server sends only what is new, so an equal message
//! that it brings is another one. Were it to owe what passed lately, a repeated message ("ping", every few seconds)
//! would be lost whenever the link that had brought it went down. But it owes all that passes from the moment at which
//! it *begins* to connect, as nobody can tell when the server took it in: counted from its login, a message that
//! overtakes the login on another link would pass twice. What remains of the two evils is the rarer and lesser one: a
//! message that is on its way over other links while one connects, and that the new one will not bring, leaves the two
//! one apart. If within [`COPY_MAX_AGE`] an equal message follows, and a link goes down that alone had one of the two
//! still to bring, one of them is lost. Messages that differ in anything are never lost.
//!
//! Nor can a copy be awaited for ever: one that comes later than [`COPY_MAX_AGE`] behind the first passes again.
//!
//! A **queued** message comes to the link that logs in, and a row of that very second comes again at the next login,
//! whenever that is, and to several that log in together. Each login brings all rows that are left, so rows with equal
//! name, text and time are counted anew for each login, and those beyond the count that has passed are new.
//!
//! Pure. Called by `fleet` alone.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use hashbrown::HashMap;

use crate::comet::{name::PERSONAL_PIPE, wire::Event};

/// How long behind the first copy of a message another one is taken for a copy, and not for a message of its own.
pub const COPY_MAX_AGE: Duration = Duration::from_secs(10);

/// Live messages of which copies are awaited; beyond that the oldest are forgotten.
const AWAITED_MAX: usize = 4_096;

/// Queued messages that are remembered. A login brings at most ten (PROTOCOL.md, section 9).
const QUEUED_MAX: usize = 256;

/// Tells which copy of a personal message is the first.
#[derive(Debug, Default)]
pub struct Personal {
    /// Messages are remembered by a hash with a secret of its own, so that nobody can make two that are taken for one.
    hasher: RandomState,
    /// Links that may bring something, and since when.
    up: BTreeMap<usize, Instant>,
    live: Live,
    queued: Queued,
}

impl Personal {
    /// No link is up.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `link` begins to connect. To be called before its request leaves: a message that another link passes after the
    /// server has taken this one in, but before this call, passes twice.
    pub fn connecting(&mut self, link: usize, now: Instant) {
        self.lost(link);
        self.up.insert(link, now);
    }

    /// The connection of `link` is gone or did not come about: nothing of it will be handed in any more. What it still
    /// owes it will never bring.
    pub fn lost(&mut self, link: usize) {
        self.up.remove(&link);
        self.live.acquit(link);
        self.queued.count_anew(link);
    }

    /// Whether another link than `link` has been up since `moment`.
    #[must_use]
    pub fn is_up_since(&self, moment: Instant, link: usize) -> bool {
        self.up.iter().any(|(other, since)| *other != link && *since < moment)
    }

    /// Whether `event`, which `link` has brought, is to be passed on. An event of another pipe than `msg` always is.
    /// While only one link is up, live messages are not even looked at.
    pub fn is_new(&mut self, link: usize, event: &Event<'_>, now: Instant) -> bool {
        if event.pipe != PERSONAL_PIPE {
            return true;
        }
        if event.history {
            let row = self.hasher.hash_one((&event.name, &event.data, event.time));
            return self.queued.is_new(link, row, event.time.is_some(), now);
        }
        let others: Vec<usize> = self.up.keys().copied().filter(|other| *other != link).collect();
        if others.is_empty() && self.live.is_empty() {
            return true;
        }
        let message = self.hasher.hash_one((&event.name, &event.data));
        self.live.is_new(link, others, message, now)
    }
}

/// Copies of live messages that are still to come.
#[derive(Debug, Default)]
struct Live {
    /// For each message that passed, oldest first, the links that owe a copy of it.
    owing: HashMap<u64, VecDeque<Vec<usize>>>,
    /// When each of them passed, and which it was, oldest first.
    passed: VecDeque<(Instant, u64)>,
}

impl Live {
    fn is_empty(&self) -> bool {
        self.passed.is_empty()
    }

    fn is_new(&mut self, link: usize, others: Vec<usize>, message: u64, now: Instant) -> bool {
        self.forget(now);
        let mut equal = self.owing.get_mut(&message).into_iter().flatten();
        if let Some(owing) = equal.find(|owing| owing.contains(&link)) {
            owing.retain(|other| *other != link);
            return false;
        }
        if !others.is_empty() {
            self.owing.entry(message).or_default().push_back(others);
            self.passed.push_back((now, message));
            if self.passed.len() > AWAITED_MAX {
                self.forget_oldest();
            }
        }
        true
    }

    /// Forgets from the oldest on what is too old or has been brought by all.
    fn forget(&mut self, now: Instant) {
        while let Some((at, message)) = self.passed.front() {
            let owing = self.owing.get(message).and_then(VecDeque::front);
            if now.saturating_duration_since(*at) < COPY_MAX_AGE && owing.is_some_and(|owing| !owing.is_empty()) {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, message)) = self.passed.pop_front() else { return };
        // Equal messages stand in the order in which they passed, so the oldest of all is the first of its equals.
        if let Some(equal) = self.owing.get_mut(&message) {
            equal.pop_front();
            if equal.is_empty() {
                self.owing.remove(&message);
            }
        }
    }

    fn acquit(&mut self, link: usize) {
        for owing in self.owing.values_mut().flatten() {
            owing.retain(|other| *other != link);
        }
    }
}

/// Queued messages that have passed.
#[derive(Debug, Default)]
struct Queued {
    rows: HashMap<u64, Row>,
    /// The order in which they first came.
    order: VecDeque<u64>,
}

/// Rows of the queue that are equal in name, text and time.
#[derive(Debug, Default)]
struct Row {
    passed: usize,
    /// How many of them each link has brought since it connected.
    brought: BTreeMap<usize, usize>,
    /// Old servers give no time, and without it an equal row of another day looks the same.
    forget_at: Option<Instant>,
}

impl Queued {
    fn is_new(&mut self, link: usize, row: u64, has_time: bool, now: Instant) -> bool {
        let equal = self.rows.entry(row).or_insert_with(|| {
            self.order.push_back(row);
            Row::default()
        });
        if equal.forget_at.is_some_and(|at| now >= at) {
            *equal = Row::default();
        }
        let brought = equal.brought.entry(link).or_default();
        *brought += 1;
        let is_new = *brought > equal.passed;
        if is_new {
            equal.passed = *brought;
            equal.forget_at = (!has_time).then(|| now + COPY_MAX_AGE);
        }
        if self.order.len() > QUEUED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.rows.remove(&oldest);
        }
        is_new
    }

    fn count_anew(&mut self, link: usize) {
        for row in self.rows.values_mut() {
            row.brought.remove(&link);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use std::borrow::Cow;

    use proptest::{collection::vec, prelude::*};

    use std::collections::BTreeSet;

    use super::*;

    /// A message as the server puts it: a live one has no time.
    fn message(text: &str, queued_at: Option<u64>) -> Event<'_> {
        Event {
            pipe: Cow::Borrowed(PERSONAL_PIPE),
            name: Cow::Borrowed("note"),
            data: Cow::Borrowed(text),
            user_id: None,
            time: queued_at,
            history: queued_at.is_some(),
        }
    }

    /// Links that connected when nothing was going on.
    fn with_links(links: impl IntoIterator<Item = usize>) -> Personal {
        let mut personal = Personal::new();
        links.into_iter().for_each(|link| personal.connecting(link, Instant::now()));
        personal
    }

    /// Which of these, each a link and the live message that it brings, are passed.
    fn passed(personal: &mut Personal, now: Instant, brought: &[(usize, &str)]) -> Vec<bool> {
        brought.iter().map(|(link, text)| personal.is_new(*link, &message(text, None), now)).collect()
    }

    #[test]
    fn a_link_covers_for_another_only_if_it_was_up_all_the_while() {
        let (begin, mut personal) = (Instant::now(), Personal::new());
        let later = |seconds| begin + Duration::from_secs(seconds);
        personal.connecting(0, begin);
        personal.connecting(1, later(5));
        assert!(personal.is_up_since(later(6), 0) && personal.is_up_since(later(6), 1));
        assert!(!personal.is_up_since(later(5), 0), "link 1 came when it had begun");
        personal.lost(1);
        assert!(!personal.is_up_since(later(6), 0));
    }

    #[test]
    fn what_every_link_brings_passes_once() {
        let mut personal = with_links(0..3);
        let brought = [(1, "a"), (0, "a"), (0, "b"), (2, "a"), (2, "b"), (1, "b")];
        assert_eq!(passed(&mut personal, Instant::now(), &brought), [true, false, true, false, false, false]);
    }

    #[test]
    fn a_message_sent_twice_passes_twice() {
        let mut personal = with_links(0..2);
        let brought = [(0, "a"), (0, "a"), (1, "a"), (1, "a"), (1, "a"), (0, "a")];
        assert_eq!(passed(&mut personal, Instant::now(), &brought), [true, true, false, false, true, false]);
    }

    #[test]
    fn name_and_text_are_not_run_together() {
        let mut personal = with_links(0..2);
        let named = |name, text| Event { name: Cow::Borrowed(name), ..message(text, None) };
        assert!(personal.is_new(0, &named("ab", "c"), Instant::now()));
        assert!(personal.is_new(1, &named("a", "bc"), Instant::now()));
    }

    #[test]
    fn events_of_other_pipes_always_pass() {
        let mut personal = with_links(0..2);
        let chat = Event { pipe: Cow::Borrowed("web_chat"), ..message("a", None) };
        assert!((0..2).all(|link| personal.is_new(link, &chat, Instant::now())));
    }

    #[test]
    fn a_repeated_message_survives_the_link_that_brought_it_before() {
        let mut personal = with_links(0..2);
        let now = Instant::now();
        personal.lost(1);
        assert_eq!(passed(&mut personal, now, &[(0, "ping"); 100]), [true; 100]);
        personal.connecting(1, Instant::now());
        personal.lost(0);
        assert_eq!(passed(&mut personal, now, &[(1, "ping"); 100]), [true; 100]);
    }

    #[test]
    fn what_a_lost_link_did_not_bring_passes_by_another() {
        let mut personal = with_links(0..2);
        let now = Instant::now();
        assert_eq!(passed(&mut personal, now, &[(0, "a")]), [true]);
        personal.lost(0);
        assert_eq!(passed(&mut personal, now, &[(1, "a"), (1, "b")]), [false, true]);
        // Link 0 had not brought "b" and never will: this one is another.
        personal.connecting(0, Instant::now());
        assert_eq!(passed(&mut personal, now, &[(0, "b"), (1, "b")]), [true, false]);
    }

    #[test]
    fn a_message_that_overtakes_a_login_passes_once() {
        let mut personal = with_links([0]);
        let now = Instant::now();
        personal.connecting(1, Instant::now());
        // The server has taken link 1 in and sent to both; that link 1 is there is read after this.
        assert_eq!(passed(&mut personal, now, &[(0, "a"), (1, "a")]), [true, false]);
    }

    /// The case that is given up: the first "a" was sent before the server took link 1 in, and passes after link 1 began.
    #[test]
    fn a_debt_that_cannot_be_paid_is_forgotten_in_time() {
        let now = Instant::now();
        for (later, passes) in [(COPY_MAX_AGE - Duration::from_millis(1), false), (COPY_MAX_AGE, true)] {
            let mut personal = with_links(0..2);
            assert_eq!(passed(&mut personal, now, &[(0, "a")]), [true]);
            personal.lost(0);
            assert_eq!(passed(&mut personal, now + later, &[(1, "a")]), [passes]);
        }
    }

    #[test]
    fn one_link_alone_leaves_nothing_to_remember() {
        let mut personal = with_links(0..2);
        personal.lost(1);
        passed(&mut personal, Instant::now(), &[(0, "a"), (0, "a"), (0, "b")]);
        assert!(personal.live.is_empty());
    }

    #[test]
    fn a_link_that_brings_nothing_fills_no_memory() {
        let mut personal = with_links(0..2);
        let now = Instant::now();
        for number in 0..AWAITED_MAX + 100 {
            assert_eq!(passed(&mut personal, now, &[(0, &number.to_string())]), [true]);
        }
        assert_eq!((personal.live.passed.len(), personal.live.owing.len()), (AWAITED_MAX, AWAITED_MAX));
        assert_eq!(passed(&mut personal, now + COPY_MAX_AGE, &[(0, "last")]), [true]);
        assert_eq!((personal.live.passed.len(), personal.live.owing.len()), (1, 1));
        for number in 0..QUEUED_MAX + 100 {
            assert!(personal.is_new(0, &message(&number.to_string(), Some(1)), now));
        }
        assert_eq!((personal.queued.rows.len(), personal.queued.order.len()), (QUEUED_MAX, QUEUED_MAX));
    }

    #[test]
    fn a_queued_row_that_comes_again_at_the_next_login_passes_once_however_late() {
        let mut personal = with_links([0]);
        let now = Instant::now();
        let row = message("a", Some(1_795_478_154));
        assert!(personal.is_new(0, &row, now));
        assert!(personal.is_new(0, &row, now), "two equal rows came at one login");
        personal.connecting(0, Instant::now());
        let later = now + Duration::from_secs(3600);
        assert_eq!([(); 3].map(|()| personal.is_new(0, &row, later)), [false, false, true]);
        assert!(personal.is_new(0, &message("a", Some(1_795_478_155)), later));
    }

    #[test]
    fn a_queued_row_without_a_time_is_told_apart_by_when_it_comes() {
        let mut personal = with_links(0..2);
        let now = Instant::now();
        let row = Event { history: true, ..message("a", None) };
        assert!(personal.is_new(0, &row, now));
        assert!(!personal.is_new(1, &row, now));
        personal.connecting(0, Instant::now());
        assert!(personal.is_new(0, &row, now + COPY_MAX_AGE));
    }

    const LINKS: usize = 4;

    #[derive(Debug, Clone)]
    enum Step {
        /// The link sends its request.
        Connect(usize),
        /// The server takes it in, and hands out the queue.
        Login(usize),
        /// Somebody sends a message with this text.
        Send(u8),
        /// The link reads what has waited longest.
        Read(usize),
        Lose(usize),
        /// The server's clock goes on.
        Second,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..LINKS).prop_map(Step::Connect),
            3 => (0..LINKS).prop_map(Step::Login),
            6 => (0..3_u8).prop_map(Step::Send),
            16 => (0..LINKS).prop_map(Step::Read),
            1 => (0..LINKS).prop_map(Step::Lose),
            1 => Just(Step::Second),
        ]
    }

    #[derive(Debug, Clone, PartialEq)]
    enum Stage {
        Down,
        Connecting,
        Up,
    }

    #[derive(Debug, Clone)]
    struct Sent {
        number: usize,
        text: String,
        queued_at: Option<u64>,
    }

    /// The server and what is under way from it; and beside what was passed, what should have been.
    #[derive(Debug)]
    struct Model {
        personal: Personal,
        now: Instant,
        stages: [Stage; LINKS],
        under_way: [VecDeque<Sent>; LINKS],
        sent: usize,
        queue: Vec<Sent>,
        second: u64,
        /// The messages that have reached us, by text, each once.
        reached: BTreeMap<String, BTreeSet<usize>>,
        passed: BTreeMap<String, usize>,
        /// By text, the copies that other links brought, or had still to bring, while a link connected that will not.
        missed: BTreeMap<String, usize>,
    }

    impl Model {
        fn new() -> Self {
            Self {
                personal: Personal::new(),
                now: Instant::now(),
                stages: [const { Stage::Down }; LINKS],
                under_way: [const { VecDeque::new() }; LINKS],
                sent: 0,
                queue: Vec::new(),
                second: 1_795_478_154,
                reached: BTreeMap::new(),
                passed: BTreeMap::new(),
                missed: BTreeMap::new(),
            }
        }

        fn connect(&mut self, link: usize) {
            if self.stages[link] == Stage::Down {
                self.personal.connecting(link, Instant::now());
                self.stages[link] = Stage::Connecting;
            }
        }

        fn login(&mut self, link: usize) {
            if self.stages[link] == Stage::Connecting {
                for sent in self.under_way.iter().flatten().filter(|sent| sent.queued_at.is_none()) {
                    *self.missed.entry(sent.text.clone()).or_default() += 1;
                }
                self.stages[link] = Stage::Up;
                self.under_way[link].extend(self.queue.iter().take(10).cloned());
                self.queue.retain(|row| row.queued_at >= Some(self.second));
            }
        }

        fn send(&mut self, text: String) {
            let mut sent = Sent { number: self.sent, text, queued_at: None };
            self.sent += 1;
            let mut somebody = false;
            for (stage, under_way) in self.stages.iter().zip(&mut self.under_way) {
                if *stage == Stage::Up {
                    somebody = true;
                    under_way.push_back(sent.clone());
                }
            }
            if !somebody {
                sent.queued_at = Some(self.second);
                self.queue.push(sent);
            }
        }

        fn read(&mut self, link: usize) {
            let Some(Sent { number, text, queued_at }) = self.under_way[link].pop_front() else { return };
            if queued_at.is_none() {
                let connecting = self.stages.iter().filter(|stage| **stage == Stage::Connecting).count();
                *self.missed.entry(text.clone()).or_default() += connecting;
            }
            self.reached.entry(text.clone()).or_default().insert(number);
            if self.personal.is_new(link, &message(&text, queued_at), self.now) {
                *self.passed.entry(text).or_default() += 1;
            }
        }

        fn lose(&mut self, link: usize) {
            self.personal.lost(link);
            self.stages[link] = Stage::Down;
            self.under_way[link].clear();
        }

        fn read_all(&mut self) {
            for link in 0..LINKS {
                while !self.under_way[link].is_empty() {
                    self.read(link);
                }
            }
        }

        /// By text: how many messages reached us, how many were passed, and how many a link missed as it connected.
        fn tally(&self) -> impl Iterator<Item = (&str, usize, usize, usize)> {
            let of = |counts: &BTreeMap<String, usize>, text| counts.get(text).copied().unwrap_or_default();
            self.reached
                .iter()
                .map(move |(text, numbers)| (&**text, numbers.len(), of(&self.passed, text), of(&self.missed, text)))
        }

        fn step(&mut self, step: Step, all_differ: bool) {
            match step {
                Step::Connect(link) => self.connect(link),
                Step::Login(link) => self.login(link),
                Step::Send(_) if all_differ => self.send(format!("number {}", self.sent)),
                Step::Send(text) => self.send(format!("text {text}")),
                Step::Read(link) => self.read(link),
                Step::Lose(link) => self.lose(link),
                Step::Second => self.second += 1,
            }
            self.now += Duration::from_millis(1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn messages_that_differ_pass_exactly_once_whatever_the_links_do(steps in vec(step(), 1..300)) {
            let mut model = Model::new();
            for step in steps {
                model.step(step, true);
                for (text, reached, passed, _) in model.tally() {
                    prop_assert_eq!(passed, reached, "{}", text);
                }
            }
        }

        /// Links come at quiet moments, with nothing under way, and go whenever they like.
        #[test]
        fn equal_messages_pass_as_often_as_they_reached_us(steps in vec(step(), 1..300)) {
            let mut model = Model::new();
            for step in steps {
                if let Step::Connect(link) = step {
                    model.read_all();
                    model.connect(link);
                    model.login(link);
                } else {
                    model.step(step, false);
                }
                for (text, reached, passed, _) in model.tally() {
                    prop_assert_eq!(passed, reached, "{}", text);
                }
            }
        }

        /// Links come in the middle of everything: nothing is doubled, and no more is lost than the case that is given
        /// up explains.
        #[test]
        fn equal_messages_never_double_and_only_those_on_their_way_during_a_login_can_be_lost(steps in vec(step(), 1..300)) {
            let mut model = Model::new();
            for step in steps {
                model.step(step, false);
                for (text, reached, passed, missed) in model.tally() {
                    prop_assert!(passed <= reached, "{} doubled", text);
                    prop_assert!(passed + missed >= reached, "{}: {} of {}, {} missed", text, passed, reached, missed);
                }
            }
        }
    }
}
