//go:build wasip1

package cometbot

import "unsafe"

// Where others put what they pass in. Both rooms are there from the start and are no part of Go's heap, and the two
// functions that give it out do nothing that may call the host or switch to another goroutine: they are called while Go's
// runtime is not up yet, or in the middle of a call, where the host forbids calls. That is why they are nosplit, touch no
// pointer that the collector knows, and do not panic.

// adapterRoom is for the standard adapter between WASI 0.1, which Go speaks, and WASI 0.2: 64 KiB for its stack and 64 KiB
// for its state, for good. Whoever makes a component with that adapter finds this export by its name; without it the
// adapter would take pages at the end of the memory, which Go and TinyGo take for their own heap.
var (
	adapterRoom [3 * 64 << 10 / 8]uint64
	adapterUsed uint32
)

//go:wasmexport cabi_realloc_adapter
//go:nosplit
func cabiReallocAdapter(_ unsafe.Pointer, _, alignment, length uint32) unsafe.Pointer {
	start := aligned(adapterUsed, alignment)
	adapterUsed = start + length
	if adapterUsed > uint32(unsafe.Sizeof(adapterRoom)) {
		roomIsTooSmall()
	}
	return unsafe.Add(unsafe.Pointer(&adapterRoom), start)
}

// arena is for the strings and lists of the host: those of an event, or of an answer. What does not fit costs the
// instance. Go can use only what it got from the system itself, so that more cannot be had in the middle of a call.
var (
	arena     [arenaBytes / 8]uint64
	arenaUsed uint32
	// Who still reads something in the arena: the last one to be ready makes it free.
	arenaReaders uint32
)

//go:wasmexport cabi_realloc
//go:nosplit
func cabiRealloc(old unsafe.Pointer, oldLength, alignment, length uint32) unsafe.Pointer {
	start := aligned(arenaUsed, alignment)
	if length > arenaBytes || start > arenaBytes-length {
		roomIsTooSmall()
	}
	arenaUsed = start + length
	room := unsafe.Add(unsafe.Pointer(&arena), start)
	for index := uint32(0); index < oldLength; index++ {
		*(*byte)(unsafe.Add(room, index)) = *(*byte)(unsafe.Add(old, index))
	}
	return room
}

//go:nosplit
func aligned(offset, alignment uint32) uint32 { return (offset + alignment - 1) &^ (alignment - 1) }

// keepArena says that something in the arena is read from now on, and freeArena that it has been copied. In between
// other goroutines may call the host.
//
//go:nosplit
func keepArena() { arenaReaders++ }

func freeArena() {
	if arenaReaders--; arenaReaders == 0 {
		arenaUsed = 0
	}
}

// outside is an address that no memory reaches.
var outside uint32 = 1<<32 - 1

// roomIsTooSmall traps. The host names the function that did: a message would have to call the host.
//
//go:nosplit
//go:noinline
func roomIsTooSmall() { *(*uint64)(unsafe.Add(nil, outside)) = 0 }

// arenaText copies a string of the host's.
func arenaText(address unsafe.Pointer, length uint32) string {
	return string(unsafe.Slice((*byte)(address), length))
}
