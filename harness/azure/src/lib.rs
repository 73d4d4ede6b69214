//! A simulated Azure: the part of Resource Manager that node auto-provisioning uses, and the VM fleet behind it.
