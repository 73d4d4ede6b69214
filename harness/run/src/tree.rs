//! The node configuration of a run: a private copy of the tree, which the commits of the plan change.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use harness_cluster::git::{Author, Commit, GitError, GitRemote};
use harness_plan::{ObjectAddress, TreeEdit};
use harness_tree::{AmendError, History, HistoryError, PlaceholderError, Placeholders, SourceFile, amend, examine};
use jiff::Timestamp;

use crate::RunError;
use crate::error::Cause;

/// A tree that belongs to the run alone.
#[derive(Debug)]
pub struct Tree {
    /// A private copy: the run writes into it.
    pub folder: PathBuf,
    /// Its YAML files, as the plan was made from them.
    pub files: Vec<SourceFile>,
}

/// The tree while the run goes on, with the commits that changed it.
pub(crate) struct WorkingTree {
    folder: PathBuf,
    history: History<Made>,
    placeholders: Placeholders,
    /// The newest commit of the branch that is in the files; `None` before the first push.
    head: Option<String>,
}

/// A commit of the plan.
struct Made {
    sha: String,
    message: String,
    /// The commit that it stands on.
    onto: String,
}

/// The tree could not be changed or pushed; it is then as it was before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TreeError {
    #[error(transparent)]
    Placeholder(#[from] PlaceholderError),
    #[error(transparent)]
    Amend(#[from] AmendError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Push(#[from] GitError),
    #[error("cannot pull what others have pushed: {0}")]
    Pull(#[source] Cause),
    #[error("cannot write the tree in {}: {source}", folder.display())]
    Write {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl TreeError {
    fn pull(error: impl Into<Cause>) -> Self {
        Self::Pull(error.into())
    }
}

impl WorkingTree {
    pub(crate) fn new(tree: Tree) -> Self {
        Self {
            folder: tree.folder,
            history: History::new(tree.files),
            placeholders: Placeholders::default(),
            head: None,
        }
    }

    /// Every object that may come of the tree: those that it has now, and those that it gets by edits, whatever else these remove.
    pub(crate) fn addresses<'e>(&self, edits: impl Iterator<Item = &'e TreeEdit>) -> BTreeSet<ObjectAddress> {
        let objects = |files: &[SourceFile]| examine("tree", files).tree.objects;
        let mut files = self.history.files().to_vec();
        let mut found = BTreeSet::from_iter(objects(&files));
        for edit in edits.filter(|edit| !matches!(edit, TreeEdit::Remove { .. })) {
            // What was removed before is still there, and an edit that adds it again has nothing to add.
            files = amend(&files, std::slice::from_ref(edit)).unwrap_or(files);
        }
        found.extend(objects(&files));
        found
    }

    /// Sets what placeholders become from now on.
    pub(crate) fn fill_with(&mut self, placeholders: Placeholders) {
        self.placeholders = placeholders;
    }

    /// The files as they would be pushed now.
    pub(crate) fn as_pushed(&self, files: Vec<SourceFile>) -> Result<Vec<SourceFile>, TreeError> {
        Ok(self.placeholders.fill(files, Timestamp::now())?)
    }

    /// Adds what others have pushed since the run's own last push: otherwise the next commit would undo it. The files that a revert goes back
    /// to get it too, but for those that the reverted commit has changed.
    pub(crate) async fn pull(&mut self, git: &GitRemote) -> Result<(), TreeError> {
        let Some(known) = &self.head else { return Ok(()) };
        let head = git.head().await.map_err(TreeError::pull)?;
        if head.as_ref() == Some(known) {
            return Ok(());
        }
        let pulled = tempfile::tempdir().map_err(TreeError::pull)?;
        let Some(head) = git.export(pulled.path()).await.map_err(TreeError::pull)? else { return Ok(()) };
        let theirs = |file: &SourceFile| match std::fs::read_to_string(pulled.path().join(&file.path)) {
            Ok(text) => Ok(Some(SourceFile::new(file.path.clone(), text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TreeError::pull(RunError::failed(format!("read {}", file.path))(error))),
        };
        let mut files = Vec::new();
        for ours in self.history.files().to_vec() {
            let theirs = theirs(&ours)?;
            for before in self.history.before_commits_mut() {
                if let Some(place) = before.iter().position(|file| *file == ours) {
                    before.splice(place..=place, theirs.clone());
                }
            }
            files.extend(theirs);
        }
        write(&self.folder, self.history.files(), &files).map_err(TreeError::pull)?;
        self.history.replace_files(files.clone());
        let added = add_missing(pulled.path(), &self.folder).map_err(TreeError::pull)?;
        for path in added {
            let name = path.strip_prefix(&self.folder).unwrap_or(&path).to_string_lossy().into_owned();
            if name.ends_with(".yaml") || name.ends_with(".yml") {
                let text = std::fs::read_to_string(&path).map_err(TreeError::pull)?;
                files.push(SourceFile::new(name, text));
            }
        }
        self.history.replace_files(files);
        self.head = Some(head);
        Ok(())
    }

    /// The files as they would be after the edits.
    pub(crate) fn edited(&self, edits: &[TreeEdit]) -> Result<Vec<SourceFile>, TreeError> {
        Ok(self.history.edited(edits)?)
    }

    /// The files as they were before the newest commit that was not reverted.
    pub(crate) fn reverted(&self) -> Result<Vec<SourceFile>, TreeError> {
        Ok(self.history.newest()?.1.to_vec())
    }

    /// The files as they would be after the edits, without the newest commits.
    pub(crate) fn rewound(&self, back: u32, edits: &[TreeEdit]) -> Result<Vec<SourceFile>, TreeError> {
        Ok(amend(self.history.dropped(back)?.1, edits)?)
    }

    /// Pushes the tree as it is, with its times filled in.
    pub(crate) async fn push_first(&mut self, git: &GitRemote, message: &str) -> Result<Commit, RunError> {
        let files = self.history.files().to_vec();
        let doing = format!("push the node configuration {}", self.folder.display());
        self.push(git, files, message, None).await.map_err(RunError::failed(doing))
    }

    /// Pushes files that [`WorkingTree::edited`] has made.
    pub(crate) async fn commit(
        &mut self,
        git: &GitRemote,
        files: Vec<SourceFile>,
        message: &str,
    ) -> Result<Commit, TreeError> {
        let (before, onto) = (self.history.files().to_vec(), self.head.clone().unwrap_or_default());
        let commit = self.push(git, files, message, None).await?;
        self.history.committed(Made { sha: commit.sha.clone(), message: message.to_owned(), onto }, before);
        Ok(commit)
    }

    /// Drops the newest commits and pushes files that [`WorkingTree::rewound`] has made in their place.
    pub(crate) async fn force_push(
        &mut self,
        git: &GitRemote,
        back: u32,
        files: Vec<SourceFile>,
        message: &str,
    ) -> Result<Commit, TreeError> {
        let onto = self.history.dropped(back)?.0.onto.clone();
        let commit = self.push(git, files, message, Some(&onto)).await?;
        self.history.rewritten(back, Made { sha: commit.sha.clone(), message: message.to_owned(), onto });
        Ok(commit)
    }

    /// Reverts the newest commit, with the message that `git revert` gives.
    pub(crate) async fn revert(&mut self, git: &GitRemote) -> Result<Commit, TreeError> {
        let (made, before) = self.history.newest()?;
        let files = before.to_vec();
        let subject = made.message.lines().next().unwrap_or_default();
        let message = format!("Revert \"{subject}\"\n\nThis reverts commit {}.\n", made.sha);
        let commit = self.push(git, files, &message, None).await?;
        self.history.reverted();
        Ok(commit)
    }

    /// Pushes on top of what is there, or of `onto`, which removes everything since then from the history.
    async fn push(
        &mut self,
        git: &GitRemote,
        files: Vec<SourceFile>,
        message: &str,
        onto: Option<&str>,
    ) -> Result<Commit, TreeError> {
        let files = self.as_pushed(files)?;
        let earlier = self.history.replace_files(files);
        let pushed = match write(&self.folder, &earlier, self.history.files()) {
            Ok(()) => {
                let author = Author::default();
                let pushed = match onto {
                    Some(onto) => git.force_push_tree(&self.folder, onto, message, &author).await,
                    None => git.push_tree(&self.folder, message, &author).await,
                };
                pushed.map_err(TreeError::from)
            }
            Err(source) => Err(TreeError::Write { folder: self.folder.clone(), source }),
        };
        if let Ok(commit) = &pushed {
            self.head = Some(commit.sha.clone());
        } else {
            let failed = self.history.replace_files(earlier);
            // What cannot be restored either shows in the next push, which writes only what differs.
            if let Err(error) = write(&self.folder, &failed, self.history.files()) {
                tracing::warn!("cannot restore the tree in {}: {error}", self.folder.display());
            }
        }
        pushed
    }
}

/// Replaces `earlier` by `files` in the folder. Other files stay.
fn write(folder: &Path, earlier: &[SourceFile], files: &[SourceFile]) -> io::Result<()> {
    for gone in earlier.iter().filter(|old| !files.iter().any(|new| new.path == old.path)) {
        remove(&folder.join(&gone.path))?;
    }
    for file in files.iter().filter(|new| !earlier.contains(new)) {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // A file of the copy may be read-only, as the one that it was copied from.
        remove(&path)?;
        std::fs::write(&path, &file.text)?;
    }
    Ok(())
}

/// Copies the files of `from` that `to` does not have, and returns their paths in `to`.
fn add_missing(from: &Path, to: &Path) -> io::Result<Vec<PathBuf>> {
    let mut added = Vec::new();
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&place)?;
            added.extend(add_missing(&entry.path(), &place)?);
        } else if !place.exists() {
            std::fs::copy(entry.path(), &place)?;
            added.push(place);
        }
    }
    Ok(added)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_follows_the_files_and_keeps_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| SourceFile::new(path, text);
        let first = [file("a.yaml", "a"), file("sub/b.yaml", "b")];
        write(folder.path(), &[], &first).unwrap();
        std::fs::write(folder.path().join("values.txt"), "mine").unwrap();
        let second = [file("a.yaml", "changed"), file("c.yaml", "c")];
        write(folder.path(), &first, &second).unwrap();
        let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).ok();
        assert_eq!(read("a.yaml").as_deref(), Some("changed"));
        assert_eq!(read("c.yaml").as_deref(), Some("c"));
        assert_eq!(read("sub/b.yaml"), None);
        assert_eq!(read("values.txt").as_deref(), Some("mine"));
    }

    /// An empty repository with a branch `main`, behind its path.
    fn repository(folder: &Path) -> GitRemote {
        let bare = folder.join("repository.git");
        let made = std::process::Command::new("git").args(["init", "--quiet", "--bare"]).arg(&bare).status().unwrap();
        assert!(made.success());
        GitRemote::new(bare.display().to_string()).unwrap()
    }

    fn edit(weight: u32) -> TreeEdit {
        TreeEdit::Merge {
            object: harness_plan::ObjectRef { kind: "NodePool".to_owned(), name: None },
            patch: serde_json::json!({"spec": {"weight": weight}}),
        }
    }

    #[tokio::test]
    async fn commits_are_reverted_newest_first_as_git_does_it() {
        let folder = tempfile::tempdir().unwrap();
        let git = repository(folder.path());
        let copy = folder.path().join("tree");
        let pool = SourceFile::new("pool.yaml", "kind: NodePool\nmetadata: {name: a}\n");
        write(&copy, &[], std::slice::from_ref(&pool)).unwrap();
        let mut tree = WorkingTree::new(Tree { folder: copy, files: vec![pool] });
        let first = tree.push_first(&git, "the tree").await.unwrap();
        assert!(tree.revert(&git).await.is_err(), "the tree under test is not a commit of the plan");
        let mut made = Vec::new();
        for weight in [1, 2] {
            let files = tree.edited(&[edit(weight)]).unwrap();
            made.push(tree.commit(&git, files, &format!("weight {weight}\n\nMore.")).await.unwrap());
        }
        assert_eq!(tree.revert(&git).await.unwrap().tree, made[0].tree);
        assert_eq!(tree.revert(&git).await.unwrap().tree, first.tree);
        assert!(tree.revert(&git).await.unwrap_err().to_string().contains("no commit"));
        let subjects: Vec<String> = git.log(10).await.unwrap().into_iter().map(|entry| entry.subject).collect();
        let expected =
            ["Revert \"weight 1\"", "Revert \"weight 2\"", "weight 2", "weight 1", "the tree"].map(str::to_owned);
        assert_eq!(subjects, expected);
    }

    #[tokio::test]
    async fn commits_of_others_stay_in_the_commits_that_follow() {
        let folder = tempfile::tempdir().unwrap();
        let git = repository(folder.path());
        let copy = folder.path().join("tree");
        let pool = SourceFile::new("pool.yaml", "kind: NodePool\nmetadata: {name: a}\n");
        let app = SourceFile::new("app.yaml", "image: demo:1.0.0 # here\n");
        let first = [app.clone(), pool];
        write(&copy, &[], &first).unwrap();
        let mut tree = WorkingTree::new(Tree { folder: copy, files: first.to_vec() });
        tree.push_first(&git, "the tree").await.unwrap();
        let files = tree.edited(&[edit(1)]).unwrap();
        tree.commit(&git, files, "weight 1").await.unwrap();

        let theirs = folder.path().join("theirs");
        std::fs::create_dir(&theirs).unwrap();
        git.export(&theirs).await.unwrap();
        std::fs::write(theirs.join("app.yaml"), "image: demo:1.1.0 # here\n").unwrap();
        git.push_tree(&theirs, "update the image", &Author::default()).await.unwrap();

        let pushed = async |name: &str| {
            let now = tempfile::tempdir().unwrap();
            git.export(now.path()).await.unwrap();
            std::fs::read_to_string(now.path().join(name)).unwrap()
        };
        tree.pull(&git).await.unwrap();
        let files = tree.edited(&[edit(2)]).unwrap();
        tree.commit(&git, files, "weight 2").await.unwrap();
        assert_eq!(pushed("app.yaml").await, "image: demo:1.1.0 # here\n");
        assert!(pushed("pool.yaml").await.contains("weight: 2"));
        for weight in ["weight: 1", "name: a"] {
            tree.pull(&git).await.unwrap();
            tree.revert(&git).await.unwrap();
            assert!(pushed("pool.yaml").await.contains(weight));
            assert_eq!(pushed("app.yaml").await, "image: demo:1.1.0 # here\n", "a revert undoes its own commit alone");
        }
    }

    #[tokio::test]
    async fn dropped_commits_are_in_neither_the_history_nor_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        let git = repository(folder.path());
        let copy = folder.path().join("tree");
        let pool = SourceFile::new("pool.yaml", "kind: NodePool\nmetadata: {name: a}\n");
        write(&copy, &[], std::slice::from_ref(&pool)).unwrap();
        let mut tree = WorkingTree::new(Tree { folder: copy.clone(), files: vec![pool] });
        let first = tree.push_first(&git, "the tree").await.unwrap();
        let reverted = tree.edited(&[edit(1)]).unwrap();
        tree.commit(&git, reverted, "weight 1").await.unwrap();
        tree.revert(&git).await.unwrap();
        for weight in [2, 3] {
            let files = tree.edited(&[edit(weight)]).unwrap();
            tree.commit(&git, files, &format!("weight {weight}")).await.unwrap();
        }
        assert!(tree.rewound(3, &[]).unwrap_err().to_string().contains("has made 2"));
        assert!(tree.rewound(0, &[]).is_err());
        let files = tree.rewound(2, &[edit(4)]).unwrap();
        let forced = tree.force_push(&git, 2, files, "weight 4").await.unwrap();
        let subjects: Vec<String> = git.log(10).await.unwrap().into_iter().map(|entry| entry.subject).collect();
        assert_eq!(subjects, ["weight 4", "Revert \"weight 1\"", "weight 1", "the tree"].map(str::to_owned));
        assert_eq!(git.head().await.unwrap().as_deref(), Some(forced.sha.as_str()));
        assert!(std::fs::read_to_string(copy.join("pool.yaml")).unwrap().contains("weight: 4"));
        assert_eq!(tree.revert(&git).await.unwrap().tree, first.tree);
        assert!(tree.revert(&git).await.is_err());
    }

    #[tokio::test]
    async fn a_push_that_fails_leaves_the_tree_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let git = GitRemote::new(folder.path().join("nowhere.git").display().to_string()).unwrap();
        let copy = folder.path().join("tree");
        let pool = SourceFile::new("pool.yaml", "kind: NodePool\nmetadata: {name: a}\n");
        write(&copy, &[], std::slice::from_ref(&pool)).unwrap();
        let mut tree = WorkingTree::new(Tree { folder: copy.clone(), files: vec![pool.clone()] });
        let files = tree.edited(&[edit(1)]).unwrap();
        assert!(tree.commit(&git, files, "weight 1").await.is_err());
        assert_eq!(tree.history.files(), std::slice::from_ref(&pool));
        assert_eq!(std::fs::read_to_string(copy.join("pool.yaml")).unwrap(), pool.text);
        assert!(tree.reverted().is_err());
    }

    #[test]
    fn without_a_commit_there_is_nothing_to_revert() {
        let tree = WorkingTree::new(Tree { folder: PathBuf::from("unused"), files: Vec::new() });
        assert!(tree.reverted().unwrap_err().to_string().contains("no commit"));
    }
}
