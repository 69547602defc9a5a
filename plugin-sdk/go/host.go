//go:build wasip1

package cometbot

import (
	"encoding/binary"
	"unsafe"
)

//go:wasmimport cometbot:plugin/comet@1.1.0 send
//go:noescape
func importSend(pipe, event, message string, result unsafe.Pointer)

//go:wasmimport cometbot:plugin/comet@1.1.0 log
//go:noescape
func importLog(pipe string, limit uint32, result unsafe.Pointer)

//go:wasmimport cometbot:plugin/comet@1.1.0 count
//go:noescape
func importCount(pipe string, result unsafe.Pointer)

//go:wasmimport wasi:config/store@0.2.0-rc.1 get
//go:noescape
func importGet(key string, result unsafe.Pointer)

//go:wasmimport wasi:logging/logging@0.1.0-draft log
func importWrite(level uint32, context, message string)

// area is where the host writes a result; it is aligned for all of them.
type area [3]uint64

func (area *area) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(area)), unsafe.Sizeof(*area))
}

func hostSend(pipe, event, message string) error {
	var result area
	keepArena()
	defer freeArena()
	importSend(pipe, event, message, unsafe.Pointer(&result))
	bytes := result.bytes()
	if bytes[0] == 0 {
		return nil
	}
	return refusal(bytes[4:])
}

func hostLog(pipe string, limit uint32) ([]Event, error) {
	var result area
	keepArena()
	defer freeArena()
	importLog(pipe, limit, unsafe.Pointer(&result))
	bytes := result.bytes()
	if bytes[0] == 1 {
		return nil, refusal(bytes[4:])
	}
	const size = 64
	address, length := word(bytes[4:]), word(bytes[8:])
	rows := unsafe.Slice((*byte)(pointer(address)), length*size)
	events := make([]Event, length)
	for index := range events {
		row := rows[index*size:]
		events[index] = Event{
			Pipe: text(row), Name: text(row[8:]), Data: text(row[16:]),
			UserID:  optional(uint32(row[24]), binary.LittleEndian.Uint64(row[32:])),
			Time:    optional(uint32(row[40]), binary.LittleEndian.Uint64(row[48:])),
			History: row[56] == 1,
		}
	}
	return events, nil
}

func hostCount(pipe string) (uint64, error) {
	var result area
	keepArena()
	defer freeArena()
	importCount(pipe, unsafe.Pointer(&result))
	bytes := result.bytes()
	if bytes[0] == 1 {
		return 0, refusal(bytes[8:])
	}
	return binary.LittleEndian.Uint64(bytes[8:]), nil
}

func hostConfig(key string) (string, bool) {
	var result area
	keepArena()
	defer freeArena()
	importGet(key, unsafe.Pointer(&result))
	bytes := result.bytes()
	if isSet := bytes[0] == 0 && bytes[4] == 1; !isSet {
		return "", false
	}
	return text(bytes[8:]), true
}

func hostWrite(level uint32, message string) { importWrite(level, "", message) }

// refusal reads an error of the interface comet.
func refusal(bytes []byte) error {
	err := &Error{Kind: Kind(bytes[0])}
	if err.Kind != TimedOut {
		err.Words = text(bytes[4:])
	}
	return err
}

// text copies a string of which the address and the length are here.
func text(bytes []byte) string { return arenaText(pointer(word(bytes)), word(bytes[4:])) }

func word(bytes []byte) uint32 { return binary.LittleEndian.Uint32(bytes) }

// pointer makes an address of the host's into one of the arena, so that no number has to become a pointer.
func pointer(address uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(&arena), int(address)-int(uintptr(unsafe.Pointer(&arena))))
}
