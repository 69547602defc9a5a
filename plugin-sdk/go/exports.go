//go:build wasip1

package cometbot

import (
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"strings"
	"unsafe"
)

// The exports of the contract by their canonical-ABI names: docs/src/core-modules.md tells how types look there. In Go's
// own memory a pointer has 8 bytes, so what the host reads is written into bytes.

// A stack that grows beyond this is a mistake; Go's own bound is beyond the memory of a plugin.
const maxStack = 8 << 20

// arena is where the host puts what it passes in. It is there from the start, because making room with Go may begin a
// collection, which asks the host for the time, and that is forbidden while the host asks for room. The largest answer of
// the host, a log of 99 events of 64 KiB, fits.
var (
	arena     [8 << 20]byte
	arenaUsed uint32
)

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldLength, alignment, length uint32) unsafe.Pointer {
	start := (arenaUsed + alignment - 1) &^ (alignment - 1)
	if uint64(start)+uint64(length) > uint64(len(arena)) {
		panic("the host passed in more than 8 MiB at once")
	}
	arenaUsed = start + length
	if length == 0 {
		return unsafe.Pointer(&arena[0])
	}
	copy(arena[start:arenaUsed], unsafe.Slice((*byte)(old), oldLength))
	return unsafe.Pointer(&arena[start])
}

// answer is what the last export answered: the host reads it after the function has returned.
var answer memory

//go:wasmexport setup
func setup() unsafe.Pointer {
	debug.SetMaxStack(maxStack)
	logToHost()
	wants, err := callSetup()
	arenaUsed = 0
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
	defer recovered(&err)
	return registered.Setup()
}

//go:wasmexport handle
func handle(
	pipe unsafe.Pointer, pipeLength uint32,
	name unsafe.Pointer, nameLength uint32,
	data unsafe.Pointer, dataLength uint32,
	hasUser uint32, user uint64,
	hasTime uint32, time uint64,
	history uint32,
) unsafe.Pointer {
	event := Event{
		Pipe: copied(pipe, pipeLength), Name: copied(name, nameLength), Data: copied(data, dataLength),
		UserID: optional(hasUser, user), Time: optional(hasTime, time), History: history == 1,
	}
	arenaUsed = 0
	err := callHandle(event)
	arenaUsed = 0
	answer.kept = answer.kept[:0]
	return answer.result(12, err)
}

func callHandle(event Event) (err error) {
	defer recovered(&err)
	return registered.Handle(event)
}

// recovered makes of a panic an error that says where.
func recovered(err *error) {
	if panicked := recover(); panicked != nil {
		*err = fmt.Errorf("panic: %v%s", panicked, place(string(debug.Stack())))
	}
}

// place finds in a stack the plugin's own line that panicked: the first one behind the panic that is no part of Go.
func place(stack string) string {
	_, stack, _ = strings.Cut(stack, "panic(")
	lines := strings.Split(stack, "\n")
	for index := 0; index+1 < len(lines); index++ {
		if strings.HasPrefix(lines[index], "main.") {
			where, _, _ := strings.Cut(strings.TrimSpace(lines[index+1]), " +")
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

func copied(address unsafe.Pointer, length uint32) string {
	return string(unsafe.Slice((*byte)(address), length))
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
	binary.LittleEndian.PutUint32(at, uint32(uintptr(unsafe.Pointer(unsafe.SliceData(room)))))
	binary.LittleEndian.PutUint32(at[4:], uint32(length))
	return room
}
