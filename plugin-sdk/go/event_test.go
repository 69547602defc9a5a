package cometbot_test

import (
	"errors"
	"testing"

	"cometbot"
	"cometbot/cometbottest"
)

func TestAJSONStringIsReadAndEverythingElseStaysAsItIs(t *testing.T) {
	for data, text := range map[string]string{
		`"hi"`: "hi", ` "say \"hi\"\n\u043f\ud83d\ude00"`: "say \"hi\"\nп😀",
		"hi": "hi", "": "", "12": "12", `{"text":"hi"}`: `{"text":"hi"}`, `"hi" she said`: `"hi" she said`, `"hi`: `"hi`,
	} {
		if got := (cometbot.Event{Data: data}).Text(); got != text {
			t.Errorf("%q is %q, not %q", data, got, text)
		}
	}
}

func TestAnAnswerHasTheFormOfTheQuestion(t *testing.T) {
	stage := start(t, func(event cometbot.Event) error { return event.Reply("bot", "a\n\"b\" <c>") })
	for data, answer := range map[string]string{
		"!last": "a\n\"b\" <c>", `{"a":1}`: "a\n\"b\" <c>", `"!last"`: `"a\n\"b\" <c>"`,
	} {
		sent, err := stage.Handle(cometbot.Event{Pipe: "web_chat", Data: data})
		if err != nil || len(sent) != 1 || sent[0] != (cometbottest.Sent{Pipe: "web_chat", Event: "bot", Message: answer}) {
			t.Errorf("%q is answered with %q, %v", data, sent, err)
		}
	}
}

func TestAnErrorHasAKindAndDropsWhatWasSent(t *testing.T) {
	stage := start(t, func(cometbot.Event) error {
		if err := cometbot.Send("web_chat", "bot", "hi"); err != nil {
			return err
		}
		return cometbot.Send("web_other", "bot", "hi")
	})
	sent, err := stage.Handle(cometbot.Event{})
	var refused *cometbot.Error
	if len(sent) > 0 || !errors.As(err, &refused) || refused.Kind != cometbot.Denied {
		t.Error(sent, err)
	}
	if !errors.Is(err, &cometbot.Error{Kind: cometbot.Denied}) || errors.Is(err, &cometbot.Error{Kind: cometbot.TimedOut}) {
		t.Error("errors.Is does not go by the kind")
	}
}

type plugin func(event cometbot.Event) error

func (plugin) Setup() (cometbot.Wants, error)           { return cometbot.Wants{}.Send("web_chat"), nil }
func (handle plugin) Handle(event cometbot.Event) error { return handle(event) }

func start(t *testing.T, handle plugin) *cometbottest.Stage {
	t.Helper()
	stage, err := cometbottest.Start(handle, cometbottest.Host{})
	if err != nil {
		t.Fatal(err)
	}
	return stage
}
