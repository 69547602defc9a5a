//! Write plugins for cometbot in Zig. What the contract means is in cometbot.wit and in the documentation.
//!
//! A plugin is a struct with two functions, and four lines in the file that is compiled:
//!
//! ```zig
//! const cometbot = @import("cometbot");
//!
//! pub const panic = cometbot.panic;
//! pub const std_options = cometbot.std_options;
//! pub const std_options_debug_io = cometbot.io;
//! comptime {
//!     cometbot.plugin(Greeter);
//! }
//! ```
//!
//! `pub fn setup(wants: *cometbot.Wants) !Greeter` makes an instance and says what it wants. An error keeps the plugin
//! from running. `pub fn handle(self: *Greeter, event: cometbot.Event) !void` handles one event. An error is a failure of
//! this event alone, and nothing that was sent for it leaves. `fail` makes an error with words.
//!
//! If its memory is to outlive a reload, it has two more. `pub fn save(self: *Greeter) ![]const u8` hands over what the
//! next version shall know, in a form that it will understand; nothing can be sent. `pub fn restore(self: *Greeter,
//! state: []const u8) !void` takes what an earlier version saved, after `setup` and before the first event, if there is
//! something. An error of either keeps the next version from taking over.
//!
//! Memory: `arena` is given back when `handle` has returned; `allocator` is for what stays.

const std = @import("std");
const builtin = @import("builtin");
const call = @import("call.zig");
const exports = @import("exports.zig");

/// Natively, in `zig build test`, there is no host, and `testing` stands in for it.
const host = if (builtin.cpu.arch.isWasm()) @import("host.zig") else testing;

/// Makes a plugin of a struct. In a test it does nothing.
pub const plugin = exports.plugin;
/// What a test sees of a plugin: the settings that it reads, the events that it sends. Only natively.
pub const testing = @import("testing.zig");
/// What the standard library's functions with an `std.Io` can have here: clocks, random bytes and standard error.
pub const io = @import("io.zig").io;

pub const Event = @import("event.zig").Event;
pub const Wants = @import("wants.zig").Wants;

/// Memory until the end of the call. What is made in `setup` and `restore` stays as long as the instance, so that settings
/// can be kept as they are; what is made in `handle`, the event's own strings among it, is gone when `handle` has returned.
pub const arena = call.arena;
/// Memory until it is freed, for what a plugin keeps from event to event.
pub const allocator = call.allocator;

/// An error with words for the log: `return cometbot.fail("there is no {s}", .{name});`.
pub fn fail(comptime format: []const u8, args: anytype) error{Failed} {
    return call.failWith(error.Failed, std.fmt.allocPrint(arena, format, args) catch "Failed");
}

/// What is to be said about an error: the words of `fail` or of the host if the last one of this kind came from there,
/// otherwise its name.
pub fn words(err: anyerror) []const u8 {
    return call.words(err);
}

/// A formatted text that lasts as long as the call.
pub fn print(comptime format: []const u8, args: anytype) std.mem.Allocator.Error![]u8 {
    return std.fmt.allocPrint(arena, format, args);
}

/// A value as JSON, which lasts as long as the call.
pub fn toJson(value: anytype) std.mem.Allocator.Error![]u8 {
    return std.json.Stringify.valueAlloc(arena, value, .{});
}

/// What a plugin can ask of the comet server. What `setup` did not ask for is refused with `error.Denied`.
pub const comet = struct {
    /// Why something was not done. `words` has the reason, for people: it says what to change.
    pub const Error = error{
        /// The server could not take it: a bad name, a text that is too long, a NUL byte, a text that is not UTF-8.
        Invalid,
        /// The plugin did not ask for it in `setup`, or the operator did not grant it.
        Denied,
        /// There is no connection to ask over; or none to send over, and as much waits for it as may; or one event sends
        /// too much. Trying again later can help.
        Unavailable,
        /// The server did not answer in time.
        TimedOut,
    };

    /// The most that `log` answers.
    pub const log_max_events = 99;

    /// Sends an event into a pipe.
    ///
    /// The pipe starts with `web_`, with `webauth_` (the bot must be logged in), or with `@web_` (sent anonymously); the
    /// event's name is at most 64 characters of `A-Z a-z 0-9 _ -`. All sends of one event leave together when `handle`
    /// returns without an error. Done means that the send will leave, not that the server has it.
    pub fn send(pipe: []const u8, event: []const u8, message: []const u8) Error!void {
        inline for (.{ .{ pipe, "pipe" }, .{ event, "event's name" }, .{ message, "message" } }) |text| {
            // The host ends an instance that passes anything else: better an error, which can be read.
            if (!std.unicode.utf8ValidateSlice(text[0]))
                return call.failWith(error.Invalid, "the " ++ text[1] ++ " is not valid UTF-8");
        }
        return host.send(pipe, event, message);
    }

    /// The newest events in a pipe's log, oldest first: at most `limit`, and never more than `log_max_events`. They last
    /// as long as the call. A pipe has a log only where the server's operator switched it on; without one this is empty.
    pub fn log(pipe: []const u8, limit: u32) (Error || std.mem.Allocator.Error)![]Event {
        return host.log(pipe, limit);
    }

    /// How many connections subscribe to a pipe (`web_…` or `track_…`), the bot's own among them.
    pub fn count(pipe: []const u8) Error!u64 {
        return host.count(pipe);
    }
};

