//! The conformance plugin: does what the tests ask it to, in Zig.

const std = @import("std");
const cometbot = @import("cometbot");
const comet = cometbot.comet;

pub const panic = cometbot.panic;
pub const std_options = cometbot.std_options;
pub const std_options_debug_io = cometbot.io;
comptime {
    cometbot.plugin(Conformance);
}

const Conformance = struct {
    states: u64 = 0,
    memory: []const u8 = "",

    pub fn setup(wants: *cometbot.Wants) !Conformance {
        if (try cometbot.config.get("refuse")) |why| return cometbot.fail("refused: {s}", .{why});
        if (try cometbot.config.get("panic-in-setup")) |why| @panic(why);
        if (try cometbot.config.get("greeting")) |greeting| {
            cometbot.log.info("greeting is {s}", .{greeting});
        } else {
            cometbot.log.info("greeting is not set", .{});
        }
        wants.version = "1.0.0";
        try wants.hear("web_in", &.{});
        try wants.hear("web_picky", &.{ "one", "two" });
        try wants.send("web_out");
        try wants.send("web_in");
        try wants.log("web_log");
        try wants.count("web_count");
        return .{};
    }

    pub fn save(self: *Conformance) ![]const u8 {
        if (std.mem.eql(u8, self.memory, "unsaved")) return cometbot.fail("cannot save: it's \"{s}\"", .{"ж"});
        return self.memory;
    }

    pub fn restore(self: *Conformance, state: []const u8) !void {
        if (std.mem.eql(u8, state, "unrestored")) return cometbot.fail("cannot restore: it's \"{s}\"", .{"ж"});
        cometbot.allocator.free(self.memory);
        self.memory = try cometbot.allocator.dupe(u8, state);
    }

    pub fn handle(self: *Conformance, event: cometbot.Event) !void {
        const data = event.data;
        const What = enum { echo, fields, digest, send, log, count, text, reply, levels, print, fail, uncaught, panic, overflow, state, remember, recall, clock, random, heap };
        switch (std.meta.stringToEnum(What, event.name) orelse return) {
            .echo => try answer("echo", data),
            .fields => try answer("fields", try fields(event)),
            .digest => try answer("digest", try cometbot.print("{d} {x:0>8}", .{ data.len, std.hash.Fnv1a_32.hash(data) })),
            .send => try send(data),
            .log => try readLog(data),
            .count => if (comet.count(data)) |total| {
                try answer("count", try cometbot.print("{d}", .{total}));
            } else |err| try outcome(err),
            .text => try answer("text", try event.text()),
            .reply => try event.reply("reply", "a\n\"b\""),
            .levels => {
                cometbot.log.trace("level trace: {s}", .{data});
                cometbot.log.debug("level debug: {s}", .{data});
                cometbot.log.info("level info: {s}", .{data});
                cometbot.log.warn("level warn: {s}", .{data});
                cometbot.log.err("level error: {s}", .{data});
                cometbot.log.critical("level critical: {s}", .{data});
            },
            .print => std.debug.print("printed: {s}\n", .{data}),
            .fail => return cometbot.fail("failed: {s}", .{data}),
            .uncaught, .panic => @panic(data),
            .overflow => try answer("overflow", try cometbot.print("{d}", .{deeper(data.len)})),
            .state => {
                self.states += 1;
                try answer("state", try cometbot.print("{d}", .{self.states}));
            },
            .remember => {
                cometbot.allocator.free(self.memory);
                self.memory = try cometbot.allocator.dupe(u8, data);
            },
            .recall => try answer("recall", self.memory),
            .clock => try answer("clock", try cometbot.print("{d}", .{cometbot.clock.now().seconds})),
            .random => try answer("random", try cometbot.print("{x:0>16}", .{cometbot.random.number()})),
            .heap => {
                const copy = try cometbot.allocator.dupe(u8, data);
                defer cometbot.allocator.free(copy);
                std.mem.doNotOptimizeAway(copy.ptr);
            },
        }
    }
};

fn answer(event: []const u8, message: []const u8) !void {
    try comet.send("web_out", event, message);
}

fn fields(event: cometbot.Event) ![]const u8 {
    return cometbot.print("{s}|{s}|{d}|{s}|{s}|{}", .{
        event.pipe, event.name, event.data.len, try number(event.user_id), try number(event.time), event.history,
    });
}

fn number(value: ?u64) ![]const u8 {
    return cometbot.print("{d}", .{value orelse return "none"});
}

fn send(data: []const u8) !void {
    var parts = std.mem.splitScalar(u8, data, ' ');
    const pipe = parts.next() orelse "";
    const event = parts.next() orelse "";
    comet.send(pipe, event, parts.rest()) catch |err| return outcome(err);
    try answer("outcome", "ok");
}

fn readLog(data: []const u8) !void {
    var parts = std.mem.splitScalar(u8, data, ' ');
    const pipe = parts.next() orelse "";
    const limit = try std.fmt.parseInt(u32, parts.rest(), 10);
    const rows = comet.log(pipe, limit) catch |err| return outcome(err);
    var text: std.ArrayList(u8) = .empty;
    try text.appendSlice(cometbot.arena, try cometbot.print("{d}", .{rows.len}));
    for (rows) |row| {
        const line = .{ row.pipe, row.name, try number(row.user_id), row.history, row.data };
        try text.appendSlice(cometbot.arena, try cometbot.print("\n{s}|{s}|{s}|{}|{s}", line));
    }
    try answer("log", text.items);
}

fn outcome(err: anyerror) !void {
    const kind = switch (err) {
        error.Invalid => "invalid",
        error.Denied => "denied",
        error.Unavailable => "unavailable",
        error.TimedOut => return answer("outcome", "timed-out"),
        else => return err,
    };
    try answer("outcome", try cometbot.print("{s}: {s}", .{ kind, cometbot.words(err) }));
}

/// Never ends by itself.
fn deeper(depth: usize) usize {
    var space: [64]u8 = undefined;
    std.mem.doNotOptimizeAway(&space);
    return @call(.never_inline, deeper, .{depth + 1}) + space[depth % 64];
}
