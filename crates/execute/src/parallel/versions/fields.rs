//! What versions make of an account's fields.

use revm::{
    primitives::{B256, U256},
    state::{AccountInfo, Bytecode},
};

/// What one version changed in an account's fields. Balance and nonce are
/// differences (modulo 2^256 and 2^64), because they add up in any order.
pub(super) struct FieldsVersion {
    pub(super) version: u32,
    pub(super) balance: U256,
    pub(super) nonce: u64,
    pub(super) code: Option<(B256, Bytecode)>,
    pub(super) destroyed: bool,
}

/// What versions changed in an account's fields, in ascending order, each with the sum up to
/// it: of an account that every transaction pays or is paid by each of them wants one.
#[derive(Default)]
pub(super) struct FieldsVersions(Vec<(FieldsVersion, AccountChange)>);

impl FieldsVersions {
    /// The changes of versions below this one, if there are any.
    pub(super) fn below(&self, below: u32) -> Option<AccountChange> {
        let end = self.0.partition_point(|(entry, _)| entry.version < below);
        end.checked_sub(1).map(|at| self.0[at].1.clone())
    }

    /// Sets what a version changes.
    pub(super) fn set(&mut self, fields: FieldsVersion) {
        let at = self.0.partition_point(|(entry, _)| entry.version < fields.version);
        match self.0.get_mut(at) {
            Some((entry, _)) if entry.version == fields.version => *entry = fields,
            _ => self.0.insert(at, (fields, AccountChange::default())),
        }
        self.sum_up(at);
    }

    /// Forgets what a version changes.
    pub(super) fn remove(&mut self, version: u32) {
        if let Ok(at) = self.0.binary_search_by_key(&version, |(entry, _)| entry.version) {
            self.0.remove(at);
            self.sum_up(at);
        }
    }

    /// Sums up anew from this place on: mostly there is one.
    fn sum_up(&mut self, from: usize) {
        let mut sum = from.checked_sub(1).map(|at| self.0[at].1.clone()).unwrap_or_default();
        for (version, total) in &mut self.0[from..] {
            sum.add(version);
            total.clone_from(&sum);
        }
    }
}

/// The sum of the changes that several versions make to an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::parallel) struct AccountChange {
    balance: U256,
    nonce: u64,
    code: Option<(B256, Bytecode)>,
    /// Whether the account as it was before the block is gone.
    destroyed: bool,
    /// Whether the last version leaves an account behind.
    exists: bool,
}

impl AccountChange {
    fn add(&mut self, version: &FieldsVersion) {
        if version.destroyed {
            *self = Self { destroyed: true, ..Self::default() };
            return;
        }
        self.exists = true;
        self.balance = self.balance.wrapping_add(version.balance);
        self.nonce = self.nonce.wrapping_add(version.nonce);
        if let Some(code) = &version.code {
            self.code = Some(code.clone());
        }
    }

    /// The account as changed from what it was before the block.
    pub(in crate::parallel) fn apply(self, base: Option<AccountInfo>) -> Option<AccountInfo> {
        if !self.exists {
            return None;
        }
        let mut info = base.filter(|_| !self.destroyed).unwrap_or_default();
        info.balance = info.balance.wrapping_add(self.balance);
        info.nonce = info.nonce.wrapping_add(self.nonce);
        if let Some((hash, code)) = self.code {
            info.code_hash = hash;
            info.code = Some(code);
        }
        Some(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// In whatever order versions come, change and go, what is below one is what those
        /// below it make, one after the other.
        #[test]
        fn sums_are_those_of_what_is_there(
            steps in prop::collection::vec((0..12u32, 0..6u8, any::<u8>()), 1..40),
        ) {
            let (mut versions, mut there) = (FieldsVersions::default(), BTreeMap::new());
            for (version, kind, value) in steps {
                if kind == 0 {
                    versions.remove(version);
                    there.remove(&version);
                    continue;
                }
                let made = || FieldsVersion {
                    version,
                    balance: U256::from(value),
                    nonce: value.into(),
                    code: (kind == 2).then(|| (B256::with_last_byte(value), Bytecode::default())),
                    destroyed: kind == 1,
                };
                versions.set(made());
                there.insert(version, made());
                for below in 0..=12 {
                    let mut expected = None;
                    for (_, version) in there.range(..below) {
                        expected.get_or_insert_with(AccountChange::default).add(version);
                    }
                    prop_assert_eq!(versions.below(below), expected);
                }
            }
        }
    }
}
