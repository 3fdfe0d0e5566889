//! A transaction before it has a nonce, fees, a type and a signature.

use crate::people::Person;
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_sol_types::SolCall;

/// Gas of a plain payment.
pub(crate) const PAYMENT_GAS: u64 = 21_000;

/// What someone wants done.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Who signs and pays.
    pub(crate) from: Person,
    /// The account called, or a creation.
    pub(crate) to: TxKind,
    /// Wei sent along.
    pub(crate) value: U256,
    /// Calldata or creation code.
    pub(crate) input: Bytes,
    /// Gas the sender is ready to pay for.
    pub(crate) gas_limit: u64,
    /// Hints ([EIP-2930](https://eips.ethereum.org/EIPS/eip-2930)).
    pub(crate) access_list: AccessList,
    /// Accounts that delegate, and to which code
    /// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    pub(crate) delegations: Vec<(Person, Address)>,
    /// Blobs carried ([EIP-4844](https://eips.ethereum.org/EIPS/eip-4844)).
    pub(crate) blobs: usize,
}

impl Draft {
    /// A plain payment of some wei.
    pub(crate) fn payment(from: Person, to: Address, wei: u64) -> Self {
        Self {
            from,
            to: TxKind::Call(to),
            value: U256::from(wei),
            input: Bytes::new(),
            gas_limit: PAYMENT_GAS,
            access_list: AccessList::default(),
            delegations: Vec::new(),
            blobs: 0,
        }
    }

    /// A call of one of our contracts.
    pub(crate) fn call(from: Person, to: Address, gas_limit: u64, call: &impl SolCall) -> Self {
        Self { input: call.abi_encode().into(), gas_limit, ..Self::payment(from, to, 0) }
    }

    /// A creation.
    pub(crate) fn create(from: Person, gas_limit: u64, code: Vec<u8>) -> Self {
        let to = TxKind::Create;
        Self { to, input: code.into(), gas_limit, ..Self::payment(from, Address::ZERO, 0) }
    }

    /// The same with wei sent along.
    pub(crate) fn with_value(self, wei: u64) -> Self {
        Self { value: U256::from(wei), ..self }
    }
}
