//! What can go wrong with the Git server.

use std::io;
use std::path::PathBuf;

use super::client_error::GitError;

/// Why the Git server could not start, or could not create a repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitServerError {
    /// There is no Git on the search path.
    #[error("Git is not installed (no `git` on PATH): install it, for example `apt-get install git`")]
    NoGit,
    /// Git is there without its HTTP side.
    #[error(
        "this Git has no http-backend ({path} does not exist): install the full Git package of your distribution",
        path = path.display()
    )]
    NoBackend {
        /// Where it was expected.
        path: PathBuf,
    },
    /// `git` could not be started or failed.
    #[error("cannot {action} with {git}: {source}", git = git.display())]
    Git {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The program.
        git: PathBuf,
        /// Why not.
        source: Box<GitError>,
    },
    /// The port could not be bound.
    #[error("cannot listen on 127.0.0.1:{port} for Git: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The requested port.
        port: u16,
        /// The reason that the operating system gives.
        source: io::Error,
    },
    /// A file or folder could not be created or read.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason that the operating system gives.
        source: io::Error,
    },
    /// A repository name with other characters.
    #[error(
        "{name:?} is not a repository name: use letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
    )]
    Name {
        /// The name.
        name: String,
    },
}
