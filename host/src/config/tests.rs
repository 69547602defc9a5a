#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
use super::*;
use crate::comet::{link::timing::Timing, login::LoginSource};

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    Config::parse(Path::new("/etc/cometbot/bot.toml"), text, &Environment::new(variables))
}

fn manner(text: &str) -> Manner {
    match parse(text, &[]).unwrap().server {
        Server::Embedded { manner, .. } | Server::At { settings: Settings { manner, .. }, .. } => manner,
    }
}

fn complaint(text: &str, variables: &[(&str, &str)]) -> String {
    parse(text, variables).unwrap_err().to_string()
}

#[test]
fn an_empty_file_is_a_bot_on_the_embedded_server() {
    let config = parse("", &[]).unwrap();
    assert!(matches!(config.server, Server::Embedded { .. }));
    assert_eq!(config.embedded.listen.port(), 8087);
    assert_eq!(config.plugins.folder, Path::new("/etc/cometbot/plugins"));
}

#[test]
fn the_shipped_file_is_valid_and_says_what_the_defaults_are() {
    let shipped = parse(include_str!("../../../bot.toml"), &[]).unwrap();
    let empty = parse("", &[]).unwrap();
    let pattern = || vec![crate::comet::name::PipePattern::new("web_chat").unwrap()];
    let allowed = Allowed { hear: pattern(), send: pattern(), ..Allowed::default() };
    assert_eq!(shipped.plugins.defaults, PluginTerms { allowed, ..PluginTerms::default() });
    assert_eq!(empty.plugins.defaults, PluginTerms::default());
    assert_eq!(
        (shipped.plugins.stack_bytes, shipped.plugins.compile),
        (empty.plugins.stack_bytes, empty.plugins.compile)
    );
    assert_eq!((shipped.plugins.max, shipped.plugins.keep_versions), (empty.plugins.max, empty.plugins.keep_versions));
    assert_eq!(shipped.service, empty.service);
    assert_eq!(shipped.log, empty.log);
    assert_eq!(shipped.embedded.listen, empty.embedded.listen);
}

#[test]
fn keys_that_the_shipped_file_shows_with_their_defaults_change_nothing_when_they_are_used() {
    let text = include_str!("../../../bot.toml");
    let mut used = text.to_owned();
    for key in [
        "answer-seconds",
        "retry-min-ms",
        "retry-max-seconds",
        "frame-max-kib",
        "catch-up",
        "hear-own",
        "outbox-sends",
        "delivery",
        "outbox",
        "probation-seconds",
        "probation-failures",
        "new-grants",
        "state-mib",
        "quarantine-events",
        "keep-versions",
        "control-socket",
        "stack-kib",
        "file-mib",
        "compile-seconds",
        "compile-memory-mib",
        "time-to-start-ms",
        "sends-burst",
        "message-kib",
        "log-lines-per-second",
        "queue-full",
        "retries",
        "retry-ms",
        "breaker-failures",
        "breaker-seconds",
        "hops",
        "shadow",
        "clock-ms",
        "table-elements",
    ] {
        let line = format!("\n# {key} = ");
        assert!(used.contains(&line), "{key}");
        used = used.replace(&line, &format!("\n{key} = "));
    }
    let (whole, nothing) = (parse(&used, &[]).unwrap(), parse("", &[]).unwrap());
    assert_eq!(whole.service, nothing.service);
    assert_eq!(PluginTerms { allowed: Allowed::default(), ..whole.plugins.defaults.clone() }, nothing.plugins.defaults);
    let bounds = |plugins: &Plugins| (plugins.keep_versions, plugins.stack_bytes, plugins.file_bytes, plugins.compile);
    assert_eq!(bounds(&whole.plugins), bounds(&nothing.plugins));
    let (used, empty) = (manner(&used), manner(""));
    assert_eq!(used.timing, empty.timing);
    assert_eq!(used.frame_max_bytes, empty.frame_max_bytes);
    assert_eq!((used.catch_up, used.hear_own), (empty.catch_up, empty.hear_own));
}

