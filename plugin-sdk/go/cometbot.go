// Package cometbot is for writing plugins for cometbot in Go.
//
// A plugin is a type with two methods, registered once:
//
//	type greeter struct{}
//
//	func (greeter) Setup() (cometbot.Wants, error) {
//		return cometbot.Wants{}.Hear("web_chat", "msg").Send("web_chat"), nil
//	}
//
//	func (greeter) Handle(event cometbot.Event) error {
//		return event.Reply("bot", "hello!")
//	}
//
//	func init() { cometbot.Register(greeter{}) }
//	func main() {}
//
// Settings are read with [Config], the server is asked with [Send], [Log] and [Count]; the log is log/slog, log, or what
// is printed. Time and random numbers are those of the standard library.
package cometbot

import (
	"errors"
	"strings"
)

// Plugin is one instance of a plugin, with the memory that it keeps from event to event.
//
// The host makes a new one at the start, at a reload, and after a fatal error or a deadline: the old one is thrown away
// then. An error or a panic costs only its event. If its memory is to outlive a reload it is [Stateful] as well.
type Plugin interface {
	// Setup says what the plugin wants. It is called once, before the first event. An error keeps it from running.
	Setup() (Wants, error)
	// Handle handles one event. Events come in order and one at a time. An error is a failure of this event: its text
	// goes to the log, and nothing that was sent for it leaves.
	Handle(event Event) error
}

// Stateful is a plugin whose memory outlives a reload. An error or a panic of either keeps the new version from taking
// over, and the one that runs goes on.
type Stateful interface {
	Plugin
	// Save hands over what the next version shall know, in a form that it will understand; nothing is fine. It is called
	// between two events, and nothing can be sent.
	Save() ([]byte, error)
	// Restore takes what an earlier version saved. It is called after Setup and before the first event, if there is
	// something.
	Restore(state []byte) error
}

var registered Plugin

// Register makes a plugin of a value: call it once, in init. The main function is never called.
func Register(plugin Plugin) { registered = plugin }

// checkState tells a plugin that lacks one of the two from a [Stateful] one and from one that carries nothing.
func checkState(plugin Plugin) error {
	_, saves := plugin.(interface{ Save() ([]byte, error) })
	_, restores := plugin.(interface{ Restore([]byte) error })
	if saves != restores {
		return errors.New("the methods Save and Restore go together: write both of them or none (see cometbot.Stateful)")
	}
	return nil
}

// LogMaxEvents is the most that [Log] answers.
const LogMaxEvents = 99

// Send sends an event into a pipe.
//
// The pipe starts with web_, with webauth_ (the bot must be logged in), or with @web_ (sent anonymously); the event's name
// has at most 64 characters of A-Z a-z 0-9 _ -. All sends of one event leave together when Handle returns nil, and none
// of them if it fails. Nil means that the send will leave, not that the server has it. The error is an [*Error].
func Send(pipe, event, message string) error { return hostSend(utf8(pipe), utf8(event), utf8(message)) }

// Log gives the newest events in a pipe's log, oldest first: at most limit, and never more than [LogMaxEvents]. A pipe has
// a log only where the server's operator switched it on; without one there are none. The error is an [*Error].
func Log(pipe string, limit uint32) ([]Event, error) { return hostLog(utf8(pipe), limit) }

// Count says how many connections subscribe to a pipe (web_… or track_…), the bot's own among them. The error is an
// [*Error].
func Count(pipe string) (uint64, error) { return hostCount(utf8(pipe)) }

// Config gives the value of a key in the plugin's own table in bot.toml, as text, and whether the operator set it. A list
// comes as its parts with commas between them.
func Config(key string) (string, bool) { return hostConfig(utf8(key)) }

// ConfigOr gives the value of a key, or else a default.
func ConfigOr(key, otherwise string) string {
	if value, ok := Config(key); ok {
		return value
	}
	return otherwise
}

// Kind tells what stood in the way.
type Kind uint8

const (
	// Invalid: the server could not take it: a bad name, a text that is too long, a NUL byte.
	Invalid Kind = iota
	// Denied: the plugin did not ask for it in Setup, or the operator did not grant it.
	Denied
	// Unavailable: there is no connection, or too much waits for it, or one event sends too much. Later may help.
	Unavailable
	// TimedOut: the server did not answer in time.
	TimedOut
)

// String gives the kind as the contract calls it.
func (kind Kind) String() string {
	switch kind {
	case Invalid:
		return "invalid"
	case Denied:
		return "denied"
	case Unavailable:
		return "unavailable"
	default:
		return "timed-out"
	}
}

// Error tells why something was not done. The words are for people: they say what to change.
type Error struct {
	Kind  Kind
	Words string
}

// Error gives the words.
func (err *Error) Error() string {
	if err.Kind == TimedOut {
		return "the comet server did not answer in time"
	}
	return err.Words
}

// Is lets errors.Is compare with an error of the same kind: errors.Is(err, &cometbot.Error{Kind: cometbot.Denied}).
func (err *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.Kind == err.Kind && (other.Words == "" || other.Words == err.Words)
}

// utf8 makes a text what the host takes: whole characters.
func utf8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
