//! Content keys: equal keys mean equal binaries.
//!
//! A key covers everything that decides what the binary does: `go.mod`, `go.sum`, sources of ours, packages, flags, the
//! environment of the build, operating system and architecture. It does not cover the Go version. A patch
//! release of Go changes no behaviour that is tested here, and distributions ship one every month: each
//! would cost every user a build of the whole set. The Go version is recorded in the manifest instead.

use sha2::{Digest, Sha256};

use super::go_command;
use super::toolchain::FIXED_ENVIRONMENT;
use harness_catalogue::{MODULES, Module};

/// Raised when the layout of a built folder or the way of building changes in a way the inputs do not show.
const RECIPE: &str = "harness components recipe 1";

/// Hexadecimal digits of a key: 80 bits, plenty for a folder name.
const KEY_DIGITS: usize = 20;

/// Content key of one module for this machine's operating system and architecture.
#[must_use]
pub fn module_key(module: &Module) -> String {
    digest(&inputs(module))
}

/// Content key of the set of a cluster's modules: the name of its folder in the cache.
#[must_use]
pub fn set_key() -> String {
    let keys: Vec<String> = MODULES.iter().map(module_key).collect();
    digest(&keys)
}

fn inputs(module: &Module) -> Vec<String> {
    let mut inputs = vec![
        RECIPE.to_owned(),
        go_command::goos().to_owned(),
        go_command::goarch().to_owned(),
        module.name.to_owned(),
        module.go_mod.to_owned(),
        module.go_sum.to_owned(),
    ];
    inputs.extend(go_command::flags(module));
    inputs.extend(module.binaries.iter().map(|b| b.package.to_owned()));
    inputs.extend(module.crds.iter().map(|crd| format!("{}/{}", crd.folder, crd.file)));
    inputs.extend(module.sources.iter().flat_map(|source| [source.name.to_owned(), source.text.to_owned()]));
    inputs.extend(FIXED_ENVIRONMENT.iter().map(|(name, value)| format!("{name}={value}")));
    inputs
}

fn digest(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps "ab","c" and "a","bc" apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = format!("{:x}", hash.finalize());
    text.truncate(KEY_DIGITS);
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use harness_catalogue::{FLUX_BUILD, all_modules};

    use super::*;

    #[test]
    fn keys_are_stable_and_distinct() {
        let keys: BTreeSet<String> = MODULES.iter().map(module_key).collect();
        assert_eq!(keys.len(), MODULES.len());
        assert!(keys.iter().all(|key| key.len() == KEY_DIGITS));
        assert_eq!(set_key(), set_key());
        assert!(!keys.contains(&set_key()));
    }

    #[test]
    fn every_input_counts() {
        let base = inputs(&MODULES[0]);
        for index in 0..base.len() {
            let mut changed = base.clone();
            changed[index].push('x');
            assert_ne!(digest(&base), digest(&changed), "input {index}");
        }
        assert_ne!(digest(&["ab".into(), "c".into()]), digest(&["a".into(), "bc".into()]));
    }

    #[test]
    fn go_files_and_flags_are_inputs() {
        let kubernetes = &MODULES[1];
        let inputs = inputs(kubernetes);
        for expected in [kubernetes.go_mod, kubernetes.go_sum, "-trimpath", "CGO_ENABLED=0"] {
            assert!(inputs.iter().any(|input| input == expected));
        }
        assert!(inputs.iter().any(|input| input.contains("gitVersion=v1.36.3")));
    }

    #[test]
    fn sources_of_ours_are_inputs() {
        let inputs = inputs(&FLUX_BUILD);
        for source in FLUX_BUILD.sources {
            assert!(inputs.iter().any(|input| input == source.text), "{}", source.name);
        }
        let keys: BTreeSet<String> = all_modules().map(module_key).collect();
        assert_eq!(keys.len(), all_modules().count());
    }
}
