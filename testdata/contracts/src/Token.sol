// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Fungible} from "./Fungible.sol";

/// An EIP-20 token whose owner mints. It is set up either by its constructor or,
/// behind a proxy, by `initialize`.
contract Token is Fungible {
    error AlreadyInitialized();
    error NotOwner(address caller);
    error Paused();

    string public name;
    string public symbol;
    /// One slot: owner, decimals and both flags.
    address public owner;
    uint8 public decimals;
    bool public initialized;
    bool public paused;

    constructor(string memory name_, string memory symbol_, address owner_) {
        _initialize(name_, symbol_, owner_);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    function initialize(string calldata name_, string calldata symbol_, address owner_) external {
        _initialize(name_, symbol_, owner_);
    }

    function transfer(address to, uint256 value) external override returns (bool) {
        if (paused) revert Paused();
        _move(msg.sender, to, value);
        return true;
    }

    function mint(address to, uint256 value) external onlyOwner {
        _mint(to, value);
    }

    function mintBatch(address[] calldata holders, uint256 value) external onlyOwner {
        for (uint256 i = 0; i < holders.length; ++i) {
            _mint(holders[i], value);
        }
    }

    function burn(uint256 value) external {
        _burn(msg.sender, value);
    }

    function setPaused(bool paused_) external onlyOwner {
        paused = paused_;
    }

    function _initialize(string memory name_, string memory symbol_, address owner_) private {
        if (initialized) revert AlreadyInitialized();
        (name, symbol, owner, decimals, initialized) = (name_, symbol_, owner_, 18, true);
    }
}
