package cometbot_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"cometbot"
	"cometbot/cometbottest"
)

type counter struct {
	version string
	seen    int
}

func (counter) Setup() (cometbot.Wants, error) { return cometbot.Wants{}.Send("web_chat"), nil }

func (c *counter) Handle(event cometbot.Event) error { return event.Reply(c.version, strconv.Itoa(c.seen)) }

func (c *counter) Save() ([]byte, error) {
	if c.seen < 0 {
		return nil, cometbot.Send("web_chat", "saved", "")
	}
	return fmt.Append(nil, c.seen), nil
}

func (c *counter) Restore(state []byte) (err error) {
	c.seen, err = strconv.Atoi(string(state))
	if c.seen > 9 {
		err = errors.New("too many")
	}
	return err
}

func TestAReloadCarriesWhatIsSavedOrLeavesThePluginAsItWas(t *testing.T) {
	for _, test := range []struct {
		seen          int
		version, says string
	}{{7, "new", "nothing"}, {10, "old", "too many"}, {-1, "old", "Setup did not ask for web_chat"}} {
		stage, err := cometbottest.Start(&counter{"old", test.seen}, cometbottest.Host{})
		if err != nil {
			t.Fatal(err)
		}
		says := "nothing"
		if err := stage.Reload(&counter{version: "new"}); err != nil {
			says = err.Error()
		}
		sent, err := stage.Handle(cometbot.Event{Pipe: "web_chat"})
		answer := cometbottest.Sent{Pipe: "web_chat", Event: test.version, Message: strconv.Itoa(test.seen)}
		if says != test.says || err != nil || len(sent) != 1 || sent[0] != answer {
			t.Errorf("%v: it says %s and sends %q, %v", test, says, sent, err)
		}
	}
}

func TestAPluginThatCarriesNothingIsReloadedToo(t *testing.T) {
	stage := start(t, func(cometbot.Event) error { return cometbot.Send("web_chat", "old", "") })
	next := plugin(func(cometbot.Event) error { return cometbot.Send("web_chat", "new", "") })
	if err := stage.Reload(next); err != nil {
		t.Fatal(err)
	}
	sent, err := stage.Handle(cometbot.Event{Pipe: "web_chat"})
	if err != nil || len(sent) != 1 || sent[0].Event != "new" {
		t.Error(sent, err)
	}
}
