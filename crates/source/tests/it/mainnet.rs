//! Every mainnet snapshot executes in order to what its header says.

use crate::mainnet_blocks;
use foresee_execute::execute_in_order;
use foresee_source::HeaderMatch;

#[test]
#[ignore = "needs FORESEE_DATA"]
fn mainnet_blocks_in_order_equal_their_headers() {
    for (name, loaded) in mainnet_blocks::blocks() {
        let output = execute_in_order(&loaded.block, &loaded.state).unwrap();
        assert_eq!(output.invalid, [], "{name}");
        let spec = loaded.block.cfg.spec;
        let found = HeaderMatch::new(&output, loaded.expected.as_ref(), spec);
        assert!(found.holds(), "{name} ({spec}): {found:?}");
        assert_eq!(found.gas_used.is_none(), loaded.number == 25_323_281);
    }
}
