// The rules and the chain of the blocks in testdata/blocks.
module.exports = {
  networks: {
    hardhat: {
      hardfork: "osaka",
      chainId: 1337,
      blockGasLimit: 60000000,
      initialBaseFeePerGas: 1000000000,
      allowBlocksWithSameTimestamp: true,
      mining: { auto: false, interval: 0, mempool: { order: "fifo" } },
    },
  },
};
