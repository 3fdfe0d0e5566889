// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Asks the EVM whatever can be asked: block, account, gas and precompiles. What
/// it learns decides where it writes.
contract Probe {
    error Refused(uint256 code);

    mapping(bytes32 answer => uint256) public seen;
    uint256[8] public counters;

    /// A draw that no caller can foresee without the block.
    function draw(uint256 sides) external returns (uint256 side) {
        side = uint256(keccak256(abi.encode(blockhash(block.number - 1), block.prevrandao, msg.sender))) % sides;
        ++counters[side % 8];
    }

    function look(address who) external {
        bytes32 answer = keccak256(abi.encode(who.balance, who.code.length, who.codehash));
        ++seen[answer];
    }

    function hash(bytes calldata data) external {
        ++seen[sha256(data)];
        ++seen[ripemd160(data)];
    }

    function power(uint256 base, uint256 exponent, uint256 modulus) external {
        (bool done, bytes memory result) =
            address(5).staticcall(abi.encode(uint256(32), uint256(32), uint256(32), base, exponent, modulus));
        require(done);
        ++seen[bytes32(result)];
    }

    /// Counts until the gas that is left falls below a bound.
    function spend(uint256 left) external {
        uint256 turns;
        while (gasleft() > left) ++turns;
        counters[turns % 8] = turns;
    }

    /// Fails in the way it is told to.
    function fail(uint256 code) external {
        ++counters[code % 8];
        if (code == 0) revert();
        if (code == 1) revert Refused(code);
        if (code == 2) revert("a reason long enough for more than one word of memory");
        if (code == 3) assert(false);
        if (code == 4) counters[0] = counters[0] / (code - 4);
        if (code == 5) while (true) ++counters[1];
        assembly {
            invalid()
        }
    }
}

/// Created to be destroyed: in the transaction that makes it, or later, when it
/// only sends its ether away (EIP-6780).
contract Fuse {
    constructor(bool now_, address payable heir) payable {
        if (now_) burn(heir);
    }

    function burn(address payable heir) public {
        selfdestruct(heir);
    }
}
