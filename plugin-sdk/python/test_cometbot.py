"""Tests of the kit, natively: `python3 -m unittest` in this folder."""

import logging
import time
import unittest

from cometbot import CometError, Event, Plugin, PluginError, Wants, comet, config, export
from cometbot._desk import Err
from cometbot.testing import Stage


class Echo(Plugin):
    def setup(self) -> Wants:
        if config.get("refuse") is not None:
            raise PluginError("not today")
        return Wants("1.0.0").hear("web_in").hear("web_picky", "one").send("web_*").log("web_in").count("web_in")

    def handle(self, event: Event) -> None:
        match event.name:
            case "echo":
                event.reply("echo", event.text())
            case "elsewhere":
                comet.send("other", "echo", "x")
            case "exit":
                raise SystemExit("bye")
            case "cause":
                try:
                    int(event.data)
                except ValueError as error:
                    raise PluginError("no number") from error
            case "deep":
                self.handle(event)
            case "half":
                raise ValueError("half of \ud83d")


def text(data: str) -> str:
    return Event("web_in", "msg", data).text()


class Texts(unittest.TestCase):
    def test_a_json_string_is_read(self):
        self.assertEqual(text('"hi"'), "hi")
        self.assertEqual(text(' "say \\"hi\\"\\n\\u043f \\ud83d\\ude00"'), 'say "hi"\nп 😀')

    def test_everything_else_stays_as_it_is(self):
        for data in ("hi", "", "12", '{"text":"hi"}', '"hi" she said', '"hi', "it's", '"\\ud83d"', '"a\nb"', '\u00a0"hi"'):
            self.assertEqual(text(data), data)

    def test_an_answer_has_the_form_of_the_question(self):
        stage = Stage(Echo)
        self.assertEqual(stage.handle(Event("web_in", "echo", 'a "ж"')), [("web_in", "echo", 'a "ж"')])
        self.assertEqual(stage.handle(Event("web_in", "echo", '"a\\"ж\\n"')), [("web_in", "echo", '"a\\"ж\\n"')])


class Json(unittest.TestCase):
    def test_json_is_read_as_deep_as_the_stack_allows(self):
        nested = Event("web_in", "msg", "[" * 256 + "]" * 256)
        self.assertIsInstance(nested.json(), list)
        for data in ("[" * 257 + "]" * 257, '{"a":' * 257 + "1" + "}" * 257, "[" * 60_000):
            with self.assertRaisesRegex(ValueError, "deeper than 256 levels"):
                Event("web_in", "msg", data).json()

    def test_brackets_in_strings_and_side_by_side_are_not_deep(self):
        self.assertEqual(Event("web_in", "msg", '["' + "[{" * 999 + '\\"["]').json(), ["[{" * 999 + '"['])
        self.assertEqual(Event("web_in", "msg", "[" + "[]," * 999 + "{}]").json()[-1], {})

    def test_strings_that_do_not_end_take_no_longer_than_others(self):
        for data in ('"\\' * 30_000, '\\"' * 30_000, '"' + '\\"' * 30_000 + "\\", '"' * 59_999):
            began = time.monotonic()
            with self.assertRaises(ValueError):
                Event("web_in", "msg", "[" * 200 + data + "[" * 200).json()
            self.assertLess(time.monotonic() - began, 5)


class Asking(unittest.TestCase):
    def setUp(self):
        log = [Event("web_in", "msg", str(number)) for number in range(5)]
        self.stage = Stage(Echo, logs={"web_in": log}, counts={"web_in": 3})

    def test_what_setup_asked_for_is_given_and_nothing_else(self):
        self.assertEqual([event.data for event in comet.log("web_in", 2)], ["3", "4"])
        self.assertEqual(comet.log("web_in", 0), [])
        self.assertEqual(comet.count("web_in"), 3)
        with self.assertRaises(CometError) as caught:
            self.stage.handle(Event("web_in", "elsewhere", ""))
        self.assertEqual(caught.exception.kind, "denied")
        with self.assertRaisesRegex(LookupError, "does not hear"):
            self.stage.handle(Event("web_picky", "two", ""))

    def test_a_refusal_that_a_test_orders_comes_once(self):
        for kind in ("invalid", "denied", "unavailable", "timed-out"):
            self.stage.refuse(kind)
            with self.assertRaises(CometError) as caught:
                comet.count("web_in")
            self.assertEqual(caught.exception.kind, kind)
            self.assertEqual(comet.count("web_in"), 3)

    def test_what_the_host_could_not_take_never_reaches_it(self):
        with self.assertRaises(CometError) as caught:
            comet.send("web_in", "msg", "ab\ud83d")
        self.assertEqual(caught.exception.kind, "invalid")
        self.assertIn("character 2 (U+D83D)", caught.exception.words)
        with self.assertRaisesRegex(TypeError, "the message must be a text"):
            comet.send("web_in", "msg", 5)  # type: ignore[arg-type]
        with self.assertRaises(ValueError):
            comet.log("web_in", -1)
        with self.assertRaisesRegex(TypeError, "an event in hear must be a text"):
            Wants().hear("web_in", ["one", "two"])  # type: ignore[arg-type]


