// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPair, IPairFactory, IToken, IWrappedEther} from "./Interfaces.sol";

/// Swaps along a path of tokens and adds or removes liquidity, on behalf of a
/// caller who has approved it.
contract Router {
    error Expired(uint256 deadline);
    error PathTooShort();
    error PathNotEther();
    error UnknownPair(address a, address b);
    error TooLittleOut(uint256 out, uint256 wanted);
    error TooMuchIn(uint256 needed, uint256 offered);
    error SendFailed();

    IPairFactory public immutable factory;
    IWrappedEther public immutable ether_;

    constructor(IPairFactory factory_, IWrappedEther wrapped) {
        (factory, ether_) = (factory_, wrapped);
    }

    modifier before(uint256 deadline) {
        if (block.timestamp > deadline) revert Expired(deadline);
        _;
    }

    receive() external payable {}

    function swapExactIn(uint256 amount, uint256 outMin, address[] calldata path, address to, uint256 deadline)
        external
        before(deadline)
        returns (uint256[] memory amounts)
    {
        amounts = quote(amount, path);
        _checkOut(amounts, outMin);
        IToken(path[0]).transferFrom(msg.sender, _pair(path[0], path[1]), amount);
        _swap(amounts, path, to);
    }

    function swapExactOut(uint256 out, uint256 amountMax, address[] calldata path, address to, uint256 deadline)
        external
        before(deadline)
        returns (uint256[] memory amounts)
    {
        amounts = quoteBack(out, path);
        if (amounts[0] > amountMax) revert TooMuchIn(amounts[0], amountMax);
        IToken(path[0]).transferFrom(msg.sender, _pair(path[0], path[1]), amounts[0]);
        _swap(amounts, path, to);
    }

    function swapEther(uint256 outMin, address[] calldata path, address to, uint256 deadline)
        external
        payable
        before(deadline)
        returns (uint256[] memory amounts)
    {
        if (path[0] != address(ether_)) revert PathNotEther();
        amounts = quote(msg.value, path);
        _checkOut(amounts, outMin);
        ether_.deposit{value: msg.value}();
        ether_.transfer(_pair(path[0], path[1]), msg.value);
        _swap(amounts, path, to);
    }

    function swapToEther(uint256 amount, uint256 outMin, address[] calldata path, address to, uint256 deadline)
        external
        before(deadline)
        returns (uint256[] memory amounts)
    {
        if (path[path.length - 1] != address(ether_)) revert PathNotEther();
        amounts = quote(amount, path);
        _checkOut(amounts, outMin);
        IToken(path[0]).transferFrom(msg.sender, _pair(path[0], path[1]), amount);
        _swap(amounts, path, address(this));
        uint256 out = amounts[amounts.length - 1];
        ether_.withdraw(out);
        (bool sent,) = to.call{value: out}("");
        if (!sent) revert SendFailed();
    }

    function addLiquidity(address a, address b, uint256 amountA, uint256 amountB, address to, uint256 deadline)
        external
        before(deadline)
        returns (uint256 shares)
    {
        address pair = factory.pairOf(a, b);
        if (pair == address(0)) {
            pair = factory.create(a, b);
        } else {
            (uint256 reserveA, uint256 reserveB) = _reserves(pair, a, b);
            // An empty pair takes any ratio.
            if (reserveA != 0 && reserveB != 0) {
                uint256 matching = amountA * reserveB / reserveA;
                if (matching <= amountB) amountB = matching;
                else amountA = amountB * reserveA / reserveB;
            }
        }
        IToken(a).transferFrom(msg.sender, pair, amountA);
        IToken(b).transferFrom(msg.sender, pair, amountB);
        shares = IPair(pair).mint(to);
    }

    function removeLiquidity(address a, address b, uint256 shares, address to, uint256 deadline)
        external
        before(deadline)
        returns (uint256 amount0, uint256 amount1)
    {
        address pair = _pair(a, b);
        IToken(pair).transferFrom(msg.sender, pair, shares);
        return IPair(pair).burn(to);
    }

    function quote(uint256 amount, address[] calldata path) public view returns (uint256[] memory amounts) {
        if (path.length < 2) revert PathTooShort();
        amounts = new uint256[](path.length);
        amounts[0] = amount;
        for (uint256 i = 0; i + 1 < path.length; ++i) {
            (uint256 reserveIn, uint256 reserveOut) =
                _reserves(_pair(path[i], path[i + 1]), path[i], path[i + 1]);
            uint256 charged = amounts[i] * 997;
            amounts[i + 1] = charged * reserveOut / (reserveIn * 1000 + charged);
        }
    }

    function quoteBack(uint256 out, address[] calldata path) public view returns (uint256[] memory amounts) {
        if (path.length < 2) revert PathTooShort();
        amounts = new uint256[](path.length);
        amounts[path.length - 1] = out;
        for (uint256 i = path.length - 1; i > 0; --i) {
            (uint256 reserveIn, uint256 reserveOut) =
                _reserves(_pair(path[i - 1], path[i]), path[i - 1], path[i]);
            amounts[i - 1] = reserveIn * amounts[i] * 1000 / ((reserveOut - amounts[i]) * 997) + 1;
        }
    }

    /// Each hop pays straight into the next pair.
    function _swap(uint256[] memory amounts, address[] calldata path, address to) private {
        for (uint256 i = 0; i + 1 < path.length; ++i) {
            (address from, address into) = (path[i], path[i + 1]);
            uint256 out = amounts[i + 1];
            (uint256 out0, uint256 out1) = from < into ? (uint256(0), out) : (out, uint256(0));
            address receiver = i + 2 < path.length ? _pair(into, path[i + 2]) : to;
            IPair(_pair(from, into)).swap(out0, out1, receiver, "");
        }
    }

    function _checkOut(uint256[] memory amounts, uint256 outMin) private pure {
        uint256 out = amounts[amounts.length - 1];
        if (out < outMin) revert TooLittleOut(out, outMin);
    }

    function _pair(address a, address b) private view returns (address pair) {
        pair = factory.pairOf(a, b);
        if (pair == address(0)) revert UnknownPair(a, b);
    }

    function _reserves(address pair, address a, address b) private view returns (uint256, uint256) {
        (uint112 reserve0, uint112 reserve1,) = IPair(pair).reserves();
        return a < b ? (reserve0, reserve1) : (reserve1, reserve0);
    }
}
