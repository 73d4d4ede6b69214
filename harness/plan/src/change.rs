//! Changes of objects by somebody who is neither Git nor a controller.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FieldPath;

/// Who changes objects, where a scenario does not say: the field manager of the requests.
pub const SOMEBODY: &str = "somebody";

/// A change of an object behind the back of whoever declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The object, by its name in the scenario.
    pub object: String,
    /// What is done to it.
    pub what: ChangeWhat,
    /// Nobody is expected to put it right.
    pub stays: bool,
    /// The field manager of the request.
    pub by: String,
}

/// What is done to an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeWhat {
    /// A merge patch (RFC 7386).
    Patch(Value),
    /// It is deleted.
    Delete,
    /// It is created from this manifest.
    Create(Value),
}

impl Change {
    /// What of the object it writes, sorted; whether the object exists, where it is deleted or created.
    pub fn paths(&self) -> Vec<FieldPath> {
        match &self.what {
            ChangeWhat::Patch(patch) => FieldPath::of_patch(patch),
            ChangeWhat::Delete | ChangeWhat::Create(_) => vec![FieldPath::exists()],
        }
    }
}
