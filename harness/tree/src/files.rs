//! The files of a tree: their paths, and their texts as they are asked for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use harness_yaml::{self as yaml, Mark, Node, Repeat, SyntaxError};

use crate::source_file::SourceFile;

/// Why a file has no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is larger than what a tree can hold; nothing of it was read.
    #[error("the file has {bytes} bytes, and no more than {bytes_max} are read of one file")]
    TooLarge {
        /// Its size, bytes.
        bytes: u64,
        /// The limit, bytes.
        bytes_max: u64,
    },
    /// It is neither UTF-8 nor UTF-16 with a byte order mark.
    #[error("the file is not text in UTF-8")]
    NotText,
    /// It is UTF-16 with a byte order mark: YAML where YAML is read, and bytes anywhere else, such as in an object that is generated of it.
    #[error("the file is text in UTF-16")]
    Utf16 {
        /// What a reader of YAML gets.
        text: String,
        /// Whether more documents follow, which kustomize does not read.
        has_more: bool,
    },
    /// The operating system says no.
    #[error("the file cannot be read: {reason}")]
    Failed {
        /// What it says.
        reason: String,
    },
}

impl Unreadable {
    /// The text of a file by its bytes.
    ///
    /// # Errors
    /// [`Unreadable::NotText`] and [`Unreadable::Utf16`].
    pub fn decode(bytes: Vec<u8>) -> Result<String, Self> {
        let order: fn([u8; 2]) -> u16 = match bytes.as_slice() {
            [0xff, 0xfe, ..] => u16::from_le_bytes,
            [0xfe, 0xff, ..] => u16::from_be_bytes,
            _ => return String::from_utf8(bytes).map_err(|_| Self::NotText),
        };
        let pairs = bytes.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(Self::NotText);
        }
        let units: Vec<u16> = pairs.skip(1).filter_map(|pair| Some(order(pair.try_into().ok()?))).collect();
        let text = String::from_utf16(&units).map_err(|_| Self::NotText)?;
        let (text, has_more) = first_document(text);
        Err(Self::Utf16 { text, has_more })
    }

    /// The text as a reader of YAML gets it, which knows UTF-16 by its mark. Source: `yaml_parser_determine_encoding` of go.yaml.in/yaml.
    pub fn as_yaml(&self) -> Option<&str> {
        match self {
            Self::Utf16 { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// The first document of a text, and whether there are others. kustomize looks for the lines between documents before the text is decoded,
/// finds none in UTF-16, and reads one document. Source: `splitDocuments` and `decode` in kio/byteio_reader.go of
/// sigs.k8s.io/kustomize/kyaml v0.21.1.
fn first_document(mut text: String) -> (String, bool) {
    let documents = yaml::documents_of(&text, 0).unwrap_or_default();
    let Some(second) = documents.get(1) else { return (text, false) };
    let end = text.get(..second.mark.offset).and_then(|before| before.rfind("\n---"));
    text.truncate(end.map_or(second.mark.offset, |at| at + 1));
    (text, true)
}

/// Reads the text of the file at a path of the tree.
type Reader = dyn Fn(&str) -> Result<String, Unreadable> + Send + Sync;

/// The files of a tree, sorted by path. A file that nothing asks for is not read, so that neither its size nor what is wrong with it matters.
///
/// A clone is cheap: it shares what was read.
#[derive(Clone, Default)]
pub struct Files {
    files: Vec<Arc<File>>,
    by_path: Arc<HashMap<String, usize>>,
    links: Arc<HashMap<String, String>>,
    reader: Option<Arc<Reader>>,
}

/// Documents, and the keys that are given twice in them.
type WithRepeats = (Vec<Node>, Vec<Repeat>);

#[derive(Default)]
struct File {
    path: String,
    text: OnceLock<Result<String, Unreadable>>,
    documents: OnceLock<Result<Vec<Node>, SyntaxError>>,
    /// The same by a reader that keeps the last of two values of one key, with each such key.
    with_repeats: OnceLock<Result<WithRepeats, SyntaxError>>,
    /// Whether Flux leaves it out, once that was asked.
    is_left_out: OnceLock<bool>,
}

impl Files {
    /// Files whose texts `read` fetches when they are first asked for.
    pub fn on_demand(
        paths: impl IntoIterator<Item = String>,
        read: impl Fn(&str) -> Result<String, Unreadable> + Send + Sync + 'static,
    ) -> Self {
        let files = paths.into_iter().map(|path| File { path, ..File::default() });
        Self { reader: Some(Arc::new(read)), ..Self::of(files) }
    }

    /// No files, for an object whose places are in none.
    pub(crate) fn none() -> &'static Self {
        static NONE: LazyLock<Files> = LazyLock::new(Files::default);
        &NONE
    }

    fn of(files: impl Iterator<Item = File>) -> Self {
        let mut files: Vec<Arc<File>> = files.map(Arc::new).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let by_path = files.iter().enumerate().map(|(index, file)| (file.path.clone(), index)).collect();
        Self { files, by_path: Arc::new(by_path), ..Self::default() }
    }

    /// The same with the symbolic links of the tree, each with what it points at. Flux leaves links out of what it applies
    /// (`ArchivePath` of fluxcd/source-controller), so that they are no files.
    #[must_use]
    pub fn with_links(mut self, links: impl IntoIterator<Item = (String, String)>) -> Self {
        self.links = Arc::new(links.into_iter().collect());
        self
    }

    /// What the symbolic link at a path, or at a folder above it, points at; `None` where there is none.
    pub fn link(&self, path: &str) -> Option<&str> {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]);
        above.filter_map(|path| self.links.get(path)).map(String::as_str).next()
    }

    /// The paths of the symbolic links, in no order.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        self.links.keys().map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// The path of a file; empty where there is no such file.
    pub(crate) fn path(&self, index: usize) -> &str {
        self.files.get(index).map_or("", |file| file.path.as_str())
    }

    /// The path of the file that a place is in.
    pub(crate) fn path_of(&self, mark: Mark) -> &str {
        self.path(index_of(mark))
    }

    /// The file at a path.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The files below a folder; the empty text is the top of the tree.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = usize> + use<'_> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let first = self.files.partition_point(|file| file.path.as_str() < prefix.as_str());
        (first..self.files.len()).take_while(move |index| self.path(*index).starts_with(&prefix))
    }

    /// Whether there is a folder: one that holds files.
    pub(crate) fn has_folder(&self, folder: &str) -> bool {
        folder.is_empty() || self.below(folder).next().is_some()
    }

    /// The text of a file.
    ///
    /// # Errors
    /// [`Unreadable`]; what was wrong the first time stays wrong.
    pub(crate) fn text(&self, index: usize) -> Result<&str, &Unreadable> {
        let Some(file) = self.files.get(index) else { return Ok("") };
        let read = || self.reader.as_ref().map_or_else(|| Ok(String::new()), |read| read(&file.path));
        file.text.get_or_init(read).as_ref().map(String::as_str)
    }

    /// The text of a file as a reader of YAML decodes it. All places in the file are places in this text.
    ///
    /// # Errors
    /// [`Unreadable`], but for UTF-16.
    pub(crate) fn decoded(&self, index: usize) -> Result<&str, &Unreadable> {
        self.text(index).or_else(|error| error.as_yaml().ok_or(error))
    }

    /// The text at a path, if there is such a file and it can be read.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.decoded(self.find(path)?).ok()
    }

    /// Whether a file has documents that kustomize does not read.
    pub(crate) fn is_cut(&self, index: usize) -> bool {
        matches!(self.text(index), Err(Unreadable::Utf16 { has_more: true, .. }))
    }

    /// The YAML documents of a file, each place with the file's index.
    ///
    /// # Errors
    /// It is not YAML, or cannot be read.
    pub(crate) fn documents(&self, index: usize) -> Result<&[Node], &SyntaxError> {
        let Some(file) = self.files.get(index) else { return Ok(&[]) };
        let parse = || match file.with_repeats.get() {
            Some(Ok((documents, repeats))) if repeats.is_empty() => Ok(documents.clone()),
            _ => yaml::documents_of(self.yaml(index)?, source_of(index)),
        };
        file.documents.get_or_init(parse).as_ref().map(Vec::as_slice)
    }

    /// The YAML documents of a file in which a key may be given twice, as in a kustomization: the last one counts. With each such key.
    ///
    /// # Errors
    /// It is not YAML, or cannot be read.
    pub(crate) fn documents_with_repeats(&self, index: usize) -> Result<(&[Node], &[Repeat]), &SyntaxError> {
        let Some(file) = self.files.get(index) else { return Ok((&[], &[])) };
        let parse = || match file.documents.get() {
            Some(Ok(documents)) => Ok((documents.clone(), Vec::new())),
            _ => yaml::documents_with_repeats(self.yaml(index)?, source_of(index)),
        };
        let read = file.with_repeats.get_or_init(parse).as_ref();
        read.map(|(documents, repeats)| (documents.as_slice(), repeats.as_slice()))
    }

    fn yaml(&self, index: usize) -> Result<&str, SyntaxError> {
        self.decoded(index).map_err(|error| SyntaxError {
            mark: Mark { source: source_of(index), ..Mark::START },
            message: error.to_string(),
            hint: match error {
                Unreadable::TooLarge { .. } => "leave it out of what is applied, or split it",
                Unreadable::NotText | Unreadable::Utf16 { .. } => "save it as UTF-8",
                Unreadable::Failed { .. } => "make it readable",
            },
        })
    }

    /// Whether Flux leaves a file out, as `decide` says the first time: that depends on paths, and on files that nothing changes.
    pub(crate) fn is_left_out(&self, path: &str, decide: impl FnOnce() -> bool) -> bool {
        match self.find(path).and_then(|index| self.files.get(index)) {
            Some(file) => *file.is_left_out.get_or_init(decide),
            None => decide(),
        }
    }

    /// The same with another text at a path that is there.
    #[must_use]
    pub(crate) fn replacing(&self, index: usize, text: String) -> Self {
        let mut new = self.clone();
        if let Some(file) = new.files.get_mut(index) {
            *file = Arc::new(File { text: OnceLock::from(Ok(text)), path: file.path.clone(), ..File::default() });
        }
        new
    }

    /// The files whose texts were read so far.
    pub fn loaded(&self) -> Vec<SourceFile> {
        let text = |file: &File| {
            let text = file.text.get()?.as_ref().map_or_else(Unreadable::as_yaml, |text| Some(text.as_str()))?;
            Some(SourceFile::new(&file.path, text))
        };
        self.files.iter().filter_map(|file| text(file)).collect()
    }
}

