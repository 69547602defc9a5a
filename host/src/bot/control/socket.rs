//! The socket's file: made so that at no moment another user can connect, and removed by the one who made it.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::SocketAddr,
    },
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

use super::server::ControlError;
use crate::private_file;

/// Clients that may wait to be let in.
const BACKLOG: u32 = 128;

/// The file of a socket that this process made.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Its device and inode: who has the name later is not known.
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            // What stays is replaced by the next bot.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether a socket can have this path: systems allow about a hundred bytes.
pub(super) fn is_short_enough(path: &Path) -> bool {
    SocketAddr::from_pathname(path).is_ok()
}

/// Makes the socket, for this user alone.
pub(super) async fn listen(path: &Path) -> Result<(UnixListener, SocketFile), ControlError> {
    let unusable = |source| ControlError::Unusable { path: path.to_owned(), source };
    if !is_short_enough(path) {
        return Err(ControlError::TooLong { path: path.to_owned() });
    }
    make_folder(path).map_err(unusable)?;
    make_room(path).await?;
    let socket = UnixSocket::new_stream().map_err(unusable)?;
    socket.bind(path).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ControlError::InUse { path: path.to_owned() },
        _ => unusable(source),
    })?;
    let file = SocketFile::at(path).map_err(unusable)?;
    // Nobody can connect to a socket that does not listen yet, so nobody connects before this.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
    let listener = socket.listen(BACKLOG).map_err(unusable)?;
    Ok((listener, file))
}

/// Makes the folder of the socket, for its owner alone, unless it is there.
fn make_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    private_file::make_folder(folder)
}

/// Removes the socket that a dead bot left there.
async fn make_room(path: &Path) -> Result<(), ControlError> {
    let unusable = |source| ControlError::Unusable { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return Err(ControlError::Foreign { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
    }
    match UnixStream::connect(path).await.map_err(|error| (error.kind(), error)) {
        Err((io::ErrorKind::ConnectionRefused, _)) => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(error)),
            _ => Ok(()),
        },
        Err((io::ErrorKind::NotFound, _)) => Ok(()),
        // A bot to which so many want to speak that this one has to wait lives.
        Ok(_) | Err((io::ErrorKind::WouldBlock, _)) => Err(ControlError::InUse { path: path.to_owned() }),
        Err((_, error)) => Err(unusable(error)),
    }
}
