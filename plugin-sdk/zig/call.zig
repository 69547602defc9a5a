//! What lasts for one call of the host: its memory and the words of its errors. For the kit alone.

const std = @import("std");
const builtin = @import("builtin");

pub const allocator: std.mem.Allocator = if (builtin.cpu.arch.isWasm()) std.heap.wasm_allocator else std.heap.page_allocator;

/// Kept between calls, so that small events cost no allocation.
const kept_bytes = 64 * 1024;

var memory: std.heap.ArenaAllocator = .init(allocator);

pub const arena: std.mem.Allocator = memory.allocator();

/// The words of the newest error that has any, for as long as the call's memory lasts.
var failure: ?struct { err: anyerror, words: []const u8 } = null;

/// Ends a call: everything in its arena is gone.
pub fn end() void {
    failure = null;
    _ = memory.reset(.{ .retain_with_limit = kept_bytes });
}

/// Ends a call whose memory stays for good.
pub fn endAndKeep() void {
    failure = null;
    memory = .init(allocator);
}

pub fn failWith(err: anytype, text: []const u8) @TypeOf(err) {
    failure = .{ .err = err, .words = text };
    return err;
}

pub fn words(err: anyerror) []const u8 {
    if (failure) |last| if (last.err == err) return last.words;
    return switch (err) {
        error.TimedOut => "the comet server did not answer in time",
        error.OutOfMemory => "it needs more memory than it may have",
        else => @errorName(err),
    };
}

/// Makes a text UTF-8 in place, with a question mark for each byte that is not: the host ends an instance that passes
/// anything else.
pub fn readable(text: []u8) []u8 {
    var at: usize = 0;
    while (at < text.len) {
        const length = std.unicode.utf8ByteSequenceLength(text[at]) catch 0;
        if (length > 0 and at + length <= text.len and std.unicode.utf8ValidateSlice(text[at..][0..length])) {
            at += length;
        } else {
            text[at] = '?';
            at += 1;
        }
    }
    return text;
}

test "an error has the words that were given for it, until the call ends" {
    defer end();
    try std.testing.expectEqualStrings("Denied", words(error.Denied));
    const err = failWith(error.Denied, "name the pipe in setup");
    try std.testing.expectEqualStrings("name the pipe in setup", words(err));
    try std.testing.expectEqualStrings("Invalid", words(error.Invalid));
    end();
    try std.testing.expectEqualStrings("Denied", words(err));
}

test "bytes that are not UTF-8 become question marks" {
    inline for (.{
        .{ "", "" },
        .{ "привет 😀", "привет 😀" },
        .{ "a\xffb", "a?b" },
        .{ "\xed\xa0\x80", "???" },
        .{ "cut: \xd0", "cut: ?" },
        .{ "nul \x00 stays", "nul \x00 stays" },
    }) |pair| {
        var text = pair[0].*;
        try std.testing.expectEqualStrings(pair[1], readable(&text));
    }
}
