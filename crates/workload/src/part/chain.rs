//! Steps of which each needs the one before: no order but the block's, and no
//! parallelism at all.

use super::Part;
use crate::{CHAIN, GenerateError, abi, draft::Draft, setting::Setting};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;

/// Steps made before the block.
const EARLIER_STEPS: u64 = 10;
/// Gas that any step finds enough.
const STEP_GAS: u64 = 200_000;

/// The list, and what it will contain when the next step is made.
#[derive(Debug)]
pub(crate) struct Chain {
    contract: Address,
    /// Digest and author of every step, oldest first.
    steps: Vec<(B256, Address)>,
}

impl Chain {
    /// A list with a few steps.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        let contract = setting.create(CHAIN, &[])?;
        let mut chain = Self { contract, steps: Vec::new() };
        for _ in 0..EARLIER_STEPS {
            let salt = setting.random.word();
            setting.manage(contract, &abi::Chain::stepCall { salt })?;
            chain.step(setting.deployer(), salt);
        }
        Ok(chain)
    }

    fn head(&self) -> (B256, Address) {
        self.steps.last().copied().unwrap_or_default()
    }

    fn step(&mut self, author: Address, salt: B256) {
        let (head, last_author) = self.head();
        self.steps.push((keccak256((head, last_author, salt).abi_encode()), author));
    }

    fn walk(&mut self, author: Address, count: usize, salt: B256) {
        let (head, _) = self.head();
        let reached = self.steps.iter().rev().nth(count).copied().unwrap_or_default();
        self.steps.push((keccak256((head, reached.0, salt).abi_encode()), author));
    }
}

impl Part for Chain {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let author = setting.address(from);
        let salt = setting.random.word();
        let draft = match setting.random.weighted(&[60, 25, 15]) {
            0 => {
                self.step(author, salt);
                Draft::call(from, self.contract, STEP_GAS, &abi::Chain::stepCall { salt })
            }
            1 => {
                let count = setting.random.between(1, 12);
                self.walk(author, count as usize, salt);
                let call = abi::Chain::walkCall { count: U256::from(count), salt };
                Draft::call(from, self.contract, STEP_GAS, &call)
            }
            _ => {
                let (told, _) = self.head();
                // The contract steps by a call to itself and so is the author.
                self.step(self.contract, salt);
                let call = abi::Chain::stepFromCall { told, salt };
                Draft::call(from, self.contract, STEP_GAS, &call)
            }
        };
        Ok(draft)
    }
}
