//! What the accesses of a transaction depend on.

use foresee_access::{AccessSet, Field, Location, Touch};
use serde::{Deserialize, Serialize};

/// The state values that decide what a transaction accesses, in the order in which it
/// looks at them.
///
/// What decides that a transaction comes to a location, it has looked at before it comes
/// there. So each read carries how many of the inputs came before it: as long as these hold
/// what they held when it was predicted, the location is read, whatever happens to all
/// others. If there is nothing but code among them, it follows from the transaction and from
/// code alone. Whether a location is left changed depends on all inputs, since what comes
/// later may change it back or revert.
///
/// This is an upper bound: what was looked at before need not have decided anything. That
/// the transaction is valid, so that its sender has the nonce and can pay, is presumed, and
/// so is that nobody has a nonce where a contract is to be created. Whether an account is
/// empty is told by its balance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependencies {
    /// The locations whose values were looked at, in the order of the first look.
    pub inputs: Vec<Location>,
    /// For each of the [reads](AccessSet::reads), in their order, how many of the inputs were
    /// looked at before.
    pub reads: Vec<u32>,
}

impl Dependencies {
    /// What decides that a location of the set is accessed: read, or if it is no read,
    /// written. None of a location that is not in the set.
    pub fn of(&self, access: &AccessSet, location: &Location) -> Option<&[Location]> {
        let touch = access.touch(location);
        if touch.has(Touch::READ) {
            let position = access.reads().position(|read| read == *location)?;
            return self.inputs.get(..*self.reads.get(position)? as usize);
        }
        touch.has(Touch::WRITE).then_some(&self.inputs)
    }

    /// What decides that the locations written are left changed.
    pub fn of_writes(&self) -> &[Location] {
        &self.inputs
    }

    /// How many of the inputs were looked at before any that is not code. What depends on no
    /// more of them is determined by the transaction and by code.
    pub fn code_alone(&self) -> u32 {
        let is_code = |input: &&Location| input.field == Field::Code;
        self.inputs.iter().take_while(is_code).count() as u32
    }

    /// How many reads are determined by the transaction and by code.
    pub fn determined_reads(&self) -> usize {
        let most = self.code_alone();
        self.reads.iter().filter(|before| **before <= most).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U256};

    #[test]
    fn a_location_depends_on_what_was_looked_at_before_it() {
        let address = Address::with_last_byte(1);
        let [a, b] = [7, 3].map(|slot| Location::slot(address, U256::from(slot)));
        let (code, balance) = (Location::code(address), Location::balance(address));
        let access = AccessSet::new([code, a, b], [a, balance], []);
        assert!(access.reads().eq([code, b, a]));
        let dependencies = Dependencies { inputs: vec![code, a, b], reads: vec![0, 2, 1] };
        let of = |location| dependencies.of(&access, location);
        assert_eq!(of(&code), Some(&[][..]));
        assert_eq!(of(&a), Some(&[code][..]));
        assert_eq!(of(&b), Some(&[code, a][..]));
        assert_eq!(of(&balance), Some(dependencies.of_writes()));
        assert_eq!(of(&Location::nonce(address)), None);
        assert_eq!((dependencies.code_alone(), dependencies.determined_reads()), (1, 2));
    }

    #[test]
    fn json_round_trips() {
        let inputs = vec![Location::code(Address::with_last_byte(1))];
        let dependencies = Dependencies { inputs, reads: vec![0, 1] };
        let json = serde_json::to_string(&dependencies).unwrap();
        insta::assert_snapshot!(json, @r#"{"inputs":[{"address":"0x0000000000000000000000000000000000000001","field":"code"}],"reads":[0,1]}"#);
        assert_eq!(serde_json::from_str::<Dependencies>(&json).unwrap(), dependencies);
    }
}
