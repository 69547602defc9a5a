#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    fs,
    io::ErrorKind,
    os::unix::{fs::PermissionsExt as _, net::UnixListener as Dead},
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    sync::mpsc,
    task::JoinSet,
};

use super::{client::AskHostError, visit::Limits, *};

/// Long enough for every test that does not wait for it.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(30);
const PATIENT: Limits = Limits { line: LONG, half_closed: LONG, taking: LONG, farewell: LONG };

/// A folder with a control socket, and the requests that come in.
struct Host {
    folder: TempDir,
    control: Control,
    requests: mpsc::Receiver<Asked>,
}

impl Host {
    async fn start(limits: Limits) -> Self {
        let folder = TempDir::new().unwrap();
        let (sender, requests) = mpsc::channel(4);
        let control = Control::serve_within(limits, &socket(&folder), sender).await.unwrap();
        Self { folder, control, requests }
    }

    /// One that answers each request with what it was.
    async fn echo(limits: Limits) -> (TempDir, Control) {
        let mut host = Self::start(limits).await;
        tokio::spawn(async move {
            while let Some((request, answer)) = host.requests.recv().await {
                let _ = answer.send(echoed(&request));
            }
        });
        (host.folder, host.control)
    }

    async fn next(&mut self) -> Asked {
        self.requests.recv().await.unwrap()
    }
}

/// In a folder that the server has to make.
fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("state/control.sock")
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn echoed(request: &Request) -> Answer {
    Answer::Done { text: format!("{request:?}") }
}

fn disable(plugin: &str) -> Request {
    Request::Disable { plugin: plugin.to_owned() }
}

/// A client that speaks in bytes.
struct Raw(BufReader<UnixStream>);

