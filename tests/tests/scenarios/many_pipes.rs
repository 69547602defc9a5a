//! More pipes than one connection can have: as many connections as it takes, and nobody notices.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cometbot_tests::{Client, Comet, Home, Plugin, Process, Refusal, Wire};
use tokio::task::JoinHandle;

/// The pipes of one connection.
const A_LINK: usize = 32;
/// The pipes that one plugin hears here, so that several share a connection.
const A_PLUGIN: usize = 50;

/// How often a watchman makes his round: what he publishes in one is little beside what a bot can tell meanwhile.
const PUBLISHED_EVERY: Duration = Duration::from_millis(3);

/// A close frame: whoever gets it takes the connection for closed.
const CLOSE: &[u8] = &[0x88, 0];

const FAST_RETRIES: &str = "retry-min-ms = 10\nretry-max-seconds = 1";

fn pipes(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("web_p{number:04}")).collect()
}

/// A plugin that hears all of these pipes, and of each event tells web_told the pipe, as the event, and the data.
fn telling(pipes: &[String]) -> Plugin {
    let hearing = pipes.iter().fold(Plugin::new(), |plugin, pipe| plugin.hears(pipe, []));
    hearing.sends("web_*").handle(
        r#"(call $send "web_told"
            (local.get $pipe) (local.get $pipe_bytes) (local.get $data) (local.get $data_bytes))"#,
    )
}

/// The same, but an event `go` makes it send the event `own` to the pipe that the data names.
fn sending(pipes: &[String]) -> Plugin {
    telling(pipes).handle(
        r#"(if (call $is (local.get $name) (local.get $name_bytes) "go")
            (then (call $send (local.get $data) (local.get $data_bytes) "own" "x"))
            (else (call $send "web_told"
                (local.get $pipe) (local.get $pipe_bytes) (local.get $name) (local.get $name_bytes))))"#,
    )
}

/// A bot with plugins that tell what they hear of these pipes, and who is told.
async fn told(comet: &Comet, pipes: &[String], server: &str) -> (Home, Process, Client) {
    // What nobody hears any more is let go when there is no way back to it.
    let home = Home::at(comet).set("server", server).set("defaults", "probation-events = 0");
    for (number, pipes) in pipes.chunks(A_PLUGIN).enumerate() {
        home.write_plugin(&format!("telling{number}.wat"), telling(pipes).text());
    }
    let bot = home.live().await;
    let client = Client::join(comet, ["web_told"]).await;
    (home, bot, client)
}

fn subscribed_once(comet: &Comet, pipes: &[String]) {
    let others: Vec<_> =
        pipes.iter().map(|pipe| (pipe, comet.control.subscribers(pipe))).filter(|(_, count)| *count != 1).collect();
    assert_eq!(others, [], "every pipe is subscribed by one connection");
}

fn publish(comet: &Comet, pipes: &[String], data: &str) {
    for pipe in pipes {
        comet.control.publish(pipe, "e", data).unwrap();
    }
}

/// What each pipe is told to have said, in order.
async fn next_by_pipe(told: &mut Client, lines: usize) -> BTreeMap<String, Vec<String>> {
    let mut by_pipe = BTreeMap::<String, Vec<String>>::new();
    for line in told.next_lines(lines).await {
        let (pipe, data) = line.split_once(' ').unwrap();
        by_pipe.entry(pipe.to_owned()).or_default().push(data.to_owned());
    }
    by_pipe
}

