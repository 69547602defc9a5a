// {{name}}: answers !hello with a greeting.
package main

import (
	"fmt"
	"log/slog"
	"strings"

	"cometbot"
)

type greeter struct {
	greeting  string
	greetings int
}

// Setup is called once, before the first event, and says what the plugin wants to hear and to do.
func (g *greeter) Setup() (cometbot.Wants, error) {
	g.greeting = cometbot.ConfigOr("greeting", "hello")
	slog.Info(fmt.Sprintf("greeting with %q", g.greeting))
	return cometbot.Wants{Version: "0.1.0"}.Hear("web_chat", "msg").Send("web_chat"), nil
}

// Handle is called for each event that it hears.
func (g *greeter) Handle(event cometbot.Event) error {
	if strings.TrimSpace(event.Text()) != "!hello" {
		return nil
	}
	g.greetings++
	whom := "stranger"
	if event.UserID != nil && *event.UserID != 0 {
		whom = fmt.Sprintf("user %d", *event.UserID)
	}
	return event.Reply("bot", fmt.Sprintf("%s, %s! That was greeting number %d.", g.greeting, whom, g.greetings))
}

func init() { cometbot.Register(&greeter{}) }

// A plugin is a library: this is never called.
func main() {}
