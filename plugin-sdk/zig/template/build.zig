//! The recipe: `zig build --prefix build --prefix-exe-dir .` makes build/plugin.wasm, `zig build test` runs the tests.

const std = @import("std");

/// With its checks a mistake is a panic, whose words are in the log; `.small` leaves them out, for a quarter less code.
const optimize_plugin: std.builtin.Optimize = .safe;

pub fn build(b: *std.Build) void {
    const wasm = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .freestanding });
    const plugin = b.addExecutable(.{ .name = "plugin", .root_module = module(b, wasm, optimize_plugin) });
    plugin.entry = .disabled;
    plugin.rdynamic = true;
    // Every instance has one; what outgrows it traps and overwrites nothing, as it is first in memory.
    plugin.stack_size = 64 * 1024;
    b.installArtifact(plugin);

    const tests = b.addTest(.{ .root_module = module(b, b.graph.host, .debug) });
    b.step("test", "Run the tests natively").dependOn(&b.addRunArtifact(tests).step);
}

fn module(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.Optimize) *std.Build.Module {
    const kit = b.createModule(.{ .root_source_file = b.path("sdk/zig/cometbot.zig"), .target = target, .optimize = optimize });
    return b.createModule(.{
        .root_source_file = b.path("plugin.zig"),
        .target = target,
        .optimize = optimize,
        // The functions' names stay, so that a backtrace in the log can be read.
        .strip = false,
        .imports = &.{.{ .name = "cometbot", .module = kit }},
    });
}
