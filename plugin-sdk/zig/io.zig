//! An `std.Io` for plugins. For the kit alone.

const std = @import("std");
const cometbot = @import("cometbot.zig");
const Io = std.Io;

/// What a sandbox has of it: clocks, random bytes and standard error. Everything else is as in `std.Io.failing`.
pub const io: Io = .{ .userdata = null, .vtable = &vtable };

const vtable: Io.VTable = made: {
    var table = Io.failing.vtable.*;
    table.now = now;
    table.random = random;
    table.randomSecure = randomSecure;
    table.operate = operate;
    table.lockStderr = lockStderr;
    table.tryLockStderr = tryLockStderr;
    table.unlockStderr = unlockStderr;
    table.swapCancelProtection = swapCancelProtection;
    break :made table;
};

fn now(_: ?*anyopaque, clock: Io.Clock) Io.Timestamp {
    if (clock != .real) return .fromNanoseconds(cometbot.clock.monotonic());
    const time = cometbot.clock.now();
    return .fromNanoseconds(@as(i96, time.seconds) * std.time.ns_per_s + time.nanoseconds);
}

fn random(_: ?*anyopaque, buffer: []u8) void {
    cometbot.random.fill(buffer);
}

fn randomSecure(_: ?*anyopaque, buffer: []u8) Io.RandomSecureError!void {
    cometbot.random.fill(buffer);
}

/// What `std.debug.print` writes is gathered up to the end of the line, or of the printing, and is a line of the log.
var gathered: [4 * 1024]u8 = undefined;
var gathered_length: usize = 0;

var stderr: Io.File.Writer = .{
    .io = io,
    .file = undefined,
    .mode = .streaming,
    .interface = Io.File.Writer.initInterface(&.{}),
};

fn lockStderr(_: ?*anyopaque, _: ?Io.Terminal.Mode) Io.Cancelable!Io.LockedStderr {
    return .{ .file_writer = &stderr, .terminal_mode = .no_color };
}

fn tryLockStderr(userdata: ?*anyopaque, mode: ?Io.Terminal.Mode) Io.Cancelable!?Io.LockedStderr {
    return try lockStderr(userdata, mode);
}

fn unlockStderr(_: ?*anyopaque) void {
    stderr.interface.flush() catch {};
    stderr.interface.buffer = &.{};
    if (gathered_length > 0) writeLine();
}

/// Only standard error is ever open.
fn operate(_: ?*anyopaque, operation: Io.Operation) Io.Cancelable!Io.Operation.Result {
    const write = switch (operation) {
        .file_write_streaming => |write| write,
        else => return Io.failing.vtable.operate(null, operation),
    };
    var length = gather(write.header);
    for (write.data, 1..) |part, number| {
        for (0..if (number == write.data.len) write.splat else 1) |_| length += gather(part);
    }
    return .{ .file_write_streaming = length };
}

fn gather(bytes: []const u8) usize {
    for (bytes) |byte| {
        if (byte == '\n' or gathered_length == gathered.len) writeLine();
        if (byte == '\n') continue;
        gathered[gathered_length] = byte;
        gathered_length += 1;
    }
    return bytes.len;
}

fn writeLine() void {
    cometbot.log.warn("{s}", .{gathered[0..gathered_length]});
    gathered_length = 0;
}

fn swapCancelProtection(_: ?*anyopaque, protection: Io.CancelProtection) Io.CancelProtection {
    return protection;
}
