//! How many files the process may have open: each connection of the embedded server is one.

/// Raises the limit as far as an ordinary process may. Where that does not work the old limit stays, and connections
/// beyond it are refused by the system.
pub(super) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            limit.current = limit.maximum;
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                tracing::debug!("the limit of open files cannot be raised: {error}");
            }
        }
    }
}
