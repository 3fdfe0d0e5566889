//! Swaps along paths of constant-product pools, liquidity and flash swaps.

use super::{Part, tokens};
use crate::{
    Contract, FLASH_BORROWER, GenerateError, PAIR_FACTORY, ROUTER, ROUTER_IR, WRAPPED_ETHER,
    abi::{FlashBorrower, Pair, PairFactory, Router, Token, WrappedEther},
    draft::Draft,
    people::Person,
    random::Zipf,
    setting::{NEVER, Setting},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolConstructor};
use std::collections::BTreeSet;

/// A few pools: between wrapped ether (position 0) and every token, and between some tokens.
const FEW: [(usize, usize); 8] = [(0, 1), (0, 2), (1, 2), (0, 3), (2, 3), (0, 4), (0, 5), (4, 5)];
/// What each side of a pool holds at first.
const RESERVE: u64 = 10_u64.pow(19);
/// What a trader owns of each token, and of shares, at first.
const HOLDING: u64 = 10_u64.pow(18);
/// The most a swap puts in.
const SWAP_MAX: u64 = 10_u64.pow(14);
/// Hops of the longest path.
const HOPS_MAX: u64 = 3;
/// Gas that any single call finds enough.
const AMM_GAS: u64 = 700_000;

/// Pools of pairs of tokens.
#[derive(Debug)]
pub(crate) struct Amm {
    router: Address,
    borrower: Address,
    /// Wrapped ether first.
    tokens: Vec<Address>,
    /// Which tokens each pool is between.
    pairs: Vec<(usize, usize)>,
    pools: Vec<Address>,
    popularity: Popularity,
    ready: BTreeSet<(Address, Person)>,
}

/// Which pools are used.
#[derive(Clone, Copy, Debug)]
enum Popularity {
    /// The first most.
    Uneven,
    /// All alike.
    Even,
}

impl Popularity {
    /// One of so many pools.
    fn draw(self, setting: &mut Setting, pools: usize) -> usize {
        match self {
            Self::Uneven => Zipf::new(pools).draw(&mut setting.random),
            Self::Even => setting.random.index(pools),
        }
    }
}

