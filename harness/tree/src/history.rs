//! The commits that change a tree, one after another: what is in it after each, and what it goes back to.

use harness_plan::TreeEdit;

use crate::node_config::{AmendError, amend};
use crate::source_file::SourceFile;

/// A tree with the commits that have changed it. `C` is what the caller knows of a commit.
#[derive(Clone, Debug)]
pub struct History<C> {
    files: Vec<SourceFile>,
    /// Oldest first; without those that were reverted or dropped.
    commits: Vec<Made<C>>,
}

/// A commit, and the files before it.
#[derive(Clone, Debug)]
struct Made<C> {
    commit: C,
    before: Vec<SourceFile>,
}

/// A tree cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// An edit does not fit the tree.
    #[error(transparent)]
    Amend(#[from] AmendError),
    /// Every commit was reverted, or there was none.
    #[error("there is no commit of this run left to revert")]
    NothingToRevert,
    /// There are not so many commits.
    #[error("cannot drop {back} commits: this run has made {made} that were not reverted")]
    TooFewCommits {
        /// How many are to be dropped.
        back: u32,
        /// How many there are.
        made: usize,
    },
}

impl<C> History<C> {
    /// A tree before its first commit.
    pub fn new(files: Vec<SourceFile>) -> Self {
        Self { files, commits: Vec::new() }
    }

    /// The files as they are now.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Replaces the files, and returns those that were there: for what others have changed. No commit is made of it.
    pub fn replace_files(&mut self, files: Vec<SourceFile>) -> Vec<SourceFile> {
        std::mem::replace(&mut self.files, files)
    }

    /// The files before each commit, to be changed.
    pub fn before_commits_mut(&mut self) -> impl Iterator<Item = &mut Vec<SourceFile>> {
        self.commits.iter_mut().map(|made| &mut made.before)
    }

    /// The files as they would be after the edits.
    ///
    /// # Errors
    /// [`HistoryError::Amend`].
    pub fn edited(&self, edits: &[TreeEdit]) -> Result<Vec<SourceFile>, HistoryError> {
        Ok(amend(&self.files, edits)?)
    }

    /// Notes a commit by which the files have become what they are; `before` is what they were.
    pub fn committed(&mut self, commit: C, before: Vec<SourceFile>) {
        self.commits.push(Made { commit, before });
    }

    /// The newest commit that was not reverted, and the files before it.
    ///
    /// # Errors
    /// [`HistoryError::NothingToRevert`].
    pub fn newest(&self) -> Result<(&C, &[SourceFile]), HistoryError> {
        let newest = self.commits.last().ok_or(HistoryError::NothingToRevert)?;
        Ok((&newest.commit, &newest.before))
    }

    /// Notes that the newest commit was reverted.
    pub fn reverted(&mut self) {
        self.commits.pop();
    }

    /// The oldest of the newest `back` commits, and the files before it: what dropping them goes back to.
    ///
    /// # Errors
    /// [`HistoryError::TooFewCommits`].
    pub fn dropped(&self, back: u32) -> Result<(&C, &[SourceFile]), HistoryError> {
        let made = self.commits.len();
        let index = usize::try_from(back).ok().filter(|back| *back > 0).and_then(|back| made.checked_sub(back));
        let oldest = index.and_then(|index| self.commits.get(index));
        let oldest = oldest.ok_or(HistoryError::TooFewCommits { back, made })?;
        Ok((&oldest.commit, &oldest.before))
    }

    /// Notes that the newest `back` commits were dropped and another one made in their place.
    pub fn rewritten(&mut self, back: u32, commit: C) {
        let kept = self.commits.len().saturating_sub(back as usize);
        if let Some(before) = self.commits.get_mut(kept).map(|made| std::mem::take(&mut made.before)) {
            self.commits.truncate(kept);
            self.commits.push(Made { commit, before });
        }
    }
}
