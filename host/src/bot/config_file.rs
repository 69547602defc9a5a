//! Notices that bot.toml is to be read anew: it has changed, or somebody asks for it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::{StreamExt as _, future::OptionFuture, stream::BoxStream};
use notify::RecursiveMode;
use tokio::time::{Instant, sleep_until};

use crate::watch::Watch;

/// An editor's save is several writes; it is over when there was none for so long.
const QUIET: Duration = Duration::from_millis(100);

/// The file of the configuration, followed.
pub(super) struct ConfigFile {
    path: PathBuf,
    asked: BoxStream<'static, ()>,
    watch: Watch,
    /// When it has been quiet for long enough since it stirred; kept here, as whoever waits is often called away.
    quiet_at: Option<Instant>,
    /// What was in it when it was last to be read.
    seen: Option<Vec<u8>>,
    /// What was in it a moment ago, if that is news: whoever writes in place may have been half way.
    news: Option<Vec<u8>>,
}

impl ConfigFile {
    /// Follows the file from now on, and each item of `asked`.
    pub(super) fn follow(path: PathBuf, asked: BoxStream<'static, ()>) -> Self {
        let name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
        // The folder, as editors and configuration managers replace files.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let wanted = move |path: &Path, _| path.file_name() == Some(&*name);
        let watch = Watch::start_or_poll(folder, RecursiveMode::NonRecursive, wanted);
        let seen = fs::read(&path).ok();
        Self { path, asked, watch, quiet_at: None, seen, news: None }
    }

    /// Resolves when the file is to be read anew. May be dropped while it waits.
    pub(super) async fn due(&mut self) {
        loop {
            let quiet = OptionFuture::from(self.quiet_at.map(sleep_until));
            tokio::select! {
                Some(()) = self.asked.next() => {
                    self.seen = fs::read(&self.path).ok();
                    return;
                }
                () = self.watch.stirred() => {
                    drop(self.watch.take());
                    self.quiet_at = Some(Instant::now() + QUIET);
                }
                Some(()) = quiet => {
                    self.quiet_at = None;
                    // What was only touched is not read anew; what is away for a moment will be back.
                    let Ok(now) = fs::read(&self.path) else { continue };
                    let before = self.news.take();
                    if self.seen.as_ref() == Some(&now) {
                        continue;
                    }
                    if before.as_ref() == Some(&now) {
                        self.seen = Some(now);
                        return;
                    }
                    self.news = Some(now);
                    self.quiet_at = Some(Instant::now() + QUIET);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use futures_util::{FutureExt as _, stream};
    use tokio::{sync::mpsc, time::timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn asked(mut asked: mpsc::Receiver<()>) -> BoxStream<'static, ()> {
        stream::poll_fn(move |context| asked.poll_recv(context)).boxed()
    }

    #[tokio::test]
    async fn a_file_is_read_anew_when_its_content_has_changed_however_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("bot.toml"), folder.path().join("bot.toml.new"));
        fs::write(&path, "one").unwrap();
        let mut file = ConfigFile::follow(path.clone(), stream::pending().boxed());
        fs::write(&path, "two").unwrap();
        timeout(PATIENCE, file.due()).await.unwrap();
        fs::write(&beside, "three").unwrap();
        fs::rename(&beside, &path).unwrap();
        timeout(PATIENCE, file.due()).await.unwrap();
        assert_eq!(file.seen, Some(b"three".to_vec()));
        // Neither a touch nor another file is a change; the next one is.
        fs::write(&path, "three").unwrap();
        fs::write(&beside, "other").unwrap();
        fs::write(&path, "four").unwrap();
        timeout(PATIENCE, file.due()).await.unwrap();
        assert_eq!(file.seen, Some(b"four".to_vec()));
        assert!(file.due().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_file_that_is_half_written_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bot.toml");
        fs::write(&path, "one").unwrap();
        let mut file = ConfigFile::follow(path.clone(), stream::pending().boxed());
        // It is looked at in the middle of a write.
        fs::write(&path, "").unwrap();
        file.quiet_at = Some(Instant::now());
        while file.news.is_none() {
            assert!(file.due().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        fs::write(&path, "one, and two").unwrap();
        timeout(PATIENCE, file.due()).await.unwrap();
        assert_eq!(file.seen, Some(b"one, and two".to_vec()));
    }

    #[tokio::test]
    async fn a_change_is_seen_also_by_one_who_is_called_away_all_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bot.toml");
        fs::write(&path, "one").unwrap();
        let mut file = ConfigFile::follow(path.clone(), stream::pending().boxed());
        fs::write(&path, "two").unwrap();
        let called_away = async { while timeout(QUIET / 10, file.due()).await.is_err() {} };
        timeout(PATIENCE, called_away).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_asks_is_heard_also_if_nothing_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (ask, asks) = mpsc::channel(1);
        let mut file = ConfigFile::follow(folder.path().join("bot.toml"), asked(asks));
        ask.send(()).await.unwrap();
        timeout(PATIENCE, file.due()).await.unwrap();
    }
}
