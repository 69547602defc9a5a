//go:build !wasip1

package cometbot

// Natively there is no host, and the stage of a test stands in for it: see package cometbottest.

import "cometbot/internal/desk"

func hostSend(pipe, event, message string) error {
	return asError(desk.Send(pipe, event, message))
}

func hostLog(pipe string, limit uint32) ([]Event, error) {
	rows, refusal := desk.Log(pipe, limit)
	if refusal != nil {
		return nil, asError(refusal)
	}
	events := make([]Event, len(rows))
	for index, row := range rows {
		events[index] = Event{Pipe: pipe, Name: row.Name, Data: row.Data, UserID: row.UserID, History: true}
	}
	return events, nil
}

func hostCount(pipe string) (uint64, error) {
	count, refusal := desk.Count(pipe)
	return count, asError(refusal)
}

func hostConfig(key string) (string, bool) {
	value, ok := desk.Config[key]
	return value, ok
}

func hostWrite(level uint32, message string) { desk.Lines = append(desk.Lines, message) }

func asError(refusal *desk.Refusal) error {
	if refusal == nil {
		return nil
	}
	return &Error{Kind: Kind(refusal.Kind), Words: refusal.Words}
}
