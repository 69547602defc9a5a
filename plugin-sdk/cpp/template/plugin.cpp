// {{name}}: answers !hello with a greeting.

#include <cometbot.hpp>

class Greeter {
public:
    // Called once, before the first event: says what the plugin wants to hear and to do.
    static cometbot::Result<Greeter> setup(cometbot::Wants &wants) {
        Greeter greeter;
        greeter.greeting = cometbot::config("greeting").value_or("hello");
        cometbot::log::info("greeting with \"" + greeter.greeting + "\"");
        wants.version("0.1.0").hear("web_chat", {"msg"}).send("web_chat");
        return greeter;
    }

    // Called for each event that it hears.
    cometbot::Result<> handle(const cometbot::Event &event) {
        if (cometbot::trim(event.text()) != "!hello") return {};
        greetings++;
        std::uint64_t user = event.user_id.value_or(0);
        std::string whom = user == 0 ? "stranger" : "user " + std::to_string(user);
        return event.reply(
            "bot", greeting + ", " + whom + "! That was greeting number " + std::to_string(greetings) + ".");
    }

private:
    std::string greeting;
    unsigned greetings = 0;
};

COMETBOT_PLUGIN(Greeter)
