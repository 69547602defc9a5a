//go:build wasip1

package cometbot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"unsafe"
)

// The exports of the contract by their canonical-ABI names: docs/src/core-modules.md tells how types look there. In Go's
// own memory a pointer has 8 bytes, so what the host reads is written into bytes.

// answer is what the last export answered: the host reads it after the function has returned.
var answer memory

//go:wasmexport setup
func setup() unsafe.Pointer {
	limitStack()
	logToHost()
	wants, err := callSetup()
	answer = memory{}
	if err != nil {
		return answer.result(44, err)
	}
	top := answer.room(44)
	answer.text(top[4:], wants.Version)
	hear := answer.list(top[12:], len(wants.Hearings), 16)
	for index, hearing := range wants.Hearings {
		answer.text(hear[16*index:], hearing.Pipe)
		answer.texts(hear[16*index+8:], hearing.Events)
	}
	answer.texts(top[20:], wants.Sends)
	answer.texts(top[28:], wants.Logs)
	answer.texts(top[36:], wants.Counts)
	return unsafe.Pointer(&top[0])
}

func callSetup() (wants Wants, err error) {
	if registered == nil {
		return wants, fmt.Errorf("no plugin is registered: call cometbot.Register in func init")
	}
	if err := checkState(registered); err != nil {
		return wants, err
	}
	defer recovered(&err)
	return registered.Setup()
}

// It is nosplit, so that the arena is kept before another goroutine may run.
//
//go:wasmexport handle
//go:nosplit
func handle(
	pipe unsafe.Pointer, pipeLength uint32,
	name unsafe.Pointer, nameLength uint32,
	data unsafe.Pointer, dataLength uint32,
	hasUser uint32, user uint64,
	hasTime uint32, time uint64,
	history uint32,
) unsafe.Pointer {
	keepArena()
	return handleEvent(pipe, pipeLength, name, nameLength, data, dataLength, hasUser, user, hasTime, time, history)
}

func handleEvent(
	pipe unsafe.Pointer, pipeLength uint32,
	name unsafe.Pointer, nameLength uint32,
	data unsafe.Pointer, dataLength uint32,
	hasUser uint32, user uint64,
	hasTime uint32, time uint64,
	history uint32,
) unsafe.Pointer {
	event := Event{
		Pipe: arenaText(pipe, pipeLength), Name: arenaText(name, nameLength), Data: arenaText(data, dataLength),
		UserID: optional(hasUser, user), Time: optional(hasTime, time), History: history == 1,
	}
	freeArena()
	err := callHandle(event)
	answer.kept = answer.kept[:0]
	return answer.result(12, err)
}

func callHandle(event Event) (err error) {
	defer recovered(&err)
	return registered.Handle(event)
}

//go:wasmexport save
func save() unsafe.Pointer {
	state, err := callSave()
	answer.kept = answer.kept[:0]
	if err != nil {
		return answer.result(12, err)
	}
	top := answer.room(12)
	// As it is, without a copy: it may be large.
	answer.kept = append(answer.kept, state)
	lay(top[4:], state, len(state))
	return unsafe.Pointer(&top[0])
}

func callSave() (state []byte, err error) {
	plugin, ok := registered.(Stateful)
	if !ok {
		return nil, nil
	}
	defer recovered(&err)
	return plugin.Save()
}

// It is nosplit for the same reason as handle.
//
//go:wasmexport restore
//go:nosplit
func restore(address unsafe.Pointer, length uint32) unsafe.Pointer {
	keepArena()
	return restoreState(address, length)
}

func restoreState(address unsafe.Pointer, length uint32) unsafe.Pointer {
	state := bytes.Clone(unsafe.Slice((*byte)(address), length))
	freeArena()
	err := callRestore(state)
	answer.kept = answer.kept[:0]
	return answer.result(12, err)
}

func callRestore(state []byte) (err error) {
	plugin, ok := registered.(Stateful)
	if !ok {
		return nil
	}
	defer recovered(&err)
	return plugin.Restore(state)
}

// recovered makes of a panic an error that says where, and writes the way there into the log for whoever wants it.
func recovered(err *error) {
	if panicked := recover(); panicked != nil {
		trace := trace()
		*err = fmt.Errorf("panic: %v%s", panicked, place(trace))
		for _, line := range trace {
			hostWrite(level(slog.LevelDebug), line)
		}
	}
}

// place finds in a trace the plugin's own line: the first one that is no part of Go or of the kit.
func place(trace []string) string {
	for index := 0; index+1 < len(trace); index++ {
		if strings.HasPrefix(trace[index], "main.") {
			where, _, _ := strings.Cut(strings.TrimSpace(trace[index+1]), " +")
			return " (" + where[strings.LastIndexByte(where, '/')+1:] + ")"
		}
	}
	return ""
}

func optional(isSome uint32, value uint64) *uint64 {
	if isSome == 0 {
		return nil
	}
	return &value
}

// memory holds what the host is to read, until the next call.
type memory struct{ kept [][]byte }

func (memory *memory) room(length int) []byte {
	// In words, for the alignment.
	words := make([]uint64, length/8+1)
	room := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), length)
	memory.kept = append(memory.kept, room)
	return room
}

// result lays down a result of so many bytes: ok with nothing in it, or an error's text.
func (memory *memory) result(length int, err error) unsafe.Pointer {
	room := memory.room(length)
	if err != nil {
		room[0] = 1
		memory.text(room[4:], err.Error())
	}
	return unsafe.Pointer(&room[0])
}

func (memory *memory) text(at []byte, text string) {
	room := memory.list(at, len(utf8(text)), 1)
	copy(room, utf8(text))
}

func (memory *memory) texts(at []byte, texts []string) {
	room := memory.list(at, len(texts), 8)
	for index, text := range texts {
		memory.text(room[8*index:], text)
	}
}

// list lays down the address and the length of a list, and gives room for its elements of so many bytes.
func (memory *memory) list(at []byte, length, size int) []byte {
	room := memory.room(length * size)
	lay(at, room, length)
	return room
}

// lay lays down the address of what is in memory, and a length.
func lay(at, room []byte, length int) {
	binary.LittleEndian.PutUint32(at, uint32(uintptr(unsafe.Pointer(unsafe.SliceData(room)))))
	binary.LittleEndian.PutUint32(at[4:], uint32(length))
}
