//! Files that are made to keep a compiler busy for ever, or to have it take all memory. Each costs its own plugin and
//! nobody else: the bot goes on at once and takes no memory for it, and one sentence says what became of it.

use std::{
    fs,
    time::{Duration, Instant},
};

use cometbot_tests::{Client, Comet, Home, Line, Plugin, Process, within};
use rustix::process::{Pid, Signal, kill_process};

/// How long an honest plugin's answer may take meanwhile. Two processors have to compile, to run the bot, this test and
/// others beside it; without a lower priority for the compiler it would be more.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// What the bot may take at most for a bomb: the file is in its memory, and other things are, but what compiling takes is
/// not.
const MEMORY_KIB: u64 = 100 * 1024;
/// What may be left of it.
const LEFT_KIB: u64 = 50 * 1024;

/// A bot with an honest plugin, and within these bounds for compiling.
struct Scene {
    home: Home,
    bot: Process,
    client: Client,
    _comet: Comet,
    before_kib: u64,
}

impl Scene {
    async fn within(seconds: u32, mib: u32) -> Self {
        let comet = Comet::start().await;
        let home = Home::at(&comet)
            .set("plugins", &format!("compile-seconds = {seconds}\ncompile-memory-mib = {mib}"))
            .plugin("honest.wat", Plugin::answering("web_chat", "honest").text());
        let bot = home.live().await.patient(Duration::from_secs(90));
        let mut client = Client::join(&comet, ["web_chat"]).await;
        assert_eq!(client.ask("web_chat", "hello").await, "honest hello");
        let before_kib = bot.resident_kib();
        Self { home, bot, client, _comet: comet, before_kib }
    }

    /// Puts the file into the folder, and has the honest plugin answer until it is decided what becomes of it. Gives the
    /// line that says so.
    async fn drop_in(&mut self, bytes: impl AsRef<[u8]>) -> Line {
        let file = if bytes.as_ref().starts_with(b"\0asm") { "bomb.wasm" } else { "bomb.wat" };
        self.home.rename_plugin(file, bytes);
        let end = |line: &Line| line.of("bomb") && (line.says("plugin started") || line.says("does not run"));
        let decided = self.bot.wait_for("the end of the bomb", end);
        tokio::pin!(decided);
        let mut slowest = Duration::ZERO;
        let mut questions = 0_u32;
        let line = loop {
            let asked = Instant::now();
            // Who says the same again and again as soon as it is answered is a bot in a loop.
            questions += 1;
            let question = format!("still here {questions}?");
            // Both go on meanwhile, so that the answers are counted that matter.
            tokio::select! {
                line = &mut decided => break line,
                answer = self.client.ask("web_chat", &question) => {
                    assert_eq!(answer, format!("honest {question}"));
                    slowest = slowest.max(asked.elapsed());
                }
            }
        };
        assert!(slowest < ANSWER_TIME, "an answer took {slowest:?}");
        line
    }

    /// The bot is as it was before, and has said one thing about it.
    async fn ends_as_before(mut self) {
        // An answer may be under way since before the end.
        self.client.send("web_chat", "msg", "and now?");
        while self.client.next().await.data != "and now?" {}
        let most_kib = self.bot.most_resident_kib();
        assert!(most_kib < self.before_kib + MEMORY_KIB, "from {} to {most_kib} KiB", self.before_kib);
        let after_kib = self.bot.resident_kib();
        assert!(after_kib < self.before_kib + LEFT_KIB, "from {} to {after_kib} KiB", self.before_kib);
        assert_eq!(self.bot.children(), [0; 0]);
        let said = self.bot.lines(|line| line.of("bomb") && (line.is("ERROR") || line.is("WARN")));
        assert!(said.len() <= 1, "{said:?}");
        let ended = self.bot.stop().await;
        assert_eq!(ended.code, Some(0));
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
    }
}

/// Wants one of these sentences, and everything else as before.
async fn is_refused(seconds: u32, mib: u32, bomb: impl AsRef<[u8]>, words: &[&str]) {
    let mut scene = Scene::within(seconds, mib).await;
    let line = scene.drop_in(bomb).await;
    assert!(line.is("ERROR") && words.iter().any(|words| line.says(words)), "{}", line.raw);
    scene.ends_as_before().await;
}

const TIME: &str =
    "compiling it takes longer than 2 s, and hardly any plugin takes so long: raise `compile-seconds` in";
const MEMORY: &str = "compiling it takes more than 256 MiB of memory, and hardly any plugin takes so much: raise \
                      `compile-memory-mib` in";

fn plugin_with(functions: &str) -> String {
    Plugin::new().function(functions).text()
}

