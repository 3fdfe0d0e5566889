// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Pair} from "./Pair.sol";

/// Creates one pair for any two tokens, at an address that follows from them.
contract PairFactory {
    event Created(address indexed token0, address indexed token1, address pair, uint256 count);

    error SameToken();
    error Exists(address pair);

    mapping(address a => mapping(address b => address)) public pairOf;
    address[] public pairs;

    function create(address a, address b) external returns (address pair) {
        if (a == b) revert SameToken();
        if (pairOf[a][b] != address(0)) revert Exists(pairOf[a][b]);
        (address token0, address token1) = a < b ? (a, b) : (b, a);
        pair = address(new Pair{salt: keccak256(abi.encodePacked(token0, token1))}(token0, token1));
        pairOf[a][b] = pair;
        pairOf[b][a] = pair;
        pairs.push(pair);
        emit Created(token0, token1, pair, pairs.length);
    }
}