impl Raw {
    async fn connect(folder: &TempDir) -> Self {
        Self(BufReader::new(UnixStream::connect(socket(folder)).await.unwrap()))
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    /// The next answer; none if the connection has ended.
    async fn hear(&mut self) -> Option<Answer> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    async fn refused(&mut self) -> String {
        match self.hear().await.unwrap() {
            Answer::Refused { why } => why,
            answer => panic!("not refused: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_request_is_answered_by_whoever_gets_it() {
    let (folder, _control) = Host::echo(PATIENT).await;
    for request in [Request::Plugins {}, disable("karma"), Request::Rollback { plugin: "a".into(), wait: true }] {
        assert_eq!(client::ask(&socket(&folder), &request).await.unwrap(), echoed(&request));
    }
}

#[tokio::test]
async fn socket_and_folder_are_for_their_owner_alone() {
    let host = Host::start(PATIENT).await;
    let socket = socket(&host.folder);
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
}

#[tokio::test]
async fn the_file_goes_with_the_server_and_then_no_bot_runs_there() {
    let (folder, control) = Host::echo(PATIENT).await;
    drop(control);
    let error = client::ask(&socket(&folder), &Request::Plugins {}).await.unwrap_err();
    assert!(error.is_no_bot(), "{error:?}");
    let path = socket(&folder);
    let remedy = "start it with `cometbot run`, or name its configuration with --config";
    assert_eq!(error.to_string(), format!("no bot runs here ({}): {remedy}", path.display()));
    assert!(!path.exists());
}

#[tokio::test]
async fn the_socket_of_a_dead_bot_is_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("control.sock");
    drop(Dead::bind(&path).unwrap());
    let error = client::ask(&path, &Request::Plugins {}).await.unwrap_err();
    assert!(error.is_no_bot(), "its file is there, and nobody listens: {error:?}");

    let (sender, mut requests) = mpsc::channel(1);
    let _control = Control::serve(&path, sender).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    let asked = tokio::join!(client::ask(&path, &Request::Plugins {}), async {
        let (request, answer) = requests.recv().await.unwrap();
        answer.send(echoed(&request)).unwrap();
    });
    assert_eq!(asked.0.unwrap(), echoed(&Request::Plugins {}));
}

#[tokio::test]
async fn the_socket_of_a_living_bot_is_left_alone() {
    let (folder, _control) = Host::echo(PATIENT).await;
    let error = Control::serve(&socket(&folder), mpsc::channel(1).0).await.unwrap_err();
    assert!(matches!(error, ControlError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("`state-folder` (or `control-socket`) of its own"), "{error}");
    assert!(client::ask(&socket(&folder), &Request::Plugins {}).await.is_ok());
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("control.sock");
    fs::write(&path, "precious").unwrap();
    let error = Control::serve(&path, mpsc::channel(1).0).await.unwrap_err();
    assert!(error.to_string().contains("is no socket") && error.to_string().contains("`control-socket`"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn the_socket_that_took_its_place_stays_when_a_server_ends() {
    let host = Host::start(PATIENT).await;
    let path = socket(&host.folder);
    fs::remove_file(&path).unwrap();
    let _other = Dead::bind(&path).unwrap();
    drop(host.control);
    assert!(path.exists());
}

#[tokio::test]
async fn a_path_that_no_socket_can_have_is_an_error_that_names_the_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x".repeat(107));
    let error = Control::serve(&path, mpsc::channel(1).0).await.unwrap_err();
    assert!(matches!(error, ControlError::TooLong { .. }) && error.to_string().contains("`control-socket`"), "{error}");
    let error = client::ask(&path, &Request::Plugins {}).await.unwrap_err();
    assert!(matches!(error, AskHostError::TooLong { .. }), "{error:?}");
    // As many bytes as there is room for are not too many.
    let room = if cfg!(any(target_os = "linux", target_os = "android")) { 107 } else { 103 };
    let path = folder.path().join("x".repeat(room - folder.path().as_os_str().len() - 1));
    assert!(Control::serve(&path, mpsc::channel(1).0).await.is_ok());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_that_names_the_key() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Control::serve(&folder.path().join("file/control.sock"), mpsc::channel(1).0).await.unwrap_err();
    assert!(
        matches!(error, ControlError::Unusable { .. }) && error.to_string().contains("`control-socket`"),
        "{error}"
    );
}

#[tokio::test]
async fn requests_of_one_connection_are_answered_in_order() {
    let (folder, _control) = Host::echo(PATIENT).await;
    let mut raw = Raw::connect(&folder).await;
    let names: Vec<String> = (0..100).map(|number| format!("plugin{number}")).collect();
    let lines = names.iter().map(|name| serde_json::to_string(&disable(name)).unwrap() + "\r\n");
    raw.say(lines.collect::<String>().as_bytes()).await;
    for name in &names {
        assert_eq!(raw.hear().await, Some(echoed(&disable(name))));
    }
}

#[tokio::test]
async fn the_next_request_waits_for_the_answer_of_the_one_before() {
    let mut host = Host::start(PATIENT).await;
    let mut raw = Raw::connect(&host.folder).await;
    raw.say(b"{\"do\":\"plugins\"}\n{\"do\":\"disable\",\"plugin\":\"karma\"}\n").await;
    let (_, answer) = host.next().await;
    assert!(tokio::time::timeout(SHORT, host.next()).await.is_err());
    answer.send(Answer::Done { text: "one".to_owned() }).unwrap();
    assert_eq!(host.next().await.0, disable("karma"));
}

#[tokio::test]
async fn garbage_is_refused_and_the_next_line_is_answered() {
    let (folder, _control) = Host::echo(PATIENT).await;
    let mut raw = Raw::connect(&folder).await;
    for garbage in [&b"\n"[..], b"GET / HTTP/1.1\r\n", b"\0\xff\xfe\n", b"{}\n", b"[]\n", b"{\"do\":\"stop\"}\n"] {
        raw.say(garbage).await;
        let why = raw.refused().await;
        assert!(why.starts_with("this is no request: "), "{why}");
    }
    raw.say(b"{\"do\":\"plugins\"}\n").await;
    assert_eq!(raw.hear().await, Some(echoed(&Request::Plugins {})));
}

#[tokio::test]
async fn a_line_may_be_64_kib_long_and_no_longer() {
    let (folder, _control) = Host::echo(PATIENT).await;
    let line = |bytes: usize| {
        let empty = serde_json::to_string(&disable("")).unwrap();
        serde_json::to_string(&disable(&"x".repeat(bytes - empty.len() - 1))).unwrap() + "\n"
    };
    let mut raw = Raw::connect(&folder).await;
    raw.say(line(64 * 1024).as_bytes()).await;
    assert!(matches!(raw.hear().await, Some(Answer::Done { .. })));
    raw.say(line(64 * 1024 + 1).as_bytes()).await;
    assert_eq!(raw.refused().await, "this is no request: a line may have 65536 bytes");
    assert_eq!(raw.hear().await, None, "what follows is no beginning of a line");
}

#[tokio::test]
async fn a_line_without_end_is_refused_although_more_of_it_comes() {
    let (folder, _control) = Host::echo(Limits { farewell: SHORT, ..PATIENT }).await;
    let (mut reads, mut writes) = UnixStream::connect(socket(&folder)).await.unwrap().into_split();
    let flood = tokio::spawn(async move { while writes.write_all(&[b'x'; 4096]).await.is_ok() {} });
    let mut heard = String::new();
    let _ = reads.read_to_string(&mut heard).await;
    assert!(heard.contains("a line may have 65536 bytes"), "{heard}");
    flood.await.unwrap();
}

#[tokio::test]
async fn half_a_line_is_no_request_even_if_it_reads_like_one() {
    let mut host = Host::start(PATIENT).await;
    let mut raw = Raw::connect(&host.folder).await;
    raw.say(b"{\"do\":\"disable\",\"plugin\":\"karma\"}").await;
    raw.0.get_mut().shutdown().await.unwrap();
    assert_eq!(raw.refused().await, "this is no request: it ends before its line does");
    assert_eq!(raw.hear().await, None);
    assert_eq!(host.requests.try_recv().unwrap_err(), mpsc::error::TryRecvError::Empty);
}

#[tokio::test]
async fn a_client_that_says_nothing_loses_its_connection() {
    let (folder, _control) = Host::echo(Limits { line: SHORT, ..PATIENT }).await;
    assert_eq!(Raw::connect(&folder).await.hear().await, None);
    let mut raw = Raw::connect(&folder).await;
    raw.say(b"{\"do\":").await;
    assert_eq!(raw.hear().await, None);
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection_and_holds_up_nobody() {
    let mut host = Host::start(Limits { taking: SHORT, ..PATIENT }).await;
    let large = "x".repeat(16 * 1024 * 1024);
    let mut raw = Raw::connect(&host.folder).await;
    raw.say(b"{\"do\":\"plugins\"}\n").await;
    host.next().await.1.send(Answer::Done { text: large.clone() }).unwrap();

    let path = socket(&host.folder);
    let other = tokio::spawn(async move { client::ask(&path, &disable("karma")).await });
    host.next().await.1.send(Answer::Done { text: "done".to_owned() }).unwrap();
    assert_eq!(other.await.unwrap().unwrap(), Answer::Done { text: "done".to_owned() });

    // Whoever ends the connection, the answer is not read to its end before.
    let hung_up = async { while raw.0.get_mut().write_all(b"\n").await.is_ok() {} };
    tokio::time::timeout(LONG, hung_up).await.unwrap();
    let mut heard = Vec::new();
    let _ = raw.0.read_to_end(&mut heard).await;
    assert!(heard.len() < large.len() && !heard.ends_with(b"\n"), "{}", heard.len());
}

#[tokio::test]
async fn a_client_may_close_its_side_and_still_be_answered() {
    let mut host = Host::start(PATIENT).await;
    let mut raw = Raw::connect(&host.folder).await;
    raw.say(b"{\"do\":\"plugins\"}\n").await;
    raw.0.get_mut().shutdown().await.unwrap();
    let (request, answer) = host.next().await;
    answer.send(echoed(&request)).unwrap();
    assert_eq!(raw.hear().await, Some(echoed(&request)));
    assert_eq!(raw.hear().await, None);
}

#[tokio::test]
async fn the_answer_of_a_client_that_is_gone_is_not_waited_for() {
    let mut host = Host::start(Limits { half_closed: SHORT, ..PATIENT }).await;
    let mut raw = Raw::connect(&host.folder).await;
    raw.say(b"{\"do\":\"rollback\",\"plugin\":\"karma\",\"wait\":true}\n").await;
    let (_, mut answer) = host.next().await;
    drop(raw);
    tokio::time::timeout(LONG, answer.closed()).await.unwrap();
}

#[tokio::test]
async fn many_clients_are_served_32_at_a_time() {
    let mut host = Host::start(PATIENT).await;
    let mut clients = JoinSet::new();
    for number in 0..100 {
        let path = socket(&host.folder);
        clients.spawn(async move {
            let request = disable(&format!("plugin{number}"));
            (client::ask(&path, &request).await.unwrap(), echoed(&request))
        });
    }
    let mut open: Vec<Asked> = Vec::new();
    while open.len() < 32 {
        open.push(host.next().await);
    }
    assert!(tokio::time::timeout(SHORT, host.next()).await.is_err(), "the others wait");
    for _ in 0..100 {
        let (request, answer) = match open.pop() {
            Some(asked) => asked,
            None => host.next().await,
        };
        answer.send(echoed(&request)).unwrap();
    }
    while let Some(answered) = clients.join_next().await {
        let (answer, expected) = answered.unwrap();
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_bot_that_stops_says_so_or_ends_the_connection() {
    let mut host = Host::start(PATIENT).await;
    let path = socket(&host.folder);
    let asking = |path: PathBuf| tokio::spawn(async move { client::ask(&path, &disable("karma")).await });
    let refused = Answer::Refused { why: "the bot stops, and does nothing more".to_owned() };

    let unanswered = asking(path.clone());
    drop(host.next().await);
    assert_eq!(unanswered.await.unwrap().unwrap(), refused);

    let cut_off = asking(path.clone());
    let _open = host.next().await;
    host.requests.close();
    assert_eq!(asking(path).await.unwrap().unwrap(), refused);
    drop(host.control);
    let error = cut_off.await.unwrap().unwrap_err();
    assert!(matches!(error, AskHostError::Ended { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_in_words() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("other.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    for (said, expected) in [
        (&b"220 mail.example.org ESMTP\n"[..], "cannot be read"),
        (b"{\"answer\":\"unheard-of\"}\n", "is it another version than this command?"),
        (b"{\"answer\":\"done\"", "ended before it answered"),
        (b"", "ended before it answered"),
    ] {
        let (answer, ()) = tokio::join!(client::ask(&path, &Request::Plugins {}), async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(said).await.unwrap();
        });
        let error = answer.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn an_answer_of_a_newer_bot_is_understood() {
    let line = r#"{"answer":"outcomes","outcomes":[{"plugin":"a","outcome":"removed","at":1,"new":2}],"more":3}"#;
    let Answer::Outcomes { outcomes, notes } = serde_json::from_str(line).unwrap() else { panic!("{line}") };
    assert_eq!((outcomes.len(), outcomes[0].plugin.as_str(), notes.len()), (1, "a", 0));
}

#[tokio::test]
async fn a_socket_without_permission_is_another_user_s() {
    let host = Host::start(PATIENT).await;
    let path = socket(&host.folder);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    match UnixStream::connect(&path).await {
        // The superuser may do everything.
        Ok(_) => {}
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            let error = client::ask(&path, &Request::Plugins {}).await.unwrap_err();
            assert!(matches!(error, AskHostError::Denied { .. }), "{error:?}");
        }
    }
}
