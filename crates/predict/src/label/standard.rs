//! Slots that standards define.

use alloy_primitives::{U256, keccak256, map::HashMap, uint};
use std::sync::LazyLock;

/// Fixed slots of proxies and wallets.
const FIXED: [(U256, &str); 8] = [
    (
        uint!(0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc_U256),
        "EIP-1967 implementation",
    ),
    (
        uint!(0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103_U256),
        "EIP-1967 admin",
    ),
    (
        uint!(0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50_U256),
        "EIP-1967 beacon",
    ),
    (
        uint!(0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7_U256),
        "EIP-1822 implementation",
    ),
    // What EIP-1967 grew out of.
    (
        uint!(0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3_U256),
        "ZeppelinOS implementation",
    ),
    (
        uint!(0x10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b_U256),
        "ZeppelinOS admin",
    ),
    (uint!(0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8_U256), "Safe guard"),
    (
        uint!(0x6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5_U256),
        "Safe fallback handler",
    ),
];

/// Where the storage of a diamond ([EIP-2535](https://eips.ethereum.org/EIPS/eip-2535))
/// begins, and how many slots of it count as members.
const DIAMOND: U256 =
    uint!(0xc8fcad8db84d3cc18b4c41d551ea0ee66dd599cde068d998e57d5e09332c131c_U256);
const DIAMOND_MEMBERS: U256 = uint!(16_U256);

/// Identifiers of namespaces of a library that many use. A namespace cannot be told from
/// its hash; others stay hashes.
const NAMESPACES: [&str; 16] = [
    "openzeppelin.storage.AccessControl",
    "openzeppelin.storage.AccessControlEnumerable",
    "openzeppelin.storage.EIP712",
    "openzeppelin.storage.ERC1155",
    "openzeppelin.storage.ERC20",
    "openzeppelin.storage.ERC4626",
    "openzeppelin.storage.ERC721",
    "openzeppelin.storage.ERC721Enumerable",
    "openzeppelin.storage.ERC721URIStorage",
    "openzeppelin.storage.Governor",
    "openzeppelin.storage.Initializable",
    "openzeppelin.storage.Nonces",
    "openzeppelin.storage.Ownable",
    "openzeppelin.storage.Ownable2Step",
    "openzeppelin.storage.Pausable",
    "openzeppelin.storage.ReentrancyGuard",
];

/// The low byte of a namespace is zero, for its members.
const MEMBERS: U256 = uint!(0xff_U256);

/// Where a namespace begins ([ERC-7201](https://eips.ethereum.org/EIPS/eip-7201)).
fn namespace(id: &str) -> U256 {
    let inner = U256::from_be_bytes(keccak256(id).0).wrapping_sub(U256::ONE);
    U256::from_be_bytes(keccak256(inner.to_be_bytes::<32>()).0) & !MEMBERS
}

static BY_NAMESPACE: LazyLock<HashMap<U256, &str>> =
    LazyLock::new(|| NAMESPACES.iter().map(|id| (namespace(id), *id)).collect());

/// What a slot is by a standard.
pub(super) fn standard(slot: U256) -> Option<String> {
    if let Some((_, name)) = FIXED.iter().find(|(fixed, _)| *fixed == slot) {
        return Some((*name).to_owned());
    }
    let (name, member) = match slot.wrapping_sub(DIAMOND) {
        member if member < DIAMOND_MEMBERS => ("EIP-2535 diamond storage".to_owned(), member),
        _ => (format!("ERC-7201 {}", BY_NAMESPACE.get(&(slot & !MEMBERS))?), slot & MEMBERS),
    };
    Some(if member.is_zero() { name } else { format!("{name} + {member}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_proxies_are_the_hashes_that_define_them() {
        let defined = |name: &str| U256::from_be_bytes(keccak256(name).0);
        let definitions = [
            defined("eip1967.proxy.implementation") - U256::ONE,
            defined("eip1967.proxy.admin") - U256::ONE,
            defined("eip1967.proxy.beacon") - U256::ONE,
            defined("PROXIABLE"),
            defined("org.zeppelinos.proxy.implementation"),
            defined("org.zeppelinos.proxy.admin"),
            defined("guard_manager.guard.address"),
            defined("fallback_manager.handler.address"),
        ];
        assert_eq!(FIXED.map(|(slot, _)| slot), definitions);
        assert_eq!(DIAMOND, defined("diamond.standard.diamond.storage"));
        assert_eq!(standard(DIAMOND).unwrap(), "EIP-2535 diamond storage");
        assert_eq!(standard(DIAMOND + U256::from(2)).unwrap(), "EIP-2535 diamond storage + 2");
        assert_eq!(standard(DIAMOND - U256::ONE), None);
    }

    #[test]
    fn members_of_namespaces_are_counted() {
        // The example of the standard.
        let example =
            uint!(0x183a6125c38840424c4a85fa12bab2ab606c4b6d0e7cc73c0c06ba5300eab500_U256);
        assert_eq!(namespace("example.main"), example);
        let erc20 = namespace("openzeppelin.storage.ERC20");
        assert_eq!(standard(erc20).unwrap(), "ERC-7201 openzeppelin.storage.ERC20");
        assert_eq!(standard(erc20 + U256::ONE).unwrap(), "ERC-7201 openzeppelin.storage.ERC20 + 1");
        assert_eq!(standard(U256::MAX), None);
    }
}
