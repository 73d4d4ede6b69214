//! Changing and watching a running simulator: the control endpoint and its client.
//!
//! | call | does |
//! |---|---|
//! | `GET`, `PUT /behaviour` | the behaviour |
//! | `GET`, `POST /faults`, `DELETE /faults/ID` | the live faults |
//! | `GET /vms`, `GET /vms/NAME` | the records of all VMs, removed ones included |
//! | `POST /vms/NAME/crash`, `restart`, `evict`, `delete` | one VM; `evict` takes `{"notice":"30s"}` |
//! | `GET /facts?after=SEQ&wait=SECONDS` | the facts, waiting for the first (60 s at most) |
//! | `GET /ledger?after=INSTANCE` | what became of the instances after one, how long they ran and what they cost |
//! | `GET /unmodelled` | calls that are not modelled, with their counts |
//! | `GET /counters` | requests by operation and status |
//! | `GET /quota` | usage and limits |
//! | `GET`, `POST`, `DELETE /prices` | the prices that were set; sets one; all back to those of the start |
//! | `POST /images/publish` | a newer version of every node image; answers `{"version"}` |
//! | `GET /kubernetes`, `POST /kubernetes/upgrade`, `POST /kubernetes/reset` | the control plane's version; an upgrade to its next patch version, which answers `{"version","takes","operation"}`; back to that of the start |
//! | `GET /operations/ID` | where an operation is |
//! | `POST /reset` | everything back to the start |
//!
//! Each call needs `Authorization: Bearer` with the control token. Errors are `{"error":{"code","message"}}`.

mod client;
mod server;

pub use crate::api::{
    Account, Draw, EvictRequest, FaultState, LedgerSums, OperationCount, OperationStatus, ProvisioningError,
    QuotaUsage, UnmodelledCall, Upgrade, Version, VmRecord, VmState,
};
pub use client::{Client, ControlError};
pub(crate) use server::router;
