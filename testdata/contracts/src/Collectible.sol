// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Numbered collectibles (EIP-721) that anyone mints for a price, with a royalty
/// on resale (EIP-2981).
contract Collectible {
    event Transfer(address indexed from, address indexed to, uint256 indexed id);
    event Approval(address indexed owner, address indexed approved, uint256 indexed id);
    event ApprovalForAll(address indexed owner, address indexed operator, bool approved);

    error UnknownId(uint256 id);
    error NotAllowed(address caller, uint256 id);
    error WrongPayment(uint256 paid, uint256 price);
    error SoldOut();
    error NotTheOwner(address from);

    string public name;
    string public symbol;
    string private _base;
    /// One slot: how many are minted, how many there may be, and the artist's
    /// royalty in hundredths of a percent.
    uint48 public minted;
    uint48 public limit;
    uint16 public royalty;
    uint256 public immutable price;
    address public immutable artist;

    mapping(uint256 id => address) private _owners;
    mapping(address owner => uint256) public balanceOf;
    mapping(uint256 id => address) public getApproved;
    mapping(address owner => mapping(address operator => bool)) public isApprovedForAll;

    constructor(string memory name_, string memory symbol_, string memory base, uint48 limit_, uint16 royalty_, uint256 price_) {
        (name, symbol, _base, limit, royalty) = (name_, symbol_, base, limit_, royalty_);
        (price, artist) = (price_, msg.sender);
    }

    function mint(uint256 count) external payable returns (uint256 first) {
        if (msg.value != price * count) revert WrongPayment(msg.value, price * count);
        first = minted;
        if (first + count > limit) revert SoldOut();
        minted = uint48(first + count);
        balanceOf[msg.sender] += count;
        for (uint256 id = first; id < first + count; ++id) {
            _owners[id] = msg.sender;
            emit Transfer(address(0), msg.sender, id);
        }
    }

    function approve(address approved, uint256 id) external {
        address owner = ownerOf(id);
        if (msg.sender != owner && !isApprovedForAll[owner][msg.sender]) revert NotAllowed(msg.sender, id);
        getApproved[id] = approved;
        emit Approval(owner, approved, id);
    }

    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
        emit ApprovalForAll(msg.sender, operator, approved);
    }

    function transferFrom(address from, address to, uint256 id) external {
        address owner = ownerOf(id);
        if (owner != from) revert NotTheOwner(from);
        if (msg.sender != owner && !isApprovedForAll[owner][msg.sender] && getApproved[id] != msg.sender) {
            revert NotAllowed(msg.sender, id);
        }
        delete getApproved[id];
        unchecked {
            --balanceOf[from];
            ++balanceOf[to];
        }
        _owners[id] = to;
        emit Transfer(from, to, id);
    }

    function collect() external {
        (bool sent,) = artist.call{value: address(this).balance}("");
        require(sent);
    }

    function ownerOf(uint256 id) public view returns (address owner) {
        owner = _owners[id];
        if (owner == address(0)) revert UnknownId(id);
    }

    function tokenURI(uint256 id) external view returns (string memory) {
        ownerOf(id);
        return string.concat(_base, _decimal(id));
    }

    function royaltyInfo(uint256, uint256 salePrice) external view returns (address receiver, uint256 amount) {
        return (artist, salePrice * royalty / 10_000);
    }

    function _decimal(uint256 value) private pure returns (string memory) {
        bytes memory reversed = new bytes(78);
        uint256 length;
        do {
            reversed[length++] = bytes1(uint8(48 + value % 10));
            value /= 10;
        } while (value != 0);
        bytes memory digits = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            digits[i] = reversed[length - 1 - i];
        }
        return string(digits);
    }
}
