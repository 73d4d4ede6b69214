//! The edits, one after another.

use std::collections::BTreeMap;

use serde_json::Value;

use super::AmendError;
use crate::files::Files;
use crate::kustomize::{built_files, folder_of, join, kustomization_paths};
use crate::source_file::SourceFile;
use harness_plan::{ObjectRef, TreeEdit};
use harness_yaml::Node;
use harness_yaml::edit::{rewrite, write};

/// Changes a tree: each edit sees what those before it have made of it. Files that no edit touches stay as they are, byte for
/// byte; a changed file keeps its comments. The result is sorted by path.
///
/// Only objects that the tree's kustomization builds are found. A file that cannot be read holds none.
///
/// # Errors
/// [`AmendError`]: an edit that touches nothing, an object or file that is there already, a kustomization that cannot be read.
pub fn amend(files: &[SourceFile], edits: &[TreeEdit]) -> Result<Vec<SourceFile>, AmendError> {
    let mut tree = Tree { files: files.to_vec() };
    for edit in edits {
        match edit {
            TreeEdit::Merge { object, patch } => tree.change(object, |found| json_patch::merge(found, patch))?,
            TreeEdit::Remove { object } => tree.change(object, |found| *found = Value::Null)?,
            TreeEdit::Add { object, folder } => tree.add(object, folder.as_deref())?,
            TreeEdit::AddText { file, folder, text } => tree.add_text(file, folder.as_deref(), text)?,
            TreeEdit::AddMany { object, .. } => tree.add_many(object, &edit.added())?,
        }
    }
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree.files)
}

/// Adds a folder or file to the resources of the kustomization at the tree's top.
pub(crate) fn add_resource(files: Vec<SourceFile>, resource: &str) -> Result<Vec<SourceFile>, AmendError> {
    let mut tree = Tree { files };
    if let Some(top) = tree.kustomization_in("") {
        tree.change_resources(&top, |resources| resources.push(Value::String(resource.to_owned())))?;
    }
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree.files)
}

struct Tree {
    files: Vec<SourceFile>,
}

impl Tree {
    /// Changes every object that matches. One that becomes null is removed.
    fn change(&mut self, asked: &ObjectRef, mut change: impl FnMut(&mut Value)) -> Result<(), AmendError> {
        let mut touched = Vec::new();
        for (path, mut documents) in self.built() {
            let mut found = false;
            for object in objects_mut(&mut documents).filter(|object| is(object, asked)) {
                change(object);
                found = true;
            }
            if found {
                touched.push((path, documents));
            }
        }
        if touched.is_empty() {
            return Err(AmendError::NoObject { asked: name_of(asked), there: self.contents() });
        }
        for (path, documents) in touched {
            let left = without_removed(documents);
            if left.is_empty() {
                self.remove_file(&path)?;
            } else {
                self.write(&path, &left);
            }
        }
        Ok(())
    }

    fn add(&mut self, object: &Value, folder: Option<&str>) -> Result<(), AmendError> {
        let (kind, name) = (text_at(object, &["kind"]), text_at(object, &["metadata", "name"]));
        if kind.is_empty() || name.is_empty() {
            return Err(AmendError::Nameless { what: object.to_string() });
        }
        let asked = ObjectRef { kind: kind.to_owned(), name: Some(name.to_owned()) };
        let there = self.built().into_iter().find(|(_, documents)| objects(documents).any(|it| is(it, &asked)));
        if let Some((file, _)) = there {
            return Err(AmendError::Exists { what: name_of(&asked), file });
        }
        let file = format!("harness-{}-{name}.yaml", kind.to_lowercase());
        self.add_text(&file, folder, &write(std::slice::from_ref(object)))
    }

    /// Adds the copies of `object` in one file.
    fn add_many(&mut self, object: &Value, copies: &[Value]) -> Result<(), AmendError> {
        let name = text_at(object, &["metadata", "name"]);
        let kind = text_at(object, &["kind"]);
        if kind.is_empty() || !name.contains("{n}") {
            return Err(AmendError::Nameless {
                what: format!("{object}, of which there are to be many: its name needs `{{n}}`"),
            });
        }
        let there = self.built().into_iter().find(|(_, documents)| {
            let namesake = |known: &Value| {
                copies.iter().any(|copy| {
                    text_at(known, &["kind"]) == kind
                        && text_at(known, &["metadata", "name"]) == text_at(copy, &["metadata", "name"])
                })
            };
            objects(documents).any(namesake)
        });
        if let Some((file, _)) = there {
            return Err(AmendError::Exists { what: format!("{kind} `{name}`"), file });
        }
        let file = format!("harness-{}-{}.yaml", kind.to_lowercase(), name.replace("{n}", "n"));
        self.add_text(&file, None, &write(copies))
    }

