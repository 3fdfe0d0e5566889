// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IToken} from "./Interfaces.sol";

/// Rewards stakes by the second, with one running sum for all, and remembers the
/// history of each stake in an array searched by bisection.
contract Staking {
    error NothingStaked();
    error NotEnough(uint256 staked, uint256 wanted);

    struct Stake {
        uint128 amount;
        uint128 paid;
        uint256 earned;
    }

    struct Checkpoint {
        uint48 time;
        uint208 amount;
    }

    uint256 private constant SCALE = 1e18;

    IToken public immutable token;
    uint256 public immutable rate;
    uint128 public total;
    uint128 public perToken;
    uint64 public updated;
    mapping(address who => Stake) public stakes;
    mapping(address who => Checkpoint[]) public history;

    constructor(IToken token_, uint256 rate_) {
        (token, rate, updated) = (token_, rate_, uint64(block.timestamp));
    }

    function stake(uint128 amount) external {
        Stake storage mine = _settle(msg.sender);
        mine.amount += amount;
        total += amount;
        _remember(mine.amount);
        token.transferFrom(msg.sender, address(this), amount);
    }

    function unstake(uint128 amount) external {
        Stake storage mine = _settle(msg.sender);
        if (mine.amount < amount) revert NotEnough(mine.amount, amount);
        mine.amount -= amount;
        total -= amount;
        _remember(mine.amount);
        token.transfer(msg.sender, amount);
    }

    function harvest() external returns (uint256 earned) {
        Stake storage mine = _settle(msg.sender);
        earned = mine.earned;
        if (earned == 0) revert NothingStaked();
        mine.earned = 0;
        token.transfer(msg.sender, earned);
    }

    function stakedAt(address who, uint48 time) external view returns (uint256) {
        Checkpoint[] storage points = history[who];
        (uint256 low, uint256 high) = (0, points.length);
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (points[middle].time > time) high = middle;
            else low = middle + 1;
        }
        return low == 0 ? 0 : points[low - 1].amount;
    }

    function _settle(address who) private returns (Stake storage mine) {
        if (total != 0) perToken += uint128((block.timestamp - updated) * rate * SCALE / total);
        updated = uint64(block.timestamp);
        mine = stakes[who];
        mine.earned += uint256(mine.amount) * (perToken - mine.paid) / SCALE;
        mine.paid = perToken;
    }

    function _remember(uint128 amount) private {
        Checkpoint[] storage points = history[msg.sender];
        uint256 length = points.length;
        if (length > 0 && points[length - 1].time == block.timestamp) points[length - 1].amount = amount;
        else points.push(Checkpoint(uint48(block.timestamp), amount));
    }
}
