//! What a plain scalar is: a number, a boolean, nothing, a time or a text. Readers differ, and this is the one place that knows how.

use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use crate::Kind;

/// By whose rules plain scalars are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The core schema of YAML 1.2.2 section 10.3.2: the harness' own files.
    Core,
    /// kustomize: `resolve.go` of go.yaml.in/yaml v3, and then JSON. Numbers are those of YAML 1.1, booleans those of YAML 1.2, and dates are
    /// times.
    Kustomize,
    /// sigs.k8s.io/yaml, by which Flux reads an object again after it has replaced variables: `resolve.go` of go.yaml.in/yaml v2. Numbers and
    /// booleans are those of YAML 1.1; a date stays the text that it was, since it goes into JSON as it was written.
    Substituted,
}

impl Resolution {
    /// Resolves a plain scalar.
    pub(crate) fn resolve(self, text: &str) -> Kind {
        if let "" | "~" | "null" | "Null" | "NULL" = text {
            return Kind::Null;
        }
        if let Some(value) = self.boolean(text) {
            return Kind::Bool(value);
        }
        match self {
            Self::Core => core_number(text),
            Self::Kustomize => time(text).map(Kind::Text).or_else(|| go_number(text)),
            Self::Substituted => go_number(text),
        }
        .unwrap_or_else(|| Kind::Text(text.to_owned()))
    }

    fn boolean(self, text: &str) -> Option<bool> {
        match text {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if self == Self::Substituted => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if self == Self::Substituted => Some(false),
            _ => None,
        }
    }
}

/// Resolves a value that Flux has put in the place of a variable, where no quotes stand around it.
pub fn plain_scalar(text: &str) -> Kind {
    Resolution::Substituted.resolve(text)
}

fn core_number(text: &str) -> Option<Kind> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let looks_numeric = digits.starts_with(|c: char| c.is_ascii_digit())
        || (digits.starts_with('.') && digits[1..].starts_with(|c: char| c.is_ascii_digit()));
    if !looks_numeric {
        return None;
    }
    let radix = |prefix: &str, radix| {
        digits.strip_prefix(prefix).and_then(|rest| u64::from_str_radix(rest, radix).ok()).map(|value| value as f64)
    };
    let value = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| text.parse::<f64>().ok());
    value.map(|value| Kind::Number(value, text.to_owned()))
}

/// A number as both versions of go-yaml read it: with `_` between digits, and with the prefixes that `strconv.ParseInt` knows for base 0,
/// of which a leading 0 is one. The text of the number is decimal.
fn go_number(text: &str) -> Option<Kind> {
    match text.chars().next()? {
        '.' => match text {
            ".nan" | ".NaN" | ".NAN" => Some(Kind::Number(f64::NAN, text.to_owned())),
            ".inf" | ".Inf" | ".INF" => Some(Kind::Number(f64::INFINITY, text.to_owned())),
            // `strconv.ParseFloat` takes a `_` between digits, and so not the one of `._5`.
            _ if text.starts_with("._") => None,
            _ => go_float(&text.replace('_', ""), text),
        },
        '+' | '-' | '0'..='9' => match text {
            "+.inf" | "+.Inf" | "+.INF" => Some(Kind::Number(f64::INFINITY, text.to_owned())),
            "-.inf" | "-.Inf" | "-.INF" => Some(Kind::Number(f64::NEG_INFINITY, text.to_owned())),
            _ => {
                let plain = text.replace('_', "");
                go_whole(&plain)
                    .map(|whole| Kind::Number(whole as f64, whole.to_string()))
                    .or_else(|| go_float(&plain, text))
            }
        },
        _ => None,
    }
}

/// `strconv.ParseInt` and, for what is larger, `strconv.ParseUint`, both with base 0.
fn go_whole(plain: &str) -> Option<i128> {
    let (negative, signed, digits) = match plain.strip_prefix(['-', '+']) {
        Some(digits) => (plain.starts_with('-'), true, digits),
        None => (false, false, plain),
    };
    let prefixed = |prefix: [&str; 2]| prefix.into_iter().find_map(|prefix| digits.strip_prefix(prefix));
    let (radix, digits) = if let Some(digits) = prefixed(["0x", "0X"]) {
        (16, digits)
    } else if let Some(digits) = prefixed(["0b", "0B"]) {
        (2, digits)
    } else if let Some(digits) = prefixed(["0o", "0O"]) {
        (8, digits)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    };
    // A sign is read above, and Rust would take a second one.
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    let largest = if signed { i128::from(i64::MAX) } else { i128::from(u64::MAX) };
    (i128::from(i64::MIN)..=largest).contains(&value).then_some(value)
}

