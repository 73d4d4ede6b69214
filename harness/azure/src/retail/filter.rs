//! `$filter` of the price list: the part of OData that Microsoft documents for it.
//!
//! Source: "Azure Retail Prices overview", <https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices>: the
//! operators `eq`, `ne`, `and`, `or`, and `contains(FIELD, 'TEXT')`; values are compared as they are written.

/// What an item must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    Is { field: String, value: String },
    IsNot { field: String, value: String },
    Contains { field: String, value: String },
    All(Vec<Filter>),
    Any(Vec<Filter>),
}

/// Why a filter cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum FilterError {
    #[error("`{0}` is unexpected here; a filter is like `armRegionName eq 'eastus' and priceType eq 'Consumption'`")]
    Unexpected(String),
    #[error("the filter ends too early")]
    Ends,
    #[error("an item of the price list has no field `{0}`")]
    Field(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

impl Filter {
    /// Reads a filter whose fields are among these.
    pub(super) fn parse(text: &str, fields: &[&str]) -> Result<Self, FilterError> {
        let mut reader = Reader { tokens: tokens(text)?, at: 0, fields };
        let filter = reader.any()?;
        match reader.tokens.get(reader.at) {
            None => Ok(filter),
            Some(token) => Err(token.unexpected()),
        }
    }

    /// Whether an item passes, by what its fields hold.
    pub(super) fn passes<'i>(&self, value_of: &impl Fn(&str) -> &'i str) -> bool {
        match self {
            Self::Is { field, value } => value_of(field) == value,
            Self::IsNot { field, value } => value_of(field) != value,
            Self::Contains { field, value } => value_of(field).contains(value.as_str()),
            Self::All(parts) => parts.iter().all(|part| part.passes(value_of)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(value_of)),
        }
    }

    /// The value that a field must have; `None` where it may have several.
    pub(super) fn must_be(&self, wanted: &str) -> Option<&str> {
        match self {
            Self::Is { field, value } if field == wanted => Some(value),
            Self::All(parts) => parts.iter().find_map(|part| part.must_be(wanted)),
            _ => None,
        }
    }
}

impl Token {
    fn unexpected(&self) -> FilterError {
        FilterError::Unexpected(match self {
            Self::Word(word) => word.clone(),
            Self::Text(text) => format!("'{text}'"),
            Self::Sign(sign) => sign.to_string(),
        })
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\'' => quoted(rest)?,
            '(' | ')' | ',' => (Token::Sign(first), 1),
            _ => {
                let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
                let word = rest.get(..length).filter(|word| !word.is_empty());
                (Token::Word(word.ok_or_else(|| FilterError::Unexpected(first.to_string()))?.to_owned()), length)
            }
        };
        found.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

/// A text in quotes at the start, in which two quotes are one, and its length.
fn quoted(text: &str) -> Result<(Token, usize), FilterError> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' if characters.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
            '\'' => return Ok((Token::Text(value), at + 1)),
            other => value.push(other),
        }
    }
    Err(FilterError::Ends)
}

