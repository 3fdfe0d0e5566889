//! New contracts: created outright or by a factory, used later in the block that
//! creates them, destroyed in the transaction that creates them or later.

use super::Part;
use crate::{
    CLONE_FACTORY, FUSE, GenerateError, TOKEN, WALLET,
    abi::{CloneFactory, Fuse, Token, Wallet},
    draft::Draft,
    people::Person,
    setting::Setting,
};
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_sol_types::SolConstructor;

/// Gas that creating a token costs at most.
const TOKEN_GAS: u64 = 3_000_000;
/// Gas that anything else finds enough.
const CREATION_GAS: u64 = 300_000;
/// The most ether that moves at once, in wei.
const AMOUNT_MAX_WEI: u64 = 10_u64.pow(12);
/// What the factory runs to create a clone: ten bytes that return the rest, and
/// the code of EIP-1167 around its model's address.
const CLONE_CODE: (&[u8], &[u8]) =
    (&hex!("3d602d80600a3d3981f3363d3d373d3d3d363d73"), &hex!("5af43d82803e903d91602b57fd5bf3"));

/// A factory of wallets, the wallets that it will have made when the next
/// transaction executes, and a contract that is destroyed again and again.
#[derive(Debug)]
pub(crate) struct Creations {
    factory: Address,
    code_hash: B256,
    fuse: Address,
    wallets: Vec<(Person, Address, B256)>,
}

impl Creations {
    /// A factory, and a contract to destroy.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        let model = setting.create(WALLET, &[])?;
        let arguments = CloneFactory::constructorCall { model };
        let factory = setting.create(CLONE_FACTORY, &arguments.abi_encode())?;
        let code_hash = keccak256([CLONE_CODE.0, model.as_slice(), CLONE_CODE.1].concat());
        let arguments = Fuse::constructorCall { now: false, heir: Address::ZERO };
        let fuse = setting.create(FUSE, &arguments.abi_encode())?;
        Ok(Self { factory, code_hash, fuse, wallets: Vec::new() })
    }

    fn token(setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let arguments = Token::constructorCall {
            name: setting.random.text(3, 50),
            symbol: setting.random.text(3, 5),
            owner: setting.address(from),
        };
        let code = [&TOKEN.creation()?, arguments.abi_encode().as_slice()].concat();
        Ok(Draft::create(from, TOKEN_GAS, code))
    }

    /// A contract that destroys itself while it is created, or stays.
    fn fuse(setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let (now, heir) = (setting.random.chance(60), setting.recipient());
        let arguments = Fuse::constructorCall { now, heir }.abi_encode();
        let code = [&FUSE.creation()?, arguments.as_slice()].concat();
        let wei = setting.random.below(AMOUNT_MAX_WEI);
        Ok(Draft::create(from, CREATION_GAS, code).with_value(wei))
    }

    /// A contract that no constructor is written for: code that fails, that
    /// begins with the forbidden byte (EIP-3541), or that is empty.
    fn odd(setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let code: &[u8] = match setting.random.below(3) {
            0 => &hex!("60006000fd"),
            1 => &hex!("60ef60005360016000f3"),
            _ => &[],
        };
        Ok(Draft::create(from, CREATION_GAS, code.to_vec()))
    }

    fn clone_at(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let salt = setting.random.word();
        let wallet = self.factory.create2(salt, self.code_hash);
        self.wallets.push((from, wallet, salt));
        let call = CloneFactory::makeAtCall { owner: setting.address(from), salt };
        let wei = setting.random.below(AMOUNT_MAX_WEI);
        Ok(Draft::call(from, self.factory, CREATION_GAS, &call).with_value(wei))
    }

    /// Uses a wallet that was made earlier in the block.
    fn use_clone(&self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let (owner, wallet, salt) = self.wallets[setting.random.index(self.wallets.len())];
        let to = setting.recipient();
        let wei = setting.random.below(AMOUNT_MAX_WEI);
        Ok(match setting.random.below(4) {
            0 => {
                let payment = Draft::payment(setting.someone()?, wallet, wei);
                Draft { gas_limit: CREATION_GAS, ..payment }
            }
            // The address is taken.
            1 => {
                let call = CloneFactory::makeAtCall { owner: setting.address(owner), salt };
                Draft::call(owner, self.factory, CREATION_GAS, &call)
            }
            _ => {
                let call = Wallet::executeCall { to, value: U256::ONE, data: Bytes::new() };
                Draft::call(owner, wallet, CREATION_GAS, &call)
            }
        })
    }
}

impl Part for Creations {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        match setting.random.weighted(&[15, 15, 5, 30, 27, 8]) {
            0 => Self::token(setting),
            1 => Self::fuse(setting),
            2 => Self::odd(setting),
            4 if !self.wallets.is_empty() => self.use_clone(setting),
            5 => {
                let (from, heir) = (setting.someone()?, setting.recipient());
                let call = Fuse::burnCall { heir };
                Ok(Draft::call(from, self.fuse, CREATION_GAS, &call))
            }
            _ => self.clone_at(setting),
        }
    }
}
