//! The part of the Kusto query language that Resource Graph's clients use here: `where`, `project`, `order by`, `limit` and `count` over one table.
//!
//! Operators and their case: "Understanding the Azure Resource Graph query language" and "String operators" of Kusto (Microsoft). A query that says
//! more is an error, never an empty answer.

use std::iter::Peekable;
use std::str::CharIndices;

use serde_json::Value;

/// A place at which a query is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotUnderstood {
    /// From 1.
    pub(super) line: usize,
    /// From 0.
    pub(super) column: usize,
    /// What is there; empty at the end.
    pub(super) token: String,
}

/// A query over the table `Resources`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Where(Predicate),
    Project(Vec<Path>),
    /// The column, and whether its smallest value is the first.
    OrderBy(Path, bool),
    Limit(usize),
    Count,
}

/// A column, and where in it: `properties.provisioningState`, `tags['team']`.
pub(super) type Path = Vec<String>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Predicate {
    Compare { path: Path, operator: Operator, negated: bool, with: Vec<String> },
    IsEmpty(Path),
    Not(Box<Predicate>),
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equals { any_case: bool },
    Has { any_case: bool },
    Contains { any_case: bool },
    StartsWith { any_case: bool },
    EndsWith { any_case: bool },
}

impl Predicate {
    /// Whether it holds for a row; `column` gives the value at a path.
    pub(super) fn holds(&self, column: &impl Fn(&Path) -> Value) -> bool {
        match self {
            Self::Compare { path, operator, negated, with } => {
                let found = text(&column(path));
                with.iter().any(|wanted| operator.holds(&found, wanted)) != *negated
            }
            Self::IsEmpty(path) => text(&column(path)).is_empty(),
            Self::Not(inner) => !inner.holds(column),
            Self::And(a, b) => a.holds(column) && b.holds(column),
            Self::Or(a, b) => a.holds(column) || b.holds(column),
        }
    }
}

impl Operator {
    fn holds(self, found: &str, wanted: &str) -> bool {
        let (Self::Equals { any_case }
        | Self::Has { any_case }
        | Self::Contains { any_case }
        | Self::StartsWith { any_case }
        | Self::EndsWith { any_case }) = self;
        let fold = |text: &str| if any_case { text.to_lowercase() } else { text.to_owned() };
        let (found, wanted) = (fold(found), fold(wanted));
        match self {
            Self::Equals { .. } => found == wanted,
            Self::Has { .. } => has_term(&found, &wanted),
            Self::Contains { .. } => found.contains(&wanted),
            Self::StartsWith { .. } => found.starts_with(&wanted),
            Self::EndsWith { .. } => found.ends_with(&wanted),
        }
    }

    /// The operator of this name, and whether it is the negated one.
    fn named(name: &str) -> Option<(Self, bool)> {
        let (name, negated) = name.strip_prefix('!').map_or((name, false), |rest| (rest, true));
        let operator = match name {
            "==" => Self::Equals { any_case: false },
            "=~" => Self::Equals { any_case: true },
            // `!=` and `!~`.
            "=" if negated => Self::Equals { any_case: false },
            "~" if negated => Self::Equals { any_case: true },
            "has" => Self::Has { any_case: true },
            "has_cs" => Self::Has { any_case: false },
            "contains" => Self::Contains { any_case: true },
            "contains_cs" => Self::Contains { any_case: false },
            "startswith" => Self::StartsWith { any_case: true },
            "startswith_cs" => Self::StartsWith { any_case: false },
            "endswith" => Self::EndsWith { any_case: true },
            "endswith_cs" => Self::EndsWith { any_case: false },
            _ => return None,
        };
        Some((operator, negated))
    }
}

/// Whether a term is in a text as a whole: no letter or digit touches it.
fn has_term(text: &str, term: &str) -> bool {
    let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(term)
        .any(|(at, _)| !touches(text[..at].chars().next_back()) && !touches(text[at + term.len()..].chars().next()))
}

/// A value as Kusto compares it: a dynamic one as its JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, NotUnderstood> {
        let mut parser = Parser { tokens: tokenize(query)?, at: 0 };
        let mut steps = Vec::new();
        // The table may be left out.
        if parser.peek().word().is_some_and(|word| word.eq_ignore_ascii_case("resources")) {
            parser.at += 1;
        } else {
            steps.push(parser.parse_step()?);
        }
        while parser.peek().kind != Kind::End {
            if steps.last() == Some(&Step::Count) {
                return Err(parser.peek().not_understood());
            }
            parser.expect_symbol("|")?;
            steps.push(parser.parse_step()?);
        }
        Ok(Self { steps })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Word(String),
    Text(String),
    Symbol(String),
    End,
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    line: usize,
    column: usize,
}

impl Token {
    fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Text(_) | Kind::Symbol(_) | Kind::End => None,
        }
    }

    fn not_understood(&self) -> NotUnderstood {
        let token = match &self.kind {
            Kind::Word(text) | Kind::Text(text) | Kind::Symbol(text) => text.clone(),
            Kind::End => String::new(),
        };
        NotUnderstood { line: self.line, column: self.column, token }
    }
}

