//! Where a build went wrong, as far as upstream's message tells.

use super::protocol::{BuildRefusal, BuildStage};
use crate::files::Files;
use crate::kustomize::{self, Build, Built};
use harness_yaml::{Kind, Mark, Node};

/// The place of what a folder builds: its kustomization, or its first file.
pub(super) fn of_folder(files: &Files, folder: &str) -> Mark {
    let kustomization = kustomize::kustomization_in(files, folder).and_then(|path| files.find(path));
    start(kustomization.or_else(|| files.below(folder).next()).unwrap_or(0))
}

/// The place of a refusal: of the object or else of the file that its message names, or of the folder. Upstream has no other way to say it; a
/// message that names nothing of the tree costs only the place.
pub(super) fn of_refusal(files: &Files, folder: &str, ours: &Build, refusal: &BuildRefusal) -> Mark {
    let is_about_objects = [BuildStage::Substitute, BuildStage::Read, BuildStage::Apply].contains(&refusal.stage);
    let named = ours.objects.iter().find(|object| is_about_objects && is_named(&refusal.message, object));
    let object = named.map(|object| match refusal.stage {
        BuildStage::Substitute => variable(&object.node).unwrap_or(object.node.mark),
        _ => object.node.mark,
    });
    object.or_else(|| named_file(files, folder, &refusal.message)).unwrap_or_else(|| of_folder(files, folder))
}

fn start(index: usize) -> Mark {
    Mark { source: u32::try_from(index).unwrap_or(u32::MAX), ..Mark::START }
}

/// Whether a message is about an object: `'ConfigMap.v1.[noGrp]/a'` of kustomize's resources, `Secret/flux-system/a` of fluxcd/pkg/ssa.
fn is_named(message: &str, object: &Built) -> bool {
    let text = |path: &[&str]| object.node.at(path).and_then(Node::text).unwrap_or_default();
    let (kind, namespace, name) = (text(&["kind"]), text(&["metadata", "namespace"]), text(&["metadata", "name"]));
    let within = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    message.starts_with(&format!("{kind}/{within}{name} "))
        || (message.contains(&format!("'{kind}.")) && message.contains(&format!("/{name}'")))
}

/// The first text with a variable.
fn variable(node: &Node) -> Option<Mark> {
    match &node.kind {
        Kind::Text(text) => text.contains("${").then_some(node.mark),
        Kind::List(items) => items.iter().find_map(variable),
        Kind::Map(entries) => entries.iter().find_map(|entry| {
            let key = entry.key.contains("${").then_some(entry.key_mark);
            key.or_else(|| variable(&entry.value))
        }),
        _ => None,
    }
}

/// The last file that a message names, and the line of `yaml: line 12`: kustomize says from the outermost kustomization to the innermost what
/// it was at, each path relative to the one before. Source: `accumulateResources` of api/internal/target/kusttarget.go.
fn named_file(files: &Files, folder: &str, message: &str) -> Option<Mark> {
    const ENTERS: &str = "recursed accumulation of path ";
    let mut home = folder.to_owned();
    let mut found = None;
    let mut before = "";
    for word in message.split(['\'', '"', '`']) {
        if before.ends_with(ENTERS) {
            home = word.to_owned();
        }
        for path in word.split_whitespace().chain([word]).map(|path| path.trim_end_matches([':', ',', ';', '.'])) {
            let relative = kustomize::join(&home, path).and_then(|path| files.find(&path));
            found = relative.or_else(|| files.find(path)).or(found);
        }
        before = word;
    }
    let index = found?;
    let line = message.split("yaml: line ").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    Some(line.and_then(|line| at_line(files, index, line.parse().ok()?)).unwrap_or_else(|| start(index)))
}

/// The beginning of a line. kustomize counts from the document's start, so that only a file of one document tells.
fn at_line(files: &Files, index: usize, line: u32) -> Option<Mark> {
    let text = files.decoded(index).ok().filter(|text| !text.contains("\n---"))?;
    let before = usize::try_from(line).ok()?.checked_sub(1)?;
    let offset = text.split_inclusive('\n').take(before).map(str::len).sum();
    (offset < text.len()).then(|| Mark { line, offset, ..start(index) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;
    use rstest::rstest;

    fn files() -> Files {
        let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x}\ndata:\n  b: c\n  d: ${e/}\n";
        let paths = ["base/kustomization.yaml", "base/x.yaml", "top/kustomization.yaml", "top/x.yaml"];
        paths.map(|path| SourceFile::new(path, object)).to_vec().into()
    }

    #[rstest]
    // Before, each of these was placed at the kustomization that Flux builds.
    #[case(
        BuildStage::Build,
        "accumulating resources: accumulation err='accumulating resources from '../base': read base: is a directory': recursed accumulation of path 'base': accumulating resources from 'x.yaml': missing metadata.name in object {}",
        "base/x.yaml:1"
    )]
    #[case(
        BuildStage::Build,
        "accumulating resources from 'x.yaml': yaml: line 5: did not find expected key in File: x.yaml",
        "top/x.yaml:5"
    )]
    #[case(
        BuildStage::Generate,
        "failed to decode Kubernetes YAML from base/x.yaml: missing Resource metadata",
        "base/x.yaml:1"
    )]
    #[case(BuildStage::Build, "yaml: line 999: no such line in File: x.yaml", "top/x.yaml:1")]
    #[case(
        BuildStage::Substitute,
        "post build failed for 'ConfigMap.v1.[noGrp]/a': envsubst error: bad substitution",
        "base/x.yaml:6"
    )]
    #[case(BuildStage::Apply, "ConfigMap/x/a is SOPS encrypted", "base/x.yaml:1")]
    #[case(BuildStage::Apply, "Secret/x/a is SOPS encrypted", "top/kustomization.yaml:1")]
    #[case(BuildStage::Build, "must specify --enable-helm", "top/kustomization.yaml:1")]
    fn a_refusal_is_placed_at_what_it_names(#[case] stage: BuildStage, #[case] message: &str, #[case] expected: &str) {
        let files = files();
        let file = files.find("base/x.yaml").unwrap();
        let node = files.documents(file).unwrap()[0].clone();
        let ours = Build { objects: vec![Built { file, node }], ..Build::default() };
        let mark = of_refusal(&files, "top", &ours, &BuildRefusal { stage, message: message.to_owned() });
        assert_eq!(format!("{}:{}", files.path_of(mark), mark.line), expected);
    }
}
