// C++ over the kit for C. See cometbot.hpp.

#include "cometbot.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "arena.h"

namespace cometbot {

namespace {

cometbot_str to_c(std::string_view text) { return {text.data(), text.size()}; }

std::string_view from_c(cometbot_str text) { return {text.ptr, text.len}; }

std::unexpected<Error> refusal() {
    cometbot_error error = cometbot_last_error();
    return std::unexpected(Error{static_cast<Error::Kind>(error.kind), std::string(from_c(error.words))});
}

Result<> done(bool is_done) {
    if (is_done) return {};
    return refusal();
}

// A copy for the host, which reads it after the call has returned.
cometbot_str lasting(const std::string &text) {
    char *copy = static_cast<char *>(cometbot_arena_room(text.size(), 1));
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

std::optional<std::uint64_t> optional(bool is_some, std::uint64_t value) {
    return is_some ? std::optional(value) : std::nullopt;
}

cometbot_event to_c(const Event &event) {
    return {
        .pipe = to_c(event.pipe),
        .name = to_c(event.name),
        .data = to_c(event.data),
        .has_user_id = event.user_id.has_value(),
        .user_id = event.user_id.value_or(0),
        .has_time = event.time.has_value(),
        .time = event.time.value_or(0),
        .history = event.history,
    };
}

}  // namespace

std::string Event::text() const {
    cometbot_event event = to_c(*this);
    return std::string(from_c(cometbot_text(&event)));
}

Result<> Event::reply(std::string_view name, std::string_view text) const {
    cometbot_event event = to_c(*this);
    return done(cometbot_reply(&event, std::string(name).c_str(), to_c(text)));
}

Wants &Wants::hear(const char *pipe, std::initializer_list<const char *> events) {
    std::vector<const char *> names(events);
    names.push_back(nullptr);
    cometbot_hear_events(wants_, pipe, names.data());
    return *this;
}

Result<> comet::send(std::string_view pipe, std::string_view event, std::string_view message) {
    return done(cometbot_send(to_c(pipe), to_c(event), to_c(message)));
}

Result<std::vector<Event>> comet::log(std::string_view pipe, std::uint32_t limit) {
    const cometbot_event *rows;
    std::size_t count;
    if (!cometbot_log(to_c(pipe), limit, &rows, &count)) return refusal();
    std::vector<Event> events;
    events.reserve(count);
    for (std::size_t row = 0; row < count; row++) events.push_back(detail::event_of(rows[row]));
    return events;
}

Result<std::uint64_t> comet::count(std::string_view pipe) {
    std::uint64_t count;
    if (!cometbot_count(to_c(pipe), &count)) return refusal();
    return count;
}

std::optional<std::string> config(const char *key) {
    cometbot_str value;
    if (!cometbot_config(key, &value)) return std::nullopt;
    return std::string(from_c(value));
}

void log::trace(std::string_view line) { cometbot_write_str(COMETBOT_TRACE, to_c(line)); }
void log::debug(std::string_view line) { cometbot_write_str(COMETBOT_DEBUG, to_c(line)); }
void log::info(std::string_view line) { cometbot_write_str(COMETBOT_INFO, to_c(line)); }
void log::warn(std::string_view line) { cometbot_write_str(COMETBOT_WARN, to_c(line)); }
void log::error(std::string_view line) { cometbot_write_str(COMETBOT_ERROR, to_c(line)); }
void log::critical(std::string_view line) { cometbot_write_str(COMETBOT_CRITICAL, to_c(line)); }

void panic(std::string_view words, std::source_location place) {
    cometbot_panic_at(place.file_name(), place.line(), "%.*s", static_cast<int>(words.size()), words.data());
}

std::string_view trim(std::string_view text) { return from_c(cometbot_trim(to_c(text))); }

Event detail::event_of(const cometbot_event &event) {
    return {
        .pipe = from_c(event.pipe),
        .name = from_c(event.name),
        .data = from_c(event.data),
        .user_id = optional(event.has_user_id, event.user_id),
        .time = optional(event.has_time, event.time),
        .history = event.history,
    };
}

bool detail::answer(Result<> outcome) {
    if (outcome) return true;
    return cometbot_fail_with(lasting(outcome.error().words));
}

bool detail::answer(Result<std::string> outcome, cometbot_str *text) {
    if (!outcome) return cometbot_fail_with(lasting(outcome.error().words));
    *text = lasting(*outcome);
    return true;
}

}  // namespace cometbot

// The library's last words. Its own functions for them write to a stream, which takes WASI; these replace them.

namespace {

[[noreturn]] void last_words(const char *format, std::va_list list) {
    char words[512];
    std::vsnprintf(words, sizeof words, format, list);
    cometbot_write(COMETBOT_CRITICAL, "%s", words);
    std::fflush(nullptr);
    __builtin_trap();
}

}  // namespace

// What libc++ calls where it would throw. Whether it is noexcept depends on the library's version.
[[noreturn]] void std::__libcpp_verbose_abort(const char *format, ...)
    noexcept(noexcept(std::__libcpp_verbose_abort(""))) {
    std::va_list list;
    va_start(list, format);
    last_words(format, list);
}

// What libc++abi calls for the rest; before version 20 without the underscores. Weak, because zig links libraries
// first.
extern "C" [[noreturn, gnu::weak]] void __abort_message(const char *format, ...) {
    std::va_list list;
    va_start(list, format);
    last_words(format, list);
}

extern "C" [[noreturn, gnu::weak]] void abort_message(const char *format, ...) {
    std::va_list list;
    va_start(list, format);
    last_words(format, list);
}