/// The index of a file as its places have it.
fn source_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The index of the file that a place is in.
pub(crate) fn index_of(mark: Mark) -> usize {
    usize::try_from(mark.source).unwrap_or(usize::MAX)
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.paths()).finish()
    }
}

impl From<Vec<SourceFile>> for Files {
    fn from(files: Vec<SourceFile>) -> Self {
        Self::of(files.into_iter().map(|file| File {
            path: file.path,
            text: OnceLock::from(Ok(file.text)),
            ..File::default()
        }))
    }
}

impl From<&[SourceFile]> for Files {
    fn from(files: &[SourceFile]) -> Self {
        files.to_vec().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn files() -> Files {
        let paths = ["b.yaml", "a/x.yaml", "a-b/y.yaml", "a/c/z.yaml"];
        Files::on_demand(paths.map(str::to_owned), |path| match path {
            "b.yaml" => Err(Unreadable::NotText),
            path => Ok(format!("path: {path}\n")),
        })
    }

    #[test]
    fn a_folder_has_what_is_below_it_and_nothing_else() {
        let files = files();
        let below = |folder: &str| files.below(folder).map(|index| files.path(index)).collect::<Vec<_>>();
        assert_eq!(below("a"), ["a/c/z.yaml", "a/x.yaml"]);
        assert_eq!(below("a-b"), ["a-b/y.yaml"]);
        assert_eq!(below("").len(), 4);
        assert!(files.has_folder("a/c") && !files.has_folder("a/x"));
    }

    #[test]
    fn only_what_is_asked_for_is_read() {
        let files = files();
        let index = files.find("a/x.yaml").unwrap();
        assert_eq!(files.documents(index).unwrap()[0].get("path").and_then(Node::text), Some("a/x.yaml"));
        assert_eq!(files.loaded(), [SourceFile::new("a/x.yaml", "path: a/x.yaml\n")]);
        let error = files.documents(files.find("b.yaml").unwrap()).unwrap_err();
        assert_eq!(error.message, "the file is not text in UTF-8");
        assert_eq!(files.path_of(error.mark), "b.yaml");
    }

    #[rstest]
    #[case(b"a: x\n".to_vec(), Ok("a: x\n".to_owned()))]
    #[case("\u{feff}a: x\n".into(), Ok("\u{feff}a: x\n".to_owned()))]
    // Before, kustomize read these and we did not.
    #[case(b"\xff\xfea\0:\0 \0\xe4\0".to_vec(), Err(Unreadable::Utf16 { text: "a: ä".to_owned(), has_more: false }))]
    #[case(b"\xfe\xff\0a\0:\0 \0\xe4".to_vec(), Err(Unreadable::Utf16 { text: "a: ä".to_owned(), has_more: false }))]
    #[case(
        b"\xfe\xff\0-\0-\0-\0\n\0a\0\n\0-\0-\0-\0\n\0b".to_vec(),
        Err(Unreadable::Utf16 { text: "---\na\n".to_owned(), has_more: true })
    )]
    #[case(b"\xff\xfea".to_vec(), Err(Unreadable::NotText))]
    #[case(b"\xe4".to_vec(), Err(Unreadable::NotText))]
    fn texts_are_decoded_as_readers_of_yaml_do(#[case] bytes: Vec<u8>, #[case] expected: Result<String, Unreadable>) {
        assert_eq!(Unreadable::decode(bytes), expected);
    }

    #[test]
    fn utf_16_is_yaml_and_nothing_else() {
        let bytes = b"\xff\xfea\0:\0 \0x\0".to_vec();
        let files = Files::on_demand(["a.yaml".to_owned()], move |_| Unreadable::decode(bytes.clone()));
        assert_eq!(files.documents(0).unwrap()[0].get("a").and_then(Node::text), Some("x"));
        assert_eq!((files.text_at("a.yaml"), files.loaded().len()), (Some("a: x"), 1));
        assert!(files.text(0).is_err(), "an object that is generated of it has its bytes");
    }

    /// Before, a kustomization was parsed once for every overlay that names it.
    #[test]
    fn a_file_is_parsed_once() {
        let files = files();
        let index = files.find("a/x.yaml").unwrap();
        let (documents, repeats) = files.documents_with_repeats(index).unwrap();
        assert!(repeats.is_empty());
        let entries = |nodes: &[Node]| nodes[0].entries().as_ptr();
        assert_eq!(entries(documents), entries(files.documents(index).unwrap()));
        // Only one of the two readers takes a key twice.
        let twice = Files::from(vec![SourceFile::new("k.yaml", "a: 1\na: 2\n")]);
        assert_eq!(twice.documents_with_repeats(0).unwrap().1.len(), 1);
        assert!(twice.documents(0).is_err());
    }

    #[test]
    fn a_replaced_text_is_that_of_the_copy_alone() {
        let files = files();
        let index = files.find("a/x.yaml").unwrap();
        let changed = files.replacing(index, "path: new\n".to_owned());
        assert_eq!(changed.text_at("a/x.yaml"), Some("path: new\n"));
        assert_eq!(files.text_at("a/x.yaml"), Some("path: a/x.yaml\n"));
    }
}
