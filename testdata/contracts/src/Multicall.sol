// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Several calls in one transaction: to anyone, or to itself.
contract Multicall {
    error CallFailed(uint256 index, bytes reason);

    struct Call {
        address to;
        bool mayFail;
        uint256 value;
        bytes data;
    }

    struct Outcome {
        bool success;
        bytes data;
    }

    mapping(address user => bytes32) public notes;
    mapping(address user => uint256) public credit;

    function aggregate(Call[] calldata calls) external payable returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            Call calldata one = calls[i];
            (bool success, bytes memory data) = one.to.call{value: one.value}(one.data);
            if (!success && !one.mayFail) revert CallFailed(i, data);
            (outcomes[i].success, outcomes[i].data) = (success, data);
        }
    }

    function multicall(bytes[] calldata calls) external payable {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes memory data) = address(this).delegatecall(calls[i]);
            if (!success) revert CallFailed(i, data);
        }
    }

    function note(bytes32 text) external {
        notes[msg.sender] = text;
    }

    function load() external payable {
        credit[msg.sender] += msg.value;
    }

    function give(address to, uint256 value) external {
        credit[msg.sender] -= value;
        credit[to] += value;
    }
}