    fn add_text(&mut self, file: &str, folder: Option<&str>, text: &str) -> Result<(), AmendError> {
        if file.is_empty() || file.starts_with('.') || file.contains(['/', '\\', '\n']) {
            return Err(AmendError::FileName { file: file.to_owned() });
        }
        let folder = self.folder(folder)?;
        let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
        if self.files.iter().any(|known| known.path == path) {
            return Err(AmendError::Exists { what: format!("the file {path}"), file: path });
        }
        // Without a kustomization Flux builds every YAML file of the folder.
        if let Some(kustomization) = self.kustomization_in(&folder) {
            self.change_resources(&kustomization, |resources| resources.push(Value::String(file.to_owned())))?;
        }
        self.files.push(SourceFile::new(path, text));
        Ok(())
    }

    /// A folder of the tree, as a prefix of its paths; the empty text is the top.
    fn folder(&self, asked: Option<&str>) -> Result<String, AmendError> {
        let Some(asked) = asked else { return Ok(String::new()) };
        let known = |folder: &String| self.files.iter().any(|file| file.path.starts_with(&format!("{folder}/")));
        join("", asked)
            .filter(|folder| folder.is_empty() || known(folder))
            .ok_or_else(|| AmendError::NoFolder { folder: asked.to_owned(), there: self.folders().join(", ") })
    }

    /// Removes a file and every line of a kustomization that names it; a folder whose kustomization is empty then is removed too.
    fn remove_file(&mut self, path: &str) -> Result<(), AmendError> {
        self.files.retain(|file| file.path != path);
        self.remove_resource(path)
    }

    fn remove_resource(&mut self, path: &str) -> Result<(), AmendError> {
        let kustomizations: Vec<String> =
            self.folders().iter().filter_map(|folder| self.kustomization_in(folder)).collect();
        for kustomization in kustomizations {
            let folder = folder_of(&kustomization).to_owned();
            let names_it = |resource: &Value| {
                resource.as_str().is_some_and(|resource| join(&folder, resource).as_deref() == Some(path))
            };
            let mut left = None;
            self.change_resources(&kustomization, |resources| {
                let before = resources.len();
                resources.retain(|resource| !names_it(resource));
                left = (resources.len() < before).then_some(resources.len());
            })?;
            if left == Some(0) && !folder.is_empty() {
                self.files.retain(|file| file.path != kustomization);
                self.remove_resource(&folder)?;
            }
        }
        Ok(())
    }

    /// Changes the resources of a kustomization; it is written only where they have changed.
    fn change_resources(&mut self, path: &str, change: impl FnOnce(&mut Vec<Value>)) -> Result<(), AmendError> {
        let Some(file) = self.files.iter().find(|file| file.path == path) else {
            return Ok(());
        };
        let mut documents = documents(file)?;
        let Some(Value::Object(kustomization)) = documents.first_mut() else {
            let message = "a kustomization is a map with `resources`".to_owned();
            return Err(AmendError::Syntax { file: path.to_owned(), line: 1, column: 1, message });
        };
        let resources = kustomization.entry("resources").or_insert(Value::Null);
        let mut items = resources.as_array().cloned().unwrap_or_default();
        change(&mut items);
        if resources.as_array() != Some(&items) && !(resources.is_null() && items.is_empty()) {
            *resources = Value::Array(items);
            self.write(path, &documents);
        }
        Ok(())
    }

    fn write(&mut self, path: &str, documents: &[Value]) {
        if let Some(file) = self.files.iter_mut().find(|file| file.path == path) {
            file.text = rewrite(&file.text, documents);
        }
    }

    /// The files that are built and can be read, with their documents.
    fn built(&self) -> Vec<(String, Vec<Value>)> {
        let files = Files::from(self.files.as_slice());
        let readable = |index: usize| Some((files.path(index).to_owned(), values(files.documents(index).ok()?)));
        built_files(&files).into_iter().filter_map(readable).collect()
    }

