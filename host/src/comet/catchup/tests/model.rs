//! A server with several senders, whose log forgets and shuffles as the real one does, and one link to it that breaks.

use std::collections::{BTreeSet, VecDeque};

use super::*;

/// What happens next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Another client says something. `is_slow`: it is in the log before a question is answered and live after it.
    Say { pipe: usize, text: u8, user: u64, stored_late: bool, loses_live: bool, loses_row: bool, is_slow: bool },
    /// We say something.
    Own { pipe: usize, text: u8 },
    /// Time goes by.
    Wait { millis: u64 },
    /// The server answers questions for logs.
    Serve { count: usize },
    /// We read frames.
    Read { count: usize },
    /// The connection breaks. Something that we said may not have reached the server at all.
    Lose { unsent: Option<(usize, u8)> },
    /// We connect anew.
    Connect,
    /// The subscription changes to these; something is said just in between.
    Change { pipes: Vec<bool>, between: Option<(usize, u8)> },
    /// The server's clock is set, if we are not connected.
    SetClock { seconds: i64 },
}

/// How the server is.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    pub(super) era: Era,
    /// Whether no two messages are equal.
    pub(super) is_unique: bool,
    /// Whether rows of one second come in disorder.
    pub(super) shuffles: bool,
    /// The length of each pipe's log.
    pub(super) logs: Vec<usize>,
}

const PIPES: [&str; 3] = ["web_a", "web_b", "web_c"];

/// How old a frame can be that was not read, in milliseconds.
const UNDERWAY_MILLIS: u64 = 900;

/// A message that the server took.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) pipe: usize,
    pub(super) data: String,
    pub(super) is_own: bool,
    pub(super) is_slow: bool,
    /// Whether it was said while we wanted the pipe, as we still do.
    pub(super) is_wanted: bool,
    /// Server time, and the model's own.
    pub(super) time: u64,
    pub(super) millis: u64,
    pub(super) stored: u64,
    user: Option<u64>,
    disorder: u64,
}

#[derive(Debug)]
enum Frame {
    Live(Event<'static>),
    Answer(usize, String),
    Log(usize, Vec<usize>),
}

#[derive(Debug, Default)]
struct Connection {
    pipes: BTreeSet<usize>,
    asked: VecDeque<usize>,
    frames: VecDeque<(u64, Frame)>,
    slow: Vec<Event<'static>>,
}

/// The whole world.
pub(super) struct Model {
    manner: Manner,
    catchup: Catchup,
    start: Instant,
    millis: u64,
    clock: i64,
    clock_was_set: bool,
    wanted: BTreeSet<usize>,
    connection: Option<Connection>,
    logs: Vec<Vec<usize>>,
    pub(super) said: Vec<Said>,
    pub(super) ear: Ear,
    /// When each gap was told, in the model's time.
    pub(super) told: Vec<u64>,
    /// The messages in each answer that was read.
    pub(super) answers: Vec<BTreeSet<usize>>,
    /// What we said and the server may not have taken.
    pub(super) unsent: Vec<(usize, String)>,
}

impl Model {
    pub(super) fn new(manner: Manner) -> Self {
        let mut model = Self {
            logs: vec![Vec::new(); PIPES.len()],
            manner,
            catchup: Catchup::new(),
            start: Instant::now(),
            millis: 0,
            clock_was_set: false,
            clock: i64::try_from(START).unwrap(),
            wanted: (0..PIPES.len()).collect(),
            connection: None,
            said: Vec::new(),
            ear: Ear::default(),
            told: Vec::new(),
            answers: Vec::new(),
            unsent: Vec::new(),
        };
        model.catchup.sends_as(0);
        for pipe in 0..PIPES.len() {
            model.say(pipe, "long ago".to_owned(), Some(1), false, false);
        }
        model.millis += 20_000;
        model.connect();
        model.settle();
        model
    }

