/* Write plugins for cometbot in C. What the contract means is in wit/cometbot.wit and in the documentation.
 *
 * A plugin defines two functions, cometbot_setup and cometbot_handle, and calls those declared here. If its memory is to
 * outlive a reload it defines cometbot_save and cometbot_restore as well.
 *
 * Memory: nobody calls free. What the host passes in and what functions here make lasts until the end of the call;
 * what is there or made during cometbot_setup and cometbot_restore stays as long as the instance. For what a plugin keeps from event to
 * event there are malloc and static variables.
 *
 * Failing: a function that answers bool answers false when it failed, and what stood in the way becomes the error of
 * the call if cometbot_handle answers false as well: `return cometbot_send(...)`. */

#ifndef COMETBOT_H
#define COMETBOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For functions whose answer says whether they failed: who does not look at it writes (void) before the call. */
#define COMETBOT_CHECKED __attribute__((__warn_unused_result__))

/* A text in UTF-8: it may hold NUL bytes, and no NUL need be behind it. */
typedef struct {
    const char *ptr;
    size_t len;
} cometbot_str;

/* A literal as a text. */
#define COMETBOT_STR(literal) ((cometbot_str){"" literal, sizeof(literal) - 1})
/* For printf's "%.*s", which ends at a NUL. */
#define COMETBOT_ARG(str) (int)(str).len, (str).ptr

