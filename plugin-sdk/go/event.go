package cometbot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Event is something that happened in a pipe.
//
// On the pipe host:gap the host itself says what could not be heard: the name is the pipe that it is about, and the data
// are the JSON object {"pipe", "since", "until", "recovered", "why"}, with times in Unix seconds.
type Event struct {
	// Pipe is the pipe, as in web_chat. Personal messages come from the pipe msg.
	Pipe string
	// Name is the event's name, as in msg; may be empty.
	Name string
	// Data is the payload, exactly as its sender wrote it: JSON or any other text.
	Data string
	// UserID is who sent it: 0 is an anonymous client; nil is unknown, or not a client.
	UserID *uint64
	// Time is when the server took it, in whole seconds of Unix time; nil where the server does not say.
	Time *uint64
	// History tells whether it comes from the pipe's log instead of live.
	History bool
}

// Text is what a person wrote.
//
// The server's JavaScript client sends each message as JSON, so that its plain text hi arrives as "hi", quotes included;
// other clients send the bare text. This is hi for both. Anything else stays as it is, a JSON object for example.
func (event Event) Text() string {
	if text, ok := event.jsonText(); ok {
		return text
	}
	return event.Data
}

// JSON reads the payload as JSON into a value, as json.Unmarshal does.
func (event Event) JSON(value any) error {
	if err := json.Unmarshal([]byte(event.Data), value); err != nil {
		return fmt.Errorf("the data of `%s` in %s are not as expected: %w", event.Name, event.Pipe, err)
	}
	return nil
}

// Reply sends a text to the pipe that the event came from, in the form that its sender uses (see [Event.Text]): whoever
// writes JSON strings also reads them. Nobody can send to msg and to host:gap.
func (event Event) Reply(name, text string) error {
	if _, ok := event.jsonText(); ok {
		text = jsonString(text)
	}
	return Send(event.Pipe, name, text)
}

func (event Event) jsonText() (text string, ok bool) {
	// Looked at first, so that most texts never see a parser.
	if !strings.HasPrefix(strings.TrimLeft(event.Data, " \t\r\n"), `"`) {
		return "", false
	}
	return text, json.Unmarshal([]byte(event.Data), &text) == nil
}

func jsonString(text string) string {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	// A string has a form in JSON whatever is in it.
	_ = encoder.Encode(text)
	return strings.TrimSuffix(buffer.String(), "\n")
}