    pub(super) fn step(&mut self, step: &Step) {
        if !matches!(step, Step::Serve { .. }) {
            self.flush_slow();
        }
        match *step {
            Step::Say { pipe, text, user, stored_late, loses_live, loses_row, is_slow } => {
                let data = self.text(text);
                // A copy whose twin's sender was lost cannot be known.
                let is_slow = is_slow && self.manner.is_unique;
                let at = self.say(pipe, data, (!loses_row).then_some(user), stored_late, false);
                self.said[at].is_slow = is_slow;
                self.hear(at, (!loses_live).then_some(user), is_slow);
            }
            Step::Own { pipe, text } => {
                if self.connection.is_some() {
                    let data = self.text(text);
                    self.say(pipe, data.clone(), Some(0), false, true);
                    self.send(Frame::Answer(pipe, data));
                }
            }
            Step::Wait { millis } => {
                let oldest = self.connection.as_ref().and_then(|connection| connection.frames.front());
                if oldest.is_some_and(|(sent, _)| self.millis + millis > sent + UNDERWAY_MILLIS) {
                    self.read(usize::MAX);
                }
                self.millis += millis;
            }
            Step::Serve { count } => self.serve(count),
            Step::Read { count } => self.read(count),
            Step::Lose { ref unsent } => self.lose(unsent),
            Step::Connect => self.connect(),
            Step::Change { ref pipes, ref between } => self.change(pipes, between),
            Step::SetClock { seconds } => {
                if self.connection.is_none() {
                    self.clock += seconds;
                    self.clock_was_set = true;
                }
            }
        }
    }

    /// Connects if need be and reads all that is to come.
    pub(super) fn settle(&mut self) {
        self.flush_slow();
        self.connect();
        self.serve(usize::MAX);
        self.flush_slow();
        self.read(usize::MAX);
    }

    fn text(&self, text: u8) -> String {
        if self.manner.is_unique { format!("{text} {}", self.said.len() + self.unsent.len()) } else { text.to_string() }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.millis)
    }

    fn time(&self) -> u64 {
        (self.clock + i64::try_from(self.millis / 1000).unwrap()).try_into().unwrap()
    }

    fn say(&mut self, pipe: usize, data: String, user: Option<u64>, stored_late: bool, is_own: bool) -> usize {
        let at = self.said.len();
        let time = self.time();
        // A pipe's rows are stored one after the other.
        let earliest = self.logs[pipe].last().map_or(0, |row| self.said[*row].stored);
        let stored = if self.clock_was_set { time } else { earliest.max(time + u64::from(stored_late)) };
        self.said.push(Said {
            pipe,
            data,
            is_own,
            is_slow: false,
            is_wanted: self.wanted.contains(&pipe) && at >= PIPES.len(),
            time,
            millis: self.millis,
            stored,
            user,
            // Any order will do that is not the one in which things were said.
            disorder: (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7,
        });
        let limit = self.manner.logs[pipe];
        let log = &mut self.logs[pipe];
        if limit == 0 {
            return at;
        }
        let said = &self.said;
        log.push(at);
        log.sort_by_key(|row| said[*row].stored);
        while log.len() > limit {
            let oldest = said[log[0]].stored;
            let of_oldest = log.iter().take_while(|row| said[**row].stored == oldest).count();
            let victim = if self.manner.shuffles { at % of_oldest } else { 0 };
            log.remove(victim);
        }
        at
    }

    fn event(&self, at: usize, user: Option<u64>, history: bool) -> Event<'static> {
        let said = &self.said[at];
        let time = if history { said.stored } else { said.time };
        Event {
            pipe: Cow::Borrowed(PIPES[said.pipe]),
            name: Cow::Borrowed("e"),
            data: Cow::Owned(said.data.clone()),
            user_id: user,
            time: (self.manner.era == Era::Modern).then_some(time),
            history,
        }
    }

    fn hear(&mut self, at: usize, user: Option<u64>, is_slow: bool) {
        let event = self.event(at, user, false);
        let pipe = self.said[at].pipe;
        if let Some(connection) = self.connection.as_mut().filter(|connection| connection.pipes.contains(&pipe)) {
            if is_slow {
                connection.slow.push(event);
            } else {
                connection.frames.push_back((self.millis, Frame::Live(event)));
            }
        }
    }