struct Reader<'f> {
    tokens: Vec<Token>,
    at: usize,
    fields: &'f [&'f str],
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Token, FilterError> {
        let token = self.tokens.get(self.at).cloned().ok_or(FilterError::Ends)?;
        self.at += 1;
        Ok(token)
    }

    fn follows(&mut self, word: &str) -> bool {
        let follows = matches!(self.tokens.get(self.at), Some(Token::Word(next)) if next == word);
        self.at += usize::from(follows);
        follows
    }

    fn sign(&mut self, wanted: char) -> Result<(), FilterError> {
        match self.next()? {
            Token::Sign(sign) if sign == wanted => Ok(()),
            other => Err(other.unexpected()),
        }
    }

    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all()?];
        while self.follows("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.one()?];
        while self.follows("and") {
            parts.push(self.one()?);
        }
        Ok(one_or(parts, Filter::All))
    }

    fn one(&mut self) -> Result<Filter, FilterError> {
        match self.next()? {
            Token::Sign('(') => {
                let inner = self.any()?;
                self.sign(')')?;
                Ok(inner)
            }
            Token::Word(word) if word == "contains" => {
                self.sign('(')?;
                let field = self.field()?;
                self.sign(',')?;
                let value = self.value()?;
                self.sign(')')?;
                Ok(Filter::Contains { field, value })
            }
            Token::Word(word) => {
                let field = self.known(word)?;
                let operator = self.next()?;
                let value = self.value()?;
                match operator {
                    Token::Word(word) if word == "eq" => Ok(Filter::Is { field, value }),
                    Token::Word(word) if word == "ne" => Ok(Filter::IsNot { field, value }),
                    other => Err(other.unexpected()),
                }
            }
            other => Err(other.unexpected()),
        }
    }

    fn field(&mut self) -> Result<String, FilterError> {
        match self.next()? {
            Token::Word(word) => self.known(word),
            other => Err(other.unexpected()),
        }
    }

    fn known(&self, word: String) -> Result<String, FilterError> {
        if self.fields.contains(&word.as_str()) { Ok(word) } else { Err(FilterError::Field(word)) }
    }

    fn value(&mut self) -> Result<String, FilterError> {
        match self.next()? {
            Token::Text(text) => Ok(text),
            other => Err(other.unexpected()),
        }
    }
}

fn one_or(mut parts: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            several(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const FIELDS: [&str; 3] = ["armRegionName", "skuName", "priceType"];

    fn passes(filter: &str) -> bool {
        let values = [("armRegionName", "eastus"), ("skuName", "D4s v5 Spot"), ("priceType", "Consumption")];
        let value_of = |field: &str| values.iter().find(|(name, _)| *name == field).map_or("", |(_, value)| *value);
        Filter::parse(filter, &FIELDS).unwrap().passes(&value_of)
    }

    #[rstest]
    #[case("priceType eq 'Consumption'", true)]
    #[case("priceType eq 'Consumption' and armRegionName eq 'eastus'", true)]
    #[case("priceType eq 'Consumption' and armRegionName eq 'westus'", false)]
    #[case("armRegionName eq 'westus' or contains(skuName, 'Spot')", true)]
    #[case("armRegionName eq 'westus' or armRegionName eq 'eastus' and priceType eq 'Reservation'", false)]
    #[case("(armRegionName eq 'westus' or armRegionName eq 'eastus') and priceType ne 'Reservation'", true)]
    #[case("skuName eq 'd4s v5 spot'", false)]
    fn what_a_filter_lets_through(#[case] filter: &str, #[case] expected: bool) {
        assert_eq!(passes(filter), expected);
    }

    #[rstest]
    #[case("", FilterError::Ends)]
    #[case("skuName eq 'D4s", FilterError::Ends)]
    #[case("skuName like 'D4s'", FilterError::Unexpected("like".to_owned()))]
    #[case("skuName eq 'a' skuName", FilterError::Unexpected("skuName".to_owned()))]
    #[case("skuName eq D4s", FilterError::Unexpected("D4s".to_owned()))]
    #[case("skuName = 'a'", FilterError::Unexpected("=".to_owned()))]
    #[case("vmSize eq 'a'", FilterError::Field("vmSize".to_owned()))]
    fn what_is_no_filter_is_refused(#[case] filter: &str, #[case] error: FilterError) {
        assert_eq!(Filter::parse(filter, &FIELDS).unwrap_err(), error);
    }

    #[test]
    fn two_quotes_in_a_text_are_one() {
        let filter = Filter::parse("skuName eq 'O''Brien'", &FIELDS).unwrap();
        assert_eq!(filter, Filter::Is { field: "skuName".to_owned(), value: "O'Brien".to_owned() });
    }

    #[rstest]
    #[case("armRegionName eq 'eastus' and skuName eq 'a'", Some("eastus"))]
    #[case("armRegionName eq 'eastus' or skuName eq 'a'", None)]
    #[case("armRegionName ne 'eastus'", None)]
    fn a_field_that_a_filter_fixes(#[case] filter: &str, #[case] value: Option<&str>) {
        assert_eq!(Filter::parse(filter, &FIELDS).unwrap().must_be("armRegionName"), value);
    }
}
