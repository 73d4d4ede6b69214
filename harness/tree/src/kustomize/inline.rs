//! YAML inside of a text of YAML: the patches that kustomizations carry.

use crate::files::{Files, index_of};
use harness_yaml::{self as yaml, Mark, Node, SyntaxError};

/// Where the text of a block scalar starts: the offset of its first line and how far it is indented.
struct Block<'t> {
    text: &'t str,
    first_line: u32,
    first_offset: usize,
    indent: usize,
}

/// The documents of the text at `mark`. In a block scalar (`|`) each place is the true one; in any other text it is that of the text.
pub(super) fn documents(files: &Files, text: &str, mark: Mark) -> Result<Vec<Node>, SyntaxError> {
    let file = files.decoded(index_of(mark)).unwrap_or_default();
    let block = block(file, mark);
    let place = |inner: Mark| block.as_ref().map_or(mark, |block| block.place(inner, mark));
    match yaml::documents_of(text, 0) {
        Ok(documents) => Ok(documents.into_iter().map(|document| document.placed(&place)).collect()),
        Err(error) => Err(SyntaxError { mark: place(error.mark), ..error }),
    }
}

fn block(file: &str, mark: Mark) -> Option<Block<'_>> {
    let head = file.get(mark.offset..)?;
    // The span may start at the indicator or at the first line.
    let (text, first_line, first_offset) = if head.starts_with('|') {
        let end = head.find('\n')? + 1;
        (&head[end..], mark.line + 1, mark.offset + end)
    } else {
        let line = file[..mark.offset].rfind('\n').map_or(0, |at| at + 1);
        let before = file[..line].trim_end();
        let literal = before.ends_with('|') || before.ends_with("|-") || before.ends_with("|+");
        if !literal {
            return None;
        }
        (&file[line..], mark.line, line)
    };
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    Some(Block { text, first_line, first_offset, indent: first.len() - first.trim_start().len() })
}

impl Block<'_> {
    fn place(&self, inner: Mark, outer: Mark) -> Mark {
        let skipped = usize::try_from(inner.line.saturating_sub(1)).unwrap_or(0);
        let line: usize = self.text.split_inclusive('\n').take(skipped).map(str::len).sum();
        let start = self.text.get(line..).unwrap_or_default().get(self.indent..).unwrap_or_default();
        let columns = usize::try_from(inner.column.saturating_sub(1)).unwrap_or(0);
        let bytes: usize = start.chars().take(columns).map(char::len_utf8).sum();
        Mark {
            line: self.first_line + inner.line.saturating_sub(1),
            column: inner.column + u32::try_from(self.indent).unwrap_or(0),
            offset: self.first_offset + line + self.indent + bytes,
            length: inner.length,
            source: outer.source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;

    #[test]
    fn places_in_a_block_scalar_are_true_ones() {
        let text = "patches:\n  - target: {kind: A}\n    patch: |-\n      - op: replace\n        path: /a\n        value: wrong\n";
        let files = Files::from(vec![SourceFile::new("k.yaml", text)]);
        let outer = yaml::documents(text).unwrap().remove(0);
        let patch = outer.get("patches").unwrap().items()[0].get("patch").unwrap();
        let inner = documents(&files, patch.text().unwrap(), patch.mark).unwrap().remove(0);
        let value = inner.items()[0].get("value").unwrap();
        assert_eq!((value.mark.line, value.mark.column), (6, 16));
        assert_eq!(&text[value.mark.offset..][..value.mark.length], "wrong");
    }

    #[test]
    fn places_in_a_quoted_text_are_that_of_the_text() {
        let text = "patch: \"a: 1\"\n";
        let files = Files::from(vec![SourceFile::new("k.yaml", text)]);
        let outer = yaml::documents(text).unwrap().remove(0);
        let patch = outer.get("patch").unwrap();
        let inner = documents(&files, "a: 1", patch.mark).unwrap().remove(0);
        assert_eq!(inner.get("a").unwrap().mark, patch.mark);
    }
}
