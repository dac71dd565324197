//! Access rights of the files that the server writes: mode 0600, in a folder of mode 0700, whatever the umask.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The folder of the default settings. It holds the server's own files only.
pub const DEFAULT_FOLDER: &str = "data";

/// Permission bits of the group and of all other users.
const OTHERS: u32 = 0o077;

/// Creates the folder and the missing folders above it, for the server's user alone.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Takes the access of other users away from an existing default folder. Any other folder may hold files of other
/// programs: the operator decides about it, and the log has a warning.
pub fn restrict_folder(folder: &Path) {
    if folder == Path::new(DEFAULT_FOLDER) && !folder.is_symlink() {
        restrict(folder, 0o700);
    } else if mode(folder).is_some_and(|mode| mode & OTHERS != 0) {
        let folder = folder.display();
        tracing::warn!(%folder, "other users of this machine have access to the folder of the database: chmod 700");
    }
}

/// Creates an empty file for the server's user alone, unless it exists.
pub fn create_file(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop),
    }
}

/// Takes the access of other users away from an existing file. A missing file is no error.
pub fn restrict_file(file: &Path) {
    restrict(file, 0o600);
}

/// A file of another owner stays as it is: the server can still work with it, and the log has a warning.
fn restrict(path: &Path, to: u32) {
    if mode(path).is_some_and(|mode| mode & OTHERS != 0)
        && let Err(error) = fs::set_permissions(path, Permissions::from_mode(to))
    {
        let path = path.display();
        tracing::warn!(%path, %error, "other users of this machine have access to this path, and it cannot be changed");
    }
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| metadata.permissions().mode())
}