#[test]
fn every_key_that_the_shipped_file_shows_commented_out_is_valid() {
    let text = include_str!("../../../bot.toml");
    let mut section = String::new();
    let mut tried = 0;
    for line in text.lines() {
        let live = line.strip_prefix("# ").unwrap_or(line);
        if live.starts_with('[') && live.ends_with(']') {
            section = live.to_owned();
        }
        let Some((key, _)) = line.strip_prefix("# ").and_then(|line| line.split_once(" = ")) else { continue };
        if key.contains(' ') {
            continue;
        }
        let alone = format!("{section}\n{live}\n");
        match parse(&alone, &[]) {
            Ok(_) => {}
            // What needs a file or another key beside it is known at least.
            Err(error) => assert!(!error.to_string().contains("unknown field"), "{alone}: {error}"),
        }
        tried += 1;
    }
    assert!(tried >= 5, "the shipped file shows {tried} optional keys");
}

#[test]
fn an_unknown_key_is_an_error_with_its_line() {
    let message = complaint("[server]\nurl = \"embedded\"\ntokn = \"x\"\n", &[]);
    assert!(message.starts_with("/etc/cometbot/bot.toml, line 3: "), "{message}");
    assert!(message.contains("tokn") && message.contains("token"), "{message}");
}

#[test]
fn a_wrong_type_is_an_error_with_its_line() {
    let message = complaint("\n[defaults]\nmemory-mib = \"much\"\n", &[]);
    assert!(message.contains("line 3") && message.contains("u32"), "{message}");
}

#[test]
fn a_broken_file_is_an_error_with_its_line() {
    assert!(complaint("[server]\nurl = \n", &[]).contains("line 2"));
}

