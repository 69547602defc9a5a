/* What stands between the generated bindings and a plugin. See cometbot.h. */

#include "cometbot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "generated/plugin.h"

struct cometbot_wants {
    plugin_wants_t asked;
};

static plugin_string_t to_host(cometbot_str text) {
    return (plugin_string_t){(uint8_t *)text.ptr, text.len};
}

static cometbot_str from_host(plugin_string_t text) {
    return (cometbot_str){(const char *)text.ptr, text.len};
}

cometbot_str cometbot_str_of(const char *text) {
    return (cometbot_str){text, strlen(text)};
}

bool cometbot_equal(cometbot_str one, cometbot_str other) {
    return one.len == other.len && memcmp(one.ptr, other.ptr, one.len) == 0;
}

cometbot_str cometbot_trim(cometbot_str text) {
    const char *blanks = " \t\r\n";
    while (text.len > 0 && memchr(blanks, text.ptr[0], 4)) text.ptr++, text.len--;
    while (text.len > 0 && memchr(blanks, text.ptr[text.len - 1], 4)) text.len--;
    return text;
}

static cometbot_str format_list(const char *format, va_list list) {
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    if (length < 0) length = 0;
    char *room = cometbot_arena_room((size_t)length + 1, 1);
    vsnprintf(room, (size_t)length + 1, format, again);
    va_end(again);
    return (cometbot_str){room, (size_t)length};
}

cometbot_str cometbot_format(const char *format, ...) {
    va_list list;
    va_start(list, format);
    cometbot_str text = format_list(format, list);
    va_end(list);
    return text;
}

/* ---- Errors ---- */

static cometbot_error last_error;
static cometbot_str failure;

cometbot_error cometbot_last_error(void) {
    return last_error;
}

bool cometbot_fail_with(cometbot_str words) {
    failure = words;
    return false;
}

bool cometbot_fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    cometbot_str words = format_list(format, list);
    va_end(list);
    return cometbot_fail_with(words);
}

static bool refused(const cometbot_plugin_comet_error_t *error) {
    last_error.kind = (cometbot_error_kind)error->tag;
    last_error.words = error->tag == COMETBOT_PLUGIN_COMET_ERROR_TIMED_OUT
                           ? COMETBOT_STR("the comet server did not answer in time")
                           : from_host(error->val.invalid);
    return cometbot_fail_with(last_error.words);
}

/* ---- The comet server ---- */

bool cometbot_send(cometbot_str pipe, cometbot_str event, cometbot_str message) {
    plugin_string_t to = to_host(pipe), name = to_host(event), text = to_host(message);
    cometbot_plugin_comet_error_t error;
    return cometbot_plugin_comet_send(&to, &name, &text, &error) || refused(&error);
}

static cometbot_event event_of(const plugin_event_t *event) {
    return (cometbot_event){
        .pipe = from_host(event->pipe),
        .name = from_host(event->name),
        .data = from_host(event->data),
        .has_user_id = event->user_id.is_some,
        .user_id = event->user_id.is_some ? event->user_id.val : 0,
        .has_time = event->time.is_some,
        .time = event->time.is_some ? event->time.val : 0,
        .history = event->history,
    };
}

bool cometbot_log(cometbot_str pipe, uint32_t limit, const cometbot_event **events, size_t *count) {
    plugin_string_t of = to_host(pipe);
    cometbot_plugin_comet_list_event_t rows;
    cometbot_plugin_comet_error_t error;
    if (!cometbot_plugin_comet_log(&of, limit, &rows, &error)) return refused(&error);
    cometbot_event *made = cometbot_arena_room(rows.len * sizeof(cometbot_event), _Alignof(cometbot_event));
    for (size_t row = 0; row < rows.len; row++) made[row] = event_of(&rows.ptr[row]);
    *events = made;
    *count = rows.len;
    return true;
}

bool cometbot_count(cometbot_str pipe, uint64_t *count) {
    plugin_string_t of = to_host(pipe);
    cometbot_plugin_comet_error_t error;
    return cometbot_plugin_comet_count(&of, count, &error) || refused(&error);
}

/* ---- Everything else ---- */

bool cometbot_config(const char *key, cometbot_str *value) {
    plugin_string_t asked = to_host(cometbot_str_of(key));
    plugin_option_string_t found;
    wasi_config_store_error_t error;
    if (!wasi_config_store_get(&asked, &found, &error) || !found.is_some) return false;
    *value = from_host(found.val);
    return true;
}

void cometbot_write_str(cometbot_level level, cometbot_str line) {
    plugin_string_t context = {(uint8_t *)"", 0}, text = to_host(line);
    wasi_logging_logging_log((wasi_logging_logging_level_t)level, &context, &text);
}

void cometbot_write(cometbot_level level, const char *format, ...) {
    va_list list;
    va_start(list, format);
    cometbot_write_str(level, format_list(format, list));
    va_end(list);
}

uint64_t cometbot_now(void) {
    wasi_clocks_wall_clock_datetime_t now;
    wasi_clocks_wall_clock_now(&now);
    return now.seconds;
}

uint64_t cometbot_monotonic(void) {
    return wasi_clocks_monotonic_clock_now();
}

uint64_t cometbot_random(void) {
    return wasi_random_random_get_random_u64();
}

/* ---- cometbot_setup ---- */

