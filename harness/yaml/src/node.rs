//! A YAML value with its places.

use super::{Mark, Shared};

/// A value and where it stands. A copy shares its parts with the original.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it stands.
    pub mark: Mark,
    /// The offset behind the last byte. For a map or list in block style it is the start of what follows.
    pub end: usize,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The text is kept: `1e3` and a number of 30 digits mean different things to different readers. In a manifest it is decimal, whatever the
    /// notation: that of `0755` is `493`.
    Number(f64, String),
    /// Anything else that is a single value.
    Text(String),
    /// The items, in order.
    List(Shared<Node>),
    /// The entries, in the order of the text.
    Map(Shared<Entry>),
}

impl Kind {
    /// Whether two values are the same in JSON, where 5.0 is 5 and the order of keys means nothing.
    pub fn is_same_json(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one, _), Self::Number(other, _)) => one == other,
            (Self::List(one), Self::List(other)) => {
                let is_same = |(one, other): (&Node, &Node)| one.kind.is_same_json(&other.kind);
                one.is_shared_with(other) || one.len() == other.len() && one.iter().zip(other.iter()).all(is_same)
            }
            (Self::Map(one), Self::Map(other)) => {
                let is_same = |entry: &Entry| {
                    other.iter().any(|known| known.key == entry.key && entry.value.kind.is_same_json(&known.value.kind))
                };
                one.is_shared_with(other) || one.len() == other.len() && one.iter().all(is_same)
            }
            (one, other) => one == other,
        }
    }
}

/// One key of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_mark: Mark,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value under a key; `None` where this is not a map or has no such key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The key and value; `None` where this is not a map or has no such key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The place of the value at the end of a path of keys and of indexes into lists, or of the last part of the path that is there.
    pub fn place(&self, path: &[String]) -> Mark {
        let Some((key, rest)) = path.split_first() else { return self.mark };
        let next = match &self.kind {
            Kind::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => self.get(key),
        };
        next.map_or(self.mark, |next| next.place(rest))
    }

    /// The place of the last key of a path.
    pub fn key_place(&self, path: &[String]) -> Mark {
        let Some((last, parents)) = path.split_last() else { return self.mark };
        let parent = self.find(self.place(parents));
        parent.and_then(|parent| parent.entry(last)).map_or(self.mark, |entry| entry.key_mark)
    }

    /// The value that stands at a place.
    pub fn find(&self, mark: Mark) -> Option<&Node> {
        if self.mark == mark {
            return Some(self);
        }
        match &self.kind {
            Kind::List(items) => items.iter().find_map(|item| item.find(mark)),
            Kind::Map(entries) => entries.iter().find_map(|entry| entry.value.find(mark)),
            _ => None,
        }
    }

    /// The keys of a map; empty for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The items of the list at the end of a path of keys; empty where there is none.
    pub fn items_at(&self, path: &[&str]) -> &[Node] {
        self.at(path).map_or(&[], Node::items)
    }

    /// The entries of the map at the end of a path of keys; empty where there is none.
    pub fn entries_at(&self, path: &[&str]) -> &[Entry] {
        self.at(path).map_or(&[], Node::entries)
    }

    /// The text of a text; `None` for anything else.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a text, number or boolean as it was written.
    pub fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) | Kind::Number(_, text) => Some(text.clone()),
            Kind::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match &self.kind {
            Kind::Number(value, _) => Some(*value),
            _ => None,
        }
    }

    /// The whole number, where it is one and not negative.
    pub fn whole(&self) -> Option<u64> {
        self.number().filter(|value| value.fract() == 0.0 && (0.0..9e15).contains(value)).map(|value| value as u64)
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("the boolean {value}"),
            Kind::Number(_, text) => format!("the number {text}"),
            Kind::Text(text) => format!("the text `{text}`"),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        }
    }
}

/// Changes, for what kustomize does to objects. A new value has the place of the field that caused it.
impl Node {
    /// A text.
    pub fn of_text(text: impl Into<String>, mark: Mark) -> Self {
        Self { kind: Kind::Text(text.into()), mark, end: mark.offset + mark.length }
    }

    /// A map without entries.
    pub fn empty_map(mark: Mark) -> Self {
        Self { kind: Kind::Map(Shared::default()), mark, end: mark.offset + mark.length }
    }

    /// The entries of a map, to be changed; `None` for anything else.
    pub fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list, to be changed; `None` for anything else.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        // Found first: what is not changed stays shared.
        let at = self.entries().iter().position(|entry| entry.key == key)?;
        self.entries_mut()?.get_mut(at).map(|entry| &mut entry.value)
    }

    /// The value at the end of a path, to be changed.
    pub fn at_mut(&mut self, path: &[&str]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, key| node.get_mut(key))
    }

    /// Puts a value under a key of a map; anything else stays as it is.
    pub fn put(&mut self, key: &str, value: Node) {
        let Some(entries) = self.entries_mut() else { return };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(Entry { key: key.to_owned(), key_mark: value.mark, value }),
        }
    }

    /// The map at the end of a path, made where it is not there; `None` where something else is in the way.
    pub fn map_at(&mut self, path: &[&str], mark: Mark) -> Option<&mut Node> {
        let mut node = self;
        for key in path {
            if node.get(key).is_none_or(|value| value.kind == Kind::Null) {
                node.put(key, Node::empty_map(mark));
            }
            node = node.get_mut(key)?;
        }
        node.entries_mut().is_some().then_some(node)
    }

    /// The same value with every place in it replaced by one.
    pub fn placed(mut self, place: &dyn Fn(Mark) -> Mark) -> Self {
        self.mark = place(self.mark);
        self.end = self.mark.offset + self.mark.length;
        match &mut self.kind {
            Kind::List(items) => {
                for item in items.iter_mut() {
                    *item = std::mem::replace(item, Node::empty_map(Mark::START)).placed(place);
                }
            }
            Kind::Map(entries) => {
                for entry in entries.iter_mut() {
                    entry.key_mark = place(entry.key_mark);
                    entry.value = std::mem::replace(&mut entry.value, Node::empty_map(Mark::START)).placed(place);
                }
            }
            _ => {}
        }
        self
    }
}