#[test]
fn an_impossible_value_is_an_error_with_its_line_and_the_remedy() {
    for (text, line, remedy) in [
        ("[server]\nurl = \"http://h/\"", 2, "ws://"),
        ("[server]\n\nversion = \"4\"", 3, "digits"),
        ("[embedded]\nlisten = \"8087\"", 2, "127.0.0.1:8087"),
        ("[defaults]\nqueue-events = 0", 2, "at least 1"),
        ("[plugin.karma]\ntime-per-event-ms = 0", 2, "at least 1"),
        ("[plugin.\"kar ma\"]\nmemory-mib = 1", 1, "names no plugin"),
        ("[plugin.karma.config]\nwords = { a = 1 }", 2, "not a table"),
        ("[server]\nuser-id = 7\ntoken = \"a b\"", 3, "could not read back"),
        ("[server]\ntoken = \"abc\"", 1, "`user-id`"),
        ("[server]\nca-file = \"/does/not/exist\"", 2, "holds no certificate"),
        ("[server]\nuser-id = 7", 2, "leave `user-id` out"),
        ("[defaults]\nmemory-mib = 5000", 2, "from 1 to 4096"),
        ("[plugins]\nmax = 3000", 2, "from 1 to 1000"),
        ("[log]\nlevel = \"loud\"", 2, "info,plugin=debug"),
        ("[log]\nlevel = \"info,plugin=\"", 2, "info,plugin=debug"),
        ("[server]\ntoken-file = \"/does/not/exist\"", 2, "cannot read /does/not/exist"),
        ("[server]\nanswer-seconds = 0", 2, "from 1 to 600"),
        ("[server]\nretry-min-ms = 9", 2, "from 10 to"),
        ("[server]\nretry-max-seconds = 0", 2, "from 1 to"),
        ("[server]\nretry-min-ms = 5000\nretry-max-seconds = 4", 3, "less than `retry-min-ms` (5000 ms)"),
        ("[server]\nretry-min-ms = 60000", 2, "`retry-max-seconds` (30 s)"),
        ("[server]\nframe-max-kib = 63", 2, "from 64 to"),
        ("[server]\nurls = []", 2, "name the servers"),
        ("[server]\nurls = [\"embedded\"]", 2, "`url = \"embedded\"`"),
        ("[server]\nurls = [\"wss://a\", \"http://b\"]", 2, "ws://"),
        ("[server]\nurl = \"embedded\"\nurls = [\"wss://a\"]", 3, "not both"),
        ("[server]\nuser-id = 7\ntoken-command = []", 3, "names no program"),
        ("[server]\nuser-id = 7\ntoken-command = [\"\"]", 3, "names no program"),
        ("[server]\nuser-id = 7\ntoken-command = \"token 5\"", 3, "a list of texts"),
        ("[server]\ntoken-command = [\"token\"]", 1, "`user-id`"),
        ("[server]\nuser-id = 7\ntoken-command = [\"x\"]\ntoken-file = \"x\"", 3, "not several"),
        ("[server]\nuser-id = 7\ntoken = \"x\"\ntoken-file = \"x\"", 4, "not several"),
        ("[server]\ntoken-comand = [\"x\"]", 2, "`token-command`"),
        ("[service]\noutbox = \"disc\"", 2, "`disk`"),
        ("[service]\noutbox-sends = 0", 2, "from 1 to"),
        ("[service]\ndelivery = \"exactly-once\"", 2, "`at-most-once`"),
        ("[service]\nmetrics = \"9187\"", 2, "127.0.0.1:9187"),
        ("[embedded.logs]\n\"web чат\" = 3", 2, "only A-Z"),
        ("[defaults]\nprobation-events = 1000001", 2, "from 0 to 1000000"),
        ("[defaults]\nprobation-seconds = 0", 2, "from 1 to 86400"),
        ("[defaults]\nprobation-failures = 0", 2, "from 1 to"),
        ("[defaults]\nprobation-events = 2", 2, "2 events cannot fail 3 times"),
        ("[plugin.karma]\n\nprobation-failures = 1001", 3, "at most `probation-events`"),
        ("[plugin.karma]\nnew-grants = \"ask\"", 2, "`wait` or `grant`"),
        ("[defaults]\nstate-mib = 0", 2, "from 1 to 1024"),
        ("[plugin.karma]\nquarantine-events = 1000001", 2, "from 0 to 1000000"),
        ("[plugins]\nmemory-mib = 1", 2, "`memory-mib` is what a plugin gets: write it into [defaults]"),
        ("[plugins]\nkeep-versions = 101", 2, "from 1 to 100"),
        ("[plugin.karma]\nkeep-versions = 3", 2, "unknown field `keep-versions`"),
        ("[defaults.grants]\nsend = [\"web_*\", \"web чат\"]", 2, "only A-Z"),
        ("[defaults.grants]\nsend = [\"host:gap\"]", 2, "only A-Z"),
        ("[plugin.karma.grants]\nhttp = [\"\"]", 2, "cannot be"),
        ("[plugin.karma.grants]\nfiles = [\"*\"]", 2, "`user-status`, `http`, `keys`"),
        ("[defaults]\nfuel-per-event = 0", 2, "at least 1"),
        ("[defaults]\ntable-elements = 100001", 2, "from 1 to 100000"),
        ("[defaults]\nqueue-full = \"drop\"", 2, "`drop-newest`, `drop-oldest`, `wait`"),
        ("[defaults.config]\na = 1", 1, "[plugin.NAME.config]"),
        ("[defaults.secrets]\na = { env = \"A\" }", 1, "[plugin.NAME.secrets]"),
        ("[plugin.karma.secrets]\nkey = \"5ecre7\"", 2, "say where the secret is"),
        ("[plugin.karma.secrets]\nkey = { env = \"NOT_THERE\" }", 2, "no variable \"NOT_THERE\""),
        ("[plugin.karma.secrets]\nkey = { file = \"/does/not/exist\" }", 2, "cannot read /does/not/exist"),
        ("[plugin.karma.secrets]\nkey = { file = \"/dev/zero\" }", 2, "is longer than 64 KiB, and no secret"),
        ("[plugin.karma]\nconfig.key = 1\nsecrets.key = { env = \"A\" }", 3, "give it another one"),
        ("[plugins]\nstack-kib = 1", 2, "from 64 to"),
        ("[plugins]\ncompile-memory-mib = 1", 2, "from 256 to"),
        ("[log]\nlevel = \"a[{b=info\"", 2, "info,plugin=debug"),
    ] {
        let message = complaint(text, &[]);
        assert!(message.contains(&format!("line {line}:")) && message.contains(remedy), "{text}\n{message}");
        assert!(!message.contains("5ecre7"), "{message}");
    }
}

