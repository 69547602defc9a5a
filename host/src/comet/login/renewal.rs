//! A token that expires: whether its successor is there in time, and who is told if not.
//!
//! The server looks at a token when we connect, and not again (PROTOCOL.md, section 1.3). A token that nobody renews is
//! therefore noticed at the next reconnection, which may be weeks later and in the middle of the night. So the source is
//! read again some time before the token expires, and if there is no later one, that is said while there is time.
//!
//! The server compares with its wall clock, so ours is what counts here. It is looked at every minute, which is why a
//! clock that is set, or a machine that slept, needs no care beyond that.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{Login, LoginError, LoginSource};
use crate::unix_time;

/// How often the clock is looked at, at least.
const CLOCK_EVERY: Duration = Duration::from_secs(60);
/// A wall clock that differs so much from the time that has passed was set.
const CLOCK_SLACK: Duration = Duration::from_secs(5);
/// The source is read again when this part of the remaining life is left ...
const MARGIN_PART: u64 = 10;
/// ... but at least so long before the end, or in the middle of a shorter life.
const MARGIN_SHORTEST_SECONDS: u64 = 60;
/// The pause after which the source is read once more. It doubles each time.
const LOOK_AGAIN_SECONDS: u64 = 60;
/// The longest such pause after the token has expired.
const LOOK_AGAIN_LONGEST_SECONDS: u64 = 3600;

/// What there is to say about the token. `Display` is a whole message for the log; it shows no secret.
#[derive(Debug)]
pub enum TokenNews {
    /// The source has a later token, with which the next connection will be made. Nothing is wrong.
    Renewed {
        /// When it expires, in Unix seconds; none if it does not.
        expires: Option<u64>,
    },
    /// The token expires soon, and the source has no later one: a warning.
    ExpiresSoon {
        /// Seconds that are left.
        left: u64,
        /// What the source has instead.
        instead: NoLaterToken,
    },
    /// The token has expired, and the source has no later one: an error. Said once.
    Expired {
        /// What the source has instead.
        instead: NoLaterToken,
    },
}

/// What was found where a later token should have been.
#[derive(Debug)]
pub struct NoLaterToken {
    key: &'static str,
    remedy: String,
    /// None if the source gives the same token, or one that expires no later.
    error: Option<LoginError>,
}

impl fmt::Display for TokenNews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renewed { expires: Some(_) } => f.write_str("the token has been renewed"),
            Self::Renewed { expires: None } => f.write_str("the token has been replaced by one that does not expire"),
            Self::ExpiresSoon { left, instead } => write!(
                f,
                "the token expires in {left} s and {instead}, or the bot will not be let in at its next connection"
            ),
            Self::Expired { instead } => {
                write!(f, "the token has expired and {instead}: the bot will not be let in at its next connection")
            }
        }
    }
}

impl fmt::Display for NoLaterToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            None => write!(f, "`{}` still has the same: {}", self.key, self.remedy),
            Some(error) => write!(f, "there is no other ({error}): {}", self.remedy),
        }
    }
}

/// Watches over `login`, which `source` gave, and then over its successors; tells `report` what there is to say. Never
/// ends. For a login that does not expire it does nothing.
///
/// One is enough for all connections of one source; it needs a runtime with timers and, for a program, with I/O.
pub async fn watch(source: &LoginSource, login: Login, mut report: impl FnMut(TokenNews)) {
    let mut renewal = Renewal::new(login, unix_time::now());
    loop {
        renewal.until_due().await;
        if let Some(news) = renewal.look(source, unix_time::now()).await {
            report(news);
        }
    }
}

/// One token on its way to its end. Times are Unix seconds.
#[derive(Debug)]
struct Renewal {
    login: Login,
    /// None: nothing is to be done.
    look_at: Option<u64>,
    /// The pause that follows when there is no later token.
    again: u64,
    has_warned: bool,
    has_expired: bool,
}

impl Renewal {
    fn new(login: Login, now: u64) -> Self {
        let look_at = login.expires().map(|expires| expires.saturating_sub(margin(expires.saturating_sub(now))));
        Self { login, look_at, again: LOOK_AGAIN_SECONDS, has_warned: false, has_expired: false }
    }

    /// Waits until the source is to be read.
    async fn until_due(&mut self) {
        loop {
            let (wall, monotonic) = (unix_time::now(), Instant::now());
            let Some(pause) = self.pause(wall) else { return };
            tokio::time::sleep(pause).await;
            let expected = wall.saturating_add(monotonic.elapsed().as_secs());
            if unix_time::now().abs_diff(expected) > CLOCK_SLACK.as_secs() {
                self.clock_was_set(unix_time::now());
            }
        }
    }

