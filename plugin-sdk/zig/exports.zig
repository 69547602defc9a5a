//! The exports of the contract, made for a plugin's struct. For the kit alone.

const std = @import("std");
const builtin = @import("builtin");
const root = @import("root");
const call = @import("call.zig");
const cometbot = @import("cometbot.zig");
const host = @import("host.zig");

const Slice = host.Slice;
const String = host.String;

const HearingRecord = extern struct { pipe: String, events: Slice(String) };

const SetupResult = extern struct {
    is_error: u8,
    /// In an error its text.
    version: String,
    hear: Slice(HearingRecord),
    send: Slice(String),
    log: Slice(String),
    count: Slice(String),
};

/// What `handle`, `save` and `restore` answer: in an error its text, and otherwise what was saved.
const Outcome = extern struct {
    is_error: u8,
    text: String,

    fn of(result: anyerror![]const u8) Outcome {
        return if (result) |bytes| .{ .is_error = 0, .text = .of(bytes) } else |err| .{ .is_error = 1, .text = errorText(err) };
    }
};

/// Makes a plugin of a struct with `setup` and `handle`, and if it likes `save` and `restore`: write it in a `comptime` block of the file that is compiled.
pub fn plugin(comptime Plugin: type) void {
    comptime {
        if (!@hasDecl(Plugin, "setup")) @compileError("a plugin has `pub fn setup(wants: *cometbot.Wants) !@This()`");
        if (!@hasDecl(Plugin, "handle")) @compileError("a plugin has `pub fn handle(self: *@This(), event: cometbot.Event) !void`");
        const saves = @hasDecl(Plugin, "save");
        if (saves != @hasDecl(Plugin, "restore"))
            @compileError("`save` and `restore` go together: write both of them or none");
        if (!builtin.cpu.arch.isWasm()) return;
        std.debug.assert(@sizeOf(SetupResult) == 44 and @sizeOf(Outcome) == 12 and @sizeOf(HearingRecord) == 16);
        for (.{ .{ "panic", "panic" }, .{ "std_options", "std_options" }, .{ "std_options_debug_io", "io" } }) |line| {
            if (!@hasDecl(root, line[0]))
                @compileError("write this beside cometbot.plugin: pub const " ++ line[0] ++ " = cometbot." ++ line[1] ++ ";");
        }
        const Exports = For(Plugin);
        @export(&Exports.setup, .{ .name = "setup" });
        @export(&Exports.postSetup, .{ .name = "cabi_post_setup" });
        @export(&Exports.handle, .{ .name = "handle" });
        @export(&Exports.postHandle, .{ .name = "cabi_post_handle" });
        if (saves) {
            @export(&Exports.save, .{ .name = "save" });
            @export(&Exports.postSave, .{ .name = "cabi_post_save" });
            @export(&Exports.restore, .{ .name = "restore" });
            @export(&Exports.postRestore, .{ .name = "cabi_post_restore" });
        }
        @export(&realloc, .{ .name = "cabi_realloc" });
    }
}

fn For(comptime Plugin: type) type {
    return struct {
        /// There is one in a WebAssembly instance, and the host calls `setup` first.
        var instance: Plugin = undefined;
        var setup_result: SetupResult = undefined;
        var outcome: Outcome = undefined;

        fn setup() callconv(.c) *const SetupResult {
            setup_result = if (begin()) |wants| wants else |err| .{
                .is_error = 1,
                .version = errorText(err),
                .hear = .of(&.{}),
                .send = .of(&.{}),
                .log = .of(&.{}),
                .count = .of(&.{}),
            };
            return &setup_result;
        }

        fn begin() anyerror!SetupResult {
            var wants: cometbot.Wants = .{};
            const made: anyerror!Plugin = Plugin.setup(&wants);
            instance = try made;
            const hearings = try call.arena.alloc(HearingRecord, wants.hearings.items.len);
            for (hearings, wants.hearings.items) |*record, hearing|
                record.* = .{ .pipe = .of(hearing.pipe), .events = try strings(hearing.events) };
            return .{
                .is_error = 0,
                .version = .of(wants.version),
                .hear = .of(hearings),
                .send = try strings(wants.sends.items),
                .log = try strings(wants.logs.items),
                .count = try strings(wants.counts.items),
            };
        }

        fn postSetup(_: *const SetupResult) callconv(.c) void {
            call.endAndKeep();
        }

        fn handle(
            pipe: usize,
            pipe_length: usize,
            name: usize,
            name_length: usize,
            data: usize,
            data_length: usize,
            has_user_id: u32,
            user_id: u64,
            has_time: u32,
            time: u64,
            history: u32,
        ) callconv(.c) *const Outcome {
            const handled: anyerror!void = instance.handle(.{
                .pipe = (String{ .address = pipe, .length = pipe_length }).get(),
                .name = (String{ .address = name, .length = name_length }).get(),
                .data = (String{ .address = data, .length = data_length }).get(),
                .user_id = if (has_user_id == 1) user_id else null,
                .time = if (has_time == 1) time else null,
                .history = history == 1,
            });
            outcome = .of(if (handled) |_| "" else |err| err);
            return &outcome;
        }

        fn postHandle(_: *const Outcome) callconv(.c) void {
            call.end();
        }

        fn save() callconv(.c) *const Outcome {
            outcome = .of(instance.save());
            return &outcome;
        }

        fn postSave(_: *const Outcome) callconv(.c) void {
            call.end();
        }

        fn restore(state: usize, state_length: usize) callconv(.c) *const Outcome {
            const restored: anyerror!void = instance.restore((String{ .address = state, .length = state_length }).get());
            outcome = .of(if (restored) |_| "" else |err| err);
            return &outcome;
        }

        fn postRestore(_: *const Outcome) callconv(.c) void {
            call.endAndKeep();
        }
    };
}

fn strings(names: []const []const u8) std.mem.Allocator.Error!Slice(String) {
    const records = try call.arena.alloc(String, names.len);
    for (records, names) |*record, name| record.* = .of(name);
    return .of(records);
}

fn errorText(err: anyerror) String {
    const words = call.words(err);
    if (std.unicode.utf8ValidateSlice(words)) return .of(words);
    const copy = call.arena.dupe(u8, words) catch return .of(@errorName(err));
    return .of(call.readable(copy));
}

/// Room for what the host passes in. It must call no import, not even to log: the component model forbids that here. So
/// it traps where memory lacks, and the host's log says why.
fn realloc(old: usize, old_length: usize, alignment: usize, length: usize) callconv(.c) usize {
    // Where nothing is stored any address will do, if it is aligned.
    if (length == 0) return alignment;
    const new = call.arena.rawAlloc(length, .fromByteUnits(alignment), 0) orelse @trap();
    if (old_length > 0) {
        const kept = @min(old_length, length);
        @memcpy(new[0..kept], @as([*]const u8, @ptrFromInt(old))[0..kept]);
    }
    return @intFromPtr(new);
}
