package cometbot

import (
	"log/slog"
	"slices"
	"testing"

	"cometbot/internal/desk"
)

func TestARecordIsOneLineWithItsAttributes(t *testing.T) {
	desk.Reset()
	logger := slog.New(hostHandler{}).With("a", 1).WithGroup("g").With("b", 2)
	logger.Info("hello", "c", "x\xffy")
	if !slices.Equal(desk.Lines, []string{"hello a=1 g.b=2 g.c=x\uFFFDy"}) {
		t.Errorf("%q", desk.Lines)
	}
}

func TestLevelsAreThoseOfTheHost(t *testing.T) {
	for expected, of := range []slog.Level{
		LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, LevelCritical,
	} {
		if got := level(of); got != uint32(expected) {
			t.Errorf("%v is %d", of, got)
		}
	}
}
