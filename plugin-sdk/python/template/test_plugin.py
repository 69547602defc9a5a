"""Runs natively: PYTHONPATH=sdk/python python3 -m unittest"""

import unittest

from cometbot import Event
from cometbot.testing import Stage

from plugin import Greeter


class Greeting(unittest.TestCase):
    def test_a_user_is_greeted_and_nobody_else_is_answered(self):
        stage = Stage(Greeter, config={"greeting": "hi"})
        greeted = ("web_chat", "bot", "hi, user 7! That was greeting number 1.")
        self.assertEqual(stage.handle(Event("web_chat", "msg", "!hello", user_id=7)), [greeted])
        self.assertEqual(stage.handle(Event("web_chat", "msg", "hello there")), [])
