//! Label selectors in text. Source: `Parse` of k8s.io/apimachinery/pkg/labels/selector.go, as kyaml carries it.

use crate::crd::is_label_key;
use harness_yaml::Node;

/// What a selector asks of the labels, or annotations, of an object.
#[derive(Debug, PartialEq)]
pub(super) struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, PartialEq)]
struct Requirement {
    key: String,
    asks: Asks,
}

#[derive(Debug, PartialEq)]
enum Asks {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    Greater(i64),
    Less(i64),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Sign(&'static str),
}

/// Longest first.
const SIGNS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "=!(),><".contains(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    tokens
}

fn is_value(value: &str) -> bool {
    value.is_empty() || (!value.contains('/') && is_label_key(value))
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn takes(&mut self, sign: &'static str) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn word(&mut self) -> Option<String> {
        match self.tokens.next_if(|token| matches!(token, Token::Word(_))) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.takes("!");
        let key = self.word().ok_or("a key is missing")?;
        if !is_label_key(&key) {
            return Err(format!("`{key}` cannot be the key of a label"));
        }
        let asks = if absent { Asks::DoesNotExist } else { self.asks()? };
        let values = match &asks {
            Asks::In(values) | Asks::NotIn(values) => values.as_slice(),
            _ => &[],
        };
        if let Some(wrong) = values.iter().find(|value| !is_value(value)) {
            return Err(format!("`{wrong}` cannot be the value of a label"));
        }
        Ok(Requirement { key, asks })
    }

    fn asks(&mut self) -> Result<Asks, String> {
        if self.takes("=") || self.takes("==") {
            return Ok(Asks::In(vec![self.word().unwrap_or_default()]));
        }
        if self.takes("!=") {
            return Ok(Asks::NotIn(vec![self.word().unwrap_or_default()]));
        }
        for (sign, asks) in [(">", Asks::Greater as fn(i64) -> Asks), ("<", Asks::Less)] {
            if self.takes(sign) {
                let word = self.word().unwrap_or_default();
                return word.parse().map(asks).map_err(|_| format!("`{word}` is not a whole number"));
            }
        }
        match self.tokens.peek() {
            None | Some(Token::Sign(",")) => Ok(Asks::Exists),
            Some(Token::Word(word)) if word == "in" || word == "notin" => {
                let is_in = self.word().as_deref() == Some("in");
                let values = self.values()?;
                Ok(if is_in { Asks::In(values) } else { Asks::NotIn(values) })
            }
            Some(Token::Word(word)) => Err(format!("`{word}` is neither `in` nor `notin`")),
            Some(Token::Sign(sign)) => Err(format!("`{sign}` is not expected here")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if !self.takes("(") {
            return Err("`(` is missing before the values".to_owned());
        }
        let mut values = vec![self.word().unwrap_or_default()];
        while self.takes(",") {
            values.push(self.word().unwrap_or_default());
        }
        if self.takes(")") { Ok(values) } else { Err("`)` is missing behind the values".to_owned()) }
    }
}

impl LabelSelector {
    /// Reads a selector; the empty text selects everything.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text).into_iter().peekable() };
        let mut requirements = Vec::new();
        while parser.tokens.peek().is_some() {
            requirements.push(parser.requirement()?);
            if parser.tokens.peek().is_some() && !parser.takes(",") {
                return Err("a comma is missing between two terms".to_owned());
            }
        }
        Ok(Self { requirements })
    }

    /// Whether labels, or annotations, meet it.
    pub(super) fn matches(&self, labels: Option<&Node>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value =
                labels.and_then(|labels| labels.get(&requirement.key)).map(|value| value.scalar().unwrap_or_default());
            let number = || value.as_ref().and_then(|value| value.parse::<i64>().ok());
            match &requirement.asks {
                Asks::In(values) => value.is_some_and(|value| values.contains(&value)),
                Asks::NotIn(values) => value.is_none_or(|value| !values.contains(&value)),
                Asks::Exists => value.is_some(),
                Asks::DoesNotExist => value.is_none(),
                Asks::Greater(than) => number().is_some_and(|number| number > *than),
                Asks::Less(than) => number().is_some_and(|number| number < *than),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Before, whatever had a set was taken to select every object, and then failed on those that it was not for.
    #[rstest]
    #[case("", true)]
    #[case("team=a", true)]
    #[case("team==a, tier!=b", true)]
    #[case("team in (a, b)", true)]
    #[case("team notin (a,b)", false)]
    #[case("other notin (a)", true)]
    #[case("!team", false)]
    #[case("team,!other", true)]
    #[case("size > 3", true)]
    #[case("size<3", false)]
    fn a_selector_selects(#[case] selector: &str, #[case] expected: bool) {
        let labels = harness_yaml::documents("{team: a, size: '5'}").unwrap().remove(0);
        assert_eq!(LabelSelector::parse(selector).unwrap().matches(Some(&labels)), expected);
    }

    #[rstest]
    #[case("team in a")]
    #[case("team in (a")]
    #[case("a b")]
    #[case("=a")]
    #[case("te am=a")]
    #[case("a=b/c")]
    #[case("size > x")]
    fn what_is_no_selector_is_refused(#[case] selector: &str) {
        assert!(LabelSelector::parse(selector).is_err());
    }
}
