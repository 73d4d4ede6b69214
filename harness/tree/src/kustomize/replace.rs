//! `replacements`: values of one object that are copied into others. Source: api/filters/replacement/replacement.go.

use super::field_path::{self, Leaf};
use super::resource::{Id, Resource};
use super::select::Selector;
use harness_yaml::{self as yaml, Kind, Mark, Node, plain_scalar};

/// Where a value is taken from, and where to, if nothing is said.
const DEFAULT_PATH: &str = "metadata.name";

/// Why a replacement cannot be made.
#[derive(Debug, PartialEq)]
pub(super) enum Failure {
    /// kustomize refuses it.
    Refused(Mark, String),
    /// kustomize writes a text in YAML again, whose form is not known here.
    NotBuilt(Mark, String),
}

/// Makes one replacement.
///
/// # Errors
/// [`Failure`].
pub(super) fn replace(resources: &mut [Resource], replacement: &Node) -> Result<(), Failure> {
    let refused = |message: &str| Failure::Refused(replacement.mark, message.to_owned());
    let targets = replacement.get("targets").filter(|targets| targets.kind != Kind::Null);
    let value = match (replacement.get("source"), replacement.get("sourceValue"), targets) {
        (None, None, _) | (_, _, None) => return Err(refused("a replacement needs a source and a target")),
        (Some(_), Some(_), _) => return Err(refused("a replacement has either `source` or `sourceValue`")),
        (None, Some(value), _) => Node::of_text(value.scalar().unwrap_or_default(), value.mark),
        (Some(source), None, _) => {
            source_value(resources, source).map_err(|message| Failure::Refused(source.mark, message))?
        }
    };
    targets.map_or(&[][..], Node::items).iter().try_for_each(|target| copy(resources, &value, target))
}

/// The ids that an object has and had, without what kustomize knows of scopes.
fn ids(resource: &Resource) -> Vec<Id> {
    std::iter::once(resource.id().without_scope()).chain(resource.previous_ids()).collect()
}

