// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What the contracts here expect of each other.
interface IToken {
    function balanceOf(address owner) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

interface IWrappedEther is IToken {
    function deposit() external payable;
    function withdraw(uint256 value) external;
}

interface IPair {
    function reserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 updated);
    function mint(address to) external returns (uint256 liquidity);
    function burn(address to) external returns (uint256 amount0, uint256 amount1);
    function swap(uint256 out0, uint256 out1, address to, bytes calldata data) external;
}

interface IPairFactory {
    function pairOf(address a, address b) external view returns (address);
    function create(address a, address b) external returns (address);
}

interface IFlashBorrower {
    function onFlash(address initiator, uint256 amount0, uint256 amount1, bytes calldata data) external;
}

interface ICollectible {
    function ownerOf(uint256 id) external view returns (address);
    function transferFrom(address from, address to, uint256 id) external;
    function royaltyInfo(uint256 id, uint256 price) external view returns (address receiver, uint256 amount);
}
