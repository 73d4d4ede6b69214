//! Variables in texts: `${name}`, and what can be made of a value within the braces.
//!
//! Source: fluxcd/pkg/envsubst v1.7.1, `parse/parse.go`, `template.go` and `funcs.go`.

use super::glob;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'v> {
    Known(&'v str),
    /// There is none, so that a default counts.
    Unset,
}

/// Why a text cannot be substituted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}")]
    Syntax(&'static str),
    #[error("`${{{0}}}` has no value and no default")]
    Unset(String),
}

const BRACE: Problem = Problem::Syntax("a `}` is missing, or what stands before it is not known");
const NAME: Problem = Problem::Syntax("the name of a variable has letters, digits and `_`");
const SHAPE: Problem = Problem::Syntax("what stands between `${` and `}` is not a substitution");

/// Puts the values into a text. `$$` stands for `$`.
///
/// # Errors
/// The first problem.
pub(super) fn evaluate<'v>(text: &str, values: &dyn Fn(&str) -> Value<'v>) -> Result<String, Problem> {
    evaluated(text, values, false)
}

/// The same where not every value is known: a substitution that needs one that is not there stays as it is.
///
/// # Errors
/// The first problem of another kind.
pub(super) fn evaluate_known<'v>(text: &str, values: &dyn Fn(&str) -> Value<'v>) -> Result<String, Problem> {
    evaluated(text, values, true)
}

fn evaluated<'v>(text: &str, values: &dyn Fn(&str) -> Value<'v>, leaves_unset: bool) -> Result<String, Problem> {
    let mut parser = Parser { rest: text, values };
    let mut out = String::with_capacity(text.len());
    loop {
        let Some(at) = parser.rest.find('$') else {
            out.push_str(parser.rest);
            return Ok(out);
        };
        out.push_str(&parser.rest[..at]);
        parser.rest = &parser.rest[at..];
        let before = parser.rest;
        if parser.takes("${") {
            match parser.function() {
                Err(Problem::Unset(_)) if leaves_unset => {
                    let end = substitution_end(before);
                    out.push_str(&before[..end]);
                    parser.rest = &before[end..];
                }
                value => out.push_str(&value?),
            }
        } else if parser.takes("$$") {
            out.push('$');
        } else {
            out.push('$');
            parser.rest = &parser.rest[1..];
        }
    }
}

/// Where the substitution ends that a text begins with; those within it are a part of it.
fn substitution_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' if text[..at].ends_with('$') => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

struct Parser<'t, 'v> {
    rest: &'t str,
    values: &'t dyn Fn(&str) -> Value<'v>,
}

impl Parser<'_, '_> {
    fn takes(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn closes(&mut self, otherwise: Problem) -> Result<(), Problem> {
        if self.takes("}") { Ok(()) } else { Err(otherwise) }
    }

    fn name(&mut self) -> Result<String, Problem> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.is_empty() { Err(NAME) } else { Ok(name.to_owned()) }
    }

    /// What stands behind `${`.
    fn function(&mut self) -> Result<String, Problem> {
        if self.takes("#") {
            let name = self.name()?;
            self.closes(SHAPE)?;
            return Ok(self.value(&name)?.len().to_string());
        }
        let name = self.name()?;
        for sign in [":=", ":-", ":?", ":+", "="] {
            if self.takes(sign) {
                return self.default(&name);
            }
        }
        match self.rest.chars().next() {
            Some(':') => self.part(&name),
            Some(',' | '^') => self.casing(&name),
            Some('/') => self.replacement(&name),
            Some(sign @ ('#' | '%')) => self.trimmed(&name, sign),
            _ => {
                self.closes(BRACE)?;
                self.value(&name)
            }
        }
    }

    /// The value of a name that must have one.
    fn value(&self, name: &str) -> Result<String, Problem> {
        match (self.values)(name) {
            Value::Known(value) => Ok(value.to_owned()),
            Value::Unset => Err(Problem::Unset(name.to_owned())),
        }
    }

