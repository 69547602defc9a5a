// Package desk stands in for the host in native tests. For the kit alone.
package desk

import "strings"

// Row is an event in a log.
type Row struct {
	Name, Data string
	UserID     *uint64
}

// Refusal is why something is not done: the number of its kind, and words.
type Refusal struct {
	Kind  uint8
	Words string
}

// Sent is an event that a plugin sent.
type Sent struct{ Pipe, Event, Message string }

// What a test has set, and what the plugin has done.
var (
	Config   map[string]string
	Logs     map[string][]Row
	Counts   map[string]uint64
	Refusals []*Refusal
	MaySend  []string
	MayLog   []string
	MayCount []string
	Sends    []Sent
	Lines    []string
)

// Reset forgets everything.
func Reset() {
	Config, Logs, Counts = map[string]string{}, map[string][]Row{}, map[string]uint64{}
	Refusals, Sends, Lines = nil, nil, nil
	MaySend, MayLog, MayCount = nil, nil, nil
}

// Send notes an event.
func Send(pipe, event, message string) *Refusal {
	if refusal := may(MaySend, strings.TrimPrefix(pipe, "@")); refusal != nil {
		return refusal
	}
	if strings.ContainsRune(message, 0) {
		return &Refusal{0, "a message has no NUL"}
	}
	Sends = append(Sends, Sent{pipe, event, message})
	return nil
}

// Log gives the rows of a pipe.
func Log(pipe string, limit uint32) ([]Row, *Refusal) {
	rows := Logs[pipe]
	if surplus := len(rows) - int(limit); surplus > 0 {
		rows = rows[surplus:]
	}
	return rows, may(MayLog, pipe)
}

// Count gives the subscribers of a pipe.
func Count(pipe string) (uint64, *Refusal) { return Counts[pipe], may(MayCount, pipe) }

// may gives the next refusal, or what the host says to whoever did not ask in Setup.
func may(patterns []string, pipe string) *Refusal {
	if len(Refusals) > 0 {
		refusal := Refusals[0]
		Refusals = Refusals[1:]
		return refusal
	}
	for _, pattern := range patterns {
		beginning, isBeginning := strings.CutSuffix(pattern, "*")
		if pattern == pipe || isBeginning && strings.HasPrefix(pipe, beginning) {
			return nil
		}
	}
	return &Refusal{1, "Setup did not ask for " + pipe}
}