fn source_value(resources: &mut [Resource], source: &Node) -> Result<Node, String> {
    let text = |key: &str| source.get(key).and_then(Node::scalar).unwrap_or_default();
    let is_meant = |id: &Id| {
        let meets = |asked: &str, own: &str| asked.is_empty() || asked == own;
        meets(&text("name"), &id.name)
            && (text("namespace").is_empty() || text("namespace") == id.effective_namespace())
            && id.is_of(&text("group"), &text("version"), &text("kind"))
    };
    let mut found = resources.iter_mut().filter(|resource| ids(resource).iter().any(is_meant));
    let resource = found.next().ok_or("the source selects no object")?;
    if found.next().is_some() {
        return Err("the source selects more than one object".to_owned());
    }
    let path = Some(text("fieldPath")).filter(|path| !path.is_empty()).unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let missing = || format!("there is no `{path}` in {}", resource.id());
    let mut copy = resource.node.clone();
    let steps = field_path::find(&mut copy, &field_path::parts(&path), None, source.mark)?
        .into_iter()
        .next()
        .ok_or_else(missing)?;
    let value = field_path::at(&mut copy, &steps).cloned().ok_or_else(missing)?;
    let is_empty = match &value.kind {
        Kind::Null => true,
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if is_empty {
        return Err(missing());
    }
    let options = Options::of(source);
    if options.delimiter.is_empty() {
        return Ok(value);
    }
    let text = value.scalar().ok_or("only a plain value can be split")?;
    let part = usize::try_from(options.index).ok().and_then(|index| text.split(&options.delimiter).nth(index));
    let part = part.ok_or_else(|| format!("`{text}` has no part {}", options.index))?;
    Ok(Node { kind: of_the_kind(&value.kind, part), ..value })
}

#[derive(Debug, Default)]
struct Options {
    delimiter: String,
    index: i64,
    create: bool,
}

impl Options {
    fn of(node: &Node) -> Self {
        let option = |key: &str| node.at(&["options", key]).and_then(Node::scalar).unwrap_or_default();
        Self {
            delimiter: option("delimiter"),
            index: option("index").parse().unwrap_or(0),
            create: option("create") == "true",
        }
    }
}

/// A text in the place of a plain value: what was a text stays one.
fn of_the_kind(kind: &Kind, text: &str) -> Kind {
    match kind {
        Kind::Text(_) => Kind::Text(text.to_owned()),
        _ => plain_scalar(text),
    }
}

fn copy(resources: &mut [Resource], value: &Node, target: &Node) -> Result<(), Failure> {
    let refused = |message: String| Failure::Refused(target.mark, message);
    let select = target.get("select").filter(|select| select.kind != Kind::Null);
    let select = select.ok_or_else(|| refused("a target needs `select`".to_owned()))?;
    let selector = Selector::of(select).map_err(refused)?;
    let rejects =
        target.items_at(&["reject"]).iter().map(Selector::of).collect::<Result<Vec<_>, _>>().map_err(refused)?;
    let mut paths: Vec<String> = target.items_at(&["fieldPaths"]).iter().filter_map(Node::scalar).collect();
    if paths.is_empty() {
        paths.push(DEFAULT_PATH.to_owned());
    }
    let options = Options::of(target);
    for resource in resources.iter_mut() {
        let ids = ids(resource);
        let rejected = rejects.iter().any(|reject| {
            (reject.has_labels && reject.meets_labels(&resource.node))
                || (reject.has_id && ids.iter().any(|id| reject.selects_id(id)))
        });
        let selected = selector.meets_labels(&resource.node) && ids.iter().any(|id| selector.selects_id(id));
        if rejected || !selected {
            continue;
        }
        for path in &paths {
            put(&mut resource.node, value, path, &options, target.mark)?;
        }
    }
    Ok(())
}

fn put(object: &mut Node, value: &Node, path: &str, options: &Options, mark: Mark) -> Result<(), Failure> {
    let parts = field_path::parts(path);
    let leaf = match value.kind {
        Kind::List(_) => Leaf::List,
        Kind::Map(_) => Leaf::Map,
        _ => Leaf::Plain,
    };
    let create = options.create.then_some(leaf);
    if let Some(at) = text_on_the_way(object, &parts, mark) {
        return within_text(object, &parts, at, value, create, mark);
    }
    let refused = |message: String| Failure::Refused(mark, message);
    let found = field_path::find(object, &parts, create, value.mark).map_err(refused)?;
    if found.is_empty() {
        return Err(refused(format!("there is no field `{path}` in {}", Id::of(object))));
    }
    for steps in found {
        if let Some(field) = field_path::at(object, &steps) {
            set(field, value, options).map_err(refused)?;
        }
    }
    Ok(())
}

/// Puts a value into a field. A plain field keeps its type.
fn set(field: &mut Node, value: &Node, options: &Options) -> Result<(), String> {
    let is_plain = |node: &Node| !matches!(node.kind, Kind::List(_) | Kind::Map(_));
    let mut new = value.clone();
    if !options.delimiter.is_empty() {
        if !is_plain(field) {
            return Err("only a plain value can be split".to_owned());
        }
        let text = value.scalar().unwrap_or_default();
        let current = field.scalar().unwrap_or_default();
        let mut parts: Vec<&str> = current.split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &text),
            Ok(index) if index >= parts.len() => parts.push(&text),
            Ok(index) => parts[index] = &text,
        }
        new.kind = Kind::Text(parts.join(&options.delimiter));
    }
    if is_plain(field) && is_plain(&new) {
        new.kind = of_the_kind(&field.kind, &new.scalar().unwrap_or_default());
    }
    *field = new;
    Ok(())
}

/// How many parts of the path lead to a text that has an inside, which the rest of the path is in.
fn text_on_the_way(object: &mut Node, parts: &[String], mark: Mark) -> Option<usize> {
    (1..parts.len()).find(|count| {
        let found = field_path::find(object, &parts[..*count], None, mark).unwrap_or_default();
        found.first().and_then(|steps| field_path::at(object, steps)).is_some_and(|field| field.scalar().is_some())
    })
}

