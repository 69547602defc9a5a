//! Reading an event, and answering it.

const std = @import("std");
const cometbot = @import("cometbot.zig");
const Allocator = std.mem.Allocator;

/// Something that happened in a pipe. Its strings last as long as the call.
///
/// On the pipe `host:gap` the host itself says what could not be heard: `name` is the pipe that it is about, and `data`
/// are the JSON object `{"pipe", "since", "until", "recovered", "why"}`, with times in Unix seconds.
pub const Event = struct {
    /// The pipe, as in `web_chat`. Personal messages come from the pipe `msg`.
    pipe: []const u8,
    /// The event's name, as in `msg`; may be empty.
    name: []const u8,
    /// The payload, exactly as its sender wrote it: JSON or any other text.
    data: []const u8,
    /// Who sent it: 0 is an anonymous client; null is unknown, or not a client (the server itself, or a back end).
    user_id: ?u64 = null,
    /// When the server took it, in whole seconds of Unix time; null where the server does not say.
    time: ?u64 = null,
    /// Whether it comes from the pipe's log instead of live: because the plugin read the log, or because it was missed
    /// while there was no connection. What was missed comes once, and before what is new.
    history: bool = false,

    /// What a person wrote.
    ///
    /// The server's JavaScript client sends each message as JSON, so that its plain text `hi` arrives as `"hi"`, quotes
    /// included; other clients send the bare text. This is `hi` for both. Anything else stays as it is, a JSON object for
    /// example.
    pub fn text(event: Event) Allocator.Error![]const u8 {
        return try event.jsonText() orelse event.data;
    }

    /// The payload as JSON, read into a type; fields that the type does not have are passed over. `std.json.Value` takes
    /// whatever it is.
    pub fn json(event: Event, comptime T: type) std.json.ParseError(std.json.Scanner)!T {
        return std.json.parseFromSliceLeaky(T, cometbot.arena, event.data, .{ .ignore_unknown_fields = true });
    }

    /// Sends a text to the pipe that the event came from, in the form that its sender uses (see `text`): whoever writes
    /// JSON strings also reads them, and only in them does a JavaScript client keep the line breaks. Nobody can send to
    /// `msg` and to `host:gap`.
    pub fn reply(event: Event, name: []const u8, message: []const u8) (cometbot.comet.Error || Allocator.Error)!void {
        const is_json = try event.jsonText() != null;
        return cometbot.comet.send(event.pipe, name, if (is_json) try jsonString(message) else message);
    }

    fn jsonText(event: Event) Allocator.Error!?[]const u8 {
        // Looked at first, so that most texts never see a parser.
        if (!std.mem.startsWith(u8, std.mem.trimStart(u8, event.data, " \t\r\n"), "\"")) return null;
        return event.json([]const u8) catch |err| switch (err) {
            error.OutOfMemory => error.OutOfMemory,
            else => null,
        };
    }
};

fn jsonString(text: []const u8) Allocator.Error![]const u8 {
    var writer: std.Io.Writer.Allocating = .init(cometbot.arena);
    // Nothing but memory can lack here.
    std.json.Stringify.encodeJsonString(text, .{}, &writer.writer) catch return error.OutOfMemory;
    return writer.written();
}

fn expectText(expected: []const u8, data: []const u8) !void {
    defer cometbot.testing.reset();
    const event: Event = .{ .pipe = "web_chat", .name = "msg", .data = data };
    try std.testing.expectEqualStrings(expected, try event.text());
}

test "a JSON string is read" {
    try expectText("hi", "\"hi\"");
    try expectText("hi", " \r\n\t\"hi\" ");
    try expectText("", "\"\"");
    try expectText("say \"hi\"\nпривет 😀", "\"say \\\"hi\\\"\\n\\u043f\\u0440\\u0438\\u0432\\u0435\\u0442 \\ud83d\\uDE00\"");
    try expectText("\\ / \x08 \x0c \r \t \x00 \x7f", "\"\\\\ \\/ \\b \\f \\r \\t \\u0000 \x7f\"");
}

test "everything else stays as it is" {
    for ([_][]const u8{
        "hi",             "",            "12",        "{\"text\":\"hi\"}", "\"hi\" she said", "\"hi",         "it's",
        "\"a\nb\"",       "\"\\x\"",     "\"\\u12\"", "\"\\ud83d\"",       "\"\\ude00\"",     "\"\\ud83dx\"", "\"\\ud83d\\u0041\"",
        "\"\\ud83d\\n\"", "\"\\u+123\"", "[104,105]", "\"hi\"\x00",        "\"",              "\"\\\"",       "\x0b\"hi\"",
    }) |data| try expectText(data, data);
}

test "an answer has the form of the question" {
    const answers = [_][2][]const u8{
        .{ "!last 5", "a\n\"b\"" },
        .{ "{\"text\":\"!last 5\"}", "a\n\"b\"" },
        .{ "\"!last 5\"", "\"a\\n\\\"b\\\"\"" },
    };
    for (answers) |answer| {
        defer cometbot.testing.reset();
        const event: Event = .{ .pipe = "web_chat", .name = "msg", .data = answer[0] };
        try event.reply("bot", "a\n\"b\"");
        try std.testing.expectEqualDeep(
            cometbot.testing.Sent{ .pipe = "web_chat", .event = "bot", .message = answer[1] },
            cometbot.testing.sent()[0],
        );
    }
}

test "JSON becomes a type, and a type becomes JSON" {
    defer cometbot.testing.reset();
    const event: Event = .{ .pipe = "web_chat", .name = "msg", .data = "{\"user\":\"Зоя\",\"age\":7,\"more\":[1]}" };
    const Visitor = struct { user: []const u8, age: u8 = 0 };
    const visitor = try event.json(Visitor);
    try std.testing.expectEqualStrings("{\"user\":\"Зоя\",\"age\":7}", try cometbot.toJson(visitor));
    try std.testing.expectError(error.UnexpectedToken, event.json(u8));
}
