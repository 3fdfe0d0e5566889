// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Fungible} from "./Fungible.sol";
import {IFlashBorrower, IToken} from "./Interfaces.sol";

/// A constant-product pool of two tokens. Both reserves and the time of the last
/// change share one slot. Its own shares are a token. A swap pays first and is
/// checked afterwards, so the receiver may use the output to earn the input.
contract Pair is Fungible {
    event Minted(address indexed sender, uint256 amount0, uint256 amount1);
    event Burned(address indexed sender, uint256 amount0, uint256 amount1, address indexed to);
    event Swapped(
        address indexed sender, uint256 in0, uint256 in1, uint256 out0, uint256 out1, address indexed to
    );
    event Synced(uint112 reserve0, uint112 reserve1);

    error Reentered();
    error ReserveOverflow();
    error NothingMinted();
    error NothingBurned();
    error NothingOut();
    error OutputExceedsReserve();
    error NothingIn();
    error ProductShrank();

    uint256 private constant LOCKED_SHARES = 1000;

    address public immutable token0;
    address public immutable token1;

    uint112 private _reserve0;
    uint112 private _reserve1;
    uint32 private _updated;
    /// Time-weighted prices, for oracles.
    uint256 public priceSum0;
    uint256 public priceSum1;
    uint256 private _unlocked = 1;

    constructor(address token0_, address token1_) {
        (token0, token1) = (token0_, token1_);
    }

    modifier locked() {
        if (_unlocked != 1) revert Reentered();
        _unlocked = 2;
        _;
        _unlocked = 1;
    }

    function reserves() public view returns (uint112 reserve0, uint112 reserve1, uint32 updated) {
        return (_reserve0, _reserve1, _updated);
    }

    function mint(address to) external locked returns (uint256 shares) {
        (uint112 reserve0, uint112 reserve1,) = reserves();
        (uint256 balance0, uint256 balance1) = _balances();
        (uint256 amount0, uint256 amount1) = (balance0 - reserve0, balance1 - reserve1);
        uint256 supply = totalSupply;
        if (supply == 0) {
            shares = _root(amount0 * amount1) - LOCKED_SHARES;
            _mint(address(1), LOCKED_SHARES);
        } else {
            shares = _min(amount0 * supply / reserve0, amount1 * supply / reserve1);
        }
        if (shares == 0) revert NothingMinted();
        _mint(to, shares);
        _sync(balance0, balance1, reserve0, reserve1);
        emit Minted(msg.sender, amount0, amount1);
    }

    function burn(address to) external locked returns (uint256 amount0, uint256 amount1) {
        (uint112 reserve0, uint112 reserve1,) = reserves();
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 shares = balanceOf[address(this)];
        amount0 = shares * balance0 / totalSupply;
        amount1 = shares * balance1 / totalSupply;
        if (amount0 == 0 || amount1 == 0) revert NothingBurned();
        _burn(address(this), shares);
        IToken(token0).transfer(to, amount0);
        IToken(token1).transfer(to, amount1);
        (balance0, balance1) = _balances();
        _sync(balance0, balance1, reserve0, reserve1);
        emit Burned(msg.sender, amount0, amount1, to);
    }

    function swap(uint256 out0, uint256 out1, address to, bytes calldata data) external locked {
        if (out0 == 0 && out1 == 0) revert NothingOut();
        (uint112 reserve0, uint112 reserve1,) = reserves();
        if (out0 >= reserve0 || out1 >= reserve1) revert OutputExceedsReserve();
        if (out0 > 0) IToken(token0).transfer(to, out0);
        if (out1 > 0) IToken(token1).transfer(to, out1);
        if (data.length > 0) IFlashBorrower(to).onFlash(msg.sender, out0, out1, data);
        (uint256 in0, uint256 in1) = _settle(reserve0, reserve1, out0, out1);
        emit Swapped(msg.sender, in0, in1, out0, out1, to);
    }

    /// Checks that a swap has paid enough: 0.3 % of the input stays in the pool.
    function _settle(uint112 reserve0, uint112 reserve1, uint256 out0, uint256 out1)
        private
        returns (uint256 in0, uint256 in1)
    {
        (uint256 balance0, uint256 balance1) = _balances();
        in0 = _excess(balance0, reserve0 - out0);
        in1 = _excess(balance1, reserve1 - out1);
        if (in0 == 0 && in1 == 0) revert NothingIn();
        uint256 product = (balance0 * 1000 - in0 * 3) * (balance1 * 1000 - in1 * 3);
        if (product < uint256(reserve0) * reserve1 * 1_000_000) revert ProductShrank();
        _sync(balance0, balance1, reserve0, reserve1);
    }

    function _balances() private view returns (uint256, uint256) {
        return (IToken(token0).balanceOf(address(this)), IToken(token1).balanceOf(address(this)));
    }

    function _sync(uint256 balance0, uint256 balance1, uint112 reserve0, uint112 reserve1) private {
        if (balance0 > type(uint112).max || balance1 > type(uint112).max) revert ReserveOverflow();
        unchecked {
            uint32 elapsed = uint32(block.timestamp) - _updated;
            if (elapsed > 0 && reserve0 != 0 && reserve1 != 0) {
                priceSum0 += ((uint256(reserve1) << 112) / reserve0) * elapsed;
                priceSum1 += ((uint256(reserve0) << 112) / reserve1) * elapsed;
            }
        }
        (_reserve0, _reserve1, _updated) = (uint112(balance0), uint112(balance1), uint32(block.timestamp));
        emit Synced(uint112(balance0), uint112(balance1));
    }

    function _excess(uint256 balance, uint256 expected) private pure returns (uint256) {
        return balance > expected ? balance - expected : 0;
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /// The integer square root, by Newton's method from above.
    function _root(uint256 x) private pure returns (uint256 root) {
        root = x;
        uint256 next = x / 2 + 1;
        while (next < root) {
            root = next;
            next = (x / next + next) / 2;
        }
    }
}
