//! A case is lived through: a fleet, a wire, a server, and those who talk.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use cometbot::{
    comet::{
        address::Address,
        commands::Commands,
        fleet::{Fleet, thread::FleetThread},
        link::{
            connect::{Manner, Settings},
            status::Status,
            timing::Timing,
        },
        login::{Login, LoginSource, Token},
        name::PipeName,
        outbox::{Bounds, Lane, Outbox},
    },
    metrics::Metrics,
};
use cometbot_tests::{Client, Comet, End, HASH, USER, Wire};
use tokio::sync::watch;

use super::{
    case::{Case, Step, TARGETS},
    ears::{Ears, Note},
    said::{Said, Text},
    world::{World, has_log, names},
};

/// Short, so that a dead connection is found before the case is long over.
const TIMING: Timing = Timing {
    heartbeat: Duration::from_millis(250),
    answer: Duration::from_millis(750),
    retry_shortest: Duration::from_millis(5),
    retry_longest: Duration::from_millis(50),
};

/// What is glued, and how long for.
const GLUED: (usize, Duration) = (2_000, Duration::from_millis(5));
/// How long it is waited for what was said last before it is said again: the connection may have broken once more.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// All that came of a case.
pub struct Life {
    /// The pipes that are heard.
    pub pipes: Vec<String>,
    /// Everything that anybody said.
    pub said: Vec<Said>,
    /// What the fleet heard, in order.
    pub notes: Vec<Note>,
    /// What of the fleet's own sends arrived, in order, if somebody was there.
    pub arrived: Option<Vec<(String, Text)>>,
    /// Sends that were counted as lost.
    pub lost: usize,
}

/// Everything of a case while it lasts.
struct Scene<'a> {
    case: &'a Case,
    comet: &'a Comet,
    wire: Wire,
    pipes: Vec<String>,
    targets: [String; TARGETS],
    /// What comes and goes.
    extra: PipeName,
    wanted: watch::Sender<Arc<BTreeSet<PipeName>>>,
    outbox: Arc<Outbox>,
    lanes: [Lane; 2],
    /// Talks in some of the pipes, unless the server is restarted.
    talker: Option<Client>,
    ears: Ears,
    said: Vec<Said>,
}

/// Lives through a case.
pub async fn live(case: &Case, world: &mut World) -> Life {
    let number = world.next();
    let comet = &world.comet;
    let pipes: Vec<String> = names(number).take(case.pipes).collect();
    pipes.iter().filter(|pipe| has_log(pipe)).for_each(|pipe| comet.control.set_log_length(pipe, case.log_rows));
    let targets = [pipes[0].clone(), pipes[1].clone(), pipes[case.pipes - 1].clone(), format!("web_out_{number:05}")];
    let wire = Wire::to(comet).await;
    let login = if case.is_logged_in {
        Login::new(Token::new(HASH).unwrap(), Some(u64::from(USER)), Some(0)).unwrap()
    } else {
        Login::anonymous(0)
    };
    let manner = Manner {
        timing: TIMING,
        catch_up: case.catches_up,
        hear_own: case.hears_itself,
        ..Manner::of(LoginSource::Fixed(login))
    };
    let settings = Settings { address: Address::parse(&wire.url()).unwrap(), manner };
    let wanted: BTreeSet<PipeName> = pipes.iter().map(|pipe| PipeName::new(pipe).unwrap()).collect();
    let extra = PipeName::new(&format!("web_extra_{number:05}")).unwrap();
    let (wanted, subscription) = watch::channel(Arc::new(wanted));
    let metrics = Metrics::new();
    let outbox = Arc::new(Outbox::new(case.delivery));
    let fleet = Fleet::new(settings, Vec::new(), Arc::clone(&outbox), subscription, metrics.clone());
    let bounds = Bounds { bytes: usize::MAX, sends: usize::MAX };
    let lanes = ["one", "two"].map(|name| outbox.lane(name, bounds));
    let status = fleet.status();
    let ears = Ears::default();

    let (talker, mut witness) = if case.is_witnessed {
        let witness = Client::join(comet, targets.each_ref().map(String::as_str)).await;
        (Some(Client::join(comet, []).await), Some(witness))
    } else {
        (None, None)
    };
    let thread = FleetThread::start(fleet, ears.clone()).unwrap();
    let is_live = || *status.borrow() == Status::Live;
    ears.until("the fleet to be live", is_live).await;

    let mut scene =
        Scene { case, comet, wire, pipes, targets, extra, wanted, outbox, lanes, talker, ears, said: Vec::new() };
    for step in &case.steps {
        scene.step(step).await;
    }
    scene.wire.heal();
    if case.leaves_dead_connections() {
        scene.wire.cut(End::Reset);
    }
    let outbox = Arc::clone(&scene.outbox);
    scene.ears.until("all sends to be answered", || outbox.load().sends == 0 && is_live()).await;
    scene.hear_all().await;
    drop(thread);

    let mut arrived = None;
    if let Some(witness) = &mut witness {
        // Comes behind all that the fleet sent and the server has taken.
        comet.control.publish(&scene.targets[TARGETS - 1], "fence", &Text::Old.data()).unwrap();
        let mut own = Vec::new();
        loop {
            let heard = witness.next().await;
            match heard.event.as_str() {
                "own" => own.push((heard.pipe, Text::read(&heard.event, &heard.data))),
                "fence" => break,
                _ => {}
            }
        }
        arrived = Some(own);
    }
    Life { notes: scene.ears.notes(), pipes: scene.pipes, said: scene.said, arrived, lost: lost(&metrics) }
}

