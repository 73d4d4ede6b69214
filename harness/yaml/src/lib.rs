//! YAML with the place of every key and value, so that any rule can point at what it is about, the check against a JSON schema, and the
//! errors of both.

mod de;
mod diagnostic;
pub mod edit;
mod mark;
mod node;
mod parse;
mod problem;
mod scalar;
pub mod schema;
mod shared;
pub mod suggest;
mod tagged;

pub use de::{ReadError, from_node};
pub use diagnostic::{Diagnostic, in_order};
pub use mark::{Located, Mark};
pub use node::{Entry, Kind, Node};
pub use parse::{Repeat, SyntaxError, documents, documents_of, documents_with_repeats, plain_scalar, shared_values};
pub use problem::Problem;
pub use shared::Shared;
pub use tagged::{BESIDE_KEY, Beside, Tagged};
