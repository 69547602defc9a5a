//! Plugins made on the spot: the parts that differ in a few lines of WebAssembly text, the rest from `prelude.wat`.

use std::fmt::Write as _;

/// The functions that every plugin here has.
const PRELUDE: &str = include_str!("prelude.wat");

/// Below are the places that the prelude uses.
const DATA_STARTS_AT: usize = 0x400;

/// A plugin's text in the making. By default it hears nothing, may do nothing, and does nothing.
///
/// In bodies and functions a text in quotes stands for two numbers, its place and its length. A body of `handle` has the
/// parameters `$pipe`, `$name` and `$data` (each with `…_bytes`), `$has_user`, `$user`, `$has_time`, `$time`,
/// `$history`, and the locals `$i` and `$n` (an i64); it ends well unless it returns otherwise.
#[derive(Debug, Clone, Default)]
pub struct Plugin {
    version: String,
    hear: Vec<(String, Vec<String>)>,
    send: Vec<String>,
    log: Vec<String>,
    count: Vec<String>,
    imports: String,
    functions: String,
    setup: String,
    handle: String,
    /// The bodies of `save` and `restore`.
    state: Option<(String, String)>,
}

impl Plugin {
    /// A plugin that does nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A plugin that hears the event `msg` of `pipe` and answers each with the event `answer` and the same data.
    #[must_use]
    pub fn answering(pipe: &str, answer: &str) -> Self {
        Self::new().hears(pipe, ["msg"]).sends(pipe).handle(&format!("{} ", reply(answer)))
    }

    /// A plugin of web_chat that sends the event `before` for each message, does a misdeed if the message says
    /// `misbehave`, and sends `echo` otherwise.
    #[must_use]
    pub fn rogue(misdeed: &str) -> Self {
        Self::new().hears("web_chat", ["msg"]).sends("web_chat").handle(&format!(
            r#"{}
            (if (call $is (local.get $data) (local.get $data_bytes) "misbehave") (then {misdeed}))
            {}"#,
            reply("before"),
            reply("echo"),
        ))
    }

    /// Hears these events of a pipe; all of them if none is named.
    #[must_use]
    pub fn hears<const N: usize>(mut self, pipe: &str, events: [&str; N]) -> Self {
        self.hear.push((pipe.to_owned(), events.map(str::to_owned).to_vec()));
        self
    }

    /// May send to a pipe.
    #[must_use]
    pub fn sends(mut self, pipe: &str) -> Self {
        self.send.push(pipe.to_owned());
        self
    }

    /// May read a pipe's log.
    #[must_use]
    pub fn logs(mut self, pipe: &str) -> Self {
        self.log.push(pipe.to_owned());
        self
    }

    /// May count a pipe.
    #[must_use]
    pub fn counts(mut self, pipe: &str) -> Self {
        self.count.push(pipe.to_owned());
        self
    }

    /// Says that it is this version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = version.to_owned();
        self
    }

    /// Imports a function besides those of the interface `comet`: `(import "…" "…" (func …))`.
    #[must_use]
    pub fn import(mut self, import: &str) -> Self {
        self.imports.push_str(import);
        self
    }

    /// Imports `wasi:logging` as `$log`: the level, the context, the message.
    #[must_use]
    pub fn writes_log(self) -> Self {
        self.import(r#"(import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))"#)
    }

    /// Has a function of its own: `(func $name …)`.
    #[must_use]
    pub fn function(mut self, function: &str) -> Self {
        self.functions.push_str(function);
        self
    }

    /// Does this in `setup`, before it answers.
    #[must_use]
    pub fn setup(mut self, body: &str) -> Self {
        self.setup = body.to_owned();
        self
    }

    /// Does this for each event.
    #[must_use]
    pub fn handle(mut self, body: &str) -> Self {
        self.handle = body.to_owned();
        self
    }

    /// Carries its memory over a reload: `save` leaves the place of what it saves and its length behind, or returns
    /// otherwise; `restore` has the parameters `$state` and `$state_bytes`.
    #[must_use]
    pub fn state(mut self, save: &str, restore: &str) -> Self {
        self.state = Some((save.to_owned(), restore.to_owned()));
        self
    }

    /// A plugin that counts the events of `pipes` in its memory, carries the count over a reload, and answers each with the
    /// event `word` and the same data. For an event of the pipe web_ask it sends the count to web_told, as an event of the
    /// name `word`.
    #[must_use]
    pub fn counting(pipes: &[&str], word: &str) -> Self {
        let hearing = pipes.iter().fold(Self::new(), |plugin, pipe| plugin.hears(pipe, []));
        hearing
            .hears("web_ask", [])
            .sends("web_*")
            .function("(global $count (mut i64) (i64.const 0))")
            .handle(&format!(
                r#"(if (call $is (local.get $pipe) (local.get $pipe_bytes) "web_ask")
                    (then
                      (call $send "web_told" "{word}" (call $decimal (global.get $count)))
                      (return (i32.const 0x1c0))))
                (global.set $count (i64.add (global.get $count) (i64.const 1)))
                {}"#,
                reply(word)
            ))
            .state(
                "(i64.store (i32.const 0x1f0) (global.get $count)) (i32.const 0x1f0) (i32.const 8)",
                "(global.set $count (i64.load (local.get $state)))",
            )
    }

    /// The text of the module.
    #[must_use]
    pub fn text(&self) -> String {
        let mut data = Data::default();
        let wants = self.wants(&mut data);
        let [prelude, functions, setup, handle] =
            [PRELUDE, &self.functions, &self.setup, &self.handle].map(|code| data.expand(code));
        let state = self.state.as_ref();
        let state =
            state.map(|(save, restore)| carrying(&data.expand(save), &data.expand(restore))).unwrap_or_default();
        let (imports, segments, free) = (&self.imports, &data.segments, data.end().next_multiple_of(16));
        format!(
            r#"(module
(import "cometbot:plugin/comet@1.0.0" "send" (func $try_send (param i32 i32 i32 i32 i32 i32 i32)))
(import "cometbot:plugin/comet@1.0.0" "log" (func $ask_log (param i32 i32 i32 i32)))
(import "cometbot:plugin/comet@1.0.0" "count" (func $ask_count (param i32 i32 i32)))
{imports}
(memory (export "memory") 4)
(global $free (mut i32) (i32.const {free}))
{segments}
{prelude}
{functions}
(export "cabi_realloc" (func $allocate))
(func (export "cabi_post_handle") (param i32) (global.set $free (i32.const {free})))
(func $setup (export "setup") (result i32)
{setup}
(i32.const {wants}))
(func $handle (export "handle")
  (param $pipe i32) (param $pipe_bytes i32)
  (param $name i32) (param $name_bytes i32)
  (param $data i32) (param $data_bytes i32)
  (param $has_user i32) (param $user i64)
  (param $has_time i32) (param $time i64)
  (param $history i32)
  (result i32)
  (local $i i32) (local $n i64)
{handle}
(i32.const 0x1c0))
{state})
"#
        )
    }

    /// The same as a binary.
    #[must_use]
    pub fn binary(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap()
    }

    /// Lays out what `setup` answers and gives its address.
    fn wants(&self, data: &mut Data) -> usize {
        let mut heard = Vec::new();
        for (pipe, events) in &self.hear {
            heard.extend(data.text(pipe));
            heard.extend(data.texts(events));
        }
        let mut answer = vec![0];
        answer.extend(data.text(&self.version));
        answer.extend([data.words(&heard), self.hear.len()]);
        for list in [&self.send, &self.log, &self.count] {
            answer.extend(data.texts(list));
        }
        data.words(&answer)
    }
}

