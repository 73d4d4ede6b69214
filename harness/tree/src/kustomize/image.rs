//! Names of images, and what `images` makes of them. Source: api/internal/image/image.go and api/filters/imagetag/updater.go.

use std::sync::Arc;

use regex::Regex;

use crate::patterns;
use harness_yaml::Node;

/// One item of `images`.
pub(super) struct Change {
    name: Arc<Regex>,
    new_name: String,
    new_tag: String,
    digest: String,
    tag_suffix: String,
}

impl Change {
    /// # Errors
    /// The name is not a pattern.
    pub(super) fn of(item: &Node) -> Result<Self, String> {
        let text = |key: &str| item.get(key).and_then(Node::scalar).unwrap_or_default();
        let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", text("name"));
        let name =
            patterns::compiled(&pattern).map_err(|_| format!("`{}` is not the name of an image", text("name")))?;
        Ok(Self {
            name,
            new_name: text("newName"),
            new_tag: text("newTag"),
            digest: text("digest"),
            tag_suffix: text("tagSuffix"),
        })
    }

    /// The image as it becomes; `None` where it is another one.
    pub(super) fn apply(&self, image: &str) -> Option<String> {
        if !self.name.is_match(image) {
            return None;
        }
        let (name, tag, digest) = split(image);
        let name = if self.new_name.is_empty() { name } else { &self.new_name };
        let (tag, digest) = match (self.new_tag.as_str(), self.digest.as_str()) {
            ("", "") if self.tag_suffix.is_empty() => (tag.to_owned(), digest),
            ("", "") => (format!("{tag}{}", self.tag_suffix), ""),
            // Either replaces both of what was there.
            (tag, digest) => (tag.to_owned(), digest),
        };
        let tag = if tag.is_empty() { tag } else { format!(":{tag}") };
        let at = if digest.is_empty() { "" } else { "@" };
        Some(format!("{name}{tag}{at}{digest}"))
    }
}

/// Name, tag and digest. A registry's port is a part of the name.
fn split(image: &str) -> (&str, &str, &str) {
    let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
    let last = rest.find('/').filter(|slash| *slash > 0).unwrap_or(0);
    match rest[last..].find(':') {
        Some(colon) => (&rest[..last + colon], &rest[last + colon + 1..], digest),
        None => (rest, "", digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("nginx:1.21", ("nginx", "1.21", ""))]
    #[case("host:5000/a/b", ("host:5000/a/b", "", ""))]
    #[case("host:5000/a/b:2", ("host:5000/a/b", "2", ""))]
    #[case("a:1@sha256:0", ("a", "1", "sha256:0"))]
    fn an_image_is_a_name_a_tag_and_a_digest(#[case] image: &str, #[case] expected: (&str, &str, &str)) {
        assert_eq!(split(image), expected);
    }

    #[rstest]
    #[case("{name: nginx, newTag: '2'}", "nginx:1", Some("nginx:2"))]
    // Before, a digest stayed beside a new tag, or a tag was lost with a new name.
    #[case("{name: nginx, newTag: '2'}", "nginx:1@sha256:0", Some("nginx:2"))]
    #[case("{name: nginx, newName: other}", "nginx:1@sha256:0", Some("other:1@sha256:0"))]
    #[case("{name: nginx, digest: 'sha256:1'}", "nginx:1", Some("nginx@sha256:1"))]
    #[case("{name: nginx, newTag: '2', digest: 'sha256:1'}", "nginx", Some("nginx:2@sha256:1"))]
    #[case("{name: nginx, tagSuffix: -x}", "nginx:1", Some("nginx:1-x"))]
    #[case("{name: nginx, newTag: '2'}", "my/nginx:1", None)]
    fn a_change_is_of_the_image_of_its_name(#[case] item: &str, #[case] image: &str, #[case] expected: Option<&str>) {
        let item = harness_yaml::documents(item).unwrap().remove(0);
        assert_eq!(Change::of(&item).unwrap().apply(image).as_deref(), expected);
    }
}
