// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// A linked list of digests. Every step reads what the step before it wrote and
/// writes under a key that follows from it, so no two steps can be reordered.
contract Chain {
    event Stepped(uint256 indexed length, bytes32 head);

    error ToldWrongHead(bytes32 told, bytes32 head);

    bytes32 public head;
    uint256 public length;
    mapping(bytes32 digest => bytes32) public previous;
    mapping(bytes32 digest => address) public author;

    function step(bytes32 salt) external {
        bytes32 old = head;
        bytes32 next = keccak256(abi.encode(old, author[old], salt));
        previous[next] = old;
        author[next] = msg.sender;
        head = next;
        emit Stepped(++length, next);
    }

    /// Walks back from the head, as far as the list goes, and steps.
    function walk(uint256 count, bytes32 salt) external {
        bytes32 digest = head;
        for (uint256 i = 0; i < count && digest != 0; ++i) {
            digest = previous[digest];
        }
        bytes32 next = keccak256(abi.encode(head, digest, salt));
        previous[next] = head;
        author[next] = msg.sender;
        head = next;
        emit Stepped(++length, next);
    }

    /// Steps only if the head is the one the caller has seen.
    function stepFrom(bytes32 told, bytes32 salt) external {
        if (told != head) revert ToldWrongHead(told, head);
        this.step(salt);
    }
}
