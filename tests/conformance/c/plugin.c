/* The conformance plugin: does what the tests ask it to, in C. */

#include <cometbot.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned states;
/* What is kept by `remember`. */
static char *memory;
static size_t memory_bytes;

bool cometbot_setup(cometbot_wants *wants) {
    cometbot_str value;
    if (cometbot_config("refuse", &value)) return cometbot_fail("refused: %.*s", COMETBOT_ARG(value));
    if (cometbot_config("panic-in-setup", &value)) cometbot_panic("%.*s", COMETBOT_ARG(value));
    if (cometbot_config("greeting", &value)) cometbot_info("greeting is %.*s", COMETBOT_ARG(value));
    else cometbot_info("greeting is not set");
    cometbot_version(wants, "1.0.0");
    cometbot_hear(wants, "web_in");
    cometbot_hear(wants, "web_picky", "one", "two");
    cometbot_may_send(wants, "web_out");
    cometbot_may_send(wants, "web_in");
    cometbot_may_log(wants, "web_log");
    cometbot_may_count(wants, "web_count");
    return true;
}

static bool answer(const char *event, cometbot_str message) {
    return cometbot_send(COMETBOT_STR("web_out"), cometbot_str_of(event), message);
}

static bool outcome(void) {
    static const char *const kinds[] = {"invalid", "denied", "unavailable"};
    cometbot_error error = cometbot_last_error();
    if (error.kind == COMETBOT_TIMED_OUT) return answer("outcome", COMETBOT_STR("timed-out"));
    return answer("outcome", cometbot_format("%s: %.*s", kinds[error.kind], COMETBOT_ARG(error.words)));
}

static cometbot_str number(bool is_some, uint64_t value) {
    return is_some ? cometbot_format("%" PRIu64, value) : COMETBOT_STR("none");
}

static bool fields(const cometbot_event *event) {
    return answer("fields", cometbot_format("%.*s|%.*s|%zu|%.*s|%.*s|%s", COMETBOT_ARG(event->pipe),
        COMETBOT_ARG(event->name), event->data.len, COMETBOT_ARG(number(event->has_user_id, event->user_id)),
        COMETBOT_ARG(number(event->has_time, event->time)), event->history ? "true" : "false"));
}

/* FNV-1a, 32 bits. */
static bool digest(cometbot_str data) {
    uint32_t hash = 0x811c9dc5;
    for (size_t index = 0; index < data.len; index++) hash = (hash ^ (unsigned char)data.ptr[index]) * 0x01000193;
    return answer("digest", cometbot_format("%zu %08" PRIx32, data.len, hash));
}

/* Cuts off what stands before the first space. */
static cometbot_str word(cometbot_str *text) {
    const char *space = memchr(text->ptr, ' ', text->len);
    cometbot_str first = {text->ptr, space == NULL ? text->len : (size_t)(space - text->ptr)};
    size_t gone = space == NULL ? text->len : first.len + 1;
    *text = (cometbot_str){text->ptr + gone, text->len - gone};
    return first;
}

static bool send(cometbot_str data) {
    cometbot_str pipe = word(&data), event = word(&data);
    return cometbot_send(pipe, event, data) ? answer("outcome", COMETBOT_STR("ok")) : outcome();
}

static bool read_log(cometbot_str data) {
    cometbot_str pipe = word(&data);
    uint32_t limit = (uint32_t)strtoul(cometbot_format("%.*s", COMETBOT_ARG(data)).ptr, NULL, 10);
    const cometbot_event *rows;
    size_t count;
    if (!cometbot_log(pipe, limit, &rows, &count)) return outcome();
    cometbot_str text = cometbot_format("%zu", count);
    for (size_t row = 0; row < count; row++)
        text = cometbot_format("%.*s\n%.*s|%.*s|%.*s|%s|%.*s", COMETBOT_ARG(text), COMETBOT_ARG(rows[row].pipe),
            COMETBOT_ARG(rows[row].name), COMETBOT_ARG(number(rows[row].has_user_id, rows[row].user_id)),
            rows[row].history ? "true" : "false", COMETBOT_ARG(rows[row].data));
    return answer("log", text);
}

static bool levels(cometbot_str data) {
    static const char *const names[] = {"trace", "debug", "info", "warn", "error", "critical"};
    for (int level = COMETBOT_TRACE; level <= COMETBOT_CRITICAL; level++)
        cometbot_write((cometbot_level)level, "level %s: %.*s", names[level], COMETBOT_ARG(data));
    return true;
}

/* Never ends by itself. */
static __attribute__((noinline)) size_t deeper(volatile size_t depth) {
    if (depth == SIZE_MAX) return 0;
    volatile char space[64] = {(char)depth};
    return deeper(depth + 1) + (size_t)space[depth % 64];
}

static bool remember(cometbot_str text) {
    free(memory);
    memory = malloc(text.len);
    memory_bytes = text.len;
    if (text.len > 0) memcpy(memory, text.ptr, text.len);
    return true;
}

bool cometbot_save(cometbot_str *state) {
    *state = (cometbot_str){memory, memory_bytes};
    return cometbot_equal(*state, COMETBOT_STR("unsaved")) ? cometbot_fail("cannot save: it's \"%s\"", "ж") : true;
}

bool cometbot_restore(cometbot_str state) {
    if (cometbot_equal(state, COMETBOT_STR("unrestored"))) return cometbot_fail("cannot restore: it's \"%s\"", "ж");
    return remember(state);
}

bool cometbot_handle(const cometbot_event *event) {
    cometbot_str data = event->data;
#define IS(text) cometbot_equal(event->name, COMETBOT_STR(text))
    if (IS("echo")) return answer("echo", data);
    if (IS("fields")) return fields(event);
    if (IS("digest")) return digest(data);
    if (IS("send")) return send(data);
    if (IS("log")) return read_log(data);
    if (IS("count")) {
        uint64_t count;
        return cometbot_count(data, &count) ? answer("count", cometbot_format("%" PRIu64, count)) : outcome();
    }
    if (IS("text")) return answer("text", cometbot_text(event));
    if (IS("reply")) return cometbot_reply(event, "reply", COMETBOT_STR("a\n\"b\""));
    if (IS("levels")) return levels(data);
    if (IS("print")) return printf("printed: %.*s\n", COMETBOT_ARG(data)) > 0 && fflush(stdout) == 0;
    if (IS("fail")) return cometbot_fail("failed: %.*s", COMETBOT_ARG(data));
    if (IS("uncaught") || IS("panic")) cometbot_panic("%.*s", COMETBOT_ARG(data));
    if (IS("overflow")) return answer("overflow", cometbot_format("%zu", deeper(data.len)));
    if (IS("state")) return answer("state", cometbot_format("%u", ++states));
    if (IS("remember")) return remember(data);
    if (IS("recall")) return answer("recall", (cometbot_str){memory, memory_bytes});
    if (IS("clock")) return answer("clock", cometbot_format("%" PRIu64, cometbot_now()));
    if (IS("random")) return answer("random", cometbot_format("%016" PRIx64, cometbot_random()));
    if (IS("heap")) {
        char *volatile copy = malloc(data.len + 1);
        memcpy(copy, data.ptr, data.len);
        free(copy);
    }
    return true;
}
