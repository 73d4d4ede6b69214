//! Reading and writing whole files.

use std::path::Path;

use crate::error::FileError;

/// Reads a text file.
///
/// # Errors
/// [`FileError::Read`].
pub fn read_text(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(FileError::read(path))
}

/// Replaces a file, or leaves what was there before.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), FileError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|error| {
        // The first error is reported.
        let _ = std::fs::remove_file(&part);
        FileError::write(path)(error)
    })
}

/// Replaces a file by a value as indented JSON.
pub(crate) fn replace_json(path: &Path, value: &impl serde::Serialize) -> Result<(), FileError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| FileError::write(path)(error.into()))?;
    replace(path, &(text + "\n"))
}