/// The exports that carry a plugin's memory over a reload.
fn carrying(save: &str, restore: &str) -> String {
    format!(
        r#"(func (export "save") (result i32)
(local $place i32) (local $bytes i32)
{save}
(local.set $bytes)
(local.set $place)
(i32.store (i32.const 0x1e4) (local.get $place))
(i32.store (i32.const 0x1e8) (local.get $bytes))
(i32.const 0x1e0))
(func (export "restore") (param $state i32) (param $state_bytes i32) (result i32)
{restore}
(i32.const 0x1c0))"#
    )
}

/// Code that answers the event with another one of the same data.
fn reply(event: &str) -> String {
    format!(
        r#"(call $send (local.get $pipe) (local.get $pipe_bytes) "{event}" (local.get $data) (local.get $data_bytes))"#
    )
}

/// What lies in a plugin's memory from the start.
#[derive(Default)]
struct Data {
    segments: String,
    bytes: usize,
}

impl Data {
    fn end(&self) -> usize {
        DATA_STARTS_AT + self.bytes
    }

    /// Lays down bytes, at a multiple of 8, and gives their address.
    fn lay(&mut self, bytes: &[u8]) -> usize {
        let at = self.end();
        let escaped: String = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        });
        let _ = writeln!(self.segments, "(data (i32.const {at}) \"{escaped}\")");
        self.bytes += bytes.len().next_multiple_of(8);
        at
    }

    fn text(&mut self, text: &str) -> [usize; 2] {
        [self.lay(text.as_bytes()), text.len()]
    }

    fn texts(&mut self, texts: &[String]) -> [usize; 2] {
        let pairs: Vec<usize> = texts.iter().flat_map(|text| self.text(text)).collect();
        [self.words(&pairs), texts.len()]
    }

    fn words(&mut self, words: &[usize]) -> usize {
        let bytes: Vec<u8> = words.iter().flat_map(|word| u32::try_from(*word).unwrap().to_le_bytes()).collect();
        self.lay(&bytes)
    }

    /// Replaces each text in quotes by its place and its length. Comments and texts may not have quotes of their own.
    fn expand(&mut self, code: &str) -> String {
        let mut expanded = String::new();
        for (at, piece) in code.split('"').enumerate() {
            if at % 2 == 0 {
                expanded.push_str(piece);
            } else {
                let [place, bytes] = self.text(piece);
                let _ = write!(expanded, "(i32.const {place}) (i32.const {bytes})");
            }
        }
        expanded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_does_nothing_assembles() {
        assert!(Plugin::new().binary().starts_with(b"\0asm"));
    }

    #[test]
    fn a_text_in_a_body_becomes_its_place_and_its_length() {
        let mut data = Data::default();
        assert_eq!(
            data.expand("(call $f \"abc\" \"d\")"),
            "(call $f (i32.const 1024) (i32.const 3) (i32.const 1032) (i32.const 1))"
        );
        assert_eq!(data.end(), 1040);
    }
}
