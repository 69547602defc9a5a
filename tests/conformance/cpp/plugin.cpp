// The conformance plugin: does what the tests ask it to, in C++.

#include <cometbot.hpp>
#include <cinttypes>
#include <cstdio>
#include <memory>

using cometbot::Error, cometbot::Event, cometbot::Result;
namespace comet = cometbot::comet;

namespace {

Result<> answer(std::string_view event, std::string_view message) { return comet::send("web_out", event, message); }

Result<> outcome(const Error &error) {
    switch (error.kind) {
        case Error::Kind::Invalid: return answer("outcome", "invalid: " + error.words);
        case Error::Kind::Denied: return answer("outcome", "denied: " + error.words);
        case Error::Kind::Unavailable: return answer("outcome", "unavailable: " + error.words);
        case Error::Kind::TimedOut: return answer("outcome", "timed-out");
        case Error::Kind::Own: return std::unexpected(error);
    }
}

std::string number(std::optional<std::uint64_t> value) { return value ? std::to_string(*value) : "none"; }

std::string text(std::string_view view) { return std::string(view); }

std::string fields(const Event &event) {
    return text(event.pipe) + "|" + text(event.name) + "|" + std::to_string(event.data.size()) + "|" + number(event.user_id) +
           "|" + number(event.time) + "|" + (event.history ? "true" : "false");
}

std::string hexadecimal(std::uint64_t value, int digits) {
    char room[17];
    std::snprintf(room, sizeof room, "%0*" PRIx64, digits, value);
    return room;
}

// FNV-1a, 32 bits.
std::string digest(std::string_view data) {
    std::uint32_t hash = 0x811c9dc5;
    for (unsigned char byte : data) hash = (hash ^ byte) * 0x01000193;
    return std::to_string(data.size()) + " " + hexadecimal(hash, 8);
}

// Cuts off what stands before the first space.
std::string_view word(std::string_view &rest) {
    std::size_t space = rest.find(' ');
    std::string_view first = rest.substr(0, space);
    rest = space == rest.npos ? "" : rest.substr(space + 1);
    return first;
}

Result<> send(std::string_view data) {
    std::string_view pipe = word(data), event = word(data);
    Result<> sent = comet::send(pipe, event, data);
    return sent ? answer("outcome", "ok") : outcome(sent.error());
}

Result<> read_log(std::string_view data) {
    std::string_view pipe = word(data);
    auto rows = comet::log(pipe, static_cast<std::uint32_t>(std::strtoul(text(data).c_str(), nullptr, 10)));
    if (!rows) return outcome(rows.error());
    std::string lines = std::to_string(rows->size());
    for (const Event &row : *rows)
        lines += "\n" + text(row.pipe) + "|" + text(row.name) + "|" + number(row.user_id) + "|" +
                 (row.history ? "true" : "false") + "|" + text(row.data);
    return answer("log", lines);
}

Result<> levels(std::string_view data) {
    auto line = [&](const char *level) { return "level " + std::string(level) + ": " + text(data); };
    cometbot::log::trace(line("trace"));
    cometbot::log::debug(line("debug"));
    cometbot::log::info(line("info"));
    cometbot::log::warn(line("warn"));
    cometbot::log::error(line("error"));
    cometbot::log::critical(line("critical"));
    return {};
}

// Never ends by itself.
[[gnu::noinline]] std::size_t deeper(std::size_t depth) {
    if (depth == SIZE_MAX) return 0;
    volatile char space[64] = {static_cast<char>(depth)};
    return deeper(depth + 1) + static_cast<std::size_t>(space[depth % 64]);
}

class Conformance {
public:
    static Result<Conformance> setup(cometbot::Wants &wants) {
        if (auto why = cometbot::config("refuse")) return cometbot::fail("refused: " + *why);
        if (auto why = cometbot::config("panic-in-setup")) cometbot::panic(*why);
        auto greeting = cometbot::config("greeting");
        cometbot::log::info(greeting ? "greeting is " + *greeting : "greeting is not set");
        wants.version("1.0.0").hear("web_in").hear("web_picky", {"one", "two"});
        wants.send("web_out").send("web_in").log("web_log").count("web_count");
        return Conformance();
    }

    Result<std::string> save() const {
        if (memory == "unsaved") return cometbot::fail("cannot save: it's \"ж\"");
        return memory;
    }

    Result<> restore(std::string_view state) {
        if (state == "unrestored") return cometbot::fail("cannot restore: it's \"ж\"");
        memory = state;
        return {};
    }

    Result<> handle(const Event &event) {
        std::string_view data = event.data, name = event.name;
        if (name == "echo") return answer("echo", data);
        if (name == "fields") return answer("fields", fields(event));
        if (name == "digest") return answer("digest", digest(data));
        if (name == "send") return send(data);
        if (name == "log") return read_log(data);
        if (name == "count") {
            auto count = comet::count(data);
            return count ? answer("count", std::to_string(*count)) : outcome(count.error());
        }
        if (name == "text") return answer("text", event.text());
        if (name == "reply") return event.reply("reply", "a\n\"b\"");
        if (name == "levels") return levels(data);
        if (name == "print") {
            std::printf("printed: %.*s\n", static_cast<int>(data.size()), data.data());
            std::fflush(stdout);
        }
        if (name == "fail") return cometbot::fail("failed: " + text(data));
        if (name == "uncaught" || name == "panic") cometbot::panic(data);
        if (name == "overflow") return answer("overflow", std::to_string(deeper(data.size())));
        if (name == "state") return answer("state", std::to_string(++states));
        if (name == "remember") memory = data;
        if (name == "recall") return answer("recall", memory);
        if (name == "clock") return answer("clock", std::to_string(cometbot::now()));
        if (name == "random") return answer("random", hexadecimal(cometbot::random(), 16));
        if (name == "heap") copy = std::make_unique<std::string>(data);
        return {};
    }

private:
    unsigned states = 0;
    std::string memory;
    std::unique_ptr<std::string> copy;
};

}  // namespace

COMETBOT_PLUGIN(Conformance)