    /// The kustomization of a folder, by its path.
    fn kustomization_in(&self, folder: &str) -> Option<String> {
        kustomization_paths(folder).find(|path| self.files.iter().any(|file| file.path == *path))
    }

    fn folders(&self) -> Vec<String> {
        let mut folders: Vec<String> = self.files.iter().map(|file| folder_of(&file.path).to_owned()).collect();
        folders.sort();
        folders.dedup();
        folders
    }

    /// What the tree has, for people: `AKSNodeClass app, NodePool a, b`.
    fn contents(&self) -> String {
        let mut by_kind: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, documents) in self.built() {
            for object in objects(&documents) {
                let kind = text_at(object, &["kind"]).to_owned();
                by_kind.entry(kind).or_default().push(text_at(object, &["metadata", "name"]).to_owned());
            }
        }
        let kinds: Vec<String> = by_kind.iter().map(|(kind, names)| format!("{kind} {}", names.join(", "))).collect();
        if kinds.is_empty() { "no object that can be read".to_owned() } else { kinds.join("; ") }
    }
}

/// The documents of a file.
fn documents(file: &SourceFile) -> Result<Vec<Value>, AmendError> {
    let documents = harness_yaml::documents(&file.text).map_err(|error| AmendError::Syntax {
        file: file.path.clone(),
        line: error.mark.line,
        column: error.mark.column,
        message: error.message,
    })?;
    Ok(values(&documents))
}

fn values(documents: &[Node]) -> Vec<Value> {
    documents.iter().map(Node::to_json).collect()
}

/// The objects of documents, those in Lists included.
fn objects(documents: &[Value]) -> impl Iterator<Item = &Value> {
    documents.iter().flat_map(|document| match list_items(document) {
        Some(items) => items.as_slice(),
        None => std::slice::from_ref(document),
    })
}

fn objects_mut(documents: &mut [Value]) -> impl Iterator<Item = &mut Value> {
    documents.iter_mut().flat_map(|document| {
        if list_items(document).is_none() {
            return std::slice::from_mut(document);
        }
        document.get_mut("items").and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default()
    })
}

fn list_items(document: &Value) -> Option<&Vec<Value>> {
    document.get("items").and_then(Value::as_array).filter(|_| text_at(document, &["kind"]).ends_with("List"))
}

/// The documents without the objects that were removed, and without Lists that are empty then.
fn without_removed(documents: Vec<Value>) -> Vec<Value> {
    let kept = documents.into_iter().filter_map(|mut document| {
        if list_items(&document).is_some()
            && let Some(items) = document.get_mut("items").and_then(Value::as_array_mut)
        {
            items.retain(|item| !item.is_null());
            return (!items.is_empty()).then_some(document);
        }
        (!document.is_null()).then_some(document)
    });
    kept.collect()
}

fn is(object: &Value, asked: &ObjectRef) -> bool {
    text_at(object, &["kind"]) == asked.kind
        && asked.name.as_deref().is_none_or(|name| text_at(object, &["metadata", "name"]) == name)
}

fn name_of(asked: &ObjectRef) -> String {
    match &asked.name {
        Some(name) => format!("{} `{name}`", asked.kind),
        None => asked.kind.clone(),
    }
}

