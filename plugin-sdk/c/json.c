/* Texts that come and go as JSON strings. */

#include <string.h>

#include "arena.h"
#include "cometbot.h"

static int hex_digit(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

/* Reads the four digits behind \u; -1 if they are none. */
static int32_t unit(const char *at, const char *end) {
    if (end - at < 4) return -1;
    int32_t value = 0;
    for (int digit = 0; digit < 4; digit++) {
        int one = hex_digit(at[digit]);
        if (one < 0) return -1;
        value = value * 16 + one;
    }
    return value;
}

static char *put(char *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 63));
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    }
    return to;
}

/* Reads a JSON string; false if it is none. */
static bool read_string(cometbot_str data, cometbot_str *text) {
    data = cometbot_trim(data);
    if (data.len < 2 || data.ptr[0] != '"' || data.ptr[data.len - 1] != '"') return false;
    const char *at = data.ptr + 1, *end = data.ptr + data.len - 1;
    /* An escape is never shorter than what it stands for. */
    char *room = cometbot_arena_room(data.len, 1), *to = room;
    while (at < end) {
        unsigned char character = (unsigned char)*at++;
        if (character == '"' || character < 0x20) return false;
        if (character != '\\') {
            *to++ = (char)character;
            continue;
        }
        if (at == end) return false;
        static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
        char escape = *at++;
        const char *known = memchr(escapes, escape, sizeof escapes - 1);
        if (known != NULL) {
            *to++ = meanings[known - escapes];
            continue;
        }
        if (escape != 'u') return false;
        int32_t code = unit(at, end);
        at += 4;
        if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return false;
        if (code >= 0xd800 && code < 0xdc00) {
            /* The first half of a character beyond the first 65,536. */
            int32_t second = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? unit(at + 2, end) : -1;
            if (second < 0xdc00 || second >= 0xe000) return false;
            at += 6;
            code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
        }
        to = put(to, (uint32_t)code);
    }
    *text = (cometbot_str){room, (size_t)(to - room)};
    return true;
}

static cometbot_str as_string(cometbot_str text) {
    char *room = cometbot_arena_room(text.len * 6 + 2, 1), *to = room;
    *to++ = '"';
    for (size_t index = 0; index < text.len; index++) {
        static const char characters[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt", digits[] = "0123456789abcdef";
        unsigned char character = (unsigned char)text.ptr[index];
        const char *known = memchr(characters, character, sizeof characters - 1);
        if (known != NULL) {
            *to++ = '\\';
            *to++ = escapes[known - characters];
        } else if (character < 0x20) {
            memcpy(to, "\\u00", 4);
            to[4] = digits[character >> 4];
            to[5] = digits[character & 15];
            to += 6;
        } else {
            *to++ = (char)character;
        }
    }
    *to++ = '"';
    return (cometbot_str){room, (size_t)(to - room)};
}

cometbot_str cometbot_text(const cometbot_event *event) {
    cometbot_str text;
    return read_string(event->data, &text) ? text : event->data;
}

bool cometbot_reply(const cometbot_event *event, const char *name, cometbot_str text) {
    cometbot_str question;
    bool is_json = read_string(event->data, &question);
    return cometbot_send(event->pipe, cometbot_str_of(name), is_json ? as_string(text) : text);
}