    /// How long to sleep before the clock is looked at again; none if the source is to be read now.
    fn pause(&self, now: u64) -> Option<Duration> {
        let left = self.look_at.map_or(CLOCK_EVERY, |at| Duration::from_secs(at.saturating_sub(now)));
        if left.is_zero() { None } else { Some(left.min(CLOCK_EVERY)) }
    }

    /// What was counted from the old time is counted anew: a machine that starts in 1970 believes for a moment that its
    /// token has decades to live, a tenth of which would be a margin of years.
    fn clock_was_set(&mut self, now: u64) {
        if !self.has_warned && !self.has_expired {
            self.look_at = Self::new(self.login.clone(), now).look_at;
        }
    }

    /// Reads the source, and decides what there is to say and when to look again.
    async fn look(&mut self, source: &LoginSource, now: u64) -> Option<TokenNews> {
        let expires = self.login.expires()?;
        let error = match source.read().await {
            Ok(login) if login.expires().is_none_or(|later| later > expires) => {
                *self = Self::new(login, now);
                return Some(TokenNews::Renewed { expires: self.login.expires() });
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        let left = expires.saturating_sub(now);
        let again = now.saturating_add(self.again);
        // The end itself is never slept through: it has words of its own.
        self.look_at = Some(if left > 0 { again.min(expires) } else { again });
        self.again = self.again.saturating_mul(2);
        let instead = NoLaterToken { key: source.key(), remedy: source.remedy(), error };
        if left > 0 {
            (self.has_warned, self.has_expired) = (true, false);
            return Some(TokenNews::ExpiresSoon { left, instead });
        }
        self.again = self.again.min(LOOK_AGAIN_LONGEST_SECONDS);
        (!std::mem::replace(&mut self.has_expired, true)).then_some(TokenNews::Expired { instead })
    }
}

/// How long before its end a token that lives `life` seconds more is to have a successor.
fn margin(life: u64) -> u64 {
    (life / MARGIN_PART).max(MARGIN_SHORTEST_SECONDS).min(life.div_ceil(2))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;
    use crate::comet::login::{Token, TokenCommand, expiry::tests::jwt};

    const NOW: u64 = 1_764_000_000;
    const HOUR: u64 = 3600;

    fn expiring(at: u64) -> String {
        jwt(&format!(r#"{{"user_id":7,"exp":{at}}}"#))
    }

    fn login(token: &str) -> Login {
        Login::new(Token::new(token).unwrap(), Some(7), None).unwrap()
    }

    /// A token file, and a look at it whenever one is due.
    struct Watched {
        directory: tempfile::TempDir,
        renewal: Renewal,
    }

    impl Watched {
        fn new(token: &str) -> Self {
            let watched = Self { directory: tempfile::tempdir().unwrap(), renewal: Renewal::new(login(token), NOW) };
            watched.write(token);
            watched
        }

        fn write(&self, token: &str) {
            std::fs::write(self.directory.path().join("token"), token).unwrap();
        }

        fn source(&self) -> LoginSource {
            LoginSource::File { token: self.directory.path().join("token"), user_id: Some(7), dev_id: None }
        }

        /// Lives until the next look: its time, and what it said.
        async fn next(&mut self) -> (u64, Option<TokenNews>) {
            let at = self.renewal.look_at.unwrap();
            assert_eq!(self.renewal.pause(at), None);
            (at, self.renewal.look(&self.source(), at).await)
        }
    }

    #[test]
    fn a_successor_is_looked_for_a_tenth_of_the_life_before_its_end_or_a_minute_or_half() {
        assert_eq!(margin(HOUR), 360);
        assert_eq!(margin(300), 60);
        assert_eq!(margin(100), 50);
        assert_eq!(margin(1), 1);
        assert_eq!(margin(0), 0);
    }

    #[test]
    fn the_clock_is_looked_at_every_minute_whatever_is_due() {
        let renewal = Renewal::new(login(&expiring(NOW + HOUR)), NOW);
        assert_eq!(renewal.pause(NOW), Some(CLOCK_EVERY));
        assert_eq!(renewal.pause(NOW + HOUR - 365), Some(Duration::from_secs(5)));
        assert_eq!(renewal.pause(NOW + 100 * HOUR), None, "the clock jumped");
        assert_eq!(Renewal::new(login("hash"), NOW).pause(NOW), Some(CLOCK_EVERY), "nothing is ever due");
    }

    #[tokio::test]
    async fn a_later_token_is_good_and_watched_in_turn() {
        let mut watched = Watched::new(&expiring(NOW + HOUR));
        watched.write(&expiring(NOW + 2 * HOUR));
        let (at, news) = watched.next().await;
        assert_eq!(at, NOW + HOUR - 360);
        assert!(matches!(news, Some(TokenNews::Renewed { expires: Some(at) }) if at == NOW + 2 * HOUR));
        let (at, news) = watched.next().await;
        assert_eq!(at, NOW + 2 * HOUR - 396, "a tenth of what was left of it");
        assert!(matches!(news, Some(TokenNews::ExpiresSoon { left: 396, .. })));
    }

    #[tokio::test]
    async fn a_token_that_nobody_renews_is_warned_of_ever_more_rarely_and_its_end_is_said_once() {
        let mut watched = Watched::new(&expiring(NOW + HOUR));
        for expected in [360, 300, 180] {
            let (_, news) = watched.next().await;
            assert!(matches!(news, Some(TokenNews::ExpiresSoon { left, .. }) if left == expected), "{news:?}");
        }
        let (at, news) = watched.next().await;
        assert!(at == NOW + HOUR && matches!(news, Some(TokenNews::Expired { .. })), "{at} {news:?}");
        let mut last = at;
        for _ in 0..10 {
            let (at, news) = watched.next().await;
            assert!(news.is_none() && at - last <= LOOK_AGAIN_LONGEST_SECONDS, "{news:?}");
            last = at;
        }
        watched.write(&expiring(last + HOUR));
        assert!(matches!(watched.next().await.1, Some(TokenNews::Renewed { .. })), "it is never too late");
    }

    #[tokio::test]
    async fn a_hash_in_place_of_the_token_ends_the_watch() {
        let mut watched = Watched::new(&expiring(NOW + HOUR));
        watched.write("0123abc");
        assert!(matches!(watched.next().await.1, Some(TokenNews::Renewed { expires: None })));
        assert_eq!(watched.renewal.look_at, None);
    }

    #[tokio::test]
    async fn a_warning_says_what_is_wrong_where_and_what_to_do() {
        let token = expiring(NOW + HOUR);
        let mut watched = Watched::new(&token);
        let same = watched.next().await.1.unwrap().to_string();
        assert!(same.starts_with("the token expires in 360 s and `token-file` still has the same: "), "{same}");
        assert!(same.ends_with("token, or the bot will not be let in at its next connection"), "{same}");

        watched.write("");
        let empty = watched.next().await.1.unwrap().to_string();
        assert!(empty.contains("is empty"), "{empty}");
        watched.write(&format!("{token} x"));
        let wrong = watched.next().await.1.unwrap();
        assert!(!format!("{wrong} {wrong:?}").contains(&token), "{wrong:?}");

        let mut renewal = Renewal::new(login(&token), NOW);
        let fixed = renewal.look(&LoginSource::Fixed(login(&token)), NOW + HOUR).await.unwrap().to_string();
        assert!(fixed.starts_with("the token has expired and `token` still has the same"), "{fixed}");
        assert!(fixed.contains("token-file") && !fixed.contains(&token), "{fixed}");

        let command = TokenCommand::new(["/does/not/exist".to_owned()]).unwrap();
        let source = LoginSource::Command { command, user_id: Some(7), dev_id: None };
        let mut renewal = Renewal::new(login(&token), NOW);
        let missing = renewal.look(&source, NOW + HOUR - 9).await.unwrap().to_string();
        assert!(missing.contains("in 9 s and there is no other (token-command /does/not/exist cannot"), "{missing}");
    }

    #[test]
    fn a_clock_that_was_wrong_at_first_does_not_make_the_warning_come_years_early() {
        let mut renewal = Renewal::new(login(&expiring(NOW + HOUR)), 0);
        assert_eq!(renewal.pause(NOW), None, "a tenth of half a century");
        renewal.clock_was_set(NOW);
        assert_eq!(renewal.look_at, Some(NOW + HOUR - 360));
    }

    #[tokio::test]
    async fn the_watch_reports_by_itself() {
        let token = expiring(unix_time::now().saturating_sub(5));
        let (told, mut news) = tokio::sync::mpsc::unbounded_channel();
        let source = LoginSource::Fixed(login(&token));
        let report = move |news: TokenNews| told.send(news.to_string()).unwrap();
        tokio::select! {
            () = watch(&source, login(&token), report) => panic!("the watch ended"),
            said = news.recv() => assert!(said.unwrap().starts_with("the token has expired")),
        }
    }
}
