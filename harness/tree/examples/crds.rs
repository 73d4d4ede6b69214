//! Writes `crds/*.json` from the CRD files of the upstream modules: `cargo run -p harness-tree --example crds -- SOURCE FILE...`,
//! where SOURCE is what the files are from, such as `github.com/fluxcd/source-controller v1.9.5`. What validation does not need is
//! left out: descriptions, and the status that only controllers write.

use std::error::Error;
use std::path::Path;

use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments.next().ok_or("SOURCE FILE...")?;
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for file in arguments {
        let path = Path::new(&file);
        let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(path)?)?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a file without a name")?;
        let text = serde_json::to_string_pretty(&trimmed(&crd, &source))?;
        std::fs::write(target.join(format!("{name}.json")), text + "\n")?;
    }
    Ok(())
}

fn trimmed(crd: &Value, source: &str) -> Value {
    let spec = &crd["spec"];
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| {
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            if let Some(properties) = schema["properties"].as_object_mut() {
                properties.remove("status");
            }
            json!({
                "name": version["name"],
                "served": version["served"],
                "deprecated": version["deprecated"].as_bool().unwrap_or(false),
                "schema": without_descriptions(schema, false),
            })
        })
        .collect();
    json!({
        "source": source,
        "group": spec["group"],
        "kind": spec["names"]["kind"],
        "scope": spec["scope"],
        "versions": versions,
    })
}

/// `named` is true where the keys are names of fields: a field may well be called `description`.
fn without_descriptions(value: Value, named: bool) -> Value {
    match value {
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .filter(|(key, _)| named || key != "description")
                .map(|(key, value)| {
                    let inside = !named && key == "properties";
                    // Defaults and enums are values, not schemas.
                    let kept = !named && (key == "default" || key == "enum");
                    let value = if kept { value } else { without_descriptions(value, inside) };
                    (key, value)
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.into_iter().map(|item| without_descriptions(item, false)).collect(),
        other => other,
    }
}
