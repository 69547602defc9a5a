//! The binary while it runs, and what is left of it when it has ended.

use std::{
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    net::unix::pipe::Receiver,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    PATIENCE,
    log::{Line, Lines},
};

/// A process that runs. Dropping it kills it; if the test fails meanwhile, its log is printed.
pub struct Process {
    child: Child,
    log: Lines,
    out: Lines,
    readers: Vec<JoinHandle<()>>,
    /// The lines before are of no interest any more.
    from: usize,
    patience: Duration,
}

/// What a process left behind.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// How long it took from when it was told to.
    pub took: std::time::Duration,
}

impl Process {
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let (log, of_log) = Lines::follow(stream(child.stderr.take().unwrap()));
        let (out, of_out) = Lines::follow(stream(child.stdout.take().unwrap()));
        Self { child, log, out, readers: vec![of_log, of_out], from: 0, patience: PATIENCE }
    }

    /// Waits longer than usual for what this process does.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// From now on only lines that are still to come are looked at.
    pub fn forget(&mut self) {
        self.from = self.log.len();
    }

    /// Waits for a line in the log.
    pub async fn wait_for(&self, what: &str, fits: impl Fn(&Line) -> bool) -> Line {
        self.wait_for_all(what, 1, fits).await.remove(0)
    }

    /// Waits for so many lines in the log.
    pub async fn wait_for_all(&self, what: &str, count: usize, fits: impl Fn(&Line) -> bool) -> Vec<Line> {
        match timeout(self.patience, self.log.find(self.from, count, fits)).await {
            Ok(lines) => lines,
            Err(_) => panic!("waited {} s in vain for {what}; see the log", self.patience.as_secs()),
        }
    }

    /// Waits until a line of the log has `text` in its message.
    pub async fn wait_until_it_says(&self, text: &str) -> Line {
        self.wait_for(&format!("the words `{text}`"), |line| line.says(text)).await
    }

    /// Waits for a plugin's first version to run.
    pub async fn started(&self, plugin: &str) -> Line {
        let what = format!("the start of {plugin}");
        self.wait_for(&what, |line| line.of(plugin) && line.says("plugin started")).await
    }

    /// Waits for a new version of a plugin to run.
    pub async fn replaced(&self, plugin: &str) -> Line {
        let what = format!("a new version of {plugin}");
        self.wait_for(&what, |line| line.of(plugin) && line.says("plugin replaced")).await
    }

    /// Waits for the refusal of a file that is no plugin that can run.
    pub async fn rejected(&self, plugin: &str) -> Line {
        let what = format!("the refusal of {plugin}");
        self.wait_for(&what, |line| line.of(plugin) && line.is("ERROR") && line.says("does not run")).await
    }

    /// Waits for a failure of a plugin on an event.
    pub async fn failed(&self, plugin: &str) -> Line {
        let what = format!("a failure of {plugin}");
        self.wait_for(&what, |line| line.of(plugin) && line.says("failed on an event")).await
    }

    /// Waits for a line on standard output.
    pub async fn wait_for_output(&self, what: &str, fits: impl Fn(&Line) -> bool) -> Line {
        match timeout(self.patience, self.out.find(0, 1, fits)).await {
            Ok(mut lines) => lines.remove(0),
            Err(_) => panic!("waited {} s in vain for {what}; see the output", self.patience.as_secs()),
        }
    }

    /// The lines that fit, so far.
    #[must_use]
    pub fn lines(&self, fits: impl Fn(&Line) -> bool) -> Vec<Line> {
        let mut lines = self.log.since(self.from);
        lines.retain(|line| fits(line));
        lines
    }

    /// Warnings and errors so far, but that it runs as root, which is the machine's doing.
    #[must_use]
    pub fn troubles(&self) -> Vec<Line> {
        self.lines(|line| (line.is("WARN") || line.is("ERROR")) && !line.says("runs as root"))
    }

    /// Sends a signal to this process and no other.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How much memory it has at the moment, in KiB.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it runs");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How much memory it had at most since it started, in KiB.
    #[must_use]
    pub fn most_resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it runs");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The numbers of the processes that it has started and that have not ended.
    #[must_use]
    pub fn children(&self) -> Vec<u32> {
        let own = self.child.id().to_string();
        let processes = std::fs::read_dir("/proc").unwrap();
        let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let is_child = |number: &u32| {
            // One may have ended just now.
            let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
            // The name before, in parentheses, may be anything; then the state and the parent.
            let rest = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
            rest.split(' ').nth(1) == Some(&own)
        };
        numbers.filter(is_child).collect()
    }

    /// How many files and sockets it has open at the moment.
    #[must_use]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// How many threads it has at the moment.
    #[must_use]
    pub fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    /// How often the thread of this name has gone to sleep so far.
    #[must_use]
    pub fn wakes_of(&self, thread: &str) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let mut statuses = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok());
        let name = format!("Name:\t{thread}\n");
        let status = statuses.find(|status| status.starts_with(&name)).expect("there is such a thread");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("it runs");
        line.trim().parse().unwrap()
    }

    /// Tells it to end, and waits until it has.
    pub async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.end().await
    }

    /// Waits until it has ended.
    pub async fn end(mut self) -> Ended {
        let since = Instant::now();
        // Both streams end with the process, and waiting for it takes no time then.
        for reader in self.readers.drain(..) {
            match timeout(self.patience, reader).await {
                Ok(read) => read.unwrap(),
                Err(_) => panic!("the process did not end within {} s", self.patience.as_secs()),
            }
        }
        let status = self.child.wait().unwrap();
        let took = since.elapsed();
        let text = |lines: &Lines| lines.since(0).iter().map(|line| format!("{}\n", line.raw)).collect();
        Ended { code: status.code(), out: text(&self.out), err: text(&self.log), took }
    }
}

fn stream(pipe: impl Into<OwnedFd>) -> Receiver {
    Receiver::from_owned_fd(pipe.into()).unwrap()
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            #[allow(clippy::print_stderr, reason = "whoever looks for the reason needs it")]
            {
                eprintln!("the log of the process:\n{}\nits output:\n{}", self.log, self.out);
            }
        }
    }
}
