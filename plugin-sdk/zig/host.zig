//! The imports of the contract as Zig functions. For the kit alone.
//!
//! How the contract's types look here is the canonical ABI of the component model: a string or a list is an address and
//! a length; a result that needs more than one value is written to an address that the caller gives. What the host writes
//! beyond that, such as the text of an error, lies in memory that it got from `cabi_realloc`, so in the call's arena.

const std = @import("std");
const call = @import("call.zig");
const cometbot = @import("cometbot.zig");

const Error = cometbot.comet.Error;

/// A string, or a list of `T`, in memory.
pub fn Slice(comptime T: type) type {
    return extern struct {
        address: usize,
        length: usize,

        pub fn of(items: []const T) @This() {
            // Where nothing is, Zig points anywhere; the host looks whether it is in memory all the same.
            return .{ .address = if (items.len == 0) 0 else @intFromPtr(items.ptr), .length = items.len };
        }

        pub fn get(slice: @This()) []const T {
            if (slice.length == 0) return &.{};
            return @as([*]const T, @ptrFromInt(slice.address))[0..slice.length];
        }
    };
}

pub const String = Slice(u8);

const OptionalNumber = extern struct {
    is_some: u8,
    number: u64,

    fn get(option: @This()) ?u64 {
        return if (option.is_some == 1) option.number else null;
    }
};

const EventRecord = extern struct {
    pipe: String,
    name: String,
    data: String,
    user_id: OptionalNumber,
    time: OptionalNumber,
    history: u8,
};

/// An error of the interface `comet`: a case, and words where the case has any.
const Refusal = extern struct {
    case: u8,
    words: String,

    fn get(refusal: @This()) Error {
        return switch (refusal.case) {
            0 => call.failWith(error.Invalid, refusal.words.get()),
            1 => call.failWith(error.Denied, refusal.words.get()),
            2 => call.failWith(error.Unavailable, refusal.words.get()),
            else => error.TimedOut,
        };
    }
};

/// A result: a case, 0 for ok, and then what the case holds.
fn Result(comptime Ok: type, comptime Err: type) type {
    return extern struct {
        is_error: u8,
        value: extern union { ok: Ok, err: Err },
    };
}

const Nothing = extern struct {};

const SendResult = Result(Nothing, Refusal);
const LogResult = Result(Slice(EventRecord), Refusal);
const CountResult = Result(u64, Refusal);
/// Both the option in ok and the variant in the error are a case and a string.
const GetResult = extern struct { is_error: u8, case: u8 align(4), text: String };
const Datetime = extern struct { seconds: u64, nanoseconds: u32 };

comptime {
    std.debug.assert(@sizeOf(String) == 8 and @sizeOf(EventRecord) == 64);
    std.debug.assert(@sizeOf(SendResult) == 16 and @sizeOf(LogResult) == 16 and @sizeOf(CountResult) == 24);
    std.debug.assert(@sizeOf(GetResult) == 16 and @offsetOf(GetResult, "case") == 4 and @sizeOf(Datetime) == 16);
}

// Several interfaces have a function of the same name, so each has a namespace. A string is passed as the two fields of
// `String`.
const imports = struct {
    const comet = struct {
        extern "cometbot:plugin/comet@1.1.0" fn send(
            usize,
            usize,
            usize,
            usize,
            usize,
            usize,
            *SendResult,
        ) void;
        extern "cometbot:plugin/comet@1.1.0" fn log(usize, usize, u32, *LogResult) void;
        extern "cometbot:plugin/comet@1.1.0" fn count(usize, usize, *CountResult) void;
    };
    const logging = struct {
        extern "wasi:logging/logging@0.1.0-draft" fn log(u32, usize, usize, usize, usize) void;
    };
    const store = struct {
        extern "wasi:config/store@0.2.0-rc.1" fn get(usize, usize, *GetResult) void;
    };
    const wall_clock = struct {
        extern "wasi:clocks/wall-clock@0.2.12" fn now(*Datetime) void;
    };
    const monotonic_clock = struct {
        extern "wasi:clocks/monotonic-clock@0.2.12" fn now() u64;
    };
    const random = struct {
        extern "wasi:random/random@0.2.12" fn @"get-random-u64"() u64;
    };
};

pub fn send(pipe: []const u8, event: []const u8, message: []const u8) Error!void {
    var result: SendResult = undefined;
    const to: String = .of(pipe);
    const name: String = .of(event);
    const text: String = .of(message);
    imports.comet.send(to.address, to.length, name.address, name.length, text.address, text.length, &result);
    if (result.is_error == 1) return result.value.err.get();
}

pub fn log(pipe: []const u8, limit: u32) (Error || std.mem.Allocator.Error)![]cometbot.Event {
    var result: LogResult = undefined;
    const from: String = .of(pipe);
    imports.comet.log(from.address, from.length, limit, &result);
    if (result.is_error == 1) return result.value.err.get();
    const records = result.value.ok.get();
    const events = try call.arena.alloc(cometbot.Event, records.len);
    for (events, records) |*event, record| event.* = .{
        .pipe = record.pipe.get(),
        .name = record.name.get(),
        .data = record.data.get(),
        .user_id = record.user_id.get(),
        .time = record.time.get(),
        .history = record.history == 1,
    };
    return events;
}

pub fn count(pipe: []const u8) Error!u64 {
    var result: CountResult = undefined;
    const of: String = .of(pipe);
    imports.comet.count(of.address, of.length, &result);
    return if (result.is_error == 1) result.value.err.get() else result.value.ok;
}

pub fn get(key: []const u8) cometbot.config.Error!?[]const u8 {
    var result: GetResult = undefined;
    const of: String = .of(key);
    imports.store.get(of.address, of.length, &result);
    if (result.is_error == 1) return call.failWith(error.ConfigUnreadable, result.text.get());
    return if (result.case == 1) result.text.get() else null;
}

pub fn write(level: cometbot.log.Level, context: []const u8, message: []const u8) void {
    const scope: String = .of(context);
    const text: String = .of(message);
    imports.logging.log(@backingInt(level), scope.address, scope.length, text.address, text.length);
}

pub fn now() cometbot.clock.Time {
    var time: Datetime = undefined;
    imports.wall_clock.now(&time);
    return .{ .seconds = time.seconds, .nanoseconds = time.nanoseconds };
}

pub fn monotonic() u64 {
    return imports.monotonic_clock.now();
}

pub fn random() u64 {
    return imports.random.@"get-random-u64"();
}
