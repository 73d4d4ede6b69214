//! The embedded schemas are those of the modules that the local cluster runs.

use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn schemas_follow_the_pinned_modules() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pinned: BTreeMap<String, String> = BTreeMap::new();
    for entry in std::fs::read_dir(here.join("../catalogue")).unwrap() {
        let Ok(text) = std::fs::read_to_string(entry.unwrap().path().join("go.mod")) else { continue };
        for line in text.lines().map(str::trim) {
            if let [module, version, ..] = line.split_whitespace().collect::<Vec<_>>()[..] {
                pinned.insert(module.to_owned(), version.to_owned());
            }
        }
    }
    let mut compared = 0;
    for entry in std::fs::read_dir(here.join("crds")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let crd: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (module, version) = crd["source"].as_str().unwrap().split_once(' ').unwrap();
        // The Flux controllers that the local cluster does not run are of the same release, which nothing here can tell.
        if let Some(pinned) = pinned.get(module) {
            assert_eq!(pinned, version, "{}: take it again, crds/README.md says how", path.display());
            compared += 1;
        }
    }
    assert!(compared >= 11, "{compared} schemas are of pinned modules");
}