#[test]
fn grants_of_its_own_are_all_that_a_plugin_has() {
    let text = "[defaults.grants]\nhear = [\"web_*\", \"host:gap\"]\nsend = [\"web_*\"]\n\
                [plugin.karma.grants]\ncount = [\"*\"]\nhttp = [\"*.example.org\"]\n[plugin.other]\nmemory-mib = 1\n";
    let plugins = parse(text, &[]).unwrap().plugins;
    let pattern = |text| crate::comet::name::PipePattern::heard(text).unwrap();
    let all = Allowed {
        hear: vec![pattern("web_*"), pattern("host:gap")],
        send: vec![pattern("web_*")],
        ..Allowed::default()
    };
    assert_eq!((&plugins.terms("other").allowed, &plugins.terms("no-table").allowed), (&all, &all));
    let own = Allowed { count: vec![pattern("*")], http: vec!["*.example.org".to_owned()], ..Allowed::default() };
    assert_eq!(plugins.terms("karma").allowed, own);
    assert_eq!(PluginTerms::default().allowed, Allowed::default(), "nothing is granted that nobody has said");
}

#[test]
fn secrets_of_a_plugin_are_read_from_where_they_are_and_never_shown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "5ecre7\n").unwrap();
    let text = format!("[plugin.karma.secrets]\na = {{ file = {:?} }}\nb = {{ env = \"KARMA_KEY\" }}\n", file.path());
    let config = parse(&text, &[("KARMA_KEY", "5ecre8")]).unwrap();
    let revealed: Vec<_> =
        config.plugins.terms("karma").secrets.iter().map(|(name, secret)| (&**name, secret.reveal())).collect();
    assert_eq!(revealed, [("a", "5ecre7"), ("b", "5ecre8")]);
    assert!(config.plugins.terms("other").secrets.is_empty());
    assert!(!format!("{config:?}").contains("5ecre"));
    assert!(!format!("{:?}", Environment::new([("KARMA_KEY".into(), "5ecre8".into())])).contains("5ecre"));
}

#[test]
fn a_token_does_not_travel_in_the_open_unless_that_was_allowed() {
    let text = "[server]\nuser-id = 7\ntoken = \"5ecre7\"\nurl = \"ws://example.org/ws/\"\n";
    let message = complaint(text, &[]);
    assert!(message.contains("line 4") && message.contains("wss://") && !message.contains("5ecre7"), "{message}");
    let second = "[server]\nuser-id = 7\ntoken-command = [\"x\"]\nurls = [\"wss://a.org\", \"ws://b.org\"]\n";
    let message = complaint(second, &[]);
    assert!(message.contains("line 4") && message.contains("travel to b.org"), "{message}");
    parse(text, &[("COMETBOT_SERVER__PLAIN_TOKEN", "true")]).unwrap();
    parse(&text.replace("example.org", "127.0.0.1"), &[]).unwrap();
    parse(&text.replace("ws://", "wss://"), &[]).unwrap();
    parse("[server]\nurl = \"ws://example.org/ws/\"\n", &[]).unwrap();
}

#[test]
fn several_servers_can_be_named() {
    let text = "[server]\nurls = [\"wss://a.example.org\", \"wss://b.example.org\", \"wss://c.example.org\"]\n";
    let list = "[\"wss://a.example.org\", \"wss://b.example.org\", \"wss://c.example.org\"]";
    for config in [parse(text, &[]), parse("", &[("COMETBOT_SERVER__URLS", list)])] {
        let Server::At { settings, others } = config.unwrap().server else { panic!("another server") };
        assert_eq!(settings.address.host(), "a.example.org");
        assert_eq!(others.iter().map(Address::host).collect::<Vec<_>>(), ["b.example.org", "c.example.org"]);
    }
}

