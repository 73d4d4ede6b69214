//! Azure's own words for "no".
//!
//! Codes and the parts of the texts that clients look for: `pkg/errors/consts.go` of Azure/azure-sdk-for-go-extensions
//! v0.6.0; texts as recorded in the tests of Azure/karpenter-provider-azure v1.14.0.

use serde_json::{Value, json};

use crate::api::ProvisioningError;
use crate::facts::VmRef;
use crate::quota::{QuotaExceeded, QuotaScope};
use harness_simulation::{CapacityCode, QUOTA_CODE, SUBNET_FULL_CODE};

/// The error of a VM that quota forbids.
pub(crate) fn quota_error(exceeded: &QuotaExceeded, location: &str) -> ProvisioningError {
    let (what, resource, page) = match &exceeded.scope {
        QuotaScope::Family(family) => (format!("{family} Cores"), family.as_str(), "per-vm-quota-requests"),
        QuotaScope::Regional => ("Total Regional Cores".to_owned(), "cores", "regional-quota-requests"),
        QuotaScope::LowPriority => ("LowPriorityCores".to_owned(), "LowPriorityCores", "low-priority-quota"),
    };
    let QuotaExceeded { limit, used, required, .. } = exceeded;
    let needed = used + required;
    ProvisioningError {
        code: QUOTA_CODE.to_owned(),
        message: format!(
            "Operation could not be completed as it results in exceeding approved {what} quota. Additional details - \
             Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current Usage: {used}, \
             Additional Required: {required}, (Minimum) New Limit Required: {needed}. Submit a request for Quota increase \
             at https://aka.ms/ProdportalCRP/#blade/Microsoft_Azure_Capacity/UsageAndQuota.ReactView/{resource} by \
             specifying parameters listed in the 'Details' section for deployment to succeed. Please read more about quota \
             limits at https://docs.microsoft.com/en-us/azure/azure-supportability/{page}"
        ),
    }
}

/// The error of a VM that finds no machine. Without a given code it is the one for the VM's placement.
pub(crate) fn capacity_error(code: Option<CapacityCode>, vm: &VmRef, location: &str) -> ProvisioningError {
    let code = code.unwrap_or(if vm.zone == "0" {
        CapacityCode::AllocationFailed
    } else {
        CapacityCode::ZonalAllocationFailed
    });
    let sku = &vm.sku;
    let message = match code {
        CapacityCode::AllocationFailed => "Allocation failed. We do not have sufficient capacity for the requested VM \
             size in this region. Read more about improving likelihood of allocation success at \
             http://aka.ms/allocation-guidance"
            .to_owned(),
        CapacityCode::ZonalAllocationFailed => {
            "Allocation failed. We do not have sufficient capacity for the requested VM \
             size in this zone. Read more about improving likelihood of allocation success at \
             http://aka.ms/allocation-guidance"
                .to_owned()
        }
        CapacityCode::OverconstrainedAllocationRequest | CapacityCode::OverconstrainedZonalAllocationRequest => {
            "Allocation failed. VM(s) with the following constraints cannot be allocated, because the condition is too \
             restrictive. Please remove some constraints and try again."
                .to_owned()
        }
        CapacityCode::SkuNotAvailable => format!(
            "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {sku}' is currently \
             not available in location '{location}'. Please try another size or deploy to a different location or \
             different zone. See https://aka.ms/azureskunotavailable for details."
        ),
        CapacityCode::VMSizeNotSupported => not_supported(sku, location),
    };
    ProvisioningError { code: code.as_str().to_owned(), message }
}

/// The error of a VM for which its subnet has no address left.
///
/// Code and text: "Troubleshoot Azure resource deployment errors: SubnetIsFull" of Microsoft's documentation of Azure Virtual Network.
pub(crate) fn subnet_full(subnet_id: &str) -> ProvisioningError {
    let name = subnet_id.rsplit('/').next().unwrap_or(subnet_id);
    ProvisioningError {
        code: SUBNET_FULL_CODE.to_owned(),
        message: format!("Subnet {name} with id {subnet_id} does not have enough capacity for 1 IP addresses."),
    }
}

/// The text of `VMSizeNotSupported`, which answers the PUT itself.
pub(crate) fn not_supported(sku: &str, location: &str) -> String {
    format!(
        "The VM size of {sku} is not allowed in your subscription in location '{location}'. For more details, please visit \
         https://aka.ms/aks/vm-size-selector"
    )
}

/// `properties.status.provisioningError`: the VM's own error is the first detail of the machine's, where the provider reads it.
pub(crate) fn provisioning_error(error: &ProvisioningError) -> Value {
    let ProvisioningError { code, message } = error;
    json!({
        "code": code,
        "message": format!("Code=\"{code}\" Message=\"{message}\""),
        "details": [{"code": code, "message": message}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn vm(zone: &str) -> VmRef {
        VmRef { zone: zone.into(), ..VmRef::example() }
    }

    /// The terms that `azure-sdk-for-go-extensions` looks for.
    #[rstest]
    #[case(QuotaScope::Family("standardFSv2Family".into()), "Family Cores quota")]
    #[case(QuotaScope::Regional, "exceeding approved Total Regional Cores quota")]
    #[case(QuotaScope::LowPriority, "LowPriorityCores")]
    fn quota_texts_hold_the_terms_that_clients_look_for(#[case] scope: QuotaScope, #[case] term: &str) {
        let error = quota_error(&QuotaExceeded { scope, limit: 0, used: 0, required: 4 }, "eastus");
        assert_eq!(error.code, "OperationNotAllowed");
        assert!(error.message.contains(term), "{}", error.message);
        assert!(error.message.contains("Current Limit: 0"), "{}", error.message);
        assert!(error.message.contains("Submit a request for Quota increase"));
    }

    #[test]
    fn the_default_code_follows_the_placement() {
        assert_eq!(capacity_error(None, &vm("eastus-1"), "eastus").code, "ZonalAllocationFailed");
        assert_eq!(capacity_error(None, &vm("0"), "eastus").code, "AllocationFailed");
        let given = capacity_error(Some(CapacityCode::SkuNotAvailable), &vm("0"), "eastus");
        assert_eq!(given.code, "SkuNotAvailable");
        assert!(given.message.contains("Standard_F4s_v2"));
    }

    #[test]
    fn the_vms_own_error_is_the_first_detail() {
        let json = provisioning_error(&capacity_error(None, &vm("0"), "eastus"));
        assert_eq!(json["details"][0]["code"], "AllocationFailed");
    }
}
