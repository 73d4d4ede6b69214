//! `--fix`: the changed files, written in place.

use std::io::Write;

use harness_tree::SourceFile;
use similar::TextDiff;

use super::inputs::Tree;
use crate::console::Console;
use crate::error::CliError;

/// Writes every file that differs, whole or not at all, and says what changed.
pub(super) fn changed(tree: &Tree, files: &[SourceFile], console: &Console) -> Result<(), CliError> {
    for (before, after) in tree.files.iter().zip(files).filter(|(before, after)| before != after) {
        let path = tree.root.join(&after.path);
        let failed = |source| CliError::Write { path: path.clone(), source };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => std::path::Path::new("."),
        };
        let permissions = std::fs::metadata(&path).map_err(failed)?.permissions();
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        new.write_all(after.text.as_bytes()).map_err(failed)?;
        new.as_file().set_permissions(permissions).map_err(failed)?;
        new.persist(&path).map_err(|error| failed(error.error))?;
        let shown = tree.shown_file(&after.path);
        let diff = TextDiff::from_lines(&before.text, &after.text);
        let text = diff.unified_diff().context_radius(2).header(&shown, &shown).to_string();
        console.say(text.trim_end());
    }
    Ok(())
}
