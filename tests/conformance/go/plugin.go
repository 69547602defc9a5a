// The conformance plugin: does what the tests ask it to, in Go.
package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"cometbot"
)

type conformance struct {
	states int
	memory string
}

func (c *conformance) Setup() (cometbot.Wants, error) {
	if why, ok := cometbot.Config("refuse"); ok {
		return cometbot.Wants{}, errors.New("refused: " + why)
	}
	if why, ok := cometbot.Config("panic-in-setup"); ok {
		panic(why)
	}
	if greeting, ok := cometbot.Config("greeting"); ok {
		slog.Info("greeting is " + greeting)
	} else {
		slog.Info("greeting is not set")
	}
	wants := cometbot.Wants{Version: "1.0.0"}.Hear("web_in").Hear("web_picky", "one", "two")
	return wants.Send("web_out", "web_in").Log("web_log").Count("web_count"), nil
}

var kept []byte

func (c *conformance) Handle(event cometbot.Event) error {
	data := event.Data
	switch event.Name {
	case "echo":
		return answer("echo", data)
	case "fields":
		return answer("fields", fmt.Sprintf("%s|%s|%d|%s|%s|%t", event.Pipe, event.Name, len(data),
			number(event.UserID), number(event.Time), event.History))
	case "digest":
		hash := fnv.New32a()
		hash.Write([]byte(data))
		return answer("digest", fmt.Sprintf("%d %08x", len(data), hash.Sum32()))
	case "send":
		parts := strings.SplitN(data, " ", 3)
		if err := cometbot.Send(parts[0], parts[1], parts[2]); err != nil {
			return outcome(err)
		}
		return answer("outcome", "ok")
	case "log":
		return readLog(data)
	case "count":
		count, err := cometbot.Count(data)
		if err != nil {
			return outcome(err)
		}
		return answer("count", strconv.FormatUint(count, 10))
	case "text":
		return answer("text", event.Text())
	case "reply":
		return event.Reply("reply", "a\n\"b\"")
	case "levels":
		for _, level := range []struct {
			level slog.Level
			name  string
		}{
			{cometbot.LevelTrace, "trace"}, {slog.LevelDebug, "debug"}, {slog.LevelInfo, "info"},
			{slog.LevelWarn, "warn"}, {slog.LevelError, "error"}, {cometbot.LevelCritical, "critical"},
		} {
			slog.Log(context.Background(), level.level, fmt.Sprintf("level %s: %s", level.name, data))
		}
	case "print":
		fmt.Println("printed:", data)
	case "fail":
		return errors.New("failed: " + data)
	case "uncaught":
		panic(data)
	case "panic":
		fmt.Fprintln(os.Stderr, data)
		os.Exit(3)
	case "overflow":
		return answer("overflow", strconv.Itoa(deeper(len(data))))
	case "state":
		c.states++
		return answer("state", strconv.Itoa(c.states))
	case "remember":
		c.memory = data
	case "recall":
		return answer("recall", c.memory)
	case "clock":
		return answer("clock", strconv.FormatInt(time.Now().Unix(), 10))
	case "random":
		return answer("random", fmt.Sprintf("%016x", rand.Uint64()))
	case "heap":
		kept = []byte(data)
	}
	return nil
}

func (c *conformance) Save() ([]byte, error) {
	if c.memory == "unsaved" {
		return nil, errors.New(`cannot save: it's "ж"`)
	}
	return []byte(c.memory), nil
}

func (c *conformance) Restore(state []byte) error {
	if string(state) == "unrestored" {
		return errors.New(`cannot restore: it's "ж"`)
	}
	c.memory = string(state)
	return nil
}

func init() { cometbot.Register(&conformance{}) }

func main() {}

func answer(event, message string) error { return cometbot.Send("web_out", event, message) }

func number(value *uint64) string {
	if value == nil {
		return "none"
	}
	return strconv.FormatUint(*value, 10)
}

func readLog(data string) error {
	pipe, limit, _ := strings.Cut(data, " ")
	most, err := strconv.ParseUint(limit, 10, 32)
	if err != nil {
		return err
	}
	rows, err := cometbot.Log(pipe, uint32(most))
	if err != nil {
		return outcome(err)
	}
	text := strconv.Itoa(len(rows))
	for _, row := range rows {
		text += fmt.Sprintf("\n%s|%s|%s|%t|%s", row.Pipe, row.Name, number(row.UserID), row.History, row.Data)
	}
	return answer("log", text)
}

func outcome(err error) error {
	var refused *cometbot.Error
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Kind == cometbot.TimedOut {
		return answer("outcome", "timed-out")
	}
	return answer("outcome", refused.Kind.String()+": "+refused.Words)
}

// deeper never ends by itself.
func deeper(depth int) int { return deeper(depth+1) + depth }