    /// An argument up to one of the signs, or a substitution.
    fn argument(&mut self, ends: &[char], escapes: bool) -> Result<String, Problem> {
        if self.takes("${") {
            return self.function();
        }
        let mut out = String::new();
        let mut taken = false;
        loop {
            let escaped = ["$$", "\\/", "\\\\"].into_iter().find(|escape| escapes && self.rest.starts_with(escape));
            if let Some(escape) = escaped {
                out.push_str(&escape[1..]);
                self.rest = &self.rest[escape.len()..];
                taken = true;
                continue;
            }
            match self.rest.chars().next() {
                Some(c) if !ends.contains(&c) && !self.rest.starts_with("${") => {
                    out.push(c);
                    self.rest = &self.rest[c.len_utf8()..];
                    taken = true;
                }
                _ if taken => return Ok(out),
                _ => return Err(Problem::Syntax("an argument is missing")),
            }
        }
    }

    /// The value, or what stands for one that is empty. Each of the four signs means this.
    fn default(&mut self, name: &str) -> Result<String, Problem> {
        let mut default = String::new();
        while !self.takes("}") {
            default.push_str(&self.argument(&['}'], false)?);
        }
        Ok(match (self.values)(name) {
            Value::Known(value) if !value.is_empty() => value.to_owned(),
            _ => default,
        })
    }

    /// `${name:offset}` and `${name:offset:length}`, in bytes.
    fn part(&mut self, name: &str) -> Result<String, Problem> {
        self.takes(":");
        let offset = self.argument(&[':', '}'], false)?;
        let length = if self.takes("}") {
            None
        } else {
            while self.takes(":") {}
            let length = self.argument(&['}'], false)?;
            self.closes(SHAPE)?;
            Some(length)
        };
        let value = self.value(name)?;
        Ok(part(&value, &offset, length.as_deref()).to_owned())
    }

