// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Holds ether for depositors and lends all of it for the length of one call. Its
/// lock is transient (EIP-1153): gone at the end of the transaction.
contract Bank {
    event Moved(address indexed who, int256 value);

    error Reentered();
    error NotEnough(uint256 balance, uint256 wanted);
    error NotRepaid(uint256 balance, uint256 owed);
    error SendFailed(address to);

    bool private transient _busy;
    uint256 private transient _lent;
    mapping(address depositor => uint256) public balances;
    uint256 public total;

    modifier alone() {
        if (_busy) revert Reentered();
        _busy = true;
        _;
        _busy = false;
    }

    receive() external payable {
        _deposit();
    }

    function deposit() external payable {
        _deposit();
    }

    function withdraw(uint256 value) external alone {
        uint256 balance = balances[msg.sender];
        if (balance < value) revert NotEnough(balance, value);
        unchecked {
            balances[msg.sender] = balance - value;
        }
        total -= value;
        _send(msg.sender, value);
        emit Moved(msg.sender, -int256(value));
    }

    function flash(address borrower, uint256 value, bytes calldata data) external alone {
        uint256 before = address(this).balance;
        _lent = value;
        (bool done,) = borrower.call{value: value}(data);
        if (!done) revert SendFailed(borrower);
        uint256 owed = before + _lent / 1000;
        if (address(this).balance < owed) revert NotRepaid(address(this).balance, owed);
    }

    function _deposit() private {
        if (_busy && _lent != 0) return;
        balances[msg.sender] += msg.value;
        total += msg.value;
        emit Moved(msg.sender, int256(msg.value));
    }

    function _send(address to, uint256 value) private {
        (bool sent,) = to.call{value: value}("");
        if (!sent) revert SendFailed(to);
    }
}

/// Borrows from the bank, and tries to be clever if told to.
contract BankBorrower {
    enum Trick {
        Repay,
        Keep,
        Reenter
    }

    receive() external payable {}

    function borrow(Bank bank, uint256 value, Trick trick) external {
        bank.flash(address(this), value, abi.encodeCall(this.use, (bank, trick)));
    }

    function use(Bank bank, Trick trick) external payable {
        if (trick == Trick.Keep) return;
        if (trick == Trick.Reenter) bank.withdraw(1);
        (bool sent,) = address(bank).call{value: msg.value + msg.value / 1000 + 1}("");
        require(sent);
    }
}
