//! What the name of a size says.

/// The parts of a size's name, as `vmsize.go` of Azure/skewer v0.0.24 reads them. The node auto-provisioner uses no size whose name
/// that library cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeName<'a> {
    /// `D` of `DC8as_v6`: what Karpenter calls `karpenter.azure.com/sku-family`.
    pub family: &'a str,
    /// `C` of `DC8as_v6`; empty for most.
    pub subfamily: &'a str,
    /// The number after the letters: virtual processors, except in the oldest names, which count sizes.
    pub cpus: &'a str,
    /// `4` of `E8-4s_v5`, of whose eight processors four can be used.
    pub constrained: Option<&'a str>,
    /// `as` of `D4as_v6`.
    pub features: &'a str,
    /// `A100` of `NC24ads_A100_v4`: what Karpenter calls `karpenter.azure.com/sku-gpu-name`.
    pub accelerator: Option<&'a str>,
    /// `6` of `D4as_v6`; `1` where the name has none.
    pub version: &'a str,
    /// Whether it is a `_Promo` size.
    pub promo: bool,
    /// Whether the name has a version.
    versioned: bool,
}

impl<'a> SizeName<'a> {
    /// Reads a name without `Standard_`; `None` where skewer cannot.
    pub fn parse(size: &'a str) -> Option<Self> {
        let (letters, rest) = split(size, |c| c.is_ascii_uppercase());
        if letters.is_empty() || letters.len() > 3 {
            return None;
        }
        let (family, subfamily) = letters.split_at(1);
        let (cpus, rest) = split(rest, |c| c.is_ascii_digit());
        let (constrained, rest) = match rest.strip_prefix('-') {
            Some(rest) => {
                let (number, rest) = split(rest, |c| c.is_ascii_digit());
                (Some(number).filter(|number| !number.is_empty()), rest)
            }
            None => (None, rest),
        };
        let (features, rest) = split(rest, |c| "abcdeiflmnotspPr".contains(c));
        if cpus.is_empty() || !(rest.is_empty() || rest.starts_with('_')) {
            return None;
        }
        let mut parts: Vec<&str> = rest.split('_').skip(1).collect();
        let promo = parts.pop_if(|last| *last == "Promo").is_some();
        let version = parts.pop_if(|last| is_version(last)).map(|last| &last[1..]);
        let accelerator = match parts.as_slice() {
            [] | ["cc"] | ["MI300X"] => None,
            [number] if number.chars().all(|c| c.is_ascii_digit()) => None,
            [name] if accelerator_suffix(name) == Some("") => Some(*name),
            ["xl", name] if accelerator_suffix(name).is_some() => Some(*name),
            _ => return None,
        };
        Some(Self {
            family,
            subfamily,
            cpus,
            constrained,
            features,
            accelerator,
            version: version.unwrap_or("1"),
            promo,
            versioned: version.is_some(),
        })
    }

    /// `DCas_v6` of `DC8as_v6`: what Karpenter calls `karpenter.azure.com/sku-series`.
    pub fn series(&self) -> String {
        let version = if self.versioned { format!("_v{}", self.version) } else { String::new() };
        format!("{}{}{}{version}", self.family, self.subfamily, self.features)
    }

    /// Whether it is a size for confidential computing. Source: `pkg/utils/sku` of the provider.
    pub fn is_confidential(&self) -> bool {
        ["DC", "EC"].contains(&format!("{}{}", self.family, &self.subfamily.get(..1).unwrap_or_default()).as_str())
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn is_version(part: &str) -> bool {
    matches!(part.as_bytes(), [b'v' | b'V', b'1'..=b'9'])
}

/// The capitals after the number of an accelerator, such as `BSE` of `RTXPRO6000BSE`; `None` where it is not one.
fn accelerator_suffix(name: &str) -> Option<&str> {
    let (letters, rest) = split(name, |c| c.is_ascii_uppercase());
    let (number, rest) = split(rest, |c| c.is_ascii_digit());
    (!letters.is_empty() && !number.is_empty() && rest.chars().all(|c| c.is_ascii_uppercase())).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // Before, the series of a GPU size had the name of its accelerator in it, and that of M416s_10_v3 its memory.
    #[rstest]
    #[case("D4s_v5", "Ds_v5", "5")]
    #[case("DS2_v2", "DS_v2", "2")]
    #[case("DS11-1_v2", "DS_v2", "2")]
    #[case("B2s", "Bs", "1")]
    #[case("NC4as_T4_v3", "NCas_v3", "3")]
    #[case("NC144lds_xl_RTXPRO6000BSE_v6", "NClds_v6", "6")]
    #[case("ND96isr_MI300X_v5", "NDisr_v5", "5")]
    #[case("NV12_Promo", "NV", "1")]
    #[case("M416s_10_v3", "Ms_v3", "3")]
    #[case("DC16ads_cc_v5", "DCads_v5", "5")]
    fn series_and_version_are_those_of_skewer(#[case] size: &str, #[case] series: &str, #[case] version: &str) {
        let name = SizeName::parse(size).unwrap();
        assert_eq!((name.series().as_str(), name.version), (series, version));
    }

    #[rstest]
    #[case("NC24ads_A100_v4", Some("A100"))]
    #[case("NC144lds_xl_RTXPRO6000BSE_v6", Some("RTXPRO6000BSE"))]
    #[case("ND96isr_MI300X_v5", None)]
    #[case("NC6s_v3", None)]
    fn the_name_of_a_gpu_is_that_of_skewer(#[case] size: &str, #[case] accelerator: Option<&str>) {
        assert_eq!(SizeName::parse(size).unwrap().accelerator, accelerator);
    }

    #[rstest]
    #[case("ND128isr_NDR_GB200_v6")]
    #[case("ND96is_flex_H100_v5")]
    #[case("SQLG7")]
    #[case("d2s_v5")]
    #[case("")]
    fn what_skewer_cannot_read_is_not_read_here(#[case] size: &str) {
        assert_eq!(SizeName::parse(size), None);
    }

    #[test]
    fn confidential_sizes_are_those_of_two_families() {
        assert!(SizeName::parse("DC8as_v6").unwrap().is_confidential());
        assert!(SizeName::parse("EC8as_v6").unwrap().is_confidential());
        assert!(!SizeName::parse("NCC40ads_H100_v5").unwrap().is_confidential());
        assert!(!SizeName::parse("D8as_v6").unwrap().is_confidential());
    }
}
