// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// A purse for one owner. It is never used itself: minimal clones (EIP-1167)
/// forward to it and keep their own storage.
contract Wallet {
    event Received(address indexed from, uint256 value);

    error AlreadyOwned();
    error NotTheOwner(address caller);
    error CallFailed(bytes reason);

    address public owner;
    uint64 public calls;

    receive() external payable {
        emit Received(msg.sender, msg.value);
    }

    function own(address owner_) external {
        if (owner != address(0)) revert AlreadyOwned();
        owner = owner_;
    }

    function execute(address to, uint256 value, bytes calldata data) external returns (bytes memory result) {
        if (msg.sender != owner) revert NotTheOwner(msg.sender);
        ++calls;
        bool done;
        (done, result) = to.call{value: value}(data);
        if (!done) revert CallFailed(result);
    }
}
