//! Permissions of the files that the server writes: mode 0600, in a directory of mode 0700, regardless of the umask.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The directory of the default settings. It only holds files of the server.
pub const DEFAULT_FOLDER: &str = "data";

/// Permission bits of the group and of all other users.
const OTHERS: u32 = 0o077;

/// Creates the directory and its missing parents, accessible to the server's user only.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes the access of other users to an existing default directory. Another directory may hold files of other
/// programs, so it is left to the operator, with a warning in the log.
pub fn restrict_folder(folder: &Path) {
    if folder == Path::new(DEFAULT_FOLDER) && !folder.is_symlink() {
        restrict(folder, 0o700);
    } else if mode(folder).is_some_and(|mode| mode & OTHERS != 0) {
        let folder = folder.display();
        tracing::warn!(%folder, "database directory is accessible to other users: chmod 700");
    }
}

/// Creates an empty file that is accessible to the server's user only, unless it exists.
pub fn create_file(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop),
    }
}

/// Removes the access of other users to an existing file. A missing file is not an error.
pub fn restrict_file(file: &Path) {
    restrict(file, 0o600);
}

/// Sets the mode, or logs a warning: the mode of a file of another owner cannot be changed, but the server can still
/// use it.
fn restrict(path: &Path, to: u32) {
    if mode(path).is_some_and(|mode| mode & OTHERS != 0)
        && let Err(error) = fs::set_permissions(path, Permissions::from_mode(to))
    {
        let path = path.display();
        tracing::warn!(%path, %error, "path is accessible to other users, cannot change its mode");
    }
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| metadata.permissions().mode())
}
