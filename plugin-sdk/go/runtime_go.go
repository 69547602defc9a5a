//go:build wasip1 && !tinygo

package cometbot

import (
	"runtime/debug"
	"strings"
)

// arenaBytes bounds what the host passes in at once. The largest of it, a log of 99 events of 64 KiB, fits. Memory that
// nobody touches costs nothing.
const arenaBytes = 8 << 20

// A stack that grows beyond this is a mistake; Go's own bound is beyond the memory of a plugin.
const maxStackBytes = 8 << 20

func limitStack() { debug.SetMaxStack(maxStackBytes) }

// trace gives the functions that ran when a panic began, the innermost first, each followed by its place.
func trace() []string {
	_, stack, _ := strings.Cut(string(debug.Stack()), "\npanic(")
	_, stack, _ = strings.Cut(stack, "\n")
	lines := strings.Split(strings.TrimSpace(stack), "\n")
	// The first is the place of panic itself.
	return lines[1:]
}