fn all_say(pipes: &[String], data: &[&str]) -> BTreeMap<String, Vec<String>> {
    pipes.iter().map(|pipe| (pipe.clone(), data.iter().map(|data| (*data).to_owned()).collect())).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// The bot comes to its end, and nothing more has been told.
async fn nothing_more(bot: Process, mut told: Client) {
    let ended = bot.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    told.send_and_wait("web_nobody", "fence", "").await;
    assert_eq!(told.rest(), []);
}

async fn each_event_is_heard_once(count: usize) {
    let comet = Comet::start().await;
    let pipes = pipes(count);
    let (_home, bot, mut told) = told(&comet, &pipes, FAST_RETRIES).await;
    assert_eq!(comet.control.connections(), count.div_ceil(A_LINK) + 1, "{count} pipes, and the client");
    subscribed_once(&comet, &pipes);
    for data in ["1", "2", "3"] {
        publish(&comet, &pipes, data);
    }
    assert_eq!(next_by_pipe(&mut told, 3 * count).await, all_say(&pipes, &["1", "2", "3"]));
    nothing_more(bot, told).await;
    assert_eq!(comet.control.crashes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_heard_once_below_at_and_above_what_one_connection_can_have() {
    for count in [1, 2, 31, 32, 33] {
        each_event_is_heard_once(count).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_heard_once_at_and_above_what_two_connections_can_have() {
    for count in [64, 65, 100] {
        each_event_is_heard_once(count).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_500_pipes_is_heard_once() {
    each_event_is_heard_once(500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_names_fill_several_connections() {
    const NAME_BYTES: usize = 64;
    let comet = Comet::start().await;
    let pipes: Vec<String> =
        (0..2 * A_LINK).map(|number| format!("web_{number:0>width$}", width = NAME_BYTES - 4)).collect();
    let (_home, bot, mut told) = told(&comet, &pipes, FAST_RETRIES).await;
    comet.control.wait_for_connections(3).await;
    subscribed_once(&comet, &pipes);
    publish(&comet, &pipes, "1");
    assert_eq!(next_by_pipe(&mut told, pipes.len()).await, all_say(&pipes, &["1"]));
    assert_eq!(bot.lines(|line| line.says("the server refuses")).len(), 0);
    nothing_more(bot, told).await;
    assert_eq!(comet.control.crashes(), 0);
}

/// Makes a bot that hears 66 pipes send to each of them, as it is told in a pipe of each of its connections. Gives what
/// its plugin tells to have heard meanwhile, and the connections that the bot has.
async fn heard_of_its_own(server: &str) -> (BTreeMap<String, Vec<String>>, usize, Vec<String>) {
    let comet = Comet::start().await;
    let pipes = pipes(2 * A_LINK + 2);
    let home = Home::at(&comet).set("server", server).plugin("sending.wat", sending(&pipes).text());
    let _bot = home.live().await;
    let connections = comet.control.connections();
    subscribed_once(&comet, &pipes);
    let mut told = Client::join(&comet, ["web_told"]).await;
    let mut witnesses = Vec::new();
    for pipes in pipes.chunks(A_LINK) {
        // A place too many is taken by a pipe in which nothing happens.
        let names: [&str; A_LINK] = std::array::from_fn(|at| pipes.get(at).map_or("web_nobody", String::as_str));
        witnesses.push((pipes.len(), Client::join(&comet, names).await));
    }
    let told_by = [&pipes[0], &pipes[A_LINK], &pipes[2 * A_LINK]];
    for pipe in told_by {
        for target in &pipes {
            comet.control.publish(pipe, "go", target).unwrap();
        }
    }
    let mut seen = BTreeMap::<String, usize>::new();
    for (pipes, witness) in &mut witnesses {
        // The orders themselves come to the witness too, if they were given in one of its pipes.
        let mut missing = told_by.len() * *pipes;
        while missing > 0 {
            let heard = witness.next().await;
            if heard.event == "own" {
                missing -= 1;
                *seen.entry(heard.pipe).or_default() += 1;
            }
        }
    }
    assert!(pipes.iter().all(|pipe| seen.get(pipe) == Some(&told_by.len())), "each send arrives once: {seen:?}");
    // Behind all that was sent: whatever of it the bot hears comes before.
    for pipe in &pipes {
        comet.control.publish(pipe, "fence", "").unwrap();
    }
    let mut heard = BTreeMap::<String, Vec<String>>::new();
    let mut fences = 0;
    while fences < pipes.len() {
        let line = told.next().await;
        fences += usize::from(line.data == "fence");
        heard.entry(line.event).or_default().push(line.data);
    }
    (heard, connections, pipes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bot_does_not_hear_itself_over_another_of_its_connections() {
    let (heard, connections, pipes) = heard_of_its_own(FAST_RETRIES).await;
    assert_eq!(connections, 3);
    assert_eq!(heard, all_say(&pipes, &["fence"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_wants_to_hear_itself_does_so_once() {
    let (heard, connections, pipes) = heard_of_its_own("hear-own = true").await;
    assert_eq!(connections, 4, "one that sends, and three that hear");
    assert_eq!(heard, all_say(&pipes, &["own", "own", "own", "fence"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bot_counts_once_in_each_pipe() {
    for (server, connections) in [(FAST_RETRIES, 3), ("hear-own = true", 4)] {
        let comet = Comet::start().await;
        let pipes = pipes(2 * A_LINK + 2);
        let counting =
            telling(&pipes).counts("web_*").handle("(call $tell_count (local.get $data) (local.get $data_bytes))");
        let home = Home::at(&comet).set("server", server).plugin("counting.wat", counting.text());
        let _bot = home.live().await;
        assert_eq!(comet.control.connections(), connections);
        let mut client = Client::join(&comet, ["web_told", &pipes[1], &pipes[A_LINK + 1]]).await;
        let asked_in = [&pipes[0], &pipes[A_LINK], &pipes[2 * A_LINK]];
        for asked_in in asked_in {
            for (asked, expected) in
                [(&pipes[0], 1), (&pipes[1], 2), (&pipes[A_LINK], 1), (&pipes[A_LINK + 1], 2), (&pipes[2 * A_LINK], 1)]
            {
                comet.control.publish(asked_in, "e", asked).unwrap();
                assert_eq!(client.next_lines(1).await, [format!("count {expected}")], "{asked} asked in {asked_in}");
                assert_eq!(comet.control.subscribers(asked), expected);
            }
        }
    }
}

/// Looks all the time whether a pipe is without its subscriber, and publishes to it.
struct Watchman {
    over: Arc<AtomicBool>,
    task: JoinHandle<usize>,
}

impl Watchman {
    fn over(comet: &Comet, pipes: &[String]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (control, pipes, is_over) = (comet.control.clone(), pipes.to_vec(), Arc::clone(&over));
        let task = tokio::spawn(async move {
            let mut rounds = 0;
            let mut tick = tokio::time::interval(PUBLISHED_EVERY);
            while !is_over.load(Ordering::Relaxed) {
                tick.tick().await;
                rounds += 1;
                for pipe in &pipes {
                    assert_eq!(control.subscribers(pipe), 1, "{pipe} in round {rounds}");
                    control.publish(pipe, "e", &rounds.to_string()).unwrap();
                }
            }
            rounds
        });
        Self { over, task }
    }

    /// Ends it. Gives how often it published to each pipe.
    async fn dismiss(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// What a watchman published, and nothing else, is told.
async fn nothing_was_missed(told: &mut Client, pipes: &[String], rounds: usize) {
    let said: Vec<String> = (1..=rounds).map(|round| round.to_string()).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    assert_eq!(next_by_pipe(told, rounds * pipes.len()).await, all_say(pipes, &said));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_pipe_that_stays_moves_when_plugins_come_and_go() {
    let comet = Comet::start().await;
    let all = pipes(40 + 40);
    let (stay, come) = all.split_at(40);
    let silent = |pipes: &[String]| pipes.iter().fold(Plugin::new(), |plugin, pipe| plugin.hears(pipe, [])).text();
    let (home, bot, mut told) = told(&comet, stay, FAST_RETRIES).await;
    assert_eq!(comet.control.connections(), 2 + 1);
    let watchman = Watchman::over(&comet, stay);
    for round in 0..3 {
        home.write_plugin("come.wat", silent(come));
        comet.control.wait_for_connections(3 + 1).await;
        comet.subscribed(&come[0], 1).await;
        comet.subscribed(&come[39], 1).await;
        subscribed_once(&comet, &all);
        // Half of what came goes first, then the rest.
        home.rename_plugin("come.wat", silent(&come[..20]));
        comet.subscribed(&come[39], 0).await;
        comet.control.wait_for_connections(2 + 1).await;
        home.delete_plugin("come.wat");
        comet.subscribed(&come[0], 0).await;
        assert_eq!(comet.control.connections(), 2 + 1, "round {round}");
    }
    let rounds = watchman.dismiss().await;
    nothing_was_missed(&mut told, stay, rounds).await;
    assert_eq!(bot.lines(|line| line.says("connection lost")).len(), 0);
    nothing_more(bot, told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_in_the_middle_that_is_needed_no_more_ends_and_the_others_stay() {
    let comet = Comet::start().await;
    let all = pipes(4 * A_LINK);
    let parts: Vec<&[String]> = all.chunks(A_LINK).collect();
    let home = Home::at(&comet).set("server", FAST_RETRIES);
    for (name, part) in ["a", "b", "c"].into_iter().zip(&parts) {
        home.write_plugin(&format!("{name}.wat"), telling(part).text());
    }
    let bot = home.live().await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    assert_eq!(comet.control.connections(), 3 + 1);
    let stay = [parts[0], parts[2]].concat();
    let watchman = Watchman::over(&comet, &stay);
    home.delete_plugin("b.wat");
    comet.control.wait_for_connections(2 + 1).await;
    assert!(parts[1].iter().all(|pipe| comet.control.subscribers(pipe) == 0));
    home.write_plugin("d.wat", telling(parts[3]).text());
    comet.control.wait_for_connections(3 + 1).await;
    comet.subscribed(&parts[3][0], 1).await;
    subscribed_once(&comet, parts[3]);
    let rounds = watchman.dismiss().await;
    nothing_was_missed(&mut told, &stay, rounds).await;
    publish(&comet, parts[3], "new");
    assert_eq!(next_by_pipe(&mut told, A_LINK).await, all_say(parts[3], &["new"]));
    assert_eq!(bot.lines(|line| line.says("connection lost")).len(), 0);
    nothing_more(bot, told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_that_breaks_leaves_the_others_alone_and_comes_back() {
    let comet = Comet::start().await;
    let wire = Wire::to(&comet).await;
    let pipes = pipes(2 * A_LINK + 2);
    let home = Home::at_url(&wire.url()).set("server", FAST_RETRIES).plugin("sending.wat", sending(&pipes).text());
    let mut bot = home.live().await;
    let mut told = Client::join(&comet, ["web_told"]).await;
    for broken in [1, 0, 2] {
        let pipe_of = |link: usize| pipes[A_LINK * link].as_str();
        let meanwhile: Vec<String> =
            (0..3).filter(|link| *link != broken).map(|link| format!("{} meanwhile", pipe_of(link))).collect();
        bot.forget();
        wire.refuse(Refusal::NoListener);
        assert_eq!(comet.control.raw_to_pipe(pipe_of(broken), CLOSE), 1);
        let line = bot.wait_until_it_says("connection lost").await;
        assert_eq!(line.field("link"), broken.to_string(), "{}", line.raw);
        wire.carries(2).await;
        let mut witness = Client::join(&comet, [pipe_of(broken)]).await;
        comet.subscribed(pipe_of(broken), 1).await;
        for other in (0..3).filter(|link| *link != broken) {
            comet.control.publish(pipe_of(other), "meanwhile", "").unwrap();
            comet.control.publish(pipe_of(other), "go", pipe_of(broken)).unwrap();
        }
        // What is told leaves by link 0.
        if broken != 0 {
            assert_eq!(sorted(told.next_lines(2).await), meanwhile);
        }
        assert_eq!(bot.lines(|line| line.says("connection lost")).len(), 1, "the others stay");
        wire.heal();
        bot.wait_until_it_says("live: events reach the plugins").await;
        comet.subscribed(pipe_of(broken), 2).await;
        if broken == 0 {
            assert_eq!(sorted(told.next_lines(2).await), meanwhile);
        }
        // What was to be sent to its pipes has waited for it.
        assert_eq!(witness.next_lines(2).await, ["own x", "own x"]);
        drop(witness);
        comet.subscribed(pipe_of(broken), 1).await;
        subscribed_once(&comet, &pipes);
        // Not without data: the server would damage frames as short as that (PROTOCOL.md, section 2.3).
        publish(&comet, &pipes, "again");
        let lines = next_by_pipe(&mut told, pipes.len()).await;
        assert_eq!(lines, all_say(&pipes, &["e"]), "its pipes are back, and nothing has come twice");
    }
    assert_eq!(wire.counts().accepted, 3 + 3, "each has come back once");
    nothing_more(bot, told).await;
}