#[test]
fn a_program_that_gives_the_token_is_not_run_when_the_configuration_is_read() {
    let source =
        |program: &str| manner(&format!("[server]\nuser-id = 7\ntoken-command = [\"{program}\", \"5ecre7\"]")).login;
    for (written, meant) in [
        ("vault", "vault"),
        ("secrets/token", "/etc/cometbot/secrets/token"),
        ("./token", "/etc/cometbot/./token"),
        ("/does/not/exist", "/does/not/exist"),
    ] {
        let LoginSource::Command { command, user_id, dev_id } = source(written) else { panic!("{written}") };
        assert_eq!((command.program(), user_id, dev_id), (meant, Some(7), Some(0)));
        assert!(!format!("{command:?}").contains("5ecre7"));
    }
}

#[test]
fn how_a_connection_is_kept_can_be_said() {
    let manner = manner(
        "[server]\nheartbeat-seconds = 5\nanswer-seconds = 3\nretry-min-ms = 50\nretry-max-seconds = 2\n\
         frame-max-kib = 64\ncatch-up = false\nhear-own = true\n",
    );
    let timing = Timing {
        heartbeat: Duration::from_secs(5),
        answer: Duration::from_secs(3),
        retry_shortest: Duration::from_millis(50),
        retry_longest: Duration::from_secs(2),
    };
    assert_eq!(manner.timing, timing);
    assert_eq!((manner.frame_max_bytes, manner.catch_up, manner.hear_own), (65_536, false, true));
}

#[test]
fn what_becomes_of_sends_can_be_said() {
    let text = "[service]\noutbox = \"disk\"\noutbox-mib = 2\noutbox-sends = 5\ndelivery = \"at-most-once\"\n\
                metrics = \"[::1]:0\"\n";
    let service = parse(text, &[("COMETBOT_SERVICE__DRAIN_SECONDS", "3")]).unwrap().service;
    assert_eq!(
        service,
        Service {
            outbox_bytes: 2 * 1024 * 1024,
            outbox_sends: 5,
            outbox: Outbox::Disk("/etc/cometbot/outbox".into()),
            delivery: Delivery::AtMostOnce,
            metrics: Some("[::1]:0".parse().unwrap()),
            state_folder: "/etc/cometbot/state".into(),
            control: "/etc/cometbot/state/control.sock".into(),
            drain: Duration::from_secs(3),
        }
    );
    let elsewhere = parse(text, &[("COMETBOT_SERVICE__OUTBOX_FOLDER", "/var/lib/cometbot")]).unwrap().service;
    assert_eq!(elsewhere.outbox, Outbox::Disk("/var/lib/cometbot".into()));
}

#[test]
fn how_new_versions_are_judged_can_be_said_for_all_plugins_and_for_each() {
    let text = "[defaults]\nprobation-events = 50\nprobation-seconds = 5\nprobation-failures = 2\n\
                new-grants = \"grant\"\nstate-mib = 1\nquarantine-events = 0\n[plugins]\nkeep-versions = 7\n\
                [plugin.karma]\nprobation-failures = 1\nnew-grants = \"wait\"\nshadow = true\n\
                [plugin.safe]\nprobation-events = 0\nstate-mib = 16\nquarantine-events = 9\n";
    let plugins = parse(text, &[("COMETBOT_PLUGIN__SAFE__PROBATION_SECONDS", "6")]).unwrap().plugins;
    assert_eq!(plugins.keep_versions, 7);
    let all = PluginTerms {
        probation: Probation { events: 50, time: Duration::from_secs(5), failures: 2 },
        new_grants: NewGrants::Grant,
        state_bytes: 1024 * 1024,
        quarantine_events: 0,
        ..PluginTerms::default()
    };
    assert_eq!(plugins.terms("other"), &all);
    let karma = PluginTerms {
        probation: Probation { failures: 1, ..all.probation },
        new_grants: NewGrants::Wait,
        shadow: true,
        ..all.clone()
    };
    assert_eq!(plugins.terms("karma"), &karma);
    let safe = PluginTerms {
        probation: Probation { events: 0, time: Duration::from_secs(6), ..all.probation },
        state_bytes: 16 * 1024 * 1024,
        quarantine_events: 9,
        ..all
    };
    assert_eq!(plugins.terms("safe"), &safe);
}

