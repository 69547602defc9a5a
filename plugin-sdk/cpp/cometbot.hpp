// Write plugins for cometbot in C++23, without exceptions. What the contract means is in wit/cometbot.wit and in the
// documentation.
//
// A plugin is a class with a static function `setup`, a function `handle`, and a line that makes a plugin of it:
// COMETBOT_PLUGIN(Greeter). If its memory is to outlive a reload it has two more:
//
//     // Hands over what the next version shall know: bytes of any kind, in a form that it will understand. With an
//     // error the next version does not take over.
//     Result<std::string> save() const;
//     // Takes what an earlier version saved: after setup, before the first event, and only if there is something. With
//     // an error this version does not take over, and the earlier one goes on.
//     Result<> restore(std::string_view state);
//
// Memory is as everywhere in C++; the texts of an event last until `handle` has returned.

#ifndef COMETBOT_HPP
#define COMETBOT_HPP

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cometbot.h"

namespace cometbot {

// What stood in the way.
struct Error {
    enum class Kind {
        Invalid,      // The server could not take it: a bad name, a text that is too long, a NUL byte.
        Denied,       // The plugin did not ask for it in setup, or the operator did not grant it.
        Unavailable,  // There is no connection, or too much waits, or one event sends too much. Later may help.
        TimedOut,     // The server did not answer in time.
        Own,          // The plugin's own.
    };
    Kind kind = Kind::Own;
    // For people.
    std::string words;
};

// What was asked for, or an error. A function that gives one may give that of another: `return comet::send(…)`.
template <typename T = void>
using Result = std::expected<T, Error>;

// An error in the plugin's own words: `return cometbot::fail("there is no " + name);`.
inline std::unexpected<Error> fail(std::string words) {
    return std::unexpected(Error{Error::Kind::Own, std::move(words)});
}

// Something that happened in a pipe; see cometbot_event in cometbot.h.
struct Event {
    std::string_view pipe;
    std::string_view name;
    // The payload, exactly as its sender wrote it: JSON or any other text.
    std::string_view data;
    // Who sent it: 0 is an anonymous client; none is unknown, or not a client.
    std::optional<std::uint64_t> user_id;
    // In whole seconds of Unix time; none where the server does not say.
    std::optional<std::uint64_t> time;
    // Whether it comes from the pipe's log instead of live.
    bool history = false;

    // What a person wrote: the content of a JSON string, or else the payload as it is. See cometbot_text.
    std::string text() const;
    // Sends a text to the pipe that the event came from, in the form that its sender uses.
    [[nodiscard]] Result<> reply(std::string_view name, std::string_view text) const;
};

// A text without the blanks at both ends.
std::string_view trim(std::string_view text);

// What a plugin wants. A name is a pipe's whole name, or for send, log and count a beginning followed by a star. What is
// not asked for is refused when it is tried.
class Wants {
public:
    explicit Wants(cometbot_wants *wants) : wants_(wants) {}

    Wants &version(const char *version) { return cometbot_version(wants_, version), *this; }
    // Hears events of a pipe; all of them if none is named.
    Wants &hear(const char *pipe, std::initializer_list<const char *> events = {});
    Wants &send(const char *pipe) { return cometbot_may_send(wants_, pipe), *this; }
    Wants &log(const char *pipe) { return cometbot_may_log(wants_, pipe), *this; }
    Wants &count(const char *pipe) { return cometbot_may_count(wants_, pipe), *this; }

private:
    cometbot_wants *wants_;
};

// What a plugin can ask of the comet server; see cometbot.h.
namespace comet {
[[nodiscard]] Result<> send(std::string_view pipe, std::string_view event, std::string_view message);
[[nodiscard]] Result<std::vector<Event>> log(std::string_view pipe, std::uint32_t limit = 99);
[[nodiscard]] Result<std::uint64_t> count(std::string_view pipe);
}  // namespace comet

// The value of a key in the plugin's own table in bot.toml; none if the operator did not set it.
std::optional<std::string> config(const char *key);

// Lines in the bot's log, under the plugin's name.
namespace log {
void trace(std::string_view line);
void debug(std::string_view line);
void info(std::string_view line);
void warn(std::string_view line);
void error(std::string_view line);
void critical(std::string_view line);
}  // namespace log

// Ends the instance with a line in the log that says where and why. What would be an exception of the library (at(9) of
// a shorter vector), std::terminate, abort and a failed assert end it in the same way.
[[noreturn]] void panic(std::string_view words, std::source_location place = std::source_location::current());

// Unix seconds; nanoseconds on a clock that only goes forward; random bits good for secrets.
inline std::uint64_t now() { return cometbot_now(); }
inline std::uint64_t monotonic() { return cometbot_monotonic(); }
inline std::uint64_t random() { return cometbot_random(); }

namespace detail {
Event event_of(const cometbot_event &event);
bool answer(Result<> outcome);
bool answer(Result<std::string> outcome, cometbot_str *text);

// The one instance of a plugin that lives in a WebAssembly instance.
template <typename Plugin>
std::optional<Plugin> instance;

template <typename Plugin>
bool setup(cometbot_wants *wants) {
    Wants asked(wants);
    Result<Plugin> made = Plugin::setup(asked);
    if (!made) return answer(std::unexpected(std::move(made.error())));
    instance<Plugin>.emplace(std::move(*made));
    return true;
}

template <typename Plugin>
concept Saves = requires(Plugin &plugin) { plugin.save(); };
template <typename Plugin>
concept Restores = requires(Plugin &plugin, std::string_view state) { plugin.restore(state); };

template <typename Plugin>
bool save(cometbot_str *state) {
    static_assert(Saves<Plugin> == Restores<Plugin>, "save and restore go together: write both of them or none");
    if constexpr (Saves<Plugin>) return answer(instance<Plugin>->save(), state);
    return true;
}

template <typename Plugin>
bool restore(cometbot_str state) {
    if constexpr (Restores<Plugin>) return answer(instance<Plugin>->restore(std::string_view(state.ptr, state.len)));
    return true;
}
}  // namespace detail

}  // namespace cometbot

// Makes a plugin of a class, once, outside of every namespace.
#define COMETBOT_PLUGIN(Plugin)                                                        \
    bool cometbot_setup(cometbot_wants *wants) { return cometbot::detail::setup<Plugin>(wants); } \
    bool cometbot_handle(const cometbot_event *event) {                                \
        return cometbot::detail::answer(cometbot::detail::instance<Plugin>->handle(cometbot::detail::event_of(*event))); \
    }                                                                                  \
    bool cometbot_save(cometbot_str *state) { return cometbot::detail::save<Plugin>(state); } \
    bool cometbot_restore(cometbot_str state) { return cometbot::detail::restore<Plugin>(state); }

#endif