impl Amm {
    /// A few pools with liquidity, the first of them used most, and a router.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting) -> Result<Self, GenerateError> {
        Self::with(setting, ROUTER, FEW.to_vec(), Popularity::Uneven)
    }

    /// So many pools, each between wrapped ether and a token of its own, all used alike.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn wide(setting: &mut Setting, pools: usize) -> Result<Self, GenerateError> {
        let pairs = (1..=pools).map(|token| (0, token)).collect();
        Self::with(setting, ROUTER, pairs, Popularity::Even)
    }

    /// A few pools with a router compiled through the IR.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn through_ir(setting: &mut Setting) -> Result<Self, GenerateError> {
        Self::with(setting, ROUTER_IR, FEW.to_vec(), Popularity::Uneven)
    }

    fn with(
        setting: &mut Setting,
        router: Contract,
        pairs: Vec<(usize, usize)>,
        popularity: Popularity,
    ) -> Result<Self, GenerateError> {
        let wrapped = setting.create(WRAPPED_ETHER, &[])?;
        let factory = setting.create(PAIR_FACTORY, &[])?;
        let arguments = Router::constructorCall { factory, wrapped };
        let router = setting.create(router, &arguments.abi_encode())?;
        let borrower = setting.create(FLASH_BORROWER, &[])?;
        let mut all = vec![wrapped];
        let count = pairs.iter().map(|(_, token)| *token).max().unwrap_or(0);
        for index in 0..count {
            let token = tokens::create_token(setting, index)?;
            tokens::give(setting, token, borrower, HOLDING)?;
            all.push(token);
        }
        let (pools, ready) = (Vec::new(), BTreeSet::new());
        let mut amm = Self { router, borrower, tokens: all, pairs, pools, popularity, ready };
        amm.fill(setting, factory)?;
        Ok(amm)
    }

    /// Creates the pools and gives them their first liquidity.
    fn fill(&mut self, setting: &mut Setting, factory: Address) -> Result<(), GenerateError> {
        let provider = setting.stranger()?;
        let to = setting.address(provider);
        let amount = U256::from(RESERVE);
        for position in 0..self.pairs.len() {
            let (a, b) = self.pair(position);
            let returned = setting.manage(factory, &PairFactory::createCall { a, b })?;
            let pool = PairFactory::createCall::abi_decode_returns(&returned)
                .map_err(|error| setup_error(factory, &error))?;
            for token in [a, b] {
                self.provide(setting, provider, token, RESERVE)?;
            }
            let deadline = U256::from(NEVER);
            let call =
                Router::addLiquidityCall { a, b, amountA: amount, amountB: amount, to, deadline };
            setting.prepare(provider, self.router, U256::ZERO, &call)?;
            self.pools.push(pool);
        }
        // Shares for the borrower to pay fees with are never needed: it owns tokens.
        Ok(())
    }

    /// The tokens of a pool.
    fn pair(&self, pool: usize) -> (Address, Address) {
        let (a, b) = self.pairs[pool];
        (self.tokens[a], self.tokens[b])
    }

    /// Gives someone a token and lets the router spend it, before the block.
    fn provide(
        &self,
        setting: &mut Setting,
        person: Person,
        token: Address,
        amount: u64,
    ) -> Result<(), GenerateError> {
        if token == self.tokens[0] {
            let call = WrappedEther::depositCall {};
            setting.prepare(person, token, U256::from(amount), &call)?;
        } else {
            tokens::give(setting, token, setting.address(person), amount)?;
        }
        let approve = Token::approveCall { spender: self.router, value: U256::MAX };
        setting.prepare(person, token, U256::ZERO, &approve)
    }

    fn ensure(
        &mut self,
        setting: &mut Setting,
        person: Person,
        token: Address,
    ) -> Result<(), GenerateError> {
        if self.ready.insert((token, person)) {
            self.provide(setting, person, token, HOLDING)?;
        }
        Ok(())
    }

    /// A walk over pools without using one twice.
    fn path(&self, setting: &mut Setting, start: Option<usize>) -> Vec<usize> {
        let hops = setting.random.between(1, HOPS_MAX);
        let mut used = BTreeSet::new();
        let mut path = Vec::from_iter(start);
        for _ in 0..hops {
            let open: Vec<_> = (0..self.pairs.len())
                .filter(|pool| !used.contains(pool))
                .filter(|&pool| match path.last() {
                    Some(&at) => self.pairs[pool].0 == at || self.pairs[pool].1 == at,
                    None => true,
                })
                .collect();
            if open.is_empty() {
                break;
            }
            let pool = open[self.popularity.draw(setting, open.len())];
            let _ = used.insert(pool);
            let (a, b) = self.pairs[pool];
            match path.last() {
                Some(&at) => path.push(if at == a { b } else { a }),
                None if setting.random.chance(50) => path.extend([a, b]),
                None => path.extend([b, a]),
            }
        }
        path
    }

    fn swap(&mut self, setting: &mut Setting, kind: usize) -> Result<Draft, GenerateError> {
        let trader = setting.someone()?;
        let start = (kind != 0).then_some(0);
        let mut positions = self.path(setting, start);
        if kind == 2 {
            positions.reverse();
        }
        let path: Vec<_> = positions.iter().map(|&position| self.tokens[position]).collect();
        let wei = setting.random.between(SWAP_MAX / 1000, SWAP_MAX);
        let (amount, to, deadline) = (U256::from(wei), setting.address(trader), U256::from(NEVER));
        // Most are content with half; a few want more than there is.
        let greedy = setting.random.chance(3);
        let min = if greedy { amount * U256::from(2) } else { amount / U256::from(4) };
        if kind != 1 {
            self.ensure(setting, trader, path[0])?;
        }
        Ok(match kind {
            0 => {
                let call = Router::swapExactInCall { amount, outMin: min, path, to, deadline };
                Draft::call(trader, self.router, AMM_GAS, &call)
            }
            1 => {
                let call = Router::swapEtherCall { outMin: min, path, to, deadline };
                Draft::call(trader, self.router, AMM_GAS, &call).with_value(wei)
            }
            _ => {
                let call = Router::swapToEtherCall { amount, outMin: min, path, to, deadline };
                Draft::call(trader, self.router, AMM_GAS, &call)
            }
        })
    }

    fn swap_exact_out(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let trader = setting.someone()?;
        let positions = self.path(setting, None);
        let path: Vec<_> = positions.iter().map(|&position| self.tokens[position]).collect();
        self.ensure(setting, trader, path[0])?;
        let out = U256::from(setting.random.between(1000, SWAP_MAX / 4));
        let (to, deadline) = (setting.address(trader), U256::from(NEVER));
        let call =
            Router::swapExactOutCall { out, amountMax: U256::from(HOLDING), path, to, deadline };
        Ok(Draft::call(trader, self.router, AMM_GAS, &call))
    }

    fn liquidity(&mut self, setting: &mut Setting, pool: usize) -> Result<Draft, GenerateError> {
        let provider = setting.someone()?;
        let (a, b) = self.pair(pool);
        let (to, deadline) = (setting.address(provider), U256::from(NEVER));
        for token in [a, b] {
            self.ensure(setting, provider, token)?;
        }
        let amount = U256::from(setting.random.between(SWAP_MAX / 10, SWAP_MAX));
        let call =
            Router::addLiquidityCall { a, b, amountA: amount, amountB: amount, to, deadline };
        if !self.ready.insert((self.pools[pool], provider)) && setting.random.chance(50) {
            let shares = amount / U256::from(10);
            let call = Router::removeLiquidityCall { a, b, shares, to, deadline };
            return Ok(Draft::call(provider, self.router, AMM_GAS, &call));
        }
        // The first time, shares are bought before the block too, so that they
        // can be sold within it.
        let approve = Token::approveCall { spender: self.router, value: U256::MAX };
        setting.prepare(provider, self.pools[pool], U256::ZERO, &approve)?;
        setting.prepare(provider, self.router, U256::ZERO, &call)?;
        Ok(Draft::call(provider, self.router, AMM_GAS, &call))
    }

    fn flash(&mut self, setting: &mut Setting, pool: usize) -> Result<Draft, GenerateError> {
        let from = setting.someone()?;
        let (a, b) = self.pairs[pool];
        // Position 0 is wrapped ether, of which the borrower has none to pay with.
        let (token, other) = if a == 0 { (b, a) } else { (a, b) };
        let (token, other) = (self.tokens[token], self.tokens[other]);
        let amount = U256::from(setting.random.between(1000, SWAP_MAX));
        let call = FlashBorrower::borrowCall {
            pool: self.pools[pool],
            token,
            first: token < other,
            amount,
        };
        Ok(Draft::call(from, self.borrower, AMM_GAS, &call))
    }
}

impl Part for Amm {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let pool = self.popularity.draw(setting, self.pools.len());
        match setting.random.weighted(&[52, 12, 10, 9, 10, 4, 3]) {
            kind @ 0..=2 => self.swap(setting, kind),
            3 => self.swap_exact_out(setting),
            4 => self.liquidity(setting, pool),
            5 => self.flash(setting, pool),
            // Someone takes and does not pay.
            _ => {
                let from = setting.someone()?;
                let (to, out) = (setting.address(from), U256::from(SWAP_MAX));
                let data = Default::default();
                let call = Pair::swapCall { out0: out, out1: U256::ZERO, to, data };
                Ok(Draft::call(from, self.pools[pool], AMM_GAS, &call))
            }
        }
    }
}

fn setup_error(to: Address, error: &alloy_sol_types::Error) -> GenerateError {
    GenerateError::Setup { to: Some(to), reason: error.to_string() }
}
