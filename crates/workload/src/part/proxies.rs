//! Tokens behind proxies (EIP-1967, with and without a beacon), and wallets that
//! are minimal clones (EIP-1167). Now and then an implementation is replaced, so
//! that code which runs later in the block depends on storage written in it.

use super::{Part, tokens};
use crate::{
    BEACON, BEACON_PROXY, CLONE_FACTORY, GenerateError, PROXY, TOKEN, TOKEN_IR, WALLET,
    abi::{Beacon, BeaconProxy, CloneFactory, Proxy, Token, Wallet},
    draft::Draft,
    people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolConstructor};
use std::collections::{BTreeMap, BTreeSet};

/// Tokens behind proxies of each kind.
const PROXIES: usize = 2;
/// What a holder, and a wallet, owns at first.
const HOLDING: u64 = 10_u64.pow(18);
/// The most one transfer moves.
const TRANSFER_MAX: u64 = 10_u64.pow(12);
/// Gas that any single call finds enough.
const PROXY_GAS: u64 = 300_000;

/// Proxies, clones and those who may replace what they forward to.
#[derive(Debug)]
pub(crate) struct Proxies {
    tokens: Vec<Address>,
    beacon: Address,
    factory: Address,
    /// Administrator of the proxies and owner of the beacon.
    administrator: Person,
    implementations: [Address; 2],
    holders: BTreeSet<(Address, Person)>,
    wallets: BTreeMap<Person, Address>,
}

impl Proxies {
    /// Two implementations, and proxies in front of the first.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        let nobody = || Token::constructorCall {
            name: String::new(),
            symbol: String::new(),
            owner: Address::ZERO,
        };
        let first = setting.create(TOKEN, &nobody().abi_encode())?;
        let second = setting.create(TOKEN_IR, &nobody().abi_encode())?;
        let administrator = setting.stranger()?;
        let creator = setting.address(administrator);
        let arguments = Beacon::constructorCall { implementation: first };
        let beacon = setting.world.create(creator, BEACON, &arguments.abi_encode())?;
        let mut tokens = Vec::new();
        for index in 0..PROXIES {
            let setup = initialize(setting, index);
            let arguments = Proxy::constructorCall { implementation: first, setup };
            tokens.push(setting.world.create(creator, PROXY, &arguments.abi_encode())?);
            let setup = initialize(setting, PROXIES + index);
            let arguments = BeaconProxy::constructorCall { beacon, setup };
            tokens.push(setting.world.create(creator, BEACON_PROXY, &arguments.abi_encode())?);
        }
        let model = setting.create(WALLET, &[])?;
        let arguments = CloneFactory::constructorCall { model };
        let factory = setting.create(CLONE_FACTORY, &arguments.abi_encode())?;
        let implementations = [first, second];
        let (holders, wallets) = (BTreeSet::new(), BTreeMap::new());
        Ok(Self { tokens, beacon, factory, administrator, implementations, holders, wallets })
    }

    /// A transfer within a token, by its owner.
    fn transfer(&mut self, setting: &mut Setting, token: Address) -> Result<Draft, GenerateError> {
        let owner = setting.someone()?;
        if self.holders.insert((token, owner)) {
            tokens::give(setting, token, setting.address(owner), HOLDING)?;
        }
        let to = setting.recipient();
        let value = U256::from(setting.random.between(1, TRANSFER_MAX));
        Ok(Draft::call(owner, token, PROXY_GAS, &Token::transferCall { to, value }))
    }

    /// A payment, in ether or in a token, by someone's wallet.
    fn by_wallet(&mut self, setting: &mut Setting, token: Address) -> Result<Draft, GenerateError> {
        let owner = setting.someone()?;
        let wallet = self.wallet(setting, owner)?;
        let recipient = setting.recipient();
        let amount = U256::from(setting.random.between(1, TRANSFER_MAX));
        let call = if setting.random.chance(50) {
            Wallet::executeCall { to: recipient, value: amount, data: Default::default() }
        } else {
            // Every wallet owns some of the first token only: others refuse.
            let transfer = Token::transferCall { to: recipient, value: amount };
            Wallet::executeCall { to: token, value: U256::ZERO, data: transfer.abi_encode().into() }
        };
        Ok(Draft::call(owner, wallet, PROXY_GAS, &call))
    }

    /// Someone's wallet, made before the block.
    fn wallet(&mut self, setting: &mut Setting, owner: Person) -> Result<Address, GenerateError> {
        if let Some(&wallet) = self.wallets.get(&owner) {
            return Ok(wallet);
        }
        let call = CloneFactory::makeCall { owner: setting.address(owner) };
        let returned = setting.manage(self.factory, &call)?;
        let wallet = CloneFactory::makeCall::abi_decode_returns(&returned).map_err(|error| {
            GenerateError::Setup { to: Some(self.factory), reason: error.to_string() }
        })?;
        setting.world.fund(wallet, U256::from(HOLDING));
        tokens::give(setting, self.tokens[0], wallet, HOLDING)?;
        let _ = self.wallets.insert(owner, wallet);
        Ok(wallet)
    }

    /// Replaces an implementation, if the sender may.
    fn upgrade(&mut self, setting: &mut Setting, token: Address) -> Result<Draft, GenerateError> {
        let from =
            if setting.random.chance(75) { self.administrator } else { setting.someone()? };
        let implementation = self.implementations[setting.random.index(2)];
        Ok(if setting.random.chance(50) {
            Draft::call(from, self.beacon, PROXY_GAS, &Beacon::upgradeToCall { implementation })
        } else {
            Draft::call(from, token, PROXY_GAS, &Proxy::upgradeToCall { implementation })
        })
    }

    /// Makes a clone at an address that follows from a counter or from a salt.
    fn clone_wallet(&self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let owner = setting.address(from);
        if setting.random.chance(50) {
            return Ok(Draft::call(
                from,
                self.factory,
                PROXY_GAS,
                &CloneFactory::makeCall { owner },
            ));
        }
        let salt = setting.random.word();
        let call = CloneFactory::makeAtCall { owner, salt };
        let wei = setting.random.below(1000);
        Ok(Draft::call(from, self.factory, PROXY_GAS, &call).with_value(wei))
    }
}

impl Part for Proxies {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let token = self.tokens[setting.random.index(self.tokens.len())];
        match setting.random.weighted(&[60, 22, 14, 4]) {
            0 => self.transfer(setting, token),
            1 => self.by_wallet(setting, token),
            2 => self.clone_wallet(setting),
            _ => self.upgrade(setting, token),
        }
    }
}

fn initialize(setting: &Setting, index: usize) -> alloy_primitives::Bytes {
    let call = Token::initializeCall {
        name: format!("A token with quite a long name behind proxy {index}"),
        symbol: format!("P{index}"),
        owner: setting.deployer(),
    };
    call.abi_encode().into()
}