/// A function whose loops each begin anew from any place, with values that each of them may have changed.
fn tangle(locals: usize, loops: usize, changes: usize) -> String {
    let changes: String = (0..changes)
        .map(|change| {
            let (to, one, other) = (change * 97 % locals, change % locals, change * 7 % locals);
            format!("(local.set {to} (i32.add (local.get {one}) (local.get {other})))")
        })
        .collect();
    let targets: String = (0..loops).map(|target| format!("{target} ")).collect();
    let (opened, closed) = ("(loop ".repeat(loops), ")".repeat(loops));
    let locals = "i32 ".repeat(locals);
    plugin_with(&format!(
        "(func (param i32) (local {locals}) {opened} {changes} (br_table {targets} (local.get 0)) {closed})"
    ))
}

fn nested_components(depth: usize) -> Vec<u8> {
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    const COMPONENT_SECTION: u8 = 4;
    let length = |mut rest: usize| {
        let mut bytes = Vec::new();
        while rest >= 0x80 {
            bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).unwrap());
        bytes
    };
    // From the inside to the outside.
    (0..depth).fold(EMPTY.to_vec(), |inner, _| [EMPTY, &[COMPONENT_SECTION], &length(inner.len()), &inner].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_functions_are_loaded_or_refused_and_the_others_answer_meanwhile() {
    let mut scene = Scene::within(3, 2048).await;
    let function = "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))";
    let line = scene.drop_in(wat::parse_str(plugin_with(&function.repeat(100_000))).unwrap()).await;
    assert!(line.says("plugin started") || line.says("compiling it takes longer than 3 s"), "{}", line.raw);
    scene.ends_as_before().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_takes_for_ever_is_given_up_in_time() {
    let bomb = wat::parse_str(tangle(2000, 1000, 500)).unwrap();
    assert!(bomb.len() < 16 * 1024, "it is small: {}", bomb.len());
    is_refused(2, 2048, bomb, &[TIME]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_of_a_hundred_thousand_blocks_is_given_up_in_time() {
    let block = |number: usize| {
        let (tested, to) = (number % 1000, number * 7 % 1000);
        format!("(block (br_if 0 (local.get {tested})) (local.set {to} (i32.add (local.get 1) (local.get {tested}))))")
    };
    let blocks: String = (0..100_000).map(block).collect();
    let locals = "i32 ".repeat(1000);
    is_refused(2, 2048, plugin_with(&format!("(func (param i32) (local {locals}) {blocks})")), &[TIME]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_takes_much_memory_is_given_up_before_it_has_it() {
    is_refused(60, 256, tangle(49_000, 1000, 49_000), &[MEMORY]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_nested_deep_costs_what_it_may() {
    let depth = 100_000;
    let words = [TIME, "nested too deep", "its text does not assemble"];
    is_refused(2, 2048, plugin_with(&format!("(func {}{})", "(block ".repeat(depth), ")".repeat(depth))), &words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_are_nested_deep_cost_what_they_may() {
    let depth = 200_000;
    let text = plugin_with(&format!("(func {} {})", "block ".repeat(depth), "end ".repeat(depth)));
    is_refused(2, 2048, wat::parse_str(text).unwrap(), &[TIME, "nested too deep"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn components_that_are_nested_deep_cost_what_they_may() {
    let none = "it is a component without the export `setup`";
    is_refused(2, 2048, nested_components(1000), &[none]).await;
    // Reading them takes time that grows with the square of the depth.
    is_refused(2, 2048, nested_components(20_000), &[none, TIME]).await;
    let text = format!("{}{}", "(component ".repeat(1000), ")".repeat(1000));
    is_refused(2, 2048, text, &["its text does not assemble", "nesting too deep"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_are_nested_deep_or_grow_with_each_other_are_refused() {
    let types = |count: usize, parts: &str| {
        let types: String = (1..count)
            .map(|number| format!("(type $t{number} (tuple {}))", parts.replace('T', &format!("$t{}", number - 1))))
            .collect();
        format!("(component (type $t0 (tuple u8)) {types})")
    };
    is_refused(10, 2048, types(100_000, "T"), &["type nesting is too deep"]).await;
    is_refused(10, 2048, types(100, "T T"), &["effective type size exceeds the limit"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binary_that_says_with_few_bytes_that_it_has_very_much_of_something_costs_what_it_may() {
    let mut scene = Scene::within(20, 2048).await;
    // In a text each local takes place; in a binary as many as there may be take six bytes.
    let function = format!("(func (local {}))", "i64 ".repeat(49_999));
    let bomb = wat::parse_str(plugin_with(&function.repeat(50))).unwrap();
    assert!(bomb.len() < 16 * 1024, "it is small: {}", bomb.len());
    let line = scene.drop_in(bomb).await;
    assert!(line.says("plugin started") || line.says("takes longer than 20 s"), "{}", line.raw);
    scene.ends_as_before().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_too_large_is_not_read_and_one_that_is_no_file_is_not_opened() {
    let comet = Comet::start().await;
    let home = Home::at(&comet)
        .set("plugins", "file-mib = 1")
        .plugin("honest.wat", Plugin::answering("web_chat", "honest").text());
    let bot = home.live().await;
    let before_kib = bot.resident_kib();
    // A terabyte that takes no place on the disk.
    let large = fs::File::create(home.plugins().join("bomb.wasm")).unwrap();
    large.set_len(1 << 40).unwrap();
    drop(large);
    let line = bot.rejected("bomb").await;
    assert!(line.says("it is larger than 1 MiB") && line.says("`file-mib` in [plugins]"), "{}", line.raw);
    std::os::unix::fs::symlink("/dev/zero", home.plugins().join("zero.wasm")).unwrap();
    let pipe = home.plugins().join("pipe.wasm");
    rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    home.rename_plugin("last.wat", Plugin::answering("web_chat", "last").text());
    bot.started("last").await;
    assert!(bot.most_resident_kib() < before_kib + LEFT_KIB);
}

/// Waits until the bot has a child, which then compiles for a long time.
async fn compiling(scene: &Scene) -> u32 {
    scene.home.rename_plugin("bomb.wat", tangle(2000, 1000, 500));
    within("a process that compiles", async {
        loop {
            match scene.bot.children().first() {
                Some(child) => return *child,
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

async fn is_gone(process: u32) {
    within("the end of the process that compiles", async {
        while fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_compiles_is_bounded_and_steps_back() {
    let scene = Scene::within(60, 512).await;
    let child = compiling(&scene).await;
    // It bounds itself before anything else, but that may be under way.
    let read = |file: &str| fs::read_to_string(format!("/proc/{child}/{file}")).unwrap();
    let limit = |what: &str| {
        let limits = read("limits");
        let line = limits.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    within("its bounds", async {
        while limit("Max cpu time") == "unlimited" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(limit("Max data size"), (512_u64 << 20).to_string());
    assert_eq!(limit("Max address space"), (1536_u64 << 20).to_string());
    assert_eq!(limit("Max core file size"), "0");
    assert_eq!(limit("Max file size"), "0");
    assert_eq!(read("oom_score_adj").trim(), "1000");
    // Whoever runs the tests may have stepped back already.
    let own = niceness("self");
    assert_eq!(niceness(&child.to_string()), (own + 10).min(19));
}

fn niceness(process: &str) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_stops_or_dies_takes_its_compiler_with_it() {
    let scene = Scene::within(60, 2048).await;
    let child = compiling(&scene).await;
    let ended = scene.bot.stop().await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    is_gone(child).await;

    let scene = Scene::within(60, 2048).await;
    let child = compiling(&scene).await;
    scene.bot.signal(Signal::KILL);
    is_gone(child).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compiler_that_somebody_kills_costs_one_sentence() {
    let scene = Scene::within(60, 2048).await;
    let child = compiling(&scene).await;
    kill_process(Pid::from_raw(child.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    let line = scene.bot.rejected("bomb").await;
    assert!(line.says("broke off (signal: 9 (SIGKILL))"), "{}", line.raw);
    scene.ends_as_before().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binary_that_was_replaced_on_the_disk_goes_on_compiling() {
    let comet = Comet::start().await;
    let home = Home::at(&comet);
    let copy = home.path().join("copy");
    let bot = home.start_behind("cp \"$0\" copy; exec ./copy run");
    bot.wait_until_it_says("live: events reach the plugins").await;
    fs::remove_file(&copy).unwrap();
    fs::write(&copy, "another version").unwrap();
    home.rename_plugin("honest.wat", Plugin::answering("web_chat", "honest").text());
    bot.started("honest").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_is_not_taken_down_either() {
    let home = Home::new()
        .set("plugins", "compile-seconds = 2\ncompile-memory-mib = 256")
        .plugin("honest.wat", Plugin::answering("web_chat", "honest").text())
        .plugin("long.wat", tangle(2000, 1000, 500))
        .plugin("wide.wat", tangle(49_000, 1000, 49_000));
    let ended = home.run(["check"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("\nhonest "), "{}", ended.out);
    assert!(ended.out.contains(&format!("long: {TIME}")), "{}", ended.out);
    assert!(ended.out.contains("wide: compiling it takes "), "{}", ended.out);
    assert!(ended.err.contains("2 plugins would not run"), "{}", ended.err);
}
