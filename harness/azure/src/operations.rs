//! Long-running operations, which `Azure-AsyncOperation` and `Location` name.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::{OperationStatus, ProvisioningError};

/// How many operations are kept; the oldest go first. Azure keeps them for a day, clients ask for minutes.
const OPERATIONS_KEPT: usize = 20_000;

#[derive(Debug)]
struct Operation {
    status: OperationStatus,
    started: Timestamp,
    ended: Option<Timestamp>,
    /// How many things have to end before it has succeeded.
    pending: usize,
}

/// The operations, bounded.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    by_id: HashMap<String, Operation>,
    order: VecDeque<String>,
}

impl Operations {
    /// A new operation that succeeds when `pending` things have ended; 0 has succeeded already.
    pub(crate) fn begin(&mut self, pending: usize) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let now = Timestamp::now();
        let done = pending == 0;
        if self.order.len() == OPERATIONS_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.by_id.insert(
            id.clone(),
            Operation {
                status: if done { OperationStatus::Succeeded } else { OperationStatus::InProgress },
                started: now,
                ended: done.then_some(now),
                pending,
            },
        );
        id
    }

    /// One of the things an operation waits for has ended well.
    pub(crate) fn advance(&mut self, id: &str) {
        if let Some(op) = self.by_id.get_mut(id)
            && op.status == OperationStatus::InProgress
        {
            op.pending = op.pending.saturating_sub(1);
            if op.pending == 0 {
                op.status = OperationStatus::Succeeded;
                op.ended = Some(Timestamp::now());
            }
        }
    }

    /// An operation has failed.
    pub(crate) fn fail(&mut self, id: &str, error: &ProvisioningError) {
        if let Some(op) = self.by_id.get_mut(id)
            && op.status == OperationStatus::InProgress
        {
            op.status = OperationStatus::Failed(error.clone());
            op.ended = Some(Timestamp::now());
        }
    }

    /// An operation was aborted.
    pub(crate) fn cancel(&mut self, id: &str) {
        if let Some(op) = self.by_id.get_mut(id)
            && op.status == OperationStatus::InProgress
        {
            op.status = OperationStatus::Canceled;
            op.ended = Some(Timestamp::now());
        }
    }

    pub(crate) fn status(&self, id: &str) -> Option<&OperationStatus> {
        self.by_id.get(id).map(|op| &op.status)
    }

    /// The body of a GET of `Azure-AsyncOperation`.
    pub(crate) fn body(&self, id: &str) -> Option<Value> {
        let op = self.by_id.get(id)?;
        let mut body = json!({
            "name": id,
            "status": match op.status {
                OperationStatus::InProgress => "InProgress",
                OperationStatus::Succeeded => "Succeeded",
                OperationStatus::Failed(_) => "Failed",
                OperationStatus::Canceled => "Canceled",
            },
            "startTime": op.started.to_string(),
        });
        if let Some(ended) = op.ended {
            body["endTime"] = json!(ended.to_string());
        }
        if let OperationStatus::Failed(error) = &op.status {
            body["error"] = json!({"code": error.code, "message": error.message});
        }
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_ends_once_and_stays_ended() {
        let mut ops = Operations::default();
        let id = ops.begin(2);
        ops.advance(&id);
        assert_eq!(ops.status(&id), Some(&OperationStatus::InProgress));
        ops.advance(&id);
        let error = ProvisioningError { code: "X".into(), message: "y".into() };
        ops.fail(&id, &error);
        assert_eq!(ops.body(&id).unwrap()["status"], "Succeeded");
        let failing = ops.begin(1);
        ops.fail(&failing, &error);
        ops.advance(&failing);
        assert_eq!(ops.body(&failing).unwrap()["error"]["code"], "X");
        assert_eq!(ops.body("unknown"), None);
    }

    #[test]
    fn old_operations_go_first() {
        let mut ops = Operations::default();
        let first = ops.begin(1);
        let second = ops.begin(1);
        for _ in 0..OPERATIONS_KEPT - 1 {
            ops.begin(0);
        }
        assert!(ops.body(&first).is_none());
        assert!(ops.body(&second).is_some());
        assert_eq!(ops.by_id.len(), OPERATIONS_KEPT);
    }
}
