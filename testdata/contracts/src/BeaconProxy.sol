// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Names the implementation for many proxies at once.
contract Beacon {
    error NotTheOwner(address caller);

    address public implementation;
    address public immutable owner = msg.sender;

    constructor(address implementation_) {
        implementation = implementation_;
    }

    function upgradeTo(address implementation_) external {
        if (msg.sender != owner) revert NotTheOwner(msg.sender);
        implementation = implementation_;
    }
}

/// Asks a beacon, named in its EIP-1967 slot, whom to forward each call to.
contract BeaconProxy {
    bytes32 private constant BEACON = bytes32(uint256(keccak256("eip1967.proxy.beacon")) - 1);

    constructor(Beacon beacon, bytes memory setup) {
        bytes32 slot = BEACON;
        assembly {
            sstore(slot, beacon)
        }
        (bool done,) = beacon.implementation().delegatecall(setup);
        require(done);
    }

    fallback() external payable {
        bytes32 slot = BEACON;
        Beacon beacon;
        assembly {
            beacon := sload(slot)
        }
        address implementation = beacon.implementation();
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), implementation, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}
