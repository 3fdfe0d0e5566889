//! Bytecode, and where it may be jumped to.

use crate::program::push_size;
use alloy_primitives::{Address, B256, Bytes};
use bitvec::{order::Lsb0, vec::BitVec};
use revm_bytecode::opcode;

/// A piece of bytecode.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) bytes: Bytes,
    /// Its hash, if it is an account's.
    pub(super) hash: Option<B256>,
    /// Who has the code that runs instead
    /// ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702)).
    pub(super) delegate: Option<Address>,
    destinations: BitVec<u64, Lsb0>,
}

impl Code {
    pub(super) fn new(bytes: Bytes, hash: Option<B256>) -> Self {
        let mut destinations = BitVec::repeat(false, bytes.len());
        let mut pc = 0;
        while let Some(&byte) = bytes.get(pc) {
            if byte == opcode::JUMPDEST {
                destinations.set(pc, true);
            }
            pc += 1 + push_size(byte);
        }
        let delegate = bytes.strip_prefix(&DELEGATION).filter(|rest| rest.len() == 20);
        let delegate = delegate.map(Address::from_slice);
        Self { bytes, hash, delegate, destinations }
    }

    /// Whether there is a jump destination.
    pub(super) fn is_destination(&self, pc: usize) -> bool {
        self.destinations.get(pc).is_some_and(|bit| *bit)
    }
}

/// What the code of an account begins with that delegates.
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

/// The code of an account that delegates.
pub(super) fn delegation(to: Address) -> Bytes {
    [&DELEGATION[..], to.as_slice()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_no_destination() {
        let code = Code::new([opcode::PUSH1, opcode::JUMPDEST, opcode::JUMPDEST].into(), None);
        assert_eq!([1, 2, 3].map(|pc| code.is_destination(pc)), [false, true, false]);
        assert_eq!(code.delegate, None);
        let to = Address::repeat_byte(7);
        assert_eq!(Code::new(delegation(to), None).delegate, Some(to));
        assert_eq!(Code::new(delegation(Address::ZERO), None).delegate, Some(Address::ZERO));
    }
}
