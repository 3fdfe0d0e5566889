// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Code for an account that delegates to it (EIP-7702): the account itself may
/// batch calls, anyone may pay it, and a session key may spend up to a limit.
contract Account {
    event Executed(address indexed caller, uint256 calls);

    error NotSelf(address caller);
    error NotTheSession(address caller);
    error OverLimit(uint256 value, uint256 left);
    error CallFailed(uint256 index);

    struct Call {
        address to;
        uint256 value;
        bytes data;
    }

    /// @custom:storage-location erc7201:foresee.account
    struct Storage {
        address session;
        uint96 left;
        uint256 batches;
    }

    /// keccak256(abi.encode(uint256(keccak256("foresee.account")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = keccak256(
        abi.encode(uint256(keccak256("foresee.account")) - 1)
    ) & ~bytes32(uint256(0xff));

    receive() external payable {}

    function execute(Call[] calldata calls) external payable {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        ++_storage().batches;
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done,) = calls[i].to.call{value: calls[i].value}(calls[i].data);
            if (!done) revert CallFailed(i);
        }
        emit Executed(msg.sender, calls.length);
    }

    function open(address session, uint96 limit) external {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        Storage storage s = _storage();
        (s.session, s.left) = (session, limit);
    }

    function spend(address to, uint96 value) external {
        Storage storage s = _storage();
        if (msg.sender != s.session) revert NotTheSession(msg.sender);
        if (value > s.left) revert OverLimit(value, s.left);
        s.left -= value;
        (bool done,) = to.call{value: value}("");
        if (!done) revert CallFailed(0);
    }

    function _storage() private pure returns (Storage storage s) {
        bytes32 slot = STORAGE;
        assembly {
            s.slot := slot
        }
    }
}
