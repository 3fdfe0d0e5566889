// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Wallet} from "./Wallet.sol";

/// Makes minimal clones (EIP-1167) of one wallet, by CREATE or by CREATE2.
contract CloneFactory {
    event Cloned(address indexed owner, address clone);

    error CloneFailed();

    address public immutable model;
    mapping(address owner => address[]) public clones;

    constructor(address model_) {
        model = model_;
    }

    function make(address owner) external returns (address clone) {
        bytes memory code = _code();
        assembly {
            clone := create(0, add(code, 32), mload(code))
        }
        _register(owner, clone);
    }

    function makeAt(address owner, bytes32 salt) external payable returns (address clone) {
        bytes memory code = _code();
        assembly {
            clone := create2(callvalue(), add(code, 32), mload(code), salt)
        }
        _register(owner, clone);
    }

    function count(address owner) external view returns (uint256) {
        return clones[owner].length;
    }

    function _register(address owner, address clone) private {
        if (clone == address(0)) revert CloneFailed();
        Wallet(payable(clone)).own(owner);
        clones[owner].push(clone);
        emit Cloned(owner, clone);
    }

    /// Ten bytes that return the rest, and the 45 bytes of EIP-1167.
    function _code() private view returns (bytes memory) {
        return abi.encodePacked(
            hex"3d602d80600a3d3981f3", hex"363d3d373d3d3d363d73", model, hex"5af43d82803e903d91602b57fd5bf3"
        );
    }
}