    fn casing(&mut self, name: &str) -> Result<String, Problem> {
        let end = self.rest.chars().take(2).take_while(|c| ",^".contains(*c)).count();
        let (sign, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.closes(SHAPE)?;
        let value = self.value(name)?;
        let first = value.chars().next().map_or(0, char::len_utf8);
        Ok(match sign {
            ",," => value.to_lowercase(),
            "^^" => value.to_uppercase(),
            "," => value[..first].to_lowercase() + &value[first..],
            "^" => value[..first].to_uppercase() + &value[first..],
            _ => value,
        })
    }

    /// `${name/a/b}`, `//` for each, `/#` at the start, `/%` at the end.
    fn replacement(&mut self, name: &str) -> Result<String, Problem> {
        let sign = ["//", "/#", "/%", "/"].into_iter().find(|sign| self.takes(sign)).unwrap_or("/");
        let from = self.argument(&['/'], true)?;
        if !self.takes("/") {
            return Err(SHAPE);
        }
        while self.takes("/") {}
        let to = if self.rest.starts_with('}') { None } else { Some(self.argument(&['}'], true)?) };
        self.closes(SHAPE)?;
        let value = self.value(name)?;
        Ok(match (sign, to) {
            ("//", to) => value.replace(&from, &to.unwrap_or_default()),
            ("/", to) => value.replacen(&from, &to.unwrap_or_default(), 1),
            ("/#", Some(to)) => value.strip_prefix(&from).map_or(value.clone(), |rest| to + rest),
            (_, Some(to)) => value.strip_suffix(&from).map_or(value.clone(), |rest| rest.to_owned() + &to),
            (_, None) => value,
        })
    }

    /// `#` and `##` at the start, `%` and `%%` at the end: the shortest and the longest that matches.
    fn trimmed(&mut self, name: &str, sign: char) -> Result<String, Problem> {
        self.rest = &self.rest[1..];
        let longest = self.takes(&sign.to_string());
        let pattern = self.argument(&['}'], false)?;
        self.closes(SHAPE)?;
        let value = self.value(name)?;
        let ends: Vec<usize> =
            value.char_indices().map(|(at, c)| if sign == '#' { at + c.len_utf8() } else { at }).collect();
        let matches = |at: &&usize| glob::matches(&pattern, if sign == '#' { &value[..**at] } else { &value[**at..] });
        // From the start the shortest is the first one, from the end it is the last one.
        let from_the_left = (sign == '#') != longest;
        let at = if from_the_left { ends.iter().find(matches) } else { ends.iter().rev().find(matches) };
        Ok(match at {
            Some(at) if sign == '#' => value[*at..].to_owned(),
            Some(at) => value[..*at].to_owned(),
            None => value.clone(),
        })
    }
}

/// A part of a value, as bash counts. What is no number counts nothing.
fn part<'t>(value: &'t str, offset: &str, length: Option<&str>) -> &'t str {
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Ok(offset) = offset.parse::<i64>() else { return value };
    let start = if offset < 0 { (size + offset).max(0) } else { offset };
    let end = match length.map(str::parse::<i64>) {
        None => size,
        Some(Err(_)) => return value,
        Some(Ok(length)) if length < 0 => size + length,
        Some(Ok(length)) => start.saturating_add(length).min(size),
    };
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range.filter(|(start, end)| start <= end).and_then(|(start, end)| value.get(start..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn values(name: &str) -> Value<'static> {
        match name {
            "a" => Value::Known("1"),
            "word" => Value::Known("Hello World"),
            "path" => Value::Known("host/app/x.tar.gz"),
            "empty" => Value::Known(""),
            _ => Value::Unset,
        }
    }

    /// Before, only the name, `:=`, `:-` and `=` were known.
    #[rstest]
    #[case("${a}-x", "1-x")]
    #[case("${b:=two}", "two")]
    #[case("${b:-two ${a} three}", "two 1 three")]
    #[case("${empty:=d}", "d")]
    #[case("${a=d}", "1")]
    #[case("$${b}", "${b}")]
    #[case("$$${a}", "$1")]
    #[case("a $ b $x", "a $ b $x")]
    #[case("cost $$5", "cost $5")]
    #[case("${word,,}", "hello world")]
    #[case("${word^^}", "HELLO WORLD")]
    #[case("${word,}", "hello World")]
    #[case("${#word}", "11")]
    #[case("${word:6}", "World")]
    #[case("${word:0:5}", "Hello")]
    #[case("${word:-5}", "Hello World")]
    #[case("${word:1:-1}", "ello Worl")]
    #[case("${word:20}", "")]
    #[case("${word/o/0}", "Hell0 World")]
    #[case("${word//o/0}", "Hell0 W0rld")]
    #[case("${word/o/}", "Hell World")]
    #[case("${word/#Hello/Bye}", "Bye World")]
    #[case("${word/%World/All}", "Hello All")]
    #[case("${path#*/}", "app/x.tar.gz")]
    #[case("${path##*/}", "x.tar.gz")]
    #[case("${path%.*}", "host/app/x.tar")]
    #[case("${path%%.*}", "host/app/x")]
    fn variables_are_replaced(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(evaluate(text, &values).unwrap(), expected);
    }

    #[rstest]
    #[case("${b}", Problem::Unset("b".to_owned()))]
    #[case("${#b}", Problem::Unset("b".to_owned()))]
    #[case("${b^^}", Problem::Unset("b".to_owned()))]
    #[case("${a", BRACE)]
    // A script of the shell.
    #[case("${list[@]}", BRACE)]
    #[case("${a-d}", BRACE)]
    #[case("${}", NAME)]
    #[case("${a/b}", SHAPE)]
    fn what_cannot_be_replaced_is_said(#[case] text: &str, #[case] expected: Problem) {
        assert_eq!(evaluate(text, &values).unwrap_err(), expected);
    }
}
