//! All checks together.

use super::check::{Diagnosis, Options};
use super::{build_checks, machine, optional_tools, sandbox};

/// Looks at everything, changes nothing (but makes the cache folder), and takes a second or two.
pub async fn examine(options: &Options) -> Diagnosis {
    let mut checks = build_checks::all(options).await;
    checks.extend(machine::all());
    checks.push(sandbox::private_mounts(&options.search_path).await);
    checks.extend(optional_tools::all(&options.search_path));
    Diagnosis { checks }
}