#[test]
fn the_control_socket_is_in_the_state_folder_unless_it_is_said_where() {
    let places = |text: &str, variables: &[(&str, &str)]| {
        let service = parse(text, variables).unwrap().service;
        (service.state_folder, service.control)
    };
    let folder = [("COMETBOT_SERVICE__STATE_FOLDER", "/var/lib/cometbot")];
    assert_eq!(places("", &folder), ("/var/lib/cometbot".into(), "/var/lib/cometbot/control.sock".into()));
    let own = "[service]\ncontrol-socket = \"run/socket\"";
    assert_eq!(places(own, &folder), ("/var/lib/cometbot".into(), "/etc/cometbot/run/socket".into()));
}

#[test]
fn every_key_can_be_set_by_a_variable() {
    let config = parse(
        "[plugin.karma]\nmemory-mib = 8\n",
        &[
            ("COMETBOT_SERVER__URL", "wss://example.org/ws/"),
            ("COMETBOT_SERVER__VERSION", "4.09"),
            ("COMETBOT_SERVER__USER_ID", "7"),
            ("COMETBOT_SERVER__TOKEN", "0123456789"),
            ("COMETBOT_PLUGIN__KARMA__CONFIG__WORDS", "[\"a\", \"b\"]"),
            ("COMETBOT_PLUGIN__KARMA__QUEUE_EVENTS", "10"),
            ("COMETBOT_LOG__FORMAT", "json"),
            ("COMETBOT_CONFIG", "is no key: it names the file"),
            ("OTHER__KEY", "is not ours"),
        ],
    )
    .unwrap();
    let Server::At { settings, .. } = &config.server else { panic!("{:?}", config.server) };
    assert_eq!(settings.address.to_string(), "wss://example.org/ws/");
    let LoginSource::Fixed(login) = &settings.manner.login else { panic!("{:?}", settings.manner.login) };
    assert_eq!((login.user_id(), login.is_anonymous()), (Some(7), false));
    let karma = config.plugins.terms("karma");
    assert_eq!(karma.memory_bytes, 8 * 1024 * 1024);
    assert_eq!(karma.queue_events, 10);
    assert_eq!(karma.config, [("words".to_owned(), "a,b".to_owned())]);
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn a_fault_in_a_variable_names_the_variable() {
    let message = complaint("", &[("COMETBOT_SERVER__URL", "http://h/")]);
    assert!(message.starts_with("environment variable COMETBOT_SERVER__URL:"), "{message}");
    let message = complaint("", &[("COMETBOT_SERVER__NO_SUCH", "1")]);
    assert!(message.contains("COMETBOT_SERVER__NO_SUCH") && message.contains("no-such"), "{message}");
}

#[test]
fn no_secret_shows_in_a_complaint_or_in_debug_output() {
    let message = complaint("[server]\nuser-id = 7\ntoken = \"5ecre7 token\"", &[]);
    assert!(!message.contains("5ecre7"), "{message}");
    let config = parse("[server]\nuser-id = 7\ntoken = \"5ecre7\"\n[embedded]\npassword = \"5ecre7\"", &[]).unwrap();
    assert!(!format!("{config:?}").contains("5ecre7"));
}

proptest::proptest! {
    /// Whatever stands in the file or the environment: a configuration or a complaint, never a panic.
    #[test]
    fn any_text_gives_a_configuration_or_a_complaint(
        text in "(\\[[a-z.\"]{0,12}\\]|[a-z\\-]{1,12} ?= ?[\"a-z0-9\\[\\]{}.,-]{0,16}|\\PC{0,20}|\n){0,8}",
        value in "\\PC{0,20}",
    ) {
        let _ = parse(&text, &[("COMETBOT_SERVER__URL", value.as_str()), ("COMETBOT_PLUGIN__A__CONFIG__B", value.as_str())]);
    }
}
