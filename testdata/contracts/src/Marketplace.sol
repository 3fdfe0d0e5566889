// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICollectible} from "./Interfaces.sol";

/// Lists collectibles for sale. A purchase pays the artist's royalty, the
/// market's fee and the seller, all in ether.
contract Marketplace {
    event Listed(address indexed collection, uint256 indexed id, address indexed seller, uint256 price);
    event Sold(address indexed collection, uint256 indexed id, address indexed buyer, uint256 price);
    event Cancelled(address indexed collection, uint256 indexed id);

    error NotTheSeller(address caller);
    error NotListed(uint256 id);
    error ListingExpired(uint256 until);
    error WrongPayment(uint256 paid, uint256 price);
    error SendFailed(address to);

    /// Two slots: the seller with the expiry, then the price with the number of
    /// earlier sales.
    struct Listing {
        address seller;
        uint64 until;
        uint128 price;
        uint32 sales;
    }

    uint256 private constant FEE_PER_MILLE = 25;

    mapping(address collection => mapping(uint256 id => Listing)) public listings;
    uint128 public volume;
    uint128 public fees;

    function list(ICollectible collection, uint256 id, uint128 price, uint64 until) external {
        if (collection.ownerOf(id) != msg.sender) revert NotTheSeller(msg.sender);
        Listing storage listing = listings[address(collection)][id];
        (listing.seller, listing.until, listing.price) = (msg.sender, until, price);
        emit Listed(address(collection), id, msg.sender, price);
    }

    function cancel(ICollectible collection, uint256 id) external {
        Listing storage listing = listings[address(collection)][id];
        if (listing.seller != msg.sender) revert NotTheSeller(msg.sender);
        delete listing.seller;
        emit Cancelled(address(collection), id);
    }

    function buy(ICollectible collection, uint256 id) external payable {
        Listing storage listing = listings[address(collection)][id];
        (address seller, uint256 price) = (listing.seller, listing.price);
        if (seller == address(0)) revert NotListed(id);
        if (block.timestamp > listing.until) revert ListingExpired(listing.until);
        if (msg.value != price) revert WrongPayment(msg.value, price);
        delete listing.seller;
        ++listing.sales;
        collection.transferFrom(seller, msg.sender, id);
        (address artist, uint256 royalty) = collection.royaltyInfo(id, price);
        uint256 fee = price * FEE_PER_MILLE / 1000;
        volume += uint128(price);
        fees += uint128(fee);
        _send(artist, royalty);
        _send(seller, price - royalty - fee);
        emit Sold(address(collection), id, msg.sender, price);
    }

    function _send(address to, uint256 value) private {
        (bool sent,) = to.call{value: value}("");
        if (!sent) revert SendFailed(to);
    }
}
