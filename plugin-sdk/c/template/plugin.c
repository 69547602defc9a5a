/* {{name}}: answers !hello with a greeting. */

#include <cometbot.h>
#include <inttypes.h>

static cometbot_str greeting = COMETBOT_STR("hello");
static unsigned greetings;

/* Called once, before the first event: says what the plugin wants to hear and to do. */
bool cometbot_setup(cometbot_wants *wants) {
    cometbot_config("greeting", &greeting);
    cometbot_info("greeting with \"%.*s\"", COMETBOT_ARG(greeting));
    cometbot_version(wants, "0.1.0");
    cometbot_hear(wants, "web_chat", "msg");
    cometbot_may_send(wants, "web_chat");
    return true;
}

/* Called for each event that it hears. */
bool cometbot_handle(const cometbot_event *event) {
    if (!cometbot_equal(cometbot_trim(cometbot_text(event)), COMETBOT_STR("!hello"))) return true;
    greetings++;
    bool is_user = event->user_id != 0;
    cometbot_str whom = is_user ? cometbot_format("user %" PRIu64, event->user_id) : COMETBOT_STR("stranger");
    return cometbot_reply(event, "bot", cometbot_format("%.*s, %.*s! That was greeting number %u.",
        COMETBOT_ARG(greeting), COMETBOT_ARG(whom), greetings));
}