/// The tokens of a query, an end after the last.
fn tokenize(query: &str) -> Result<Vec<Token>, NotUnderstood> {
    let mut all = Vec::new();
    let mut chars = query.char_indices().peekable();
    let (mut line, mut line_at) = (1, 0);
    while let Some((at, c)) = chars.next() {
        let column = at - line_at;
        let kind = match c {
            '\n' => {
                (line, line_at) = (line + 1, at + 1);
                continue;
            }
            c if c.is_whitespace() => continue,
            '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                while chars.next_if(|(_, c)| *c != '\n').is_some() {}
                continue;
            }
            '"' | '\'' => match read_literal(c, &mut chars) {
                Some(text) => Kind::Text(text),
                None => return Err(NotUnderstood { line, column, token: c.to_string() }),
            },
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                Kind::Word(word)
            }
            '=' | '!' => {
                let mut symbol = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| matches!(c, '=' | '~')) {
                    symbol.push(c);
                }
                Kind::Symbol(symbol)
            }
            c => Kind::Symbol(c.to_string()),
        };
        all.push(Token { kind, line, column });
    }
    all.push(Token { kind: Kind::End, line, column: query.len() - line_at });
    Ok(all)
}

/// The rest of a text in quotes; `None` where it does not end.
fn read_literal(quote: char, chars: &mut Peekable<CharIndices<'_>>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()?.1 {
            c if c == quote => return Some(text),
            '\\' => match chars.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'u' => {
                    let digits: String = (0..4).filter_map(|_| chars.next().map(|(_, c)| c)).collect();
                    text.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)?);
                }
                c => text.push(c),
            },
            c => text.push(c),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    /// The next token. The last one is the end, and stays.
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    /// Moves past this symbol; false where another token is next.
    fn skip_symbol(&mut self, symbol: &str) -> bool {
        let is_it = self.peek().kind == Kind::Symbol(symbol.to_owned());
        self.at += usize::from(is_it);
        is_it
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let is_it = self.peek().word() == Some(word);
        self.at += usize::from(is_it);
        is_it
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), NotUnderstood> {
        if self.skip_symbol(symbol) { Ok(()) } else { Err(self.peek().not_understood()) }
    }

    fn parse_step(&mut self) -> Result<Step, NotUnderstood> {
        let token = self.next();
        match token.word() {
            Some("where") => Ok(Step::Where(self.parse_or()?)),
            Some("project") => {
                let mut paths = vec![self.parse_path()?];
                while self.skip_symbol(",") {
                    paths.push(self.parse_path()?);
                }
                Ok(Step::Project(paths))
            }
            Some("order" | "sort") if self.skip_word("by") => {
                let path = self.parse_path()?;
                let ascending = self.skip_word("asc");
                let _ = ascending || self.skip_word("desc");
                Ok(Step::OrderBy(path, ascending))
            }
            Some("limit" | "take") => {
                let number = self.next();
                let rows = number.word().and_then(|word| word.parse().ok());
                rows.map(Step::Limit).ok_or_else(|| number.not_understood())
            }
            Some("count") => Ok(Step::Count),
            _ => Err(token.not_understood()),
        }
    }

    fn parse_or(&mut self) -> Result<Predicate, NotUnderstood> {
        let mut left = self.parse_and()?;
        while self.skip_word("or") {
            left = Predicate::Or(Box::new(left), Box::new(self.parse_and()?));
        }
        Ok(left)
    }

    fn parse_and(&mut self) -> Result<Predicate, NotUnderstood> {
        let mut left = self.parse_operand()?;
        while self.skip_word("and") {
            left = Predicate::And(Box::new(left), Box::new(self.parse_operand()?));
        }
        Ok(left)
    }

    fn parse_operand(&mut self) -> Result<Predicate, NotUnderstood> {
        if self.skip_symbol("(") {
            let inner = self.parse_or()?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        let function = self.peek().word().unwrap_or_default().to_owned();
        if matches!(function.as_str(), "not" | "isempty" | "isnotempty" | "isnull" | "isnotnull") {
            self.at += 1;
            self.expect_symbol("(")?;
            let inner = if function == "not" { self.parse_or()? } else { Predicate::IsEmpty(self.parse_path()?) };
            self.expect_symbol(")")?;
            let negated = function == "not" || function.starts_with("isnot");
            return Ok(if negated { Predicate::Not(Box::new(inner)) } else { inner });
        }
        let path = self.parse_path()?;
        let token = self.next();
        let name = match &token.kind {
            // `!has`, of which the tokens are two.
            Kind::Symbol(symbol) if symbol == "!" => format!("!{}", self.next().word().unwrap_or_default()),
            Kind::Symbol(text) | Kind::Word(text) => text.clone(),
            Kind::Text(_) | Kind::End => return Err(token.not_understood()),
        };
        if name.trim_start_matches('!') == "in" {
            let any_case = self.skip_symbol("~");
            self.expect_symbol("(")?;
            let mut with = vec![self.parse_value()?];
            while self.skip_symbol(",") {
                with.push(self.parse_value()?);
            }
            self.expect_symbol(")")?;
            let operator = Operator::Equals { any_case };
            return Ok(Predicate::Compare { path, operator, negated: name.starts_with('!'), with });
        }
        let (operator, negated) = Operator::named(&name).ok_or_else(|| token.not_understood())?;
        Ok(Predicate::Compare { path, operator, negated, with: vec![self.parse_value()?] })
    }

    fn parse_path(&mut self) -> Result<Path, NotUnderstood> {
        let token = self.next();
        let mut path = vec![token.word().ok_or_else(|| token.not_understood())?.to_owned()];
        loop {
            if self.skip_symbol(".") {
                let token = self.next();
                path.push(token.word().ok_or_else(|| token.not_understood())?.to_owned());
            } else if self.skip_symbol("[") {
                let token = self.next();
                let (Kind::Text(key) | Kind::Word(key)) = &token.kind else { return Err(token.not_understood()) };
                path.push(key.clone());
                self.expect_symbol("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    /// A text, a number or a truth value; all are compared as texts.
    fn parse_value(&mut self) -> Result<String, NotUnderstood> {
        let token = self.next();
        match &token.kind {
            Kind::Text(text) => Ok(text.clone()),
            Kind::Word(word) if word == "true" || word == "false" || word.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(word.clone())
            }
            Kind::Word(_) | Kind::Symbol(_) | Kind::End => Err(token.not_understood()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn holds(condition: &str) -> bool {
        let row = json!({
            "type": "microsoft.compute/virtualmachines",
            "name": "vm-1",
            "tags": {"karpenter.sh_nodepool": "web", "team": "A"},
            "properties": {"priority": "Spot", "size": 128, "on": true},
        });
        let query = Query::parse(&format!("Resources | where {condition}")).unwrap();
        let [Step::Where(predicate)] = query.steps.as_slice() else { panic!("{query:?}") };
        predicate.holds(&|path: &Path| path.iter().fold(row.clone(), |value, key| value[key].clone()))
    }

    #[rstest]
    #[case("type == 'microsoft.compute/virtualmachines'", true)]
    #[case("type == 'Microsoft.Compute/virtualMachines'", false)]
    #[case("type =~ 'Microsoft.Compute/virtualMachines'", true)]
    #[case("type != 'x' and name !~ 'VM-1'", false)]
    #[case("type != 'x' or name !~ 'VM-1'", true)]
    // A term, not a part of one.
    #[case("tags has_cs \"karpenter.sh_nodepool\"", true)]
    #[case("tags has_cs \"karpenter.sh_node\"", false)]
    #[case("tags has_cs \"Karpenter.sh_nodepool\"", false)]
    #[case("tags has 'KARPENTER.SH_NODEPOOL'", true)]
    #[case("tags !has 'nothing'", true)]
    #[case("tags contains 'sh_node'", true)]
    #[case("not(tags has_cs 'web')", false)]
    #[case("tags['team'] == 'A' and tags.team == \"A\"", true)]
    #[case("isnotempty(tags['team']) and isempty(tags['other'])", true)]
    #[case("name in ('vm-0', 'vm-1') and name !in~ ('VM-2')", true)]
    #[case("name startswith 'VM' and name endswith '-1' and (name startswith_cs 'VM' or name endswith_cs '-1')", true)]
    #[case("properties.size == 128 and properties.on == true", true)]
    fn conditions(#[case] condition: &str, #[case] expected: bool) {
        assert_eq!(holds(condition), expected);
    }

    #[rstest]
    #[case("Resources | summarize count() by type", 1, 12, "summarize")]
    #[case("Resources | where type = 'x'", 1, 23, "=")]
    #[case("Resources\n| where type ==", 2, 15, "")]
    #[case("Resources | where type == 'x", 1, 26, "'")]
    #[case("Resources | limit many", 1, 18, "many")]
    #[case("Resources | count | take 1", 1, 18, "|")]
    #[case("ResourceContainers | count", 1, 0, "ResourceContainers")]
    #[case("Resources where type == 'x'", 1, 10, "where")]
    fn what_is_not_understood_is_named_with_its_place(
        #[case] query: &str,
        #[case] line: usize,
        #[case] column: usize,
        #[case] token: &str,
    ) {
        assert_eq!(Query::parse(query).unwrap_err(), NotUnderstood { line, column, token: token.to_owned() });
    }

    #[test]
    fn steps_in_their_order_and_a_table_that_is_left_out() {
        let query = Query::parse(
            "where name == '\\u0041' // all\n| order by name asc | project name, tags['a'] | take 3 | count",
        );
        let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Path>();
        assert_eq!(
            query.unwrap().steps[1..],
            [
                Step::OrderBy(path(&["name"]), true),
                Step::Project(vec![path(&["name"]), path(&["tags", "a"])]),
                Step::Limit(3),
                Step::Count,
            ]
        );
    }
}
