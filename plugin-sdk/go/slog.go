package cometbot

import (
	"context"
	"log/slog"
	"strings"
)

const (
	// LevelTrace is the host's level below slog.LevelDebug.
	LevelTrace = slog.Level(-8)
	// LevelCritical is the host's level beyond slog.LevelError.
	LevelCritical = slog.Level(12)
)

// hostHandler writes records into the host's log, which decides what of it is shown.
type hostHandler struct {
	// The groups that are open, each with a dot behind it.
	group string
	// Attributes that every record has, as text.
	attributes string
}

func logToHost() { slog.SetDefault(slog.New(hostHandler{})) }

func (hostHandler) Enabled(context.Context, slog.Level) bool { return true }

func (handler hostHandler) Handle(_ context.Context, record slog.Record) error {
	var text strings.Builder
	text.WriteString(record.Message)
	text.WriteString(handler.attributes)
	record.Attrs(func(attribute slog.Attr) bool {
		text.WriteString(handler.text(attribute))
		return true
	})
	hostWrite(level(record.Level), utf8(text.String()))
	return nil
}

func (handler hostHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	for _, attribute := range attributes {
		handler.attributes += handler.text(attribute)
	}
	return handler
}

func (handler hostHandler) WithGroup(name string) slog.Handler {
	handler.group += name + "."
	return handler
}

func (handler hostHandler) text(attribute slog.Attr) string {
	return " " + handler.group + attribute.Key + "=" + attribute.Value.Resolve().String()
}

// level gives the host's number for a level.
func level(level slog.Level) uint32 {
	switch {
	case level < slog.LevelDebug:
		return 0
	case level < slog.LevelInfo:
		return 1
	case level < slog.LevelWarn:
		return 2
	case level < slog.LevelError:
		return 3
	case level < LevelCritical:
		return 4
	default:
		return 5
	}
}