/// Puts a value into a text that is JSON or YAML itself.
fn within_text(
    object: &mut Node,
    parts: &[String],
    at: usize,
    value: &Node,
    create: Option<Leaf>,
    mark: Mark,
) -> Result<(), Failure> {
    let refused = |message: String| Failure::Refused(mark, message);
    let missing = || refused(format!("there is no field `{}` in {}", parts.join("."), Id::of(object)));
    let mut copy = object.clone();
    let steps = field_path::find(&mut copy, &parts[..at], None, mark)
        .map_err(refused)?
        .into_iter()
        .next()
        .ok_or_else(missing)?;
    let text = field_path::at(&mut copy, &steps).and_then(|field| field.scalar()).ok_or_else(missing)?;
    let mut inner = match yaml::documents(&text).map(|mut documents| (documents.len(), documents.pop())) {
        Ok((1, Some(inner))) => inner,
        _ => return Err(missing()),
    };
    let found = field_path::find(&mut inner, &parts[at..], create, mark).map_err(|_| missing())?;
    if found.is_empty() {
        return Err(missing());
    }
    for steps in found {
        if let Some(field) = field_path::at(&mut inner, &steps) {
            set(field, value, &Options::default()).map_err(refused)?;
        }
    }
    if !text.trim_start().starts_with(['{', '[']) {
        let message =
            format!("`{}` is a text in YAML, which kustomize writes again with the new value", parts[..at].join("."));
        return Err(Failure::NotBuilt(mark, message));
    }
    let json = inner.to_json();
    let is_pretty = text.contains('\n') && text.contains("  ");
    let new = if is_pretty { serde_json::to_string_pretty(&json).unwrap_or_default() } else { json.to_string() };
    if let Some(field) = field_path::at(object, &steps) {
        field.kind = Kind::Text(new);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const OBJECTS: [&str; 2] = [
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: values, namespace: n}, data: {name: general, image: 'host/app:1', port: '8080', json: '{\"a\":{\"b\":1}}'}}",
        "{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: p, namespace: n}, spec: {ref: {name: PLACEHOLDER}, port: 1, image: 'x:y', list: [{name: a, v: 1}]}}",
    ];

    fn replaced(replacement: &str) -> Result<String, Failure> {
        let node = |text: &str| harness_yaml::documents(text).unwrap().remove(0);
        let mut all: Vec<Resource> = OBJECTS.iter().map(|text| Resource::new(0, node(text))).collect();
        replace(&mut all, &node(replacement))?;
        Ok(format!("{} {}", all[0].node.get("data").unwrap().to_json(), all[1].node.get("spec").unwrap().to_json()))
    }

    /// Before, replacements were only noted, so that a placeholder was looked for as if it were a name.
    #[rstest]
    #[case(
        "{source: {kind: ConfigMap, fieldPath: data.name}, targets: [{select: {kind: NodePool}, fieldPaths: [spec.ref.name]}]}",
        r#""name":"general"}"#
    )]
    // A number stays one.
    #[case(
        "{source: {kind: ConfigMap, fieldPath: data.port}, targets: [{select: {kind: NodePool}, fieldPaths: [spec.port]}]}",
        r#""port":8080"#
    )]
    #[case(
        "{source: {kind: ConfigMap, fieldPath: data.image, options: {delimiter: ':', index: 1}}, targets: [{select: {name: p}, fieldPaths: [spec.image], options: {delimiter: ':', index: 1}}]}",
        r#""image":"x:1""#
    )]
    #[case(
        "{source: {kind: ConfigMap, fieldPath: data.name}, targets: [{select: {name: p}, fieldPaths: ['spec.list.[name=a].v']}]}",
        r#"[{"name":"a","v":"general"}]"#
    )]
    #[case(
        "{sourceValue: z, targets: [{select: {name: p}, fieldPaths: [spec.new.field], options: {create: true}}]}",
        r#""new":{"field":"z"}"#
    )]
    #[case(
        "{sourceValue: '2', targets: [{select: {name: values}, fieldPaths: [data.json.a.b]}]}",
        r#"{\"a\":{\"b\":2}}"#
    )]
    fn a_value_is_copied(#[case] replacement: &str, #[case] part: &str) {
        let replaced = replaced(replacement).unwrap();
        assert!(replaced.contains(part), "{replaced}");
    }

    #[rstest]
    #[case("{source: {kind: Other}, targets: [{select: {name: p}}]}")]
    #[case("{source: {namespace: n}, targets: [{select: {name: p}}]}")]
    #[case("{source: {kind: ConfigMap, fieldPath: data.none}, targets: [{select: {name: p}}]}")]
    #[case("{source: {kind: ConfigMap}, targets: [{select: {name: p}, fieldPaths: [spec.none]}]}")]
    #[case("{source: {kind: ConfigMap}}")]
    #[case("{source: {kind: ConfigMap}, targets: [{fieldPaths: [spec]}]}")]
    fn what_cannot_be_replaced_is_refused(#[case] replacement: &str) {
        assert!(matches!(replaced(replacement), Err(Failure::Refused(..))));
    }
}
