//! The names of functions that many contracts have, to be shown beside a transaction.
//! Nothing is predicted from them: whoever names another function so is shown so.

use crate::text::short_address;
use alloy_primitives::{Address, keccak256, map::HashMap};
use revm::context::TxEnv;
use std::sync::LazyLock;

/// Signatures of the functions of common standards (ERC-20, -165, -173, -721, -1155,
/// -2612, -4337, -4626, WETH) and of the most common routers, wallets and batches.
const SIGNATURES: [&str; 58] = [
    "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)",
    "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
    "aggregate((address,bytes)[])",
    "aggregate3((address,bool,bytes)[])",
    "approve(address,uint256)",
    "balanceOf(address)",
    "burn(uint256)",
    "claim()",
    "claim(uint256,address,uint256,bytes32[])",
    "decreaseAllowance(address,uint256)",
    "deposit()",
    "deposit(uint256)",
    "deposit(uint256,address)",
    "exactInput((bytes,address,uint256,uint256,uint256))",
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
    "exactOutput((bytes,address,uint256,uint256,uint256))",
    "exactOutputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
    "execute(address,uint256,bytes)",
    "execute(bytes,bytes[])",
    "execute(bytes,bytes[],uint256)",
    "executeBatch((address,uint256,bytes)[])",
    "handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)",
    "handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)",
    "increaseAllowance(address,uint256)",
    "mint(address,uint256)",
    "mint(uint256)",
    "mint(uint256,address)",
    "multicall(bytes[])",
    "multicall(uint256,bytes[])",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    "redeem(uint256,address,address)",
    "removeLiquidity(address,address,uint256,uint256,uint256,address,uint256)",
    "removeLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
    "safeTransferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256,bytes)",
    "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "setApprovalForAll(address,bool)",
    "stake(uint256)",
    "swap(uint256,uint256,address,bytes)",
    "swapETHForExactTokens(uint256,address[],address,uint256)",
    "swapExactETHForTokens(uint256,address[],address,uint256)",
    "swapExactETHForTokensSupportingFeeOnTransferTokens(uint256,address[],address,uint256)",
    "swapExactTokensForETH(uint256,uint256,address[],address,uint256)",
    "swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
    "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
    "swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
    "swapTokensForExactETH(uint256,uint256,address[],address,uint256)",
    "swapTokensForExactTokens(uint256,uint256,address[],address,uint256)",
    "transfer(address,uint256)",
    "transferFrom(address,address,uint256)",
    "transferOwnership(address)",
    "upgradeTo(address)",
    "upgradeToAndCall(address,bytes)",
    "withdraw()",
    "withdraw(uint256)",
    "withdraw(uint256,address,address)",
];

static BY_SELECTOR: LazyLock<HashMap<[u8; 4], &str>> = LazyLock::new(|| {
    let selector = |signature: &str| -> [u8; 4] {
        keccak256(signature).0.first_chunk().copied().unwrap_or_default()
    };
    SIGNATURES.iter().map(|signature| (selector(signature), *signature)).collect()
});

/// The signature of the function that a transaction calls, if it is a common one.
pub(crate) fn called(tx: &TxEnv) -> Option<&'static str> {
    if tx.kind.is_call() { signature(&tx.data) } else { None }
}

fn signature(calldata: &[u8]) -> Option<&'static str> {
    BY_SELECTOR.get(calldata.first_chunk::<4>()?).copied()
}

/// The name in a signature.
pub(crate) fn name(signature: &str) -> &str {
    signature.split_once('(').map_or(signature, |(name, _)| name)
}

/// Whom a transaction calls, in short, and which function.
pub(crate) fn recipient(to: Option<Address>, function: Option<&str>) -> String {
    let to = to.map_or("(creation)".to_owned(), short_address);
    match function {
        Some(function) => format!("{to} {function}"),
        None => to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn common_functions_are_known_by_their_selectors() {
        assert_eq!(BY_SELECTOR.len(), SIGNATURES.len(), "no two have the same selector");
        assert!(SIGNATURES.is_sorted());
        for (selector, known) in [
            (hex!("a9059cbb"), "transfer(address,uint256)"),
            (hex!("23b872dd"), "transferFrom(address,address,uint256)"),
            (hex!("095ea7b3"), "approve(address,uint256)"),
            (hex!("d0e30db0"), "deposit()"),
            (hex!("022c0d9f"), "swap(uint256,uint256,address,bytes)"),
            (hex!("ac9650d8"), "multicall(bytes[])"),
            (hex!("3593564c"), "execute(bytes,bytes[],uint256)"),
            (
                hex!("6a761202"),
                "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
            ),
        ] {
            assert_eq!(signature(&[&selector[..], &[0; 32]].concat()), Some(known));
        }
        assert_eq!(signature(&[1, 2, 3, 4]), None);
        assert_eq!(signature(&hex!("a9059c")), None);
        assert_eq!(name("transfer(address,uint256)"), "transfer");
    }
}
