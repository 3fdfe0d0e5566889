// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IToken} from "./Interfaces.sol";

/// Hands out tokens: to a list at once, or to whoever proves a place in a
/// Merkle tree, once each.
contract Airdrop {
    event Claimed(uint256 indexed index, address indexed account, uint256 amount);

    error LengthsDiffer(uint256 accounts, uint256 amounts);
    error AlreadyClaimed(uint256 index);
    error WrongProof();

    IToken public immutable token;
    bytes32 public immutable root;
    mapping(uint256 word => uint256) private _claimed;

    constructor(IToken token_, bytes32 root_) {
        (token, root) = (token_, root_);
    }

    function drop(address[] calldata accounts, uint256[] calldata amounts) external {
        if (accounts.length != amounts.length) revert LengthsDiffer(accounts.length, amounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            token.transferFrom(msg.sender, accounts[i], amounts[i]);
        }
    }

    function claim(uint256 index, address account, uint256 amount, bytes32[] calldata proof) external {
        uint256 bit = 1 << (index & 0xff);
        if (_claimed[index >> 8] & bit != 0) revert AlreadyClaimed(index);
        bytes32 node = keccak256(abi.encode(index, account, amount));
        for (uint256 i = 0; i < proof.length; ++i) {
            node = node < proof[i] ? _join(node, proof[i]) : _join(proof[i], node);
        }
        if (node != root) revert WrongProof();
        _claimed[index >> 8] |= bit;
        token.transfer(account, amount);
        emit Claimed(index, account, amount);
    }

    function _join(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(left, right));
    }
}
