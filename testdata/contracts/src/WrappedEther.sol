// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Fungible} from "./Fungible.sol";

/// Ether as an EIP-20 token: what is deposited can be withdrawn.
contract WrappedEther is Fungible {
    error SendFailed(address to, uint256 value);

    string public constant name = "Wrapped Ether";
    string public constant symbol = "WETH";
    uint8 public constant decimals = 18;

    receive() external payable {
        _mint(msg.sender, msg.value);
    }

    function deposit() external payable {
        _mint(msg.sender, msg.value);
    }

    function withdraw(uint256 value) external {
        _burn(msg.sender, value);
        (bool sent,) = msg.sender.call{value: value}("");
        if (!sent) revert SendFailed(msg.sender, value);
    }
}
