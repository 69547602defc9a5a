//! The errors that follow a command, and their texts.

/// The errors that follow a command (PROTOCOL.md, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complaint {
    NotWeb,
    NotLoggedIn,
    NameCharacters,
    NameLength,
    EventCharacters,
    EventLength,
    AuthType,
    LogName,
    LogMarker,
    CountName,
    CountPrefix,
    TrackPrefix,
    DataMarker,
    DataUser,
    TooManyNames,
    ListTooLong,
    ListedNameTooLong,
}

impl Complaint {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::NotWeb => "[pipe_msg2] Invalid channel name. The channel should begin with web_",
            Self::NotLoggedIn => {
                "[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users"
            }
            Self::NameCharacters => "The channel name can only contain characters A-Za-z0-9_-",
            Self::NameLength => "Invalid pipe name length",
            Self::EventCharacters => "The event name can only contain characters A-Za-z0-9_-",
            Self::EventLength => "Invalid event name length",
            Self::AuthType => "Invalid value auth_type",
            Self::LogName => "Invalid channel name.",
            Self::LogMarker => "Invalid marker value.",
            Self::CountName => "Invalid pipe name.",
            Self::CountPrefix => "[pipe_count] Invalid channel name. The channel should start with web_",
            Self::TrackPrefix => "[track_pipe_users] Invalid channel name. The channel should start with track_",
            Self::DataMarker => "Invalid marker name.",
            Self::DataUser => "Invalid user id",
            Self::TooManyNames | Self::ListTooLong => "Too many letters",
            Self::ListedNameTooLong => "Channel name is too long",
        }
    }

    /// What stands around the text in the `data` of a 4.09.
    pub(super) const fn frame(self) -> (&'static str, &'static str) {
        match self {
            Self::TooManyNames | Self::ListTooLong | Self::ListedNameTooLong => (r#"{"code":"403","error":""#, r#""}"#),
            Self::EventCharacters | Self::EventLength => (r#"{"error":""#, r#""}"#),
            Self::TrackPrefix => (r#"{"error":""#, r#"","user_id":-1}"#),
            Self::DataMarker | Self::DataUser => (r#"{"error":""#, r#"","user_data":"","user_id":-1}"#),
            _ => (r#"{"error":""#, r#"","number_messages":-1}"#),
        }
    }
}
