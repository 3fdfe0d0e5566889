//! Validation by value: a speculative result is used if everything its
//! transaction looked at equals the authoritative state at its turn, however the
//! values came about.
//!
//! revm's journal holds the original value of every account and slot that was
//! loaded; [`Looks`](super::looks::Looks) tell for which of them the balance, the
//! nonce or the existence mattered. What did not matter may differ and is settled
//! by adding the difference that the transaction makes: plain credits, fees, the
//! sender's payment.
//!
//! What is compared, by account:
//! * code: always, since any load may be followed by running it; the sender's, which is
//!   loaded in any case, unless nobody named the sender: then any delegation is as good as
//!   none ([EIP-7702](https://eips.ethereum.org/EIPS/eip-7702));
//! * balance: exactly if looked at; if only compared with a value to pay, it must
//!   still suffice; the sender's must cover the most that the transaction may
//!   cost;
//! * nonce: exactly if an address was derived from it, for the sender, and for those who
//!   authorize;
//! * existence: if looked at, for those who authorize, before
//!   [EIP-161](https://eips.ethereum.org/EIPS/eip-161) always;
//! * slots: always; one that was claimed to be merely added to may have another value
//!   if all that was found out of it stays as it was (see
//!   [`provenance`](super::provenance)), and what was added is added to that.
//!
//! A location that neither the authoritative state nor the versions had when it
//! was read is as the base has it, and is not read again.

use super::{
    authority::BlockState,
    looks::{Look, Looks},
    provenance::Proof,
    worker::Speculation,
};
use foresee_access::Location;
use revm::{
    Database, DatabaseRef,
    context::{Cfg, Transaction, TxEnv},
    context_interface::transaction::AuthorizationTr,
    database::states::CacheAccount,
    database_interface::bal::EvmDatabaseError,
    primitives::{Address, KECCAK_EMPTY, U256, hardfork::SpecId},
    state::{Account, AccountInfo, Bytecode, EvmStorageSlot},
};

/// Bits that no sensible balance has. Below 2^192 no sum of the balances of one
/// transaction overflows, so that differences may be added in any order.
const HUGE_BALANCE_SHIFT: usize = 192;

/// Nonces from here on could reach the limit of
/// [EIP-2681](https://eips.ethereum.org/EIPS/eip-2681) within a transaction.
const HUGE_NONCE: u64 = u64::MAX >> 1;

/// Compares what a speculation looked at with the authoritative state and moves
/// its changes onto that state. Returns the first location, in order, that
/// differs; the speculation is of no use then.
///
/// # Errors
///
/// If a slot has to be read from the base and cannot.
pub(super) fn rebase<DB: DatabaseRef>(
    state: &mut BlockState<'_, DB>,
    cfg: &impl Cfg<Spec = SpecId>,
    tx: &TxEnv,
    claims: &[Location],
    speculation: &mut Speculation,
) -> Result<Option<Location>, EvmDatabaseError<DB::Error>> {
    let Speculation { changes, looks, overlay, access, proof, .. } = speculation;
    let mut rules = Rules::new(cfg, tx, looks);
    let slots = Slots { claims, proof };
    for (address, account) in changes.iter_mut() {
        rules.address = *address;
        let look = looks.at(address);
        let overlaid = overlay.accounts.get(address);
        match state.cache.accounts.get(address) {
            Some(current) => {
                rules.settle_info(look, account, current.account.as_ref().map(|it| &it.info));
                rules.compare_slots(account, current, slots);
            }
            None => {
                if let Some(base) = overlaid {
                    rules.settle_info(look, account, base.as_ref());
                } else {
                    rules.note_huge(account.original_info_mut().balance);
                }
                if account.is_touched() {
                    load(state, *address, account, overlaid);
                }
            }
        }
    }
    for &(address, slot) in &overlay.slots {
        rules.address = address;
        let account = changes.get_mut(&address);
        if let Some(told) = account.and_then(|account| account.storage.get_mut(&slot)) {
            let current = Database::storage(state, address, slot)?;
            rules.settle_slot(slots, slot, told, current);
        }
    }
    if rules.moves_code {
        // Who runs the code of an account that delegates to the sender names that account only.
        let delegates = |account: &Account| {
            let code = account.info.code.as_ref();
            code.and_then(Bytecode::eip7702_address) == Some(tx.caller)
        };
        rules.require(!changes.values().any(delegates), Location::code(tx.caller));
    }
    if rules.moves_nonce || rules.moves_code {
        // Whether a destroyed account had a nonce, or one that was paid was empty, shows
        // in the set.
        *access = None;
    }
    Ok(rules.verdict())
}

