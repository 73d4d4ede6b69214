//! The CEL rules of a schema, by the `cel` crate with the functions that Kubernetes adds.
//!
//! Source of those: k8s.io/apiserver/pkg/cel/library. Rules about `oldSelf` are about updates; the API server leaves them out for an
//! object that is new, and so does this.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::{Context, Env, ExecutionError, Program, Value};
use serde_json::Value as Json;

use crate::patterns;
use harness_yaml::schema::{Rule, Schema, Type};
use harness_yaml::{Kind, Node};

/// What a rule says of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Holds,
    /// With the message of the rule.
    Broken(String),
    /// It can be decided only by the API server, and why.
    Unknown(String),
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // The extension is the same set of functions as that of Kubernetes; only a double declaration can be refused.
    let _ = env.add_extension(cel::extensions::strings);
    Arc::new(env)
});

/// Whether the rule compares with the object that is replaced.
pub(super) fn is_transition(rule: &Rule) -> bool {
    rule.rule.contains("oldSelf")
}

/// Evaluates a rule.
pub(super) fn evaluate(rule: &Rule, value: &Value) -> Outcome {
    let program = match compiled(&rule.rule) {
        Ok(program) => program,
        Err(reason) => return Outcome::Unknown(reason),
    };
    let mut context = Context::with_env(ENV.clone());
    if let Err(error) = context.add_function("find", find) {
        return Outcome::Unknown(error.to_string());
    }
    context.add_variable_from_value("self", value.clone());
    match program.execute(&context) {
        Ok(Value::Bool(true)) => Outcome::Holds,
        Ok(Value::Bool(false)) => Outcome::Broken(message(rule, &context)),
        Ok(other) => Outcome::Unknown(format!("the rule gives a value of type {}, not true or false", other.type_of())),
        Err(error) => Outcome::Unknown(error.to_string()),
    }
}

/// The API server shows the message, else the rule.
fn message(rule: &Rule, context: &Context<'_, '_>) -> String {
    let computed = compiled(&rule.message_expression).ok().and_then(|program| match program.execute(context) {
        Ok(Value::String(text)) => Some(text.to_string()),
        _ => None,
    });
    computed.unwrap_or_else(|| {
        if rule.message.is_empty() { format!("failed rule: {}", rule.rule) } else { rule.message.clone() }
    })
}

fn compiled(rule: &str) -> Result<Arc<Program>, String> {
    type Programs = HashMap<String, Result<Arc<Program>, String>>;
    thread_local! {
        // A tree has many objects of few kinds, and parsing costs more than evaluating.
        static PROGRAMS: std::cell::RefCell<Programs> = std::cell::RefCell::default();
    }
    PROGRAMS.with_borrow_mut(|programs| {
        let compile = || ENV.compile(rule).map(Arc::new).map_err(|error| error.to_string());
        programs.entry(rule.to_owned()).or_insert_with(compile).clone()
    })
}

/// `string.find(regex)`: the first match, or the empty text.
fn find(This(text): This<Arc<String>>, pattern: Arc<String>) -> Result<Value, ExecutionError> {
    let regex = patterns::compiled(&pattern).map_err(|error| ExecutionError::function_error("find", error))?;
    let found = regex.find(&text).map(|found| found.as_str().to_owned()).unwrap_or_default();
    Ok(Value::String(Arc::new(found)))
}

/// A value as the rules see it: with the defaults of its schema, and without nulls.
pub(super) fn value(node: &Node, schema: &Schema) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Number(value, text) => match text.parse::<i64>() {
            Ok(whole) if !schema.takes(Type::Number) => Value::Int(whole),
            _ => Value::Float(*value),
        },
        Kind::Text(text) => Value::String(Arc::new(text.clone())),
        Kind::List(items) => {
            let empty = Schema::default();
            let inner = schema.items.as_deref().unwrap_or(&empty);
            Value::List(Arc::new(items.iter().map(|item| value(item, inner)).collect()))
        }
        Kind::Map(entries) => {
            let present = entries.iter().filter(|entry| entry.value.kind != Kind::Null);
            map(schema, present.map(|entry| (entry.key.as_str(), move |inner: &Schema| value(&entry.value, inner))))
        }
    }
}

/// A map, with the defaults of the fields that it lacks.
fn map<'f, V: FnOnce(&Schema) -> Value>(schema: &Schema, fields: impl Iterator<Item = (&'f str, V)>) -> Value {
    let empty = Schema::default();
    let mut map: HashMap<Key, Value> =
        fields.map(|(name, value)| (key(name), value(schema.field(name).unwrap_or(&empty)))).collect();
    for (name, inner) in &schema.properties {
        if let Some(default) = inner.default.as_ref().filter(|_| !map.contains_key(&key(name))) {
            map.insert(key(name), defaulted(default, inner));
        }
    }
    Value::Map(Map { map: Arc::new(map) })
}

/// A default, with the defaults of what it holds.
fn defaulted(json: &Json, schema: &Schema) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(0.0)), Value::Int)
        }
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => {
            let empty = Schema::default();
            let inner = schema.items.as_deref().unwrap_or(&empty);
            Value::List(Arc::new(items.iter().map(|item| defaulted(item, inner)).collect()))
        }
        Json::Object(fields) => map(
            schema,
            fields.iter().map(|(name, value)| (name.as_str(), move |inner: &Schema| defaulted(value, inner))),
        ),
    }
}

fn key(name: &str) -> Key {
    Key::String(Arc::new(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::all;
    use harness_yaml::schema::Additional;

    fn rules<'s>(schema: &'s Schema, into: &mut Vec<&'s Rule>) {
        into.extend(&schema.rules);
        schema.properties.values().for_each(|inner| rules(inner, into));
        schema.items.iter().for_each(|inner| rules(inner, into));
        if let Some(Additional::Schema(inner)) = &schema.additional_properties {
            rules(inner, into);
        }
    }

    #[test]
    fn every_rule_of_the_embedded_crds_is_understood() {
        let mut found = Vec::new();
        for version in all().iter().flat_map(|crd| &crd.versions) {
            rules(&version.schema, &mut found);
        }
        assert!(found.len() > 100, "{} rules", found.len());
        for rule in found {
            if let Err(reason) = compiled(&rule.rule) {
                panic!("{}: {reason}", rule.rule);
            }
        }
    }

    #[test]
    fn what_cannot_be_decided_here_is_said() {
        let rule = Rule { rule: "self.quantity() > 1".to_owned(), ..Rule::default() };
        assert!(matches!(evaluate(&rule, &Value::Int(1)), Outcome::Unknown(_)));
        // Before, "the rule gives Int(2)".
        let rule = Rule { rule: "self + 1".to_owned(), ..Rule::default() };
        let said = "the rule gives a value of type int, not true or false".to_owned();
        assert_eq!(evaluate(&rule, &Value::Int(1)), Outcome::Unknown(said));
    }

    #[test]
    fn find_is_that_of_kubernetes() {
        let rule = |text: &str| Rule { rule: text.to_owned(), message: "no".to_owned(), ..Rule::default() };
        let value = Value::String(Arc::new("a.karpenter.sh/x".to_owned()));
        let ends = rule("self.find(\"^([^/]+)\").endsWith(\"karpenter.sh\")");
        assert_eq!(evaluate(&ends, &value), Outcome::Holds);
        assert_eq!(evaluate(&rule("self.find('[0-9]') == '7'"), &value), Outcome::Broken("no".to_owned()));
        let split = rule("int(self.split(' ')[0]) >= 1024");
        assert_eq!(evaluate(&split, &Value::String(Arc::new("1024 60000".to_owned()))), Outcome::Holds);
    }
}
