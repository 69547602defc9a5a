//go:build wasip1

package cometbot

import (
	"encoding/binary"
	"unsafe"
)

//go:wasmimport cometbot:plugin/comet@1.0.0 send
func importSend(pipe, event, message string, result unsafe.Pointer)

//go:wasmimport cometbot:plugin/comet@1.0.0 log
func importLog(pipe string, limit uint32, result unsafe.Pointer)

//go:wasmimport cometbot:plugin/comet@1.0.0 count
func importCount(pipe string, result unsafe.Pointer)

//go:wasmimport wasi:config/store@0.2.0-rc.1 get
func importGet(key string, result unsafe.Pointer)

//go:wasmimport wasi:logging/logging@0.1.0-draft log
func importWrite(level uint32, context, message string)

// area is where the host writes results. One is enough, since nothing runs at the same time; it is aligned for all.
var area [3]uint64

func areaBytes() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&area)), len(area)*8) }

func hostSend(pipe, event, message string) error {
	importSend(pipe, event, message, unsafe.Pointer(&area))
	bytes := areaBytes()
	if bytes[0] == 0 {
		return nil
	}
	return refusal(bytes[4:])
}

func hostLog(pipe string, limit uint32) ([]Event, error) {
	importLog(pipe, limit, unsafe.Pointer(&area))
	bytes := areaBytes()
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
	arenaUsed = 0
	return events, nil
}

func hostCount(pipe string) (uint64, error) {
	importCount(pipe, unsafe.Pointer(&area))
	bytes := areaBytes()
	if bytes[0] == 1 {
		return 0, refusal(bytes[8:])
	}
	return binary.LittleEndian.Uint64(bytes[8:]), nil
}

func hostConfig(key string) (string, bool) {
	importGet(key, unsafe.Pointer(&area))
	bytes := areaBytes()
	value := text(bytes[8:])
	isSet := bytes[0] == 0 && bytes[4] == 1
	arenaUsed = 0
	if !isSet {
		return "", false
	}
	return value, true
}

func hostWrite(level uint32, message string) { importWrite(level, "", message) }

// refusal reads an error of the interface comet.
func refusal(bytes []byte) error {
	err := &Error{Kind: Kind(bytes[0])}
	if err.Kind != TimedOut {
		err.Words = text(bytes[4:])
	}
	arenaUsed = 0
	return err
}

// text copies a string of which the address and the length are here.
func text(bytes []byte) string { return copied(pointer(word(bytes)), word(bytes[4:])) }

func word(bytes []byte) uint32 { return binary.LittleEndian.Uint32(bytes) }

// pointer makes an address of the host's into one of the arena, so that no number has to become a pointer.
func pointer(address uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(&arena), int(address)-int(uintptr(unsafe.Pointer(&arena))))
}