/// The values of the plugin's own table in bot.toml.
pub const config = struct {
    pub const Error = error{
        /// The host could not read it.
        ConfigUnreadable,
    };

    /// The value of a key; null if the operator did not set it. A list comes as its parts with commas between them.
    pub fn get(key: []const u8) Error!?[]const u8 {
        return host.get(key);
    }

    /// The value of a key as a whole number, a float or a bool; null if the operator did not set it.
    pub fn parse(comptime T: type, key: []const u8) (Error || error{Failed})!?T {
        const value = std.mem.trim(u8, try get(key) orelse return null, &std.ascii.whitespace);
        return parseValue(T, value) orelse fail("config `{s}` is `{s}`: that is no {s}", .{ key, value, @typeName(T) });
    }

    fn parseValue(comptime T: type, value: []const u8) ?T {
        return switch (@typeInfo(T)) {
            .int => std.fmt.parseInt(T, value, 10) catch null,
            .float => std.fmt.parseFloat(T, value) catch null,
            .bool => if (std.mem.eql(u8, value, "true")) true else if (std.mem.eql(u8, value, "false")) false else null,
            else => @compileError("config.parse reads whole numbers, floats and bools"),
        };
    }

    /// The value of a key as a list, its parts separated by commas; null if the operator did not set it.
    pub fn list(key: []const u8) (Error || std.mem.Allocator.Error)!?[]const []const u8 {
        const value = try get(key) orelse return null;
        var parts: std.ArrayList([]const u8) = .empty;
        var rest = std.mem.splitScalar(u8, value, ',');
        while (rest.next()) |part| {
            const trimmed = std.mem.trim(u8, part, &std.ascii.whitespace);
            if (trimmed.len > 0) try parts.append(arena, trimmed);
        }
        return parts.items;
    }
};

/// Lines in the host's log, under the plugin's name. `std.log` goes there too; here are also the levels that it lacks.
pub const log = struct {
    /// The levels of the contract, the host's numbers for them included.
    pub const Level = enum(u32) { trace, debug, info, warn, @"error", critical };

    /// The variables and the flow of control within a plugin.
    pub fn trace(comptime format: []const u8, args: anytype) void {
        write(.trace, "", format, args);
    }

    /// What someone debugging a plugin wants to see.
    pub fn debug(comptime format: []const u8, args: anytype) void {
        write(.debug, "", format, args);
    }

    /// What someone watching a plugin wants to see.
    pub fn info(comptime format: []const u8, args: anytype) void {
        write(.info, "", format, args);
    }

    /// Something to look at before it goes wrong.
    pub fn warn(comptime format: []const u8, args: anytype) void {
        write(.warn, "", format, args);
    }

    /// Something that went wrong.
    pub fn err(comptime format: []const u8, args: anytype) void {
        write(.@"error", "", format, args);
    }

    /// Something after which the plugin cannot go on.
    pub fn critical(comptime format: []const u8, args: anytype) void {
        write(.critical, "", format, args);
    }

    /// A little more than the 4 KiB that the host shows of a line, so that it sees that there was more.
    var line: [4 * 1024 + 64]u8 = undefined;

    fn write(level: Level, context: []const u8, comptime format: []const u8, args: anytype) void {
        var writer: std.Io.Writer = .fixed(&line);
        writer.print(format, args) catch {};
        host.write(level, context, call.readable(writer.buffered()));
    }

    fn standard(
        comptime level: std.log.Level,
        comptime scope: @EnumLiteral(),
        comptime format: []const u8,
        args: anytype,
    ) void {
        const context = if (scope == .default) "" else @tagName(scope);
        write(switch (level) {
            .err => .@"error",
            .warn => .warn,
            .info => .info,
            .debug => .debug,
        }, context, format, args);
    }
};