static plugin_string_t *one_more(plugin_list_string_t *list) {
    plugin_string_t *longer = cometbot_arena_room((list->len + 1) * sizeof *longer, _Alignof(plugin_string_t));
    if (list->len > 0) memcpy(longer, list->ptr, list->len * sizeof *longer);
    list->ptr = longer;
    return &longer[list->len++];
}

void cometbot_version(cometbot_wants *wants, const char *version) {
    wants->asked.version = to_host(cometbot_str_of(version));
}

void cometbot_hear_events(cometbot_wants *wants, const char *pipe, const char *const *events) {
    cometbot_plugin_types_list_hearing_t *hear = &wants->asked.hear;
    cometbot_plugin_types_hearing_t *longer =
        cometbot_arena_room((hear->len + 1) * sizeof *longer, _Alignof(cometbot_plugin_types_hearing_t));
    if (hear->len > 0) memcpy(longer, hear->ptr, hear->len * sizeof *longer);
    hear->ptr = longer;
    cometbot_plugin_types_hearing_t *hearing = &longer[hear->len++];
    *hearing = (cometbot_plugin_types_hearing_t){.pipe = to_host(cometbot_str_of(pipe))};
    for (; *events != NULL; events++) *one_more(&hearing->events) = to_host(cometbot_str_of(*events));
}

void cometbot_may_send(cometbot_wants *wants, const char *pipe) {
    *one_more(&wants->asked.send) = to_host(cometbot_str_of(pipe));
}

void cometbot_may_log(cometbot_wants *wants, const char *pipe) {
    *one_more(&wants->asked.log) = to_host(cometbot_str_of(pipe));
}

void cometbot_may_count(cometbot_wants *wants, const char *pipe) {
    *one_more(&wants->asked.count) = to_host(cometbot_str_of(pipe));
}

/* ---- The end of an instance ---- */

/* Inlined, so that the log names the function that was called. */
static inline __attribute__((__always_inline__)) _Noreturn void end(void) {
    fflush(NULL);
    __builtin_trap();
}

void cometbot_panic_at(const char *file, unsigned line, const char *format, ...) {
    va_list list;
    va_start(list, format);
    cometbot_str why = format_list(format, list);
    va_end(list);
    cometbot_write(COMETBOT_CRITICAL, "panicked at %s:%u: %.*s", file, line, COMETBOT_ARG(why));
    end();
}

/* These two stand in for those of the C library, which trap without a word, or write to a stream that takes WASI. Weak,
 * because zig links the C library first. */

__attribute__((__weak__)) _Noreturn void abort(void) {
    cometbot_write_str(COMETBOT_CRITICAL, COMETBOT_STR("abort was called"));
    end();
}

__attribute__((__weak__)) _Noreturn void __assert_fail(
    const char *expression, const char *file, int line, const char *function) {
    cometbot_write(COMETBOT_CRITICAL, "assertion failed at %s:%d, in %s: %s", file, line, function, expression);
    end();
}

/* Debian's division of 128-bit numbers, which std::format uses, wants these, and its C library lacks them. */

__attribute__((__weak__)) uintptr_t __stack_chk_guard = 0x0d0a00ff;

__attribute__((__weak__)) _Noreturn void __stack_chk_fail(void) {
    cometbot_write_str(COMETBOT_CRITICAL, COMETBOT_STR("a function wrote beyond the end of its own variables"));
    end();
}

/* ---- What a plugin may define, and need not ---- */

__attribute__((__weak__)) bool cometbot_save(cometbot_str *state) {
    *state = (cometbot_str){"", 0};
    return true;
}

__attribute__((__weak__)) bool cometbot_restore(cometbot_str state) {
    (void)state;
    return true;
}

/* ---- The exports. What was printed and not written yet goes to the log before they end. ---- */

bool exports_plugin_setup(plugin_wants_t *ret, plugin_string_t *err) {
    cometbot_wants wants = {0};
    failure = COMETBOT_STR("cometbot_setup answered false, and nothing was said about why: see cometbot_fail");
    bool is_willing = cometbot_setup(&wants);
    fflush(NULL);
    if (is_willing) *ret = wants.asked;
    else *err = to_host(failure);
    return is_willing;
}

bool exports_plugin_handle(plugin_event_t *event, plugin_string_t *err) {
    failure = COMETBOT_STR("cometbot_handle answered false, and nothing was said about why: see cometbot_fail");
    cometbot_event handled = event_of(event);
    bool is_done = cometbot_handle(&handled);
    fflush(NULL);
    if (!is_done) *err = to_host(failure);
    return is_done;
}

bool exports_plugin_save(plugin_list_u8_t *ret, plugin_string_t *err) {
    failure = COMETBOT_STR("cometbot_save answered false, and nothing was said about why: see cometbot_fail");
    cometbot_str state = {"", 0};
    bool is_saved = cometbot_save(&state);
    fflush(NULL);
    if (is_saved) *ret = (plugin_list_u8_t){(uint8_t *)state.ptr, state.len};
    else *err = to_host(failure);
    return is_saved;
}

bool exports_plugin_restore(plugin_list_u8_t *state, plugin_string_t *err) {
    failure = COMETBOT_STR("cometbot_restore answered false, and nothing was said about why: see cometbot_fail");
    bool is_restored = cometbot_restore((cometbot_str){(const char *)state->ptr, state->len});
    fflush(NULL);
    if (!is_restored) *err = to_host(failure);
    return is_restored;
}

/* The generated bindings want a file with the component's type to be linked: the host gives plugins their type. */
void __component_type_object_force_link_plugin(void) {}