class Counter(Echo):
    def __init__(self):
        self.seen = 0

    def save(self):
        match self.seen:
            case 5:
                comet.send("web_in", "saved", "")
            case 6:
                return "6"
        return str(self.seen).encode() if self.seen else b""

    def restore(self, state):
        self.seen = int(state)
        if self.seen > 9:
            raise PluginError("too many")


class Reloaded(unittest.TestCase):
    def test_a_new_instance_takes_what_the_old_one_saved(self):
        stage = Stage(Counter)
        for seen in (0, 7):
            old = stage.plugin
            old.seen = seen
            stage.reload()
            self.assertIsNot(stage.plugin, old)
            self.assertEqual(stage.plugin.seen, seen)
        stage.reload(Echo)
        self.assertEqual(stage.handle(Event("web_in", "echo", "x")), [("web_in", "echo", "x")])

    def test_after_a_failure_the_old_one_goes_on(self):
        stage = Stage(Counter)
        old = stage.plugin
        for seen, words in ((10, "too many"), (5, "did not ask to send"), (6, "must return bytes, not str")):
            old.seen = seen
            with self.assertRaisesRegex(Exception, words):
                stage.reload()
            self.assertIs(stage.plugin, old)
            self.assertEqual(len(stage.handle(Event("web_in", "echo", "x"))), 1)


class Exported(unittest.TestCase):
    """What the host gets to see."""

    def setUp(self):
        Stage(Echo)
        self.world = export(Echo)()
        self.world.setup()

    def failure(self, name: str, data: str = "") -> str:
        with self.assertRaises(Err) as caught:
            self.world.handle(Event("web_in", name, data))
        return caught.exception.value

    def test_an_exception_is_its_type_its_words_and_its_place(self):
        self.assertRegex(self.failure("exit"), r"^SystemExit: bye \(test_cometbot.py:\d+ in handle\)$")
        self.assertRegex(self.failure("deep"), r"^RecursionError: maximum .*\(test_cometbot.py:\d+ in handle < ")
        self.assertRegex(self.failure("half"), r"^ValueError: half of \? \(")

    def test_an_exception_of_the_kit_is_its_words_and_what_caused_it(self):
        self.assertRegex(self.failure("cause", "x"), "^no number, caused by ValueError: invalid literal .*'x'$")

    def test_wants_are_those_of_setup(self):
        wants = self.world.setup()
        self.assertEqual([(it.pipe, it.events) for it in wants.hear], [("web_in", []), ("web_picky", ["one"])])
        self.assertEqual((wants.version, wants.send, wants.log, wants.count), ("1.0.0", ["web_*"], ["web_in"], ["web_in"]))

    def test_a_refusal_to_run_is_its_words(self):
        with self.assertRaisesRegex(PluginError, "not today"):
            Stage(Echo, config={"refuse": ""})
        with self.assertRaises(Err) as caught:
            self.world.setup()
        self.assertEqual(caught.exception.value, "not today")

    def test_what_is_saved_is_bytes_and_failures_have_words(self):
        self.assertEqual(self.world.save(), b"")
        self.assertIsNone(self.world.restore(b"of another version"))
        old, new = export(Counter)(), export(Counter)()
        with self.assertRaises(Err):
            old.save()
        old.setup()
        new.setup()
        old.restore(b"8")
        new.restore(old.save())
        self.assertEqual(new.save(), b"8")
        for state, words in ((b"10", "^too many$"), (b"x", "^ValueError: invalid literal .*x")):
            with self.assertRaises(Err) as caught:
                new.restore(state)
            self.assertRegex(caught.exception.value, words)

    def test_a_line_that_cannot_be_formatted_costs_no_event(self):
        handler = next(handler for handler in logging.getLogger().handlers if type(handler).__name__ == "_HostHandler")
        seen = []
        handler.handleError = seen.append
        self.addCleanup(delattr, handler, "handleError")
        logging.info("%d", "x")
        self.assertEqual([record.args for record in seen], [("x",)])

    def test_what_cannot_be_a_plugin_is_refused_when_it_is_built(self):
        class NoSetup(Plugin):
            def handle(self, event):
                pass

        class Async(Echo):
            async def handle(self, event):
                pass

        for plugin, words in ((NoSetup, "NoSetup lacks setup"), (Async, "must not be async")):
            with self.assertRaisesRegex(TypeError, words):
                export(plugin)


if __name__ == "__main__":
    unittest.main()
