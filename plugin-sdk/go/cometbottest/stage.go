// Package cometbottest runs a plugin natively, in go test.
//
// As in the host, what Setup did not ask for is denied, and a Handle that fails sends nothing. What only a server can say,
// such as that a message is too long, is not said here. There is one stage at a time.
package cometbottest

import (
	"cometbot"
	"cometbot/internal/desk"
)

// Sent is an event that a plugin sent.
type Sent = desk.Sent

// Row is an event in a pipe's log.
type Row = desk.Row

// Host is what a plugin finds: its settings, logs of pipes and numbers of subscribers, by pipe.
type Host struct {
	Config map[string]string
	Logs   map[string][]Row
	Counts map[string]uint64
}

// Stage is a plugin that was set up, and a test that plays to it.
type Stage struct {
	plugin cometbot.Plugin
	// Wants is what Setup asked for.
	Wants cometbot.Wants
}

// Start calls Setup.
func Start(plugin cometbot.Plugin, host Host) (*Stage, error) {
	desk.Reset()
	desk.Config, desk.Logs, desk.Counts = host.Config, host.Logs, host.Counts
	wants, err := plugin.Setup()
	if err != nil {
		return nil, err
	}
	stage := &Stage{plugin, wants}
	stage.grant()
	return stage, nil
}

func (stage *Stage) grant() {
	desk.MaySend, desk.MayLog, desk.MayCount = stage.Wants.Sends, stage.Wants.Logs, stage.Wants.Counts
}

// Reload puts another instance in the place of the plugin, as the host does: Setup, and what the plugin saved, if both
// are [cometbot.Stateful]. After an error the plugin goes on as it was.
func (stage *Stage) Reload(next cometbot.Plugin) error {
	// Nothing can be asked of the server meanwhile.
	desk.MaySend, desk.MayLog, desk.MayCount = nil, nil, nil
	defer stage.grant()
	var state []byte
	if old, ok := stage.plugin.(cometbot.Stateful); ok {
		var err error
		if state, err = old.Save(); err != nil {
			return err
		}
	}
	wants, err := next.Setup()
	if err != nil {
		return err
	}
	if next, ok := next.(cometbot.Stateful); ok && len(state) > 0 {
		if err := next.Restore(state); err != nil {
			return err
		}
	}
	stage.plugin, stage.Wants = next, wants
	return nil
}

// Handle lets the plugin handle an event, and gives what it sent; nothing if it failed.
func (stage *Stage) Handle(event cometbot.Event) ([]Sent, error) {
	desk.Sends = nil
	if err := stage.plugin.Handle(event); err != nil {
		return nil, err
	}
	return desk.Sends, nil
}

// Refuse makes the next call of the server fail like this.
func (stage *Stage) Refuse(err cometbot.Error) {
	desk.Refusals = append(desk.Refusals, &desk.Refusal{Kind: uint8(err.Kind), Words: err.Words})
}

// User gives the pointer that Event.UserID wants.
func User(id uint64) *uint64 { return &id }
