//! The functions of our contracts that scenarios call.

use alloy_sol_types::sol;

sol! {
    contract Token {
        constructor(string name, string symbol, address owner);
        function initialize(string name, string symbol, address owner) external;
        function transfer(address to, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);
        function approve(address spender, uint256 value) external returns (bool);
        function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function mint(address to, uint256 value) external;
        function mintBatch(address[] holders, uint256 value) external;
        function burn(uint256 value) external;
        function balanceOf(address owner) external view returns (uint256);
    }

    /// What a permit's owner signs (EIP-2612).
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }

    contract WrappedEther {
        function deposit() external payable;
        function withdraw(uint256 value) external;
    }

    contract Pair {
        function swap(uint256 out0, uint256 out1, address to, bytes data) external;
    }

    contract PairFactory {
        function create(address a, address b) external returns (address pair);
    }

    contract Router {
        constructor(address factory, address wrapped);
        function swapExactIn(uint256 amount, uint256 outMin, address[] path, address to, uint256 deadline) external;
        function swapExactOut(uint256 out, uint256 amountMax, address[] path, address to, uint256 deadline) external;
        function swapEther(uint256 outMin, address[] path, address to, uint256 deadline) external payable;
        function swapToEther(uint256 amount, uint256 outMin, address[] path, address to, uint256 deadline) external;
        function addLiquidity(address a, address b, uint256 amountA, uint256 amountB, address to, uint256 deadline) external;
        function removeLiquidity(address a, address b, uint256 shares, address to, uint256 deadline) external;
    }

    contract FlashBorrower {
        function borrow(address pool, address token, bool first, uint256 amount) external;
    }

    contract Collectible {
        constructor(string name, string symbol, string base, uint48 limit, uint16 royalty, uint256 price);
        function mint(uint256 count) external payable returns (uint256 first);
        function approve(address approved, uint256 id) external;
        function setApprovalForAll(address operator, bool approved) external;
        function transferFrom(address from, address to, uint256 id) external;
        function collect() external;
    }

    contract Marketplace {
        function list(address collection, uint256 id, uint128 price, uint64 until) external;
        function cancel(address collection, uint256 id) external;
        function buy(address collection, uint256 id) external payable;
    }

    contract Chain {
        function step(bytes32 salt) external;
        function walk(uint256 count, bytes32 salt) external;
        function stepFrom(bytes32 told, bytes32 salt) external;
    }

    contract Proxy {
        constructor(address implementation, bytes setup) payable;
        function upgradeTo(address implementation) external;
    }

    contract Beacon {
        constructor(address implementation);
        function upgradeTo(address implementation) external;
    }

    contract BeaconProxy {
        constructor(address beacon, bytes setup);
    }

    contract Wallet {
        function own(address owner) external;
        function execute(address to, uint256 value, bytes data) external returns (bytes result);
    }

    contract CloneFactory {
        constructor(address model);
        function make(address owner) external returns (address clone);
        function makeAt(address owner, bytes32 salt) external payable returns (address clone);
    }

    contract Multicall {
        struct Call {
            address to;
            bool mayFail;
            uint256 value;
            bytes data;
        }

        function aggregate(Call[] calls) external payable;
        function multicall(bytes[] calls) external payable;
        function note(bytes32 text) external;
        function load() external payable;
        function give(address to, uint256 value) external;
    }

    contract Account {
        struct Call {
            address to;
            uint256 value;
            bytes data;
        }

        function execute(Call[] calls) external payable;
        function open(address session, uint96 limit) external;
        function spend(address to, uint96 value) external;
    }

    contract Registry {
        constructor(string title);
        function register(string name, string about) external;
        function describe(string name, string about) external;
        function vote(uint256 motion, uint8 round, bool yes, uint128 weight) external;
        function score(uint256 place, uint16 value) external;
        function rate(uint8 stars) external;
        function unrate() external;
        function row(uint256[] values) external;
        function addTo(uint256 place, uint256 value) external;
        function write(bytes entry) external;
        function rewrite(bytes entry) external;
        function join() external;
        function resign() external;
        function claim(uint256 index) external returns (bool first);
        function grant(bytes32 role, address who) external;
    }

    contract Bank {
        function deposit() external payable;
        function withdraw(uint256 value) external;
    }

    contract BankBorrower {
        function borrow(address bank, uint256 value, uint8 trick) external;
    }

    contract Airdrop {
        constructor(address token, bytes32 root);
        function drop(address[] accounts, uint256[] amounts) external;
        function claim(uint256 index, address account, uint256 amount, bytes32[] proof) external;
    }

    contract Staking {
        constructor(address token, uint256 rate);
        function stake(uint128 amount) external;
        function unstake(uint128 amount) external;
        function harvest() external returns (uint256 earned);
    }

    contract Probe {
        function draw(uint256 sides) external returns (uint256 side);
        function look(address who) external;
        function hash(bytes data) external;
        function power(uint256 base, uint256 exponent, uint256 modulus) external;
        function spend(uint256 left) external;
        function fail(uint256 code) external;
    }

    contract Fuse {
        constructor(bool now, address heir) payable;
        function burn(address heir) external;
    }
}
