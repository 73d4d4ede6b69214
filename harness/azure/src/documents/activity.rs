//! What is going on with the managed cluster and its agent pools.

use jiff::Timestamp;

/// The managed cluster, or one of its agent pools by its name in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Cluster,
    Pool(String),
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Update,
    Upgrade,
    Delete,
}

impl Verb {
    /// `provisioningState` while it goes on.
    pub(crate) const fn state(self) -> &'static str {
        match self {
            Self::Create => "Creating",
            Self::Update => "Updating",
            Self::Upgrade => "Upgrading",
            Self::Delete => "Deleting",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Upgrade => "upgrade",
            Self::Delete => "delete",
        }
    }
}

/// How an operation has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
    Canceled,
}

impl Outcome {
    /// `provisioningState` from then on.
    pub(crate) const fn state(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }
}

/// An operation that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) target: Target,
    pub(crate) verb: Verb,
    /// The id of the operation.
    pub(crate) operation: String,
    pub(crate) started: Timestamp,
}

impl Activity {
    /// Whether an operation on this target has to wait for it: the cluster's go alone, and a pool has one at a time.
    pub(crate) fn blocks(&self, target: &Target) -> bool {
        self.target == *target || self.target == Target::Cluster || *target == Target::Cluster
    }

    /// Azure's refusal of another one.
    ///
    /// Text: as the service words it since 2026 (Azure/azure-cli-extensions, pull request 9855).
    pub(crate) fn refusal(&self) -> String {
        let (kind, of) = match &self.target {
            Target::Cluster => ("managed cluster", "the managed cluster".to_owned()),
            Target::Pool(name) => ("agent pool", format!("the agent pool {name}")),
        };
        format!(
            "Operation is not allowed because there's an in progress {} {kind} operation (operation ID: {}) on {of} started on UTC \
             {}. Please wait for it to finish before starting a new operation. You can also use 'az aks operation-abort' to abort the \
             ongoing operation. See https://aka.ms/aks-pending-operation for more details",
            self.verb.name(),
            self.operation,
            self.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_two_pools_go_on_together() {
        let activity = |target| Activity {
            target,
            verb: Verb::Update,
            operation: "id".to_owned(),
            started: Timestamp::UNIX_EPOCH,
        };
        let (cluster, one, other) = (Target::Cluster, Target::Pool("one".to_owned()), Target::Pool("other".to_owned()));
        assert!(activity(cluster.clone()).blocks(&cluster) && activity(cluster.clone()).blocks(&one));
        assert!(activity(one.clone()).blocks(&cluster) && activity(one.clone()).blocks(&one));
        assert!(!activity(one).blocks(&other));
        assert!(
            activity(cluster).refusal().contains("in progress update managed cluster operation (operation ID: id)")
        );
    }
}
