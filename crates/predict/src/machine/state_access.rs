//! Instructions that read and write accounts and storage.
//!
//! Each asks the world for all it needs before it charges, touches or changes
//! anything.

use super::{Halt, context::address_word, memory::small, run::Cpu, to_address};
use crate::{
    label::Names,
    rules::SStoreGas,
    state::{Lookup, StateView, Want},
    world::{AccountId, Look, SlotId, Stop},
};
use alloy_primitives::U256;
use revm::{
    context_interface::context::SStoreResult,
    primitives::{BLOCK_HASH_HISTORY, hardfork::SpecId},
};

impl<S: StateView> Cpu<'_, S> {
    /// Loads and touches an account, charging the cold surcharge of
    /// [EIP-2929](https://eips.ethereum.org/EIPS/eip-2929) first: who cannot pay it
    /// does not touch.
    fn access(
        &mut self,
        address: U256,
        look: Look,
        rest: u32,
    ) -> Result<AccountId, Halt<S::Error>> {
        let id = self.world.intern(to_address(address));
        if look.contains(Look::CODE) {
            self.world.load_code(id)?;
        } else {
            self.world.load(id)?;
        }
        let cold = self.world.is_cold(id);
        let surcharge = if cold { self.rules.gas.cold_account_additional_cost() } else { 0 };
        self.charge(surcharge, rest)?;
        self.world.touch(id, look);
        Ok(id)
    }

    pub(super) fn balance(&mut self, address: U256, rest: u32) -> Result<U256, Halt<S::Error>> {
        let id = self.access(address, Look::BALANCE, rest)?;
        Ok(self.world.account(id).balance)
    }

    pub(super) fn self_balance(&mut self) -> U256 {
        self.world.touch(self.address, Look::BALANCE);
        self.world.account(self.address).balance
    }

    pub(super) fn ext_code_size(
        &mut self,
        address: U256,
        rest: u32,
    ) -> Result<U256, Halt<S::Error>> {
        let id = self.access(address, Look::CODE, rest)?;
        let code = self.world.account(id).code.as_ref();
        Ok(U256::from(code.map_or(0, |code| code.len())))
    }

    pub(super) fn ext_code_hash(
        &mut self,
        address: U256,
        rest: u32,
    ) -> Result<U256, Halt<S::Error>> {
        let id = self.access(address, Look::CODE | Look::EXISTENCE, rest)?;
        let account = self.world.account(id);
        Ok(if account.is_empty() { U256::ZERO } else { account.code_hash().into() })
    }

    pub(super) fn ext_code_copy(
        &mut self,
        address: U256,
        [to, from, len]: [&U256; 3],
        rest: u32,
    ) -> Result<(), Halt<S::Error>> {
        let id = self.world.intern(to_address(address));
        self.world.load_code(id)?;
        let len = small(len)?;
        self.charge(self.rules.gas.extcodecopy(len), rest)?;
        let to = self.expand(to, len, rest)?;
        let id = self.access(address, Look::CODE, rest)?;
        let code = self.world.account(id).code.as_ref().map(|code| code.original_bytes());
        self.copy_padded(to, from, len, &code.unwrap_or_default());
        Ok(())
    }

    /// BLOCKHASH: one of the 256 blocks before this one, else zero.
    pub(super) fn block_hash(&mut self, number: U256) -> Result<U256, Halt<S::Error>> {
        let Some(distance) = self.context.number.checked_sub(number) else {
            return Ok(U256::ZERO);
        };
        if distance.is_zero() || distance > U256::from(BLOCK_HASH_HISTORY) {
            return Ok(U256::ZERO);
        }
        let number = number.saturating_to();
        match self.world.view.block_hash(number).map_err(Stop::Failed)? {
            Lookup::Ready(hash) => Ok(hash.into()),
            Lookup::Missing => Err(Stop::Missing(Want::BlockHash(number)).into()),
        }
    }

    /// Records how this frame names words, for the label of a slot, if it is the first to
    /// come to it and that is recorded.
    #[inline]
    fn name_words(&mut self, slot: SlotId) {
        if self.keccak.recorded.is_some() {
            self.record_names(slot);
        }
    }

    #[cold]
    fn record_names(&mut self, slot: SlotId) {
        let Some(recorded) = &mut self.keccak.recorded else { return };
        let this = self.world.account(self.address).address;
        let key = self.world.slot_key(slot);
        recorded.names.entry((this, key)).or_insert_with(|| {
            let (start, len) = self.input;
            let calldata = &self.memory[start..start + len];
            Names::new(address_word(self.caller), self.context.origin, address_word(this), calldata)
        });
    }

    /// SLOAD, with the number of the slot.
    pub(super) fn sload_slot(
        &mut self,
        key: U256,
        rest: u32,
    ) -> Result<(SlotId, U256), Halt<S::Error>> {
        let id = self.world.slot(self.address, key);
        self.world.load_slot(id)?;
        let cold = self.world.is_slot_cold(id);
        let surcharge = if cold { self.rules.gas.cold_storage_additional_cost() } else { 0 };
        self.charge(surcharge, rest)?;
        self.name_words(id);
        Ok((id, self.world.touch_slot(id)))
    }

    /// SSTORE; yields the number of the slot.
    pub(super) fn sstore(
        &mut self,
        key: U256,
        value: U256,
        rest: u32,
    ) -> Result<SlotId, Halt<S::Error>> {
        let id = self.world.slot(self.address, key);
        self.world.load_slot(id)?;
        self.sstore_slot(id, value, rest)?;
        Ok(id)
    }

    /// SSTORE to a slot that is at hand.
    pub(super) fn sstore_slot(
        &mut self,
        id: SlotId,
        value: U256,
        rest: u32,
    ) -> Result<(), Halt<S::Error>> {
        self.require_writable()?;
        let gas = &self.rules.gas;
        let istanbul = self.rules.at_least(SpecId::ISTANBUL);
        // EIP-2200: a call with no more than the stipend must not write.
        let left = self.gas + i64::from(rest);
        if left < 0 || istanbul && left <= gas.call_stipend() as i64 {
            return Err(Halt::Fail);
        }
        self.charge(gas.sstore_static_gas(), rest)?;
        let cold = self.world.is_slot_cold(id);
        if self.rules.at_least(SpecId::BERLIN)
            && cold
            && self.gas + i64::from(rest) < gas.cold_storage_cost() as i64
        {
            return Err(Halt::Fail);
        }
        self.name_words(id);
        let present_value = self.world.touch_slot(id);
        let original_value = self.world.slot_start(id);
        let values = SStoreResult { original_value, present_value, new_value: value };
        let SStoreGas { gas, refund } = self.rules.sstore_gas(&values, cold);
        self.charge(gas, rest)?;
        self.refund += refund;
        self.world.sstore(id, value);
        Ok(())
    }

    pub(super) fn tstore(&mut self, key: U256, value: U256) -> Result<(), Halt<S::Error>> {
        self.require_writable()?;
        self.world.tstore(self.address, key, value);
        Ok(())
    }

    /// SELFDESTRUCT: the balance goes to the target; the account goes at the end of
    /// the transaction, from Cancun on only if the transaction created it
    /// ([EIP-6780](https://eips.ethereum.org/EIPS/eip-6780)).
    pub(super) fn self_destruct(&mut self, target: U256, rest: u32) -> Result<(), Halt<S::Error>> {
        let id = self.world.intern(to_address(target));
        self.world.load(id)?;
        self.require_writable()?;
        let gas = &self.rules.gas;
        self.charge(0, rest)?;
        let cold = self.world.is_cold(id);
        if cold && self.gas + i64::from(rest) < gas.selfdestruct_cold_cost() as i64 {
            return Err(Halt::Fail);
        }
        self.world.touch(id, Look::CODE | Look::EXISTENCE);
        self.world.touch(self.address, Look::BALANCE);
        let dead = self.world.is_dead(id);
        let balance = self.world.account(self.address).balance;
        let topup = dead && (!self.rules.at_least(SpecId::SPURIOUS_DRAGON) || !balance.is_zero());
        self.charge(gas.selfdestruct_cost(topup, cold), rest)?;
        let to_other = id != self.address;
        let destroy = !self.rules.at_least(SpecId::CANCUN) || self.world.is_created(self.address);
        if to_other {
            let received = self.world.account(id).balance.wrapping_add(balance);
            self.world.set_balance(id, received);
        }
        if to_other || destroy {
            self.world.set_balance(self.address, U256::ZERO);
        }
        if !destroy || self.world.mark_destroyed(self.address) {
            self.refund += gas.selfdestruct_refund();
        }
        Ok(())
    }
}
