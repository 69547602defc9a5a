import assert from "node:assert/strict";
import test from "node:test";
import { start } from "cometbot/testing";
import { handle, setup } from "./plugin.js";

test("a user is greeted by number", async () => {
  const bot = await start({ setup, handle }, { config: { greeting: "hi" } });
  const sent = await bot.handle({ pipe: "web_chat", name: "msg", data: "!hello", userId: 7 });
  assert.deepEqual(sent, [{ pipe: "web_chat", event: "bot", message: "hi, user 7! That was greeting number 1." }]);
});

test("nothing else is answered", async () => {
  const bot = await start({ setup, handle });
  assert.deepEqual(await bot.handle({ pipe: "web_chat", name: "msg", data: "hello there" }), []);
});
