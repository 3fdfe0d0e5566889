// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Every shape that storage can take: short and long strings, dynamic, nested
/// and fixed arrays, packed structs, nested mappings, a set, and a bitmap.
contract Registry {
    event Registered(string name, address indexed owner);

    error Taken(string name);
    error NotTheOwner(address caller);
    error AlreadyMember(address who);
    error NotMember(address who);

    enum Level {
        None,
        Member,
        Officer
    }

    /// One slot of five fields, then a string.
    struct Profile {
        address owner;
        uint40 since;
        uint24 posts;
        Level level;
        bool active;
        string about;
    }

    struct Vote {
        uint128 weight;
        uint64 time;
        bool yes;
    }

    string public title;
    uint16[20] public scores;
    mapping(string name => Profile) public profiles;
    mapping(address owner => string[]) public names;
    mapping(uint256 motion => mapping(address voter => mapping(uint8 round => Vote))) public votes;
    mapping(uint256 motion => uint256[2]) public tally;
    uint8[] public ratings;
    uint256[][] public matrix;
    bytes public journal;
    address[] private _members;
    mapping(address member => uint256) private _position;
    mapping(uint256 word => uint256) private _claimed;
    mapping(bytes32 role => mapping(address who => bool)) public roles;

    constructor(string memory title_) {
        title = title_;
    }

    function register(string calldata name, string calldata about) external {
        Profile storage profile = profiles[name];
        if (profile.owner != address(0)) revert Taken(name);
        profile.owner = msg.sender;
        profile.since = uint40(block.timestamp);
        profile.level = Level.Member;
        profile.active = true;
        profile.about = about;
        names[msg.sender].push(name);
        emit Registered(name, msg.sender);
    }

    function describe(string calldata name, string calldata about) external {
        Profile storage profile = profiles[name];
        if (profile.owner != msg.sender) revert NotTheOwner(msg.sender);
        profile.about = about;
        ++profile.posts;
    }

    function vote(uint256 motion, uint8 round, bool yes, uint128 weight) external {
        Vote storage mine = votes[motion][msg.sender][round];
        uint256[2] storage count = tally[motion];
        if (mine.time != 0) count[mine.yes ? 1 : 0] -= mine.weight;
        (mine.weight, mine.time, mine.yes) = (weight, uint64(block.timestamp), yes);
        count[yes ? 1 : 0] += weight;
    }

    function score(uint256 place, uint16 value) external {
        scores[place] = value;
    }

    function rate(uint8 stars) external {
        ratings.push(stars);
    }

    function unrate() external {
        ratings.pop();
    }

    function row(uint256[] calldata values) external {
        matrix.push(values);
    }

    function addTo(uint256 place, uint256 value) external {
        matrix[place].push(value);
    }

    function write(bytes calldata entry) external {
        journal = bytes.concat(journal, entry);
    }

    function rewrite(bytes calldata entry) external {
        journal = entry;
    }

    function join() external {
        if (_position[msg.sender] != 0) revert AlreadyMember(msg.sender);
        _members.push(msg.sender);
        _position[msg.sender] = _members.length;
    }

    /// Moves the last member into the gap.
    function resign() external {
        uint256 position = _position[msg.sender];
        if (position == 0) revert NotMember(msg.sender);
        address last = _members[_members.length - 1];
        _members[position - 1] = last;
        _position[last] = position;
        delete _position[msg.sender];
        _members.pop();
    }

    function claim(uint256 index) external returns (bool first) {
        uint256 bit = 1 << (index & 0xff);
        first = _claimed[index >> 8] & bit == 0;
        if (first) _claimed[index >> 8] |= bit;
    }

    function grant(bytes32 role, address who) external {
        roles[role][who] = true;
    }

    function memberCount() external view returns (uint256) {
        return _members.length;
    }
}