/// `yamlStyleFloat` of go-yaml.
static FLOAT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$").ok());

/// A number as JSON writes it.
static JSON_NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$").ok());

fn go_float(plain: &str, written: &str) -> Option<Kind> {
    let is = |pattern: &LazyLock<Option<Regex>>, text: &str| pattern.as_ref().is_some_and(|regex| regex.is_match(text));
    let value = plain.parse::<f64>().ok().filter(|value| is(&FLOAT, plain) && value.is_finite())?;
    let text = if is(&JSON_NUMBER, written) { written.to_owned() } else { value.to_string() };
    Some(Kind::Number(value, text))
}

/// `allowedTimestampFormats` of go-yaml.
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let clock = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?";
    Regex::new(&format!(r"^(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})(?:[Tt]{clock}(Z|[-+]\d\d:\d\d)| {clock})?$")).ok()
});

/// A time as it stands in the JSON that kustomize makes of it (RFC 3339); `None` for what is not a time.
fn time(text: &str) -> Option<String> {
    let parts = TIME.as_ref()?.captures(text)?;
    let number = |index: usize| parts.get(index).map_or(Some(0), |part| part.as_str().parse::<i8>().ok());
    let year = parts.get(1)?.as_str().parse().ok()?;
    let date = Date::new(year, number(2)?, number(3)?).ok()?;
    // The clock of either form: behind a `T` with a zone, or behind a space in UTC.
    let first = if parts.get(4).is_some() { 4 } else { 9 };
    let (hour, minute, second) = (number(first)?, number(first + 1)?, number(first + 2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = parts.get(first + 3).map_or("", |part| part.as_str());
    let fraction = fraction[..fraction.len().min(9)].trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let zone = parts.get(8).map_or("Z", |zone| zone.as_str());
    let zone = if ["+00:00", "-00:00"].contains(&zone) { "Z" } else { zone };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{point}{fraction}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn json(kind: Kind) -> String {
        crate::Node { kind, mark: crate::Mark::START, end: 0 }.to_json().to_string()
    }

    /// The answers are those of kustomize 5.8.1 (`krusty`, then `AsYaml`) and of `YAMLToJSON` of sigs.k8s.io/yaml v1.6.0 for `v: TEXT`.
    /// Before, `0755` was 755, `1_000` and `0b11` were texts, and a date was the text that it looks like.
    #[rstest]
    #[case("0755", "493", "493")]
    #[case("010", "8", "8")]
    #[case("007", "7", "7")]
    #[case("00", "0", "0")]
    #[case("0o14", "12", "12")]
    #[case("0o_7", "7", "7")]
    #[case("0x6", "6", "6")]
    #[case("0X6", "6", "6")]
    #[case("0x_1F", "31", "31")]
    #[case("0x1e3", "483", "483")]
    #[case("-0x10", "-16", "-16")]
    #[case("0b11", "3", "3")]
    #[case("-0b11", "-3", "-3")]
    #[case("+5", "5", "5")]
    #[case("-0", "0", "0")]
    #[case("1_000", "1000", "1000")]
    #[case("1__000", "1000", "1000")]
    #[case("1_", "1", "1")]
    #[case("00_1", "1", "1")]
    #[case("1_000.5", "1000.5", "1000.5")]
    #[case(".5", "0.5", "0.5")]
    #[case(".5_0", "0.5", "0.5")]
    #[case("-.5", "-0.5", "-0.5")]
    #[case("1.10", "1.1", "1.1")]
    #[case("9007199254740993", "9007199254740993", "9007199254740993")]
    #[case("-9223372036854775808", "-9223372036854775808", "-9223372036854775808")]
    #[case("18446744073709551615", "18446744073709551615", "18446744073709551615")]
    #[case::no_octal("0o8", r#""0o8""#, r#""0o8""#)]
    #[case("0b2", r#""0b2""#, r#""0b2""#)]
    #[case("0x", r#""0x""#, r#""0x""#)]
    #[case("0x-5", r#""0x-5""#, r#""0x-5""#)]
    #[case("--5", r#""--5""#, r#""--5""#)]
    #[case("_1", r#""_1""#, r#""_1""#)]
    #[case("._5", r#""._5""#, r#""._5""#)]
    #[case("1e", r#""1e""#, r#""1e""#)]
    #[case("1e400", r#""1e400""#, r#""1e400""#)]
    #[case("0xFFFFFFFFFFFFFFFFFF", r#""0xFFFFFFFFFFFFFFFFFF""#, r#""0xFFFFFFFFFFFFFFFFFF""#)]
    #[case("0x1p-2", r#""0x1p-2""#, r#""0x1p-2""#)]
    #[case("inf", r#""inf""#, r#""inf""#)]
    #[case("1.2.3", r#""1.2.3""#, r#""1.2.3""#)]
    #[case("500m", r#""500m""#, r#""500m""#)]
    #[case::of_base_60("190:20:30", r#""190:20:30""#, r#""190:20:30""#)]
    #[case("True", "true", "true")]
    #[case("tRue", r#""tRue""#, r#""tRue""#)]
    #[case("yes", r#""yes""#, "true")]
    #[case("y", r#""y""#, "true")]
    #[case("Off", r#""Off""#, "false")]
    #[case("~", "null", "null")]
    #[case("Null", "null", "null")]
    #[case("2026-01-01", r#""2026-01-01T00:00:00Z""#, r#""2026-01-01""#)]
    #[case("2026-1-1", r#""2026-01-01T00:00:00Z""#, r#""2026-1-1""#)]
    #[case("0001-01-01", r#""0001-01-01T00:00:00Z""#, r#""0001-01-01""#)]
    #[case("2026-1-1T1:2:3Z", r#""2026-01-01T01:02:03Z""#, r#""2026-1-1T1:2:3Z""#)]
    #[case("2026-01-01 10:00:00.5", r#""2026-01-01T10:00:00.5Z""#, r#""2026-01-01 10:00:00.5""#)]
    #[case("2026-01-01T10:00:00.120Z", r#""2026-01-01T10:00:00.12Z""#, r#""2026-01-01T10:00:00.120Z""#)]
    #[case("2026-01-01T10:00:00+00:00", r#""2026-01-01T10:00:00Z""#, r#""2026-01-01T10:00:00+00:00""#)]
    #[case("2001-12-14t21:59:43.10-05:00", r#""2001-12-14T21:59:43.1-05:00""#, r#""2001-12-14t21:59:43.10-05:00""#)]
    #[case("2026-02-30", r#""2026-02-30""#, r#""2026-02-30""#)]
    #[case("2026-01-01T10:00Z", r#""2026-01-01T10:00Z""#, r#""2026-01-01T10:00Z""#)]
    #[case("2026-01-01T24:00:00Z", r#""2026-01-01T24:00:00Z""#, r#""2026-01-01T24:00:00Z""#)]
    #[case("12345-01-01", r#""12345-01-01""#, r#""12345-01-01""#)]
    fn scalars_are_what_go_reads(#[case] text: &str, #[case] kustomize: &str, #[case] substituted: &str) {
        assert_eq!(json(Resolution::Kustomize.resolve(text)), kustomize);
        assert_eq!(json(plain_scalar(text)), substituted);
    }

    #[rstest]
    #[case("0x6", "6")]
    #[case("1_000", "1000")]
    #[case("5.", "5")]
    #[case("1.10", "1.10")]
    #[case("1e3", "1e3")]
    fn the_text_of_a_number_is_decimal(#[case] written: &str, #[case] expected: &str) {
        assert!(matches!(Resolution::Kustomize.resolve(written), Kind::Number(_, text) if text == expected));
    }

    #[rstest]
    #[case("500m", Kind::Text("500m".into()))]
    #[case("1.5", Kind::Number(1.5, "1.5".into()))]
    #[case("1e3", Kind::Number(1000.0, "1e3".into()))]
    #[case("0x10", Kind::Number(16.0, "0x10".into()))]
    #[case("007", Kind::Number(7.0, "007".into()))]
    #[case("true", Kind::Bool(true))]
    #[case("yes", Kind::Text("yes".into()))]
    #[case("30s", Kind::Text("30s".into()))]
    #[case("1.2.3", Kind::Text("1.2.3".into()))]
    #[case("2026-01-01", Kind::Text("2026-01-01".into()))]
    fn the_core_schema_stays_that_of_scenarios(#[case] text: &str, #[case] kind: Kind) {
        assert_eq!(Resolution::Core.resolve(text), kind);
    }
}