/// Puts an account into the authoritative state's cache as the base has it,
/// without reading the base again.
fn load<DB: DatabaseRef>(
    state: &mut BlockState<'_, DB>,
    address: Address,
    account: &mut Account,
    overlaid: Option<&Option<AccountInfo>>,
) {
    let base = match overlaid {
        Some(base) => base.clone(),
        None if account.is_loaded_as_not_existing() => None,
        None => Some(account.original_info_mut().clone()),
    };
    match base {
        Some(info) => state.insert_account(address, info),
        None => state.insert_not_existing(address),
    }
}

/// The slots that may differ.
#[derive(Clone, Copy)]
struct Slots<'s> {
    claims: &'s [Location],
    proof: &'s Proof,
}

/// What has to be equal for this transaction, and what was found to differ.
struct Rules<'t> {
    tx: &'t TxEnv,
    /// The account being compared.
    address: Address,
    /// Whether existence is always looked at.
    existence: bool,
    /// Those who authorize, whose nonce and existence are looked at; none before somebody
    /// asks.
    authorities: Option<Vec<Address>>,
    /// Whether the sender's code is looked at.
    sender_code: bool,
    /// Whether it is looked at that nonces are zero.
    zero_nonces: bool,
    /// Whether the sender's balance is more than compared with a sum to pay.
    sender_balance: bool,
    /// Whether a balance is so large that adding to it may overflow.
    is_huge: bool,
    /// Whether a nonce that nobody looked at differs.
    moves_nonce: bool,
    /// Whether the sender's code differs, and nobody named the sender.
    moves_code: bool,
    /// An account whose balance differs, though nobody looked at it.
    other_balance: Option<Address>,
    /// The first location that differs and was looked at.
    conflict: Option<Location>,
}

impl<'t> Rules<'t> {
    fn new(cfg: &impl Cfg<Spec = SpecId>, tx: &'t TxEnv, looks: &Looks) -> Self {
        let has_state_clearing = cfg.spec().is_enabled_in(SpecId::SPURIOUS_DRAGON);
        Self {
            tx,
            address: Address::ZERO,
            existence: !has_state_clearing,
            authorities: None,
            sender_code: looks.sender_code || tx.kind.to() == Some(&tx.caller),
            zero_nonces: looks.creates || tx.kind.is_create(),
            sender_balance: cfg.is_balance_check_disabled(),
            is_huge: false,
            moves_nonce: false,
            moves_code: false,
            other_balance: None,
            conflict: None,
        }
    }

    fn verdict(self) -> Option<Location> {
        self.conflict.or_else(|| self.other_balance.filter(|_| self.is_huge).map(Location::balance))
    }

    fn require(&mut self, equal: bool, location: Location) {
        if !equal {
            let first = self.conflict.map_or(location, |conflict| conflict.min(location));
            self.conflict = Some(first);
        }
    }

    fn note_huge(&mut self, balance: U256) {
        self.is_huge |= !(balance >> HUGE_BALANCE_SHIFT).is_zero();
    }

    /// Compares an account's fields with those of the authoritative state, which
    /// may lack the account, and moves the transaction's changes onto them.
    fn settle_info(&mut self, look: Look, account: &mut Account, current: Option<&AccountInfo>) {
        let address = self.address;
        let existed = !account.is_loaded_as_not_existing();
        let was_empty = account.original_info_mut().is_empty();
        self.settle_code(account, current);
        let appears = existed != current.is_some();
        let fills = was_empty != current.is_none_or(AccountInfo::is_empty);
        if appears || fills {
            let always = self.existence || self.is_authority();
            let matters = always || (look.existence && fills);
            self.require(!matters, Location::code(address));
        }
        let told = account.original_info_mut();
        let told_nonce = told.nonce;
        let told_balance = told.balance;
        let nonce = current.map_or(0, |info| info.nonce);
        let balance = current.map_or(U256::ZERO, |info| info.balance);
        (told.nonce, told.balance) = (nonce, balance);
        self.settle_nonce(look, account, told_nonce, nonce);
        self.settle_balance(look, account, told_balance, balance);
        if account.info.code.is_none() {
            account.info.code = current.and_then(|info| info.code.clone());
        }
    }