cometbot_str cometbot_str_of(const char *text);
bool cometbot_equal(cometbot_str one, cometbot_str other);
/* Without the blanks at both ends. */
cometbot_str cometbot_trim(cometbot_str text);
/* A formatted text, which lasts as long as the call. */
cometbot_str cometbot_format(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* Something that happened in a pipe.
 *
 * On the pipe host:gap the host itself says what could not be heard: the name is the pipe that it is about, and the
 * data are the JSON object {"pipe", "since", "until", "recovered", "why"}, with times in Unix seconds. */
typedef struct {
    cometbot_str pipe;
    cometbot_str name;
    /* The payload, exactly as its sender wrote it: JSON or any other text. */
    cometbot_str data;
    /* Who sent it: 0 is an anonymous client; without one it is unknown, or not a client, and the number is 0 too. */
    bool has_user_id;
    uint64_t user_id;
    /* When the server took it, in whole seconds of Unix time, where the server says so. */
    bool has_time;
    uint64_t time;
    /* Whether it comes from the pipe's log instead of live. */
    bool history;
} cometbot_event;

/* What a person wrote. The server's JavaScript client sends each message as JSON, so that its plain text hi arrives as
 * "hi", quotes included; other clients send the bare text. This is hi for both. Anything else stays as it is. */
cometbot_str cometbot_text(const cometbot_event *event);
/* Sends a text to the pipe that the event came from, in the form that its sender uses. */
COMETBOT_CHECKED bool cometbot_reply(const cometbot_event *event, const char *name, cometbot_str text);

/* ---- What a plugin defines ---- */

typedef struct cometbot_wants cometbot_wants;

/* Says what the plugin wants. Called once, before the first event. With false it refuses to run: see cometbot_fail. */
bool cometbot_setup(cometbot_wants *wants);
/* Handles one event. Events come in order and one at a time. False is a failure of this event: nothing that was sent
 * for it leaves. */
bool cometbot_handle(const cometbot_event *event);

/* If its memory is to outlive a reload, both of these; without them there is nothing to carry over. */

/* Hands over what the next version shall know: bytes of any kind, in a form that it will understand, which last until
 * the end of the call. Called between two events; nothing can be sent. With false the next version does not take over. */
bool cometbot_save(cometbot_str *state);
/* Takes what an earlier version saved: after cometbot_setup, before the first event, and only if there is something.
 * With false this version does not take over, and the earlier one goes on. */
bool cometbot_restore(cometbot_str state);

/* ---- For cometbot_setup ---- */

/* The plugin's own version, for logs and for people. */
void cometbot_version(cometbot_wants *wants, const char *version);
/* Hears events of a pipe: cometbot_hear(wants, "web_chat", "msg", "bye"); all of them if none is named. */
#define cometbot_hear(wants, pipe, ...) \
    cometbot_hear_events((wants), (pipe), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
/* The same with a list of names that ends with NULL. */
void cometbot_hear_events(cometbot_wants *wants, const char *pipe, const char *const *events);
/* Asks to send to a pipe, to read its log, to count its subscribers: a whole name, or a beginning followed by a star.
 * What is not asked for is refused when it is tried. */
void cometbot_may_send(cometbot_wants *wants, const char *pipe);
void cometbot_may_log(cometbot_wants *wants, const char *pipe);
void cometbot_may_count(cometbot_wants *wants, const char *pipe);

/* ---- The comet server ---- */

typedef enum {
    /* The server could not take it: a bad name, a text that is too long, a NUL byte. */
    COMETBOT_INVALID,
    /* The plugin did not ask for it in cometbot_setup, or the operator did not grant it. */
    COMETBOT_DENIED,
    /* There is no connection, or too much waits, or one event sends too much. Later may help. */
    COMETBOT_UNAVAILABLE,
    /* The server did not answer in time. */
    COMETBOT_TIMED_OUT,
} cometbot_error_kind;

typedef struct {
    cometbot_error_kind kind;
    /* For people: what to change. */
    cometbot_str words;
} cometbot_error;

/* What stood in the way of the last of these functions that answered false. */
cometbot_error cometbot_last_error(void);

/* Sends an event into a pipe, which starts with web_, with webauth_ (the bot must be logged in), or with @web_ (sent
 * anonymously). All sends of one event leave together when cometbot_handle answers true. True means that the send will
 * leave, not that the server has it. */
COMETBOT_CHECKED bool cometbot_send(cometbot_str pipe, cometbot_str event, cometbot_str message);
/* The newest events in a pipe's log, oldest first: at most limit, and never more than 99. A pipe has a log only where
 * the server's operator switched it on; without one there are none. */
COMETBOT_CHECKED bool cometbot_log(
    cometbot_str pipe, uint32_t limit, const cometbot_event **events, size_t *count);
/* How many connections subscribe to a pipe (web_... or track_...), the bot's own among them. */
COMETBOT_CHECKED bool cometbot_count(cometbot_str pipe, uint64_t *count);

/* ---- Everything else ---- */

/* Makes an error with words: `return cometbot_fail("there is no %s", name);`. It answers false. */
bool cometbot_fail(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));
bool cometbot_fail_with(cometbot_str words);

/* The value of a key in the plugin's own table in bot.toml; false if the operator did not set it. A list comes as its
 * parts with commas between them. */
bool cometbot_config(const char *key, cometbot_str *value);

typedef enum {
    COMETBOT_TRACE,
    COMETBOT_DEBUG,
    COMETBOT_INFO,
    COMETBOT_WARN,
    COMETBOT_ERROR,
    COMETBOT_CRITICAL,
} cometbot_level;

/* A line in the bot's log, under the plugin's name. What is printed comes there too. For an error that is not the
 * call's own there is cometbot_write(COMETBOT_ERROR, ...); cometbot_error is the type. */
void cometbot_write(cometbot_level level, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));
void cometbot_write_str(cometbot_level level, cometbot_str line);
#define cometbot_trace(...) cometbot_write(COMETBOT_TRACE, __VA_ARGS__)
#define cometbot_debug(...) cometbot_write(COMETBOT_DEBUG, __VA_ARGS__)
#define cometbot_info(...) cometbot_write(COMETBOT_INFO, __VA_ARGS__)
#define cometbot_warn(...) cometbot_write(COMETBOT_WARN, __VA_ARGS__)
#define cometbot_critical(...) cometbot_write(COMETBOT_CRITICAL, __VA_ARGS__)

/* Ends the instance with a line in the log that says where and why. abort and a failed assert do the same, with fewer
 * words. The next event gets a new instance. */
#define cometbot_panic(...) cometbot_panic_at(__FILE__, __LINE__, __VA_ARGS__)
void cometbot_panic_at(const char *file, unsigned line, const char *format, ...)
    __attribute__((__noreturn__, __format__(__printf__, 3, 4)));

/* The date and time in Unix seconds; nanoseconds on a clock that only goes forward; random bits good for secrets. */
uint64_t cometbot_now(void);
uint64_t cometbot_monotonic(void);
uint64_t cometbot_random(void);

#ifdef __cplusplus
}
#endif

#endif
