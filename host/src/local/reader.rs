//! One way to read frames, whichever machine does it.

use bytes::BytesMut;

use super::decent::Decent;
use super::frames::{Frames, Step};
use super::http;
use super::options::Faults;

/// The frames of one connection, read with or without the faults.
pub(super) enum Reader {
    Faithful(Frames),
    Forgiving(Decent),
}

impl Reader {
    /// A reader of what follows a request. The real server forgets what came in the same read.
    pub(super) fn behind(request: &[u8], faults: Faults) -> Self {
        match faults {
            Faults::Faithful => Self::Faithful(Frames::default()),
            Faults::Forgiving => {
                let mut frames = Decent::default();
                let rest = http::head_end(request).and_then(|end| request.get(end..));
                frames.buffer.extend_from_slice(rest.unwrap_or_default());
                Self::Forgiving(frames)
            }
        }
    }

    pub(super) fn has_bytes(&self) -> bool {
        match self {
            Self::Faithful(_) => false,
            Self::Forgiving(frames) => !frames.buffer.is_empty(),
        }
    }

    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        match self {
            Self::Faithful(frames) => &mut frames.buffer,
            Self::Forgiving(frames) => &mut frames.buffer,
        }
    }

    pub(super) fn received(&self, count: usize) -> bool {
        match self {
            Self::Faithful(frames) => frames.received(count),
            Self::Forgiving(_) => true,
        }
    }

    pub(super) fn step(&mut self) -> Step<'_> {
        match self {
            Self::Faithful(frames) => frames.step(),
            Self::Forgiving(frames) => frames.step(),
        }
    }
}