    /// A sender may delegate or not, as long as nobody runs or looks at its code.
    fn settle_code(&mut self, account: &mut Account, current: Option<&AccountInfo>) {
        let code_hash = current.map_or(KECCAK_EMPTY, |info| info.code_hash);
        let told = account.original_info_mut();
        if told.code_hash == code_hash {
            return;
        }
        let may_send = |info: &AccountInfo| {
            info.is_empty_code_hash() || info.code.as_ref().is_some_and(Bytecode::is_eip7702)
        };
        let may_send = may_send(told) && current.is_none_or(may_send);
        let told_hash = core::mem::replace(&mut told.code_hash, code_hash);
        let code = current.map_or_else(|| Some(Bytecode::default()), |info| info.code.clone());
        told.code.clone_from(&code);
        let changes = account.info.code_hash != told_hash;
        (account.info.code_hash, account.info.code) = (code_hash, code);
        let is_sender = self.address == self.tx.caller && !self.sender_code;
        let may_differ = is_sender && may_send && !changes && !self.is_authority();
        self.require(may_differ, Location::code(self.address));
        self.moves_code = true;
    }

    /// Whether the account authorizes something in this transaction.
    fn is_authority(&mut self) -> bool {
        let tx = self.tx;
        let authorities = self.authorities.get_or_insert_with(|| {
            tx.authorization_list().filter_map(|one| one.authority()).collect()
        });
        authorities.contains(&self.address)
    }

    fn settle_nonce(&mut self, look: Look, account: &mut Account, told: u64, current: u64) {
        if told == current {
            return;
        }
        self.moves_nonce = true;
        let is_looked_at = look.nonce || self.address == self.tx.caller || self.is_authority();
        let is_zero_looked_at = self.zero_nonces && (told == 0 || current == 0);
        let is_near_limit = told.max(current) >= HUGE_NONCE;
        let may_differ = !is_looked_at && !is_zero_looked_at && !is_near_limit;
        self.require(may_differ, Location::nonce(self.address));
        account.info.nonce = current.wrapping_add(account.info.nonce.wrapping_sub(told));
    }

    fn settle_balance(&mut self, look: Look, account: &mut Account, told: U256, current: U256) {
        self.note_huge(told);
        self.note_huge(current);
        if told == current {
            return;
        }
        let location = Location::balance(self.address);
        self.require(!look.balance, location);
        if let Some(slack) = look.slack {
            self.require(current.saturating_add(slack) >= told, location);
        }
        if self.address == self.tx.caller {
            let suffices = self.tx.ensure_enough_balance(current).is_ok();
            self.require(suffices && !self.sender_balance, location);
        }
        let after = account.info.balance;
        let settled = match after.checked_sub(told) {
            Some(credit) => current.checked_add(credit),
            None => current.checked_sub(told - after),
        };
        self.require(settled.is_some(), location);
        account.info.balance = settled.unwrap_or(after);
        let other = self.other_balance.map_or(self.address, |other| other.min(self.address));
        self.other_balance = Some(other);
    }

    /// Compares the slots of an account that the authoritative state has. A slot
    /// that it has not loaded is as in the base.
    fn compare_slots(&mut self, account: &mut Account, current: &CacheAccount, slots: Slots<'_>) {
        // The storage of a new contract is empty without looking.
        if account.storage.is_empty() || account.is_created() {
            return;
        }
        let storage = current.account.as_ref().map(|account| &account.storage);
        let is_known = storage.is_none() || current.status.is_storage_known();
        for (slot, told) in &mut account.storage {
            let value = match storage.and_then(|storage| storage.get(slot)) {
                Some(value) => *value,
                None if is_known => U256::ZERO,
                None => continue,
            };
            self.settle_slot(slots, *slot, told, value);
        }
    }

    /// Compares a slot with its value, and moves what was added to it onto that.
    fn settle_slot(
        &mut self,
        Slots { claims, proof }: Slots<'_>,
        slot: U256,
        told: &mut EvmStorageSlot,
        value: U256,
    ) {
        let seen = told.original_value;
        if seen == value {
            return;
        }
        let location = Location::slot(self.address, slot);
        match proof.shift(claims, &location, seen, value) {
            Some(shift) => {
                told.original_value = value;
                told.present_value = told.present_value.wrapping_add(shift);
            }
            None => self.require(false, location),
        }
    }
}
