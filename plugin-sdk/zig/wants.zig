//! Saying what a plugin wants.

const std = @import("std");
const cometbot = @import("cometbot.zig");
const Allocator = std.mem.Allocator;

/// What `setup` asks for. In `send`, `log` and `count` a name is a pipe's whole name, or a beginning followed by `*`:
/// `web_*` is every pipe that starts with `web_`. What is not named is refused when it is tried.
///
/// Names are copied, so that it does not matter where they lie.
pub const Wants = struct {
    /// The plugin's own version, for logs and for people; may be empty.
    version: []const u8 = "",
    /// What `hear` and `hearAll` noted.
    hearings: std.ArrayList(Hearing) = .empty,
    /// What `send` noted.
    sends: std.ArrayList([]const u8) = .empty,
    /// What `log` noted.
    logs: std.ArrayList([]const u8) = .empty,
    /// What `count` noted.
    counts: std.ArrayList([]const u8) = .empty,

    /// A pipe to hear, and the names of the events; none means all.
    pub const Hearing = struct { pipe: []const u8, events: []const []const u8 };

    /// Hears these events of a pipe.
    ///
    /// The events of `host:gap`, on which the host says what could not be heard, are called like the pipes that they are
    /// about: `hear("host:gap", &.{"web_chat"})`.
    pub fn hear(wants: *Wants, pipe: []const u8, events: []const []const u8) Allocator.Error!void {
        const names = try cometbot.arena.alloc([]const u8, events.len);
        for (names, events) |*name, event| name.* = try copy(event);
        try wants.hearings.append(cometbot.arena, .{ .pipe = try copy(pipe), .events = names });
    }

    /// Hears every event of a pipe.
    pub fn hearAll(wants: *Wants, pipe: []const u8) Allocator.Error!void {
        return wants.hear(pipe, &.{});
    }

    /// Sends to a pipe.
    pub fn send(wants: *Wants, pipe: []const u8) Allocator.Error!void {
        return wants.sends.append(cometbot.arena, try copy(pipe));
    }

    /// Reads the log of a pipe.
    pub fn log(wants: *Wants, pipe: []const u8) Allocator.Error!void {
        return wants.logs.append(cometbot.arena, try copy(pipe));
    }

    /// Counts the subscribers of a pipe.
    pub fn count(wants: *Wants, pipe: []const u8) Allocator.Error!void {
        return wants.counts.append(cometbot.arena, try copy(pipe));
    }

    fn copy(name: []const u8) Allocator.Error![]const u8 {
        return cometbot.arena.dupe(u8, name);
    }
};

test "names may lie anywhere" {
    defer cometbot.testing.reset();
    var wants: Wants = .{};
    var name = "web_a".*;
    try wants.hear(&name, &.{&name});
    try wants.send(&name);
    name = "web_b".*;
    try wants.hearAll(&name);
    try std.testing.expectEqualDeep(&[_]Wants.Hearing{
        .{ .pipe = "web_a", .events = &.{"web_a"} },
        .{ .pipe = "web_b", .events = &.{} },
    }, wants.hearings.items);
    try std.testing.expectEqualStrings("web_a", wants.sends.items[0]);
}