fn lost(metrics: &Metrics) -> usize {
    let text = metrics.exposition().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("cometbot_sends_total{outcome=\"lost\"} "));
    line.expect("lost sends are counted").parse().unwrap()
}

impl Scene<'_> {
    async fn step(&mut self, step: &Step) {
        let wire = &self.wire;
        match step {
            Step::Say { pipe, events } => (0..*events).for_each(|_| self.say(pipe % self.case.pipes)),
            Step::Send { lane, target, sends } => (0..*sends).for_each(|_| self.send(*lane, *target)),
            // Part of what is drawn: what happens meanwhile is up to the machine.
            Step::Pause(time) => tokio::time::sleep(*time).await,
            Step::Cut(end) => wire.cut(*end),
            Step::CutAfter(way, bytes, end) => wire.cut_after(*way, *bytes, *end),
            Step::HalfClose(way) => wire.half_close(*way),
            Step::Silence => wire.go_silent(),
            Step::Delay(way, time) => wire.delay(*way, *time),
            Step::Split(way) => wire.split(*way),
            Step::Glue(way) => wire.glue(*way, GLUED.0, GLUED.1),
            Step::Stall(way, time) => {
                wire.stall(*way);
                tokio::time::sleep(*time).await;
                wire.heal();
            }
            Step::Refuse(refusal) => wire.refuse(refusal.clone()),
            Step::Restart if self.case.is_witnessed => wire.cut(End::Fin),
            Step::Restart => {
                self.comet.control.disconnect_all();
            }
            Step::Change => self.wanted.send_modify(|wanted| {
                let wanted = Arc::make_mut(wanted);
                if !wanted.remove(&self.extra) {
                    wanted.insert(self.extra.clone());
                }
            }),
            Step::Heal => wire.heal(),
        }
    }

    /// The next thing is said in a pipe: by a back end, or, in every third, by a user.
    fn say(&mut self, pipe: usize) {
        let name = self.pipes[pipe].clone();
        let is_in_pipe = |said: &&Said| said.pipe == name && matches!(said.text, Text::Other(_));
        let text = Text::Other(self.said.iter().filter(is_in_pipe).count());
        self.said.push(Said { pipe: name.clone(), text, at: Instant::now() });
        match &self.talker {
            Some(talker) if pipe.is_multiple_of(3) => talker.send(&name, text.event(), &text.data()),
            _ => {
                self.comet.control.publish(&name, text.event(), &text.data()).unwrap();
            }
        }
    }

    fn send(&mut self, lane: usize, target: usize) {
        let pipe = self.targets[target].clone();
        let is_before =
            |said: &&Said| said.pipe == pipe && matches!(said.text, Text::Own { lane: by, .. } if by == lane);
        let text = Text::Own { lane, number: self.said.iter().filter(is_before).count() };
        self.said.push(Said { pipe: pipe.clone(), text, at: Instant::now() });
        let mut commands = Commands::default();
        commands.send(&pipe, text.event(), &text.data()).unwrap();
        self.lanes[lane].append(&mut commands);
    }

    /// Says something more in every pipe, until it is heard there: then all is heard that will be.
    async fn hear_all(&mut self) {
        let since = self.said.len();
        let mut quiet: BTreeSet<usize> = (0..self.pipes.len()).collect();
        let started = Instant::now();
        while !quiet.is_empty() {
            assert!(started.elapsed() < cometbot_tests::PATIENCE, "nothing is heard any more in the pipes {quiet:?}");
            quiet.iter().for_each(|pipe| self.say(*pipe));
            let said = &self.said[since..];
            let is_heard = |pipe: usize| {
                let is_one = |note: &Note| {
                    let Note::Event { pipe: heard, text, .. } = note else { return false };
                    said.iter().any(|said| said.pipe == self.pipes[pipe] && said.pipe == *heard && said.text == *text)
                };
                self.ears.notes().iter().rev().any(is_one)
            };
            self.ears.within(SAY_AGAIN, || quiet.iter().all(|pipe| is_heard(*pipe))).await;
            let heard: Vec<usize> = quiet.iter().copied().filter(|pipe| is_heard(*pipe)).collect();
            heard.iter().for_each(|pipe| {
                quiet.remove(pipe);
            });
        }
    }
}
