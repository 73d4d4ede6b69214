//! What can go wrong with the Git server.

use std::io;
use std::path::PathBuf;

use super::client_error::GitError;

/// Why the Git server could not start, or could not make a repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitServerError {
    /// There is no Git on the search path.
    #[error("Git is not installed (no `git` on PATH): install it, for example `apt-get install git`")]
    NoGit,
    /// Git is there without its HTTP side.
    #[error(
        "this Git has no http-backend ({path} is not there): install the full Git package of your distribution",
        path = path.display()
    )]
    NoBackend {
        /// Where it was expected.
        path: PathBuf,
    },
    /// `git` could not be started or failed.
    #[error("cannot {action} with {git}: {source}", git = git.display())]
    Git {
        /// What was being done.
        action: &'static str,
        /// The program.
        git: PathBuf,
        /// Why not.
        source: Box<GitError>,
    },
    /// The port could not be bound.
    #[error("cannot listen on 127.0.0.1:{port} for Git: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder could not be made or read.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A repository name that is no plain name.
    #[error("{name:?} is no repository name: use letters, digits, `-`, `_` and `.`, beginning with a letter or digit")]
    Name {
        /// The name.
        name: String,
    },
}
