//! Which upstream version an executable was built from: from the manifest of a set that was built here, else from the executable.
//!
//! Go keeps the modules of a build in the binary (`debug/buildinfo`), also in a stripped one: what is reported is
//! what ran, wherever `--bin-dir` points. Searching some 500 MB for it at the start of every run would cost a second of CPU time,
//! so it is searched only where no manifest lists the version.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use harness_catalogue::MODULES;
use harness_components::built_versions;
use regex::bytes::Regex;

/// The version of each executable in `bin_dir`; one without build information is left out.
pub(crate) fn read(bin_dir: &Path) -> Vec<(String, String)> {
    let mut built = built_versions(bin_dir);
    MODULES
        .iter()
        .flat_map(|module| module.binaries.iter().map(|binary| (binary.name, module.path)))
        .filter_map(|(name, module)| {
            let version = built.remove(name).or_else(|| module_version(&bin_dir.join(name), module))?;
            Some((name.to_owned(), version))
        })
        .collect()
}

/// Looks for the line `dep<TAB>MODULE<TAB>VERSION` (or `mod`) of the build information.
fn module_version(executable: &Path, module: &str) -> Option<String> {
    const CHUNK: usize = 1 << 20;
    let line = Regex::new(&format!(r"(?:dep|mod)\t{}\t(v[^\t\n]*)[\t\n]", regex::escape(module))).ok()?;
    // Chunks overlap, so that a line across two chunks is found in the second one.
    let overlap = module.len() + 64;
    let mut file = File::open(executable).ok()?;
    let mut buffer: Vec<u8> = Vec::with_capacity(CHUNK + overlap);
    loop {
        let kept = buffer.len().min(overlap);
        buffer.drain(..buffer.len() - kept);
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut buffer).ok()?;
        if let Some(found) = line.captures(&buffer) {
            return String::from_utf8(found[1].to_vec()).ok();
        }
        if read == 0 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_of_a_set_is_used_for_its_own_binaries_only() {
        let set = tempfile::tempdir().unwrap();
        let binaries = set.path().join("bin");
        std::fs::create_dir(&binaries).unwrap();
        let content = b"dep\tsigs.k8s.io/kwok\tv9.9.9\th1:abc=\n";
        std::fs::write(binaries.join("kwok"), content).unwrap();
        let manifest = |bytes: usize| {
            let module = serde_json::json!({
                "module": "sigs.k8s.io/kwok", "version": "v0.8.0", "key": "", "goVersion": "", "goos": "", "goarch": "",
                "flags": [], "builtAt": "", "buildMs": 0, "crds": [],
                "binaries": [{"name": "kwok", "bytes": bytes, "sha256": ""}],
            });
            let set_manifest = serde_json::json!({"version": 1, "key": "", "modules": [module]});
            std::fs::write(set.path().join("manifest.json"), set_manifest.to_string()).unwrap();
        };
        let kwok = |version: &str| vec![("kwok".to_owned(), version.to_owned())];
        assert_eq!(read(&binaries), kwok("v9.9.9"), "no manifest");
        manifest(content.len());
        assert_eq!(read(&binaries), kwok("v0.8.0"));
        manifest(content.len() + 1);
        assert_eq!(read(&binaries), kwok("v9.9.9"), "replaced since");
    }

    #[test]
    fn the_version_is_found_also_across_chunks() {
        let temp = tempfile::tempdir().unwrap();
        let line = b"dep\tsigs.k8s.io/kwok\tv0.8.0\th1:abc=\n";
        for before in [0, 10, (1 << 20) - 5, (1 << 20) - 22, (1 << 20) + 3] {
            let path = temp.path().join("binary");
            let mut content = vec![0_u8; before];
            content.extend_from_slice(line);
            content.extend_from_slice(&[0; 100]);
            std::fs::write(&path, content).unwrap();
            assert_eq!(module_version(&path, "sigs.k8s.io/kwok").as_deref(), Some("v0.8.0"), "offset {before}");
        }
        assert_eq!(module_version(&temp.path().join("binary"), "k8s.io/kubernetes"), None);
    }
}
