package cometbot

// Hearing is a pipe to hear, and the names of its events; none means all of them.
type Hearing struct {
	Pipe   string
	Events []string
}

// Wants is what a plugin wants: the answer of Setup.
//
// In Send, Log and Count a name is a pipe's whole name, or a beginning followed by *: web_* is every pipe that starts with
// web_. What is not named is refused when it is tried.
type Wants struct {
	// Version is the plugin's own version, for logs and for people; may be empty.
	Version string
	// Hearings are the pipes to hear.
	Hearings []Hearing
	// Sends are the pipes to send to.
	Sends []string
	// Logs are the pipes whose log it reads.
	Logs []string
	// Counts are the pipes whose subscribers it counts.
	Counts []string
}

// Hear adds a pipe to hear; all of its events if none is named. host:gap is the pipe of gaps.
func (wants Wants) Hear(pipe string, events ...string) Wants {
	wants.Hearings = append(wants.Hearings, Hearing{pipe, events})
	return wants
}

// Send adds pipes to send to.
func (wants Wants) Send(pipes ...string) Wants {
	wants.Sends = append(wants.Sends, pipes...)
	return wants
}

// Log adds pipes whose log is read.
func (wants Wants) Log(pipes ...string) Wants {
	wants.Logs = append(wants.Logs, pipes...)
	return wants
}

// Count adds pipes whose subscribers are counted.
func (wants Wants) Count(pipes ...string) Wants {
	wants.Counts = append(wants.Counts, pipes...)
	return wants
}
