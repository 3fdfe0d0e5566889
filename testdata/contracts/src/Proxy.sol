// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Forwards every call to an implementation named in the slots of EIP-1967. Only
/// the administrator can replace it.
contract Proxy {
    event Upgraded(address indexed implementation);

    error NotTheAdministrator(address caller);

    bytes32 private constant IMPLEMENTATION = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant ADMINISTRATOR = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);

    constructor(address implementation, bytes memory setup) payable {
        _store(ADMINISTRATOR, msg.sender);
        _store(IMPLEMENTATION, implementation);
        (bool done,) = implementation.delegatecall(setup);
        require(done);
    }

    function upgradeTo(address implementation) external {
        if (msg.sender != _load(ADMINISTRATOR)) revert NotTheAdministrator(msg.sender);
        _store(IMPLEMENTATION, implementation);
        emit Upgraded(implementation);
    }

    receive() external payable {
        _forward();
    }

    fallback() external payable {
        _forward();
    }

    function _forward() private {
        address implementation = _load(IMPLEMENTATION);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), implementation, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }

    function _load(bytes32 slot) private view returns (address value) {
        assembly {
            value := sload(slot)
        }
    }

    function _store(bytes32 slot, address value) private {
        assembly {
            sstore(slot, value)
        }
    }
}
