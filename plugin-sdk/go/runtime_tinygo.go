//go:build wasip1 && tinygo

package cometbot

// arenaBytes bounds what the host passes in at once. TinyGo's collector looks through it each time, so it is smaller than
// Go's.
const arenaBytes = 2 << 20

func limitStack() {}

// trace is empty: TinyGo keeps none.
func trace() []string { return nil }
