//! A host for native tests: it has the settings that the test gave it, and notes what the plugin sends and logs.
//!
//! ```zig
//! test "it greets" {
//!     defer cometbot.testing.reset();
//!     try cometbot.testing.set("greeting", "hi");
//!     var greeter = try cometbot.testing.setup(Greeter);
//!     try greeter.handle(.{ .pipe = "web_chat", .name = "msg", .data = "!hello" });
//!     try std.testing.expectEqualStrings("hi, stranger!", cometbot.testing.sent()[0].message);
//! }
//! ```

const std = @import("std");
const call = @import("call.zig");
const cometbot = @import("cometbot.zig");

const Error = cometbot.comet.Error;

/// An event that the plugin sent.
pub const Sent = struct { pipe: []const u8, event: []const u8, message: []const u8 };
/// A line that the plugin wrote into the log with `cometbot.log`. What goes through `std.log` is the test runner's.
pub const Logged = struct { level: cometbot.log.Level, context: []const u8, message: []const u8 };
const Setting = struct { key: []const u8, value: []const u8 };

/// What the clocks show.
pub var time: cometbot.clock.Time = .{ .seconds = 0, .nanoseconds = 0 };
/// What `comet.log` answers, cut to its limit.
pub var log_events: []const cometbot.Event = &.{};
/// What `comet.count` answers.
pub var subscribers: u64 = 0;
/// What `comet` answers instead, if it is set; its words are `refused in a test`.
pub var refusal: ?Error = null;

var settings: std.ArrayList(Setting) = .empty;
var sends: std.ArrayList(Sent) = .empty;
var lines: std.ArrayList(Logged) = .empty;
var numbers: std.Random.SplitMix64 = .init(0);

/// Forgets everything: write `defer cometbot.testing.reset();` at the beginning of a test.
pub fn reset() void {
    settings = .empty;
    sends = .empty;
    lines = .empty;
    numbers = .init(0);
    time = .{ .seconds = 0, .nanoseconds = 0 };
    log_events = &.{};
    subscribers = 0;
    refusal = null;
    call.end();
}

/// Sets a value of the plugin's table, as text.
pub fn set(key: []const u8, value: []const u8) !void {
    try settings.append(call.arena, .{ .key = key, .value = value });
}

/// Makes an instance of a plugin; what it wants is not looked at.
pub fn setup(comptime Plugin: type) !Plugin {
    var wants: cometbot.Wants = .{};
    return Plugin.setup(&wants);
}

/// Reloads a plugin as the host does: a new instance takes what this one saves, and takes its place.
pub fn reload(plugin: anytype) !void {
    const state: []const u8 = try plugin.save();
    var next = try setup(@TypeOf(plugin.*));
    if (state.len > 0) try next.restore(state);
    plugin.* = next;
}

/// What was sent, in order.
pub fn sent() []const Sent {
    return sends.items;
}

/// What was logged, in order.
pub fn logged() []const Logged {
    return lines.items;
}

fn refused() Error!void {
    if (refusal) |err| return call.failWith(err, "refused in a test");
}

// What follows is the host's side, as the module `host` has it.

pub fn send(pipe: []const u8, event: []const u8, message: []const u8) Error!void {
    try refused();
    const copy: Sent = .{ .pipe = keep(pipe), .event = keep(event), .message = keep(message) };
    sends.append(call.arena, copy) catch @panic("out of memory");
}

pub fn log(_: []const u8, limit: u32) (Error || std.mem.Allocator.Error)![]cometbot.Event {
    try refused();
    return call.arena.dupe(cometbot.Event, log_events[log_events.len -| limit..]);
}

pub fn count(_: []const u8) Error!u64 {
    try refused();
    return subscribers;
}

pub fn get(key: []const u8) cometbot.config.Error!?[]const u8 {
    for (settings.items) |setting| if (std.mem.eql(u8, setting.key, key)) return setting.value;
    return null;
}

pub fn write(level: cometbot.log.Level, context: []const u8, message: []const u8) void {
    const copy: Logged = .{ .level = level, .context = keep(context), .message = keep(message) };
    lines.append(call.arena, copy) catch @panic("out of memory");
}

pub fn now() cometbot.clock.Time {
    return time;
}

pub fn monotonic() u64 {
    return time.seconds * std.time.ns_per_s + time.nanoseconds;
}

pub fn random() u64 {
    return numbers.next();
}

fn keep(text: []const u8) []const u8 {
    return call.arena.dupe(u8, text) catch @panic("out of memory");
}

test "a refused send has words and is not noted" {
    defer reset();
    refusal = error.Unavailable;
    try std.testing.expectError(error.Unavailable, cometbot.comet.send("web_chat", "msg", "hi"));
    try std.testing.expectEqualStrings("refused in a test", cometbot.words(error.Unavailable));
    try std.testing.expectEqual(0, sent().len);
}

test "a reload carries what is saved into a new instance, or leaves the old one" {
    defer reset();
    const Counter = struct {
        seen: u32 = 0,
        asked: u32 = 0,

        pub fn setup(_: *cometbot.Wants) !@This() {
            return .{};
        }

        pub fn save(self: *@This()) ![]const u8 {
            return if (self.seen == 0) "" else cometbot.print("{d}", .{self.seen});
        }

        pub fn restore(self: *@This(), state: []const u8) !void {
            self.seen = try std.fmt.parseInt(u8, state, 10);
        }
    };
    var counter = try setup(Counter);
    for ([_]Counter{ .{ .asked = 1 }, .{ .seen = 7, .asked = 1 } }) |before| {
        counter = before;
        try reload(&counter);
        try std.testing.expectEqual(Counter{ .seen = before.seen }, counter);
    }
    counter = .{ .seen = 256, .asked = 1 };
    try std.testing.expectError(error.Overflow, reload(&counter));
    try std.testing.expectEqual(Counter{ .seen = 256, .asked = 1 }, counter);
}

test "a log is cut to its newest" {
    defer reset();
    log_events = &.{
        .{ .pipe = "web_chat", .name = "msg", .data = "old" },
        .{ .pipe = "web_chat", .name = "msg", .data = "new" },
    };
    try std.testing.expectEqualStrings("new", (try cometbot.comet.log("web_chat", 1))[0].data);
    try std.testing.expectEqual(2, (try cometbot.comet.log("web_chat", 9)).len);
}
