//! What a build made, as objects and pools.

use crate::kustomize::Built;
use crate::object::Object;
use crate::pool::NodePool;
use crate::source_file::SourceFile;

/// What a build made, as objects that know their files.
pub(crate) fn objects_of(files: &[SourceFile], built: Vec<Built>) -> Vec<Object<'_>> {
    let file = |index: usize| files.get(index).map_or("", |file| file.path.as_str());
    built.into_iter().map(|built| Object { file: file(built.file), node: built.node, files }).collect()
}

/// The NodePools among objects in which the rules found no error, by name.
pub(crate) fn pools_of(found: &[Object<'_>]) -> Vec<NodePool> {
    let mut pools: Vec<NodePool> = found.iter().filter(|object| object.is_node_pool()).map(NodePool::of).collect();
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    for pool in &mut pools {
        let class = found.iter().find(|object| object.is_node_class() && object.name() == pool.node_class);
        pool.max_pods = class.and_then(|class| class.node.at(&["spec", "maxPods"])?.whole());
    }
    pools
}
