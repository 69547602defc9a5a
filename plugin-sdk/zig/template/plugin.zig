//! {{name}}: answers `!hello` with a greeting.

const std = @import("std");
const cometbot = @import("cometbot");

pub const panic = cometbot.panic;
pub const std_options = cometbot.std_options;
pub const std_options_debug_io = cometbot.io;
comptime {
    cometbot.plugin(Greeter);
}

const Greeter = struct {
    greeting: []const u8,
    greetings: u64 = 0,

    /// Called once, before the first event: says what the plugin wants to hear and to do.
    pub fn setup(wants: *cometbot.Wants) !Greeter {
        const greeting = try cometbot.config.get("greeting") orelse "hello";
        cometbot.log.info("greeting with \"{s}\"", .{greeting});
        wants.version = "0.1.0";
        try wants.hear("web_chat", &.{"msg"});
        try wants.send("web_chat");
        return .{ .greeting = greeting };
    }

    /// Called for each event that it hears.
    pub fn handle(self: *Greeter, event: cometbot.Event) !void {
        const text = std.mem.trim(u8, try event.text(), &std.ascii.whitespace);
        if (!std.mem.eql(u8, text, "!hello")) return;
        self.greetings += 1;
        const user = event.user_id orelse 0;
        const whom = if (user == 0) "stranger" else try cometbot.print("user {d}", .{user});
        const answer = "{s}, {s}! That was greeting number {d}.";
        try event.reply("bot", try cometbot.print(answer, .{ self.greeting, whom, self.greetings }));
    }
};

test "a user is greeted" {
    defer cometbot.testing.reset();
    var greeter = try cometbot.testing.setup(Greeter);
    try greeter.handle(.{ .pipe = "web_chat", .name = "msg", .data = "!hello", .user_id = 7 });
    try greeter.handle(.{ .pipe = "web_chat", .name = "msg", .data = "hello" });
    const sent = cometbot.testing.sent();
    try std.testing.expectEqual(1, sent.len);
    try std.testing.expectEqualStrings("hello, user 7! That was greeting number 1.", sent[0].message);
}
