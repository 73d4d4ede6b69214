//! Quantities in the one form in which Kubernetes writes them (`apimachinery/pkg/api/resource`, `Quantity.CanonicalizeBytes`).

const DECIMAL: [&str; 8] = ["m", "", "k", "M", "G", "T", "P", "E"];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Thousandths of a unit, in decimal form: `250m`, `2`, `10k`.
pub(crate) fn milli(value: u64) -> String {
    decimal(value, &DECIMAL)
}

/// Bytes, in binary form: `64Mi`, `1025`. Below 1024 Kubernetes writes the decimal form.
pub(crate) fn bytes(value: u64) -> String {
    if value < 1024 { decimal(value, &DECIMAL[1..]) } else { shorten(value, 1024, &BINARY) }
}

fn decimal(value: u64, suffixes: &[&str]) -> String {
    if value == 0 { "0".to_owned() } else { shorten(value, 1000, suffixes) }
}

/// The largest suffix that leaves a whole number.
fn shorten(mut value: u64, base: u64, suffixes: &[&str]) -> String {
    let mut steps = 0;
    while steps + 1 < suffixes.len() && value.is_multiple_of(base) {
        value /= base;
        steps += 1;
    }
    format!("{value}{}", suffixes[steps])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_as_kubernetes_does() {
        let cases =
            [(0, "0"), (1, "1m"), (250, "250m"), (1500, "1500m"), (2000, "2"), (12_000, "12"), (1_000_000, "1k")];
        for (value, text) in cases {
            assert_eq!(milli(value), text);
        }
        let gib = 1 << 30;
        let cases = [
            (0, "0"),
            (512, "512"),
            (1000, "1k"),
            (1024, "1Ki"),
            (1025, "1025"),
            (2 * gib, "2Gi"),
            (gib + 1024, "1048577Ki"),
            (100 << 20, "100Mi"),
        ];
        for (value, text) in cases {
            assert_eq!(bytes(value), text);
        }
    }
}
