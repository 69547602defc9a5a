package main

import (
	"slices"
	"testing"

	"cometbot"
	"cometbot/cometbottest"
)

func TestAUserIsGreetedAndNobodyElseIsAnswered(t *testing.T) {
	stage, err := cometbottest.Start(&greeter{}, cometbottest.Host{Config: map[string]string{"greeting": "hi"}})
	if err != nil {
		t.Fatal(err)
	}
	hello := cometbot.Event{Pipe: "web_chat", Name: "msg", Data: "!hello", UserID: cometbottest.User(7)}
	sent, err := stage.Handle(hello)
	greeted := cometbottest.Sent{Pipe: "web_chat", Event: "bot", Message: "hi, user 7! That was greeting number 1."}
	if err != nil || !slices.Equal(sent, []cometbottest.Sent{greeted}) {
		t.Error(sent, err)
	}
	sent, err = stage.Handle(cometbot.Event{Pipe: "web_chat", Name: "msg", Data: "hello there"})
	if err != nil || len(sent) > 0 {
		t.Error(sent, err)
	}
}