/// Clocks.
pub const clock = struct {
    /// A point in time: seconds since the beginning of 1970 in UTC, and what is beyond the whole second.
    pub const Time = struct { seconds: u64, nanoseconds: u32 };

    /// The date and time, as the operator's machine has it.
    pub fn now() Time {
        return host.now();
    }

    /// Nanoseconds on a clock that only goes forward, for measuring: subtract an earlier value from a later one.
    pub fn monotonic() u64 {
        return host.monotonic();
    }
};

/// Random numbers, good enough for secrets.
pub const random = struct {
    /// A random number.
    pub fn number() u64 {
        return host.random();
    }

    /// Fills a buffer with random bytes.
    pub fn fill(buffer: []u8) void {
        var rest = buffer;
        while (rest.len > 0) {
            const bytes: [8]u8 = @bitCast(number());
            const some = @min(rest.len, bytes.len);
            @memcpy(rest[0..some], bytes[0..some]);
            rest = rest[some..];
        }
    }

    /// All that `std.Random` can do, such as `shuffle` and `intRangeLessThan`.
    pub const source: std.Random = .{ .ptr = @constCast(&nothing), .fillFn = fillFrom };

    const nothing: u8 = 0;

    fn fillFrom(_: *anyopaque, buffer: []u8) void {
        fill(buffer);
    }
};

/// For the root file: `std.log` writes into the host's log, and the host decides which levels it shows.
pub const std_options: std.Options = .{ .log_level = .debug, .logFn = log.standard };

/// For the root file: a panic's message is in the host's log before the instance ends.
pub const panic = std.debug.FullPanic(die);

fn die(message: []const u8, _: ?usize) noreturn {
    @branchHint(.cold);
    const once = struct {
        var dying = false;
    };
    // A panic while a panic is told has nobody left to tell.
    if (!once.dying) {
        once.dying = true;
        log.critical("panic: {s}", .{message});
    }
    @trap();
}

test {
    _ = @import("call.zig");
    _ = @import("event.zig");
    _ = @import("wants.zig");
    _ = @import("testing.zig");
}

test "a setting is read as what it is" {
    defer testing.reset();
    try testing.set("strikes", " 3 ");
    try testing.set("words", "a, b ,,c");
    try testing.set("loud", "true");
    try std.testing.expectEqual(3, try config.parse(u8, "strikes"));
    try std.testing.expectEqual(true, try config.parse(bool, "loud"));
    try std.testing.expectEqual(null, try config.parse(f64, "missing"));
    try std.testing.expectEqualDeep(&[_][]const u8{ "a", "b", "c" }, (try config.list("words")).?);
    try std.testing.expectError(error.Failed, config.parse(u8, "words"));
    try std.testing.expectEqualStrings("config `words` is `a, b ,,c`: that is no u8", words(error.Failed));
}

test "a text that is not UTF-8 is not sent" {
    defer testing.reset();
    try std.testing.expectError(error.Invalid, comet.send("web_chat", "msg", "\xff"));
    try std.testing.expectEqualStrings("the message is not valid UTF-8", words(error.Invalid));
    try std.testing.expectEqual(0, testing.sent().len);
}

test "a line of the log is readable whatever was written" {
    defer testing.reset();
    log.warn("{s}", .{"caf\xc3\xa9 \xff"});
    var many: [4400]u8 = undefined;
    for (&many, 0..) |*byte, at| byte.* = "\u{1F600}"[at % 4];
    log.info("{s}", .{&many});
    try std.testing.expectEqualStrings("café ?", testing.logged()[0].message);
    try std.testing.expect(std.unicode.utf8ValidateSlice(testing.logged()[1].message));
    try std.testing.expect(testing.logged()[1].message.len > 4096);
}

test "random bytes fill a buffer of any length" {
    defer testing.reset();
    var buffer: [13]u8 = @splat(0);
    fillAndExpect: for (0..64) |_| {
        random.source.bytes(&buffer);
        for (buffer) |byte| if (byte == 0) continue :fillAndExpect;
        return;
    }
    return error.SomeByteIsNeverFilled;
}