fn text_at<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    path.iter().try_fold(object, |value, key| value.get(key)).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    const TOP: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

    fn tree(files: &[(&str, &str)]) -> Vec<SourceFile> {
        files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect()
    }

    fn pool(name: &str) -> String {
        format!(
            "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: {name}}}\nspec: {{weight: 1, limits: {{cpu: \"10\"}}}}\n"
        )
    }

    fn example() -> Vec<SourceFile> {
        let top = format!("{TOP}resources: [a.yaml, more, list.yaml]\n");
        let list = "kind: List\napiVersion: v1\nitems:\n- {kind: NodePool, metadata: {name: l1}}\n- {kind: NodePool, metadata: {name: l2}}\n";
        tree(&[
            ("kustomization.yaml", &top),
            ("a.yaml", &format!("# kept only while nothing changes\n{}---\n{}", pool("a"), pool("b"))),
            ("list.yaml", list),
            ("more/kustomization.yaml", &format!("{TOP}resources: [c.yaml]\n")),
            ("more/c.yaml", &pool("c")),
            ("unbuilt.yaml", &pool("unbuilt")),
        ])
    }

    fn object(kind: &str, name: Option<&str>) -> ObjectRef {
        ObjectRef { kind: kind.to_owned(), name: name.map(str::to_owned) }
    }

    fn remove(name: &str) -> TreeEdit {
        TreeEdit::Remove { object: object("NodePool", Some(name)) }
    }

    fn file<'a>(files: &'a [SourceFile], path: &str) -> Option<&'a SourceFile> {
        files.iter().find(|file| file.path == path)
    }

    fn read(files: &[SourceFile], path: &str) -> Vec<Value> {
        documents(file(files, path).expect(path)).unwrap()
    }

    #[test]
    fn a_patch_reaches_its_object_and_no_other() {
        let patch = json!({"spec": {"weight": null, "limits": {"memory": "1Gi"}}});
        let files = amend(&example(), &[TreeEdit::Merge { object: object("NodePool", Some("b")), patch }]).unwrap();
        let documents = read(&files, "a.yaml");
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0]["spec"], json!({"weight": 1, "limits": {"cpu": "10"}}));
        assert_eq!(documents[1]["spec"], json!({"limits": {"cpu": "10", "memory": "1Gi"}}));
        let untouched = |files: &[SourceFile]| file(files, "list.yaml").unwrap().text.clone();
        assert_eq!(untouched(&files), untouched(&example()));
    }

    #[test]
    fn a_kind_without_a_name_means_all_of_them() {
        let patch = json!({"metadata": {"labels": {"x": "y"}}});
        let files = amend(&example(), &[TreeEdit::Merge { object: object("NodePool", None), patch }]).unwrap();
        for (path, count) in [("a.yaml", 2), ("more/c.yaml", 1)] {
            let documents = read(&files, path);
            assert_eq!(documents.iter().filter(|it| it["metadata"]["labels"]["x"] == "y").count(), count, "{path}");
        }
        let items = &read(&files, "list.yaml")[0]["items"];
        assert!(items.as_array().unwrap().iter().all(|item| item["metadata"]["labels"]["x"] == "y"), "{items}");
        assert_eq!(file(&files, "unbuilt.yaml"), file(&example(), "unbuilt.yaml"), "it is not part of the tree");
    }

    #[test]
    fn an_object_is_added_in_a_file_of_its_own() {
        let added = json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "new"}});
        let files = amend(&example(), &[TreeEdit::Add { object: added.clone(), folder: None }]).unwrap();
        assert_eq!(read(&files, "harness-nodepool-new.yaml"), [added]);
        let resources = &read(&files, "kustomization.yaml")[0]["resources"];
        assert_eq!(resources, &json!(["a.yaml", "more", "list.yaml", "harness-nodepool-new.yaml"]));
    }

    #[test]
    fn an_object_can_be_added_to_a_folder_and_found_in_a_layer() {
        let layers = crate::builtin_gitops();
        let layers = crate::LayersTree { source: "gitops", files: &layers, entry: "clusters/production" };
        let files = crate::with_layers("node-config", &crate::builtin_node_config(), &layers).unwrap();
        let added =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": "demo-app"}});
        let folder = Some("gitops/apps/demo-app".to_owned());
        let patch = json!({"spec": {"maxReplicas": 3}});
        let edits = [
            TreeEdit::Add { object: added.clone(), folder },
            TreeEdit::Merge { object: object("HorizontalPodAutoscaler", Some("demo-app")), patch },
            TreeEdit::Merge { object: object("ConfigMap", Some("new")), patch: json!({"data": {"a": "b"}}) },
        ];
        let files = amend(&files, &edits).unwrap();
        assert_eq!(read(&files, "gitops/apps/demo-app/harness-configmap-new.yaml")[0]["data"], json!({"a": "b"}));
        assert_eq!(read(&files, "gitops/apps/demo-app/autoscaler.yaml")[0]["spec"]["maxReplicas"], 3);
        let resources = &read(&files, "gitops/apps/demo-app/kustomization.yaml")[0]["resources"];
        assert_eq!(resources.as_array().unwrap().last().unwrap(), "harness-configmap-new.yaml");
    }

    #[test]
    fn the_last_object_of_a_file_takes_the_file_and_its_line_along() {
        let files = amend(&example(), &[remove("a")]).unwrap();
        assert_eq!(read(&files, "a.yaml").len(), 1);
        let files = amend(&files, &[remove("b")]).unwrap();
        assert_eq!(file(&files, "a.yaml"), None);
        assert_eq!(read(&files, "kustomization.yaml")[0]["resources"], json!(["more", "list.yaml"]));
        // Its folder holds nothing else: kustomize refuses an empty kustomization.
        let files = amend(&files, &[remove("c")]).unwrap();
        assert_eq!(file(&files, "more/kustomization.yaml"), None);
        assert_eq!(read(&files, "kustomization.yaml")[0]["resources"], json!(["list.yaml"]));
        let files = amend(&files, &[remove("l1")]).unwrap();
        assert_eq!(read(&files, "list.yaml")[0]["items"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn many_objects_are_added_in_one_file() {
        let copied =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c-{n}"}, "data": {"n": "{n}"}});
        let many = TreeEdit::AddMany { object: copied, count: 40 };
        let files = amend(&example(), std::slice::from_ref(&many)).unwrap();
        let added = read(&files, "harness-configmap-c-n.yaml");
        assert_eq!(added.len(), 40);
        assert_eq!((&added[39]["metadata"]["name"], &added[39]["data"]["n"]), (&json!("c-40"), &json!("40")));
        let patch = json!({"data": {"n": "new"}});
        let files = amend(&files, &[TreeEdit::Merge { object: object("ConfigMap", Some("c-7")), patch }]).unwrap();
        assert_eq!(read(&files, "harness-configmap-c-n.yaml")[6]["data"]["n"], "new");
        let again = amend(&files, &[many]).unwrap_err().to_string();
        assert!(again.contains("already"), "{again}");
    }

    #[test]
    fn a_text_is_added_as_it_stands_and_does_not_stop_later_edits() {
        let broken = TreeEdit::AddText { file: "broken.yaml".to_owned(), folder: None, text: "a: [\n".to_owned() };
        let files = amend(&example(), &[broken, remove("a")]).unwrap();
        assert_eq!(file(&files, "broken.yaml").unwrap().text, "a: [\n");
        let resources = &read(&files, "kustomization.yaml")[0]["resources"];
        assert_eq!(resources, &json!(["a.yaml", "more", "list.yaml", "broken.yaml"]));
    }

    #[test]
    fn a_tree_without_kustomization_gets_none() {
        let files = tree(&[("a.yaml", &pool("a"))]);
        let added = json!({"kind": "NodePool", "metadata": {"name": "b"}});
        let files = amend(&files, &[TreeEdit::Add { object: added, folder: None }, remove("a")]).unwrap();
        assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["harness-nodepool-b.yaml"]);
    }

    #[rstest]
    #[case(remove("nobody"), "has no NodePool `nobody` to change; it has NodePool a, b, c, l1, l2")]
    #[case(remove("unbuilt"), "has no NodePool `unbuilt`")]
    #[case(TreeEdit::Remove { object: object("Nothing", None) }, "has no Nothing to change")]
    #[case(TreeEdit::Add { object: json!({"kind": "NodePool", "metadata": {"name": "l1"}}), folder: None }, "already, in list.yaml")]
    #[case(TreeEdit::Add { object: json!({"kind": "NodePool"}), folder: None }, "needs `kind` and `metadata.name`")]
    #[case(TreeEdit::AddText { file: "../x.yaml".to_owned(), folder: None, text: String::new() }, "plain name")]
    #[case(TreeEdit::AddText { file: "a.yaml".to_owned(), folder: None, text: String::new() }, "already")]
    #[case(TreeEdit::AddText { file: "x.yaml".to_owned(), folder: Some("les".to_owned()), text: String::new() }, "has no folder `les`")]
    #[case(TreeEdit::AddMany { object: json!({"kind": "NodePool", "metadata": {"name": "x"}}), count: 2 }, "its name needs `{n}`")]
    fn what_the_tree_has_no_place_for_is_refused(#[case] edit: TreeEdit, #[case] why: &str) {
        let error = amend(&example(), &[edit]).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn an_amended_example_tree_is_still_a_tree() {
        let files = crate::builtin_node_config();
        let patch = json!({"spec": {"template": {"metadata": {"labels": {"team": "a"}}}}});
        let edits = [
            TreeEdit::Merge { object: object("NodePool", None), patch },
            TreeEdit::Remove { object: object("NodePool", Some("memory-optimized")) },
        ];
        let tree = crate::read_tree("node-config", &amend(&files, &edits).unwrap()).unwrap();
        let names: Vec<&str> = tree.pools.iter().map(|pool| pool.name.as_str()).collect();
        assert_eq!(names, ["compute-optimized", "general-purpose"]);
    }
}