    fn flush_slow(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        for event in std::mem::take(&mut connection.slow) {
            connection.frames.push_back((self.millis, Frame::Live(event)));
        }
    }

    fn send(&mut self, frame: Frame) {
        self.connection.as_mut().unwrap().frames.push_back((self.millis, frame));
    }

    fn serve(&mut self, count: usize) {
        for _ in 0..count {
            let Some(pipe) = self.connection.as_mut().and_then(|connection| connection.asked.pop_front()) else {
                return;
            };
            let mut rows: Vec<usize> = self.logs[pipe].iter().take(99).copied().collect();
            if self.manner.shuffles {
                rows.sort_by_key(|row| (self.said[*row].stored, self.said[*row].disorder));
            }
            self.send(Frame::Log(pipe, rows));
        }
    }

    fn read(&mut self, count: usize) {
        let now = self.now();
        for _ in 0..count {
            let Some((_, frame)) = self.connection.as_mut().and_then(|connection| connection.frames.pop_front()) else {
                break;
            };
            match frame {
                Frame::Live(event) => self.catchup.event(event, now, &mut self.ear),
                Frame::Answer(pipe, data) => self.catchup.own_sent(PIPES[pipe], "e", &data, now),
                Frame::Log(pipe, rows) => {
                    let events = rows.iter().map(|row| self.event(*row, self.said[*row].user, true)).collect();
                    self.answers.push(rows.into_iter().collect());
                    self.catchup.logged(&super::pipe(PIPES[pipe]), Ok(events), now, &mut self.ear);
                }
            }
            self.catchup.alive(now);
            self.told.resize(self.ear.gaps.len(), self.millis);
        }
    }

    fn lose(&mut self, unsent: &Option<(usize, u8)>) {
        let Some(connection) = self.connection.take() else { return };
        self.catchup.lost(self.now());
        for (_, frame) in connection.frames {
            if let Frame::Answer(pipe, data) = frame {
                self.catchup.own_unknown(PIPES[pipe], "e", &data);
            }
        }
        if let Some((pipe, text)) = *unsent {
            let data = self.text(text);
            self.catchup.own_unknown(PIPES[pipe], "e", &data);
            self.unsent.push((pipe, data));
        }
    }

    fn connect(&mut self) {
        if self.connection.is_some() {
            return;
        }
        if self.manner.era == Era::Modern {
            self.catchup.server_time(self.time(), self.now());
        }
        self.connection = Some(Connection::default());
        self.subscribe(true);
        self.catchup.alive(self.now());
    }

    fn subscribe(&mut self, is_fresh: bool) {
        let names: Vec<PipeName> = self.wanted.iter().map(|pipe| super::pipe(PIPES[*pipe])).collect();
        let asked = self.catchup.subscribe(&names, is_fresh, self.manner.era, self.now());
        let connection = self.connection.as_mut().unwrap();
        connection.pipes = self.wanted.clone();
        let index = |name: &PipeName| PIPES.iter().position(|pipe| *pipe == name.as_str()).unwrap();
        connection.asked.extend(asked.iter().map(index));
    }

    fn change(&mut self, pipes: &[bool], between: &Option<(usize, u8)>) {
        if self.connection.is_none() {
            return;
        }
        self.wanted = (0..PIPES.len()).filter(|pipe| pipes[*pipe]).collect();
        for said in &mut self.said {
            said.is_wanted &= self.wanted.contains(&said.pipe);
        }
        self.connection.as_mut().unwrap().pipes.clear();
        if let Some((pipe, text)) = *between {
            let data = self.text(text);
            self.say(pipe, data, Some(9), false, false);
            // Only a pipe with a log that was read is caught up with.
            let at = self.said.len() - 1;
            let known = self.catchup.pipes.get(PIPES[pipe]).filter(|known| known.is_joined());
            let is_caught_up = known.is_some_and(|known| known.hold.is_some() || known.has_useful_log());
            self.said[at].is_wanted = is_caught_up && self.wanted.contains(&pipe);
        }
        self.subscribe(false);
    }
}
