//! Collectibles (EIP-721): minted, listed, bought and sold on, with a royalty.

use super::Part;
use crate::{
    COLLECTIBLE, Contract, GenerateError, MARKETPLACE, MARKETPLACE_IR,
    abi::{Collectible, Marketplace},
    draft::Draft,
    people::Person,
    random::Zipf,
    setting::{NEVER, Setting},
};
use alloy_primitives::{Address, U256, Uint};
use alloy_sol_types::SolConstructor;
use std::collections::BTreeSet;

/// Price of a new collectible, in wei.
const MINT_WEI: u64 = 10_u64.pow(15);
/// The most a collectible is listed for, in wei.
const LISTED_MAX_WEI: u64 = 10_u64.pow(17);
/// Collections, each with its market's share of the trade.
const COLLECTIONS: usize = 3;
/// Gas that any single call finds enough.
const NFT_GAS: u64 = 400_000;

/// A market and its collections, the first of them used most.
#[derive(Debug)]
pub(crate) struct Nft {
    market: Address,
    collections: Vec<Collection>,
    popularity: Zipf,
    approvals: BTreeSet<(Address, Person)>,
}

/// A collection as it will be when the next transaction executes. Items are
/// numbered in the order of minting, so an item's position is its identifier.
#[derive(Debug)]
struct Collection {
    address: Address,
    items: Vec<Item>,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    owner: Person,
    listed_wei: Option<u64>,
}

impl Nft {
    /// Collections of `stock` items altogether, half of them listed.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn new(setting: &mut Setting, stock: usize) -> Result<Self, GenerateError> {
        Self::at(setting, MARKETPLACE, stock)
    }

    /// The same at a market compiled through the IR.
    ///
    /// # Errors
    /// If the set-up fails.
    pub(crate) fn through_ir(setting: &mut Setting, stock: usize) -> Result<Self, GenerateError> {
        Self::at(setting, MARKETPLACE_IR, stock)
    }

    fn at(setting: &mut Setting, market: Contract, stock: usize) -> Result<Self, GenerateError> {
        let market = setting.create(market, &[])?;
        let collections = (0..COLLECTIONS as u16)
            .map(|index| create_collection(setting, index))
            .collect::<Result<_, _>>()?;
        let popularity = Zipf::new(COLLECTIONS);
        let mut nft = Self { market, collections, popularity, approvals: BTreeSet::new() };
        for position in 0..stock {
            nft.stock(setting, position % 2 == 0)?;
        }
        Ok(nft)
    }

    /// Mints, and perhaps lists, an item before the block.
    fn stock(&mut self, setting: &mut Setting, listed: bool) -> Result<(), GenerateError> {
        let index = self.popularity.draw(&mut setting.random);
        let owner = setting.someone()?;
        let (address, id) = (self.collections[index].address, self.collections[index].items.len());
        let mint = Collectible::mintCall { count: U256::ONE };
        setting.prepare(owner, address, U256::from(MINT_WEI), &mint)?;
        let wei = setting.random.between(1, LISTED_MAX_WEI);
        if listed {
            self.approve(setting, address, owner)?;
            setting.prepare(owner, self.market, U256::ZERO, &list_call(address, id, wei))?;
        }
        let listed_wei = listed.then_some(wei);
        self.collections[index].items.push(Item { owner, listed_wei });
        Ok(())
    }

    /// Lets the market move someone's items, before the block.
    fn approve(
        &mut self,
        setting: &mut Setting,
        collection: Address,
        owner: Person,
    ) -> Result<(), GenerateError> {
        if self.approvals.insert((collection, owner)) {
            let operator = self.market;
            let call = Collectible::setApprovalForAllCall { operator, approved: true };
            setting.prepare(owner, collection, U256::ZERO, &call)?;
        }
        Ok(())
    }

    fn mint(&mut self, setting: &mut Setting, index: usize) -> Result<Draft, GenerateError> {
        let owner = setting.someone()?;
        let count = setting.random.between(1, 3);
        let collection = &mut self.collections[index];
        for _ in 0..count {
            collection.items.push(Item { owner, listed_wei: None });
        }
        let call = Collectible::mintCall { count: U256::from(count) };
        Ok(Draft::call(owner, collection.address, NFT_GAS, &call).with_value(MINT_WEI * count))
    }

    fn buy(
        &mut self,
        setting: &mut Setting,
        index: usize,
        id: usize,
        wei: u64,
    ) -> Result<Draft, GenerateError> {
        let buyer = setting.someone()?;
        let collection = &mut self.collections[index];
        collection.items[id] = Item { owner: buyer, listed_wei: None };
        let call = Marketplace::buyCall { collection: collection.address, id: U256::from(id) };
        Ok(Draft::call(buyer, self.market, NFT_GAS, &call).with_value(wei))
    }
}

impl Part for Nft {
    fn draft(&mut self, setting: &mut Setting) -> Result<Draft, GenerateError> {
        let index = self.popularity.draw(&mut setting.random);
        let address = self.collections[index].address;
        let kind = setting.random.weighted(&[38, 27, 22, 5, 3, 2, 3]);
        if self.collections[index].items.is_empty() || kind == 0 {
            return self.mint(setting, index);
        }
        let id = setting.random.index(self.collections[index].items.len());
        let Item { owner, listed_wei } = self.collections[index].items[id];
        let item = &mut self.collections[index].items[id];
        match (kind, listed_wei) {
            // What is for sale is bought, what is not is listed.
            (1..=2, Some(wei)) => self.buy(setting, index, id, wei),
            (1..=2, None) => {
                let wei = setting.random.between(1, LISTED_MAX_WEI);
                item.listed_wei = Some(wei);
                self.approve(setting, address, owner)?;
                Ok(Draft::call(owner, self.market, NFT_GAS, &list_call(address, id, wei)))
            }
            (3, None) => {
                let to = setting.someone()?;
                item.owner = to;
                let (from, to) = (setting.address(owner), setting.address(to));
                let call = Collectible::transferFromCall { from, to, id: U256::from(id) };
                Ok(Draft::call(owner, address, NFT_GAS, &call))
            }
            (4, Some(_)) => {
                item.listed_wei = None;
                let call = Marketplace::cancelCall { collection: address, id: U256::from(id) };
                Ok(Draft::call(owner, self.market, NFT_GAS, &call))
            }
            (5, _) => {
                let from = setting.someone()?;
                Ok(Draft::call(from, address, NFT_GAS, &Collectible::collectCall {}))
            }
            // Someone is too late: the item is not for sale at this price.
            (6, _) => {
                let late = setting.someone()?;
                let call = Marketplace::buyCall { collection: address, id: U256::from(id) };
                Ok(Draft::call(late, self.market, NFT_GAS, &call).with_value(LISTED_MAX_WEI + 1))
            }
            _ => self.mint(setting, index),
        }
    }
}

fn create_collection(setting: &mut Setting, index: u16) -> Result<Collection, GenerateError> {
    let arguments = Collectible::constructorCall {
        name: format!("Collection {index}"),
        symbol: format!("C{index}"),
        base: format!("https://example.org/collections/{index}/items/"),
        limit: Uint::from(10_000_000),
        royalty: 250 * (index + 1),
        price: U256::from(MINT_WEI),
    };
    let address = setting.create(COLLECTIBLE, &arguments.abi_encode())?;
    Ok(Collection { address, items: Vec::new() })
}

fn list_call(collection: Address, id: usize, wei: u64) -> Marketplace::listCall {
    Marketplace::listCall { collection, id: U256::from(id), price: u128::from(wei), until: NEVER }
}
