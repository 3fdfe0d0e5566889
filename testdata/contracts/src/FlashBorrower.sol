// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IFlashBorrower, IPair, IToken} from "./Interfaces.sol";

/// Takes an amount out of a pool and pays it back, with the fee, in the same swap.
contract FlashBorrower is IFlashBorrower {
    error NotThePool();

    uint256 public loans;

    function borrow(IPair pool, address token, bool first, uint256 amount) external {
        bytes memory data = abi.encode(pool, token);
        if (first) pool.swap(amount, 0, address(this), data);
        else pool.swap(0, amount, address(this), data);
    }

    function onFlash(address, uint256 amount0, uint256 amount1, bytes calldata data) external {
        (address pool, address token) = abi.decode(data, (address, address));
        if (msg.sender != pool) revert NotThePool();
        uint256 amount = amount0 + amount1;
        ++loans;
        IToken(token).transfer(pool, amount + amount * 4 / 1000 + 1);
    }
}
