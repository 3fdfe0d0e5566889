//! Where two executions of a block part.

use foresee_execute::BlockOutput;

/// The first thing in which an execution differs from the in-order one, named.
pub(crate) fn difference(found: &BlockOutput, in_order: &BlockOutput) -> Option<String> {
    if found == in_order {
        return None;
    }
    let receipts = found.receipts.iter().zip(&in_order.receipts);
    let receipt = receipts.clone().position(|(found, in_order)| found != in_order);
    let part = match receipt {
        Some(position) => return Some(format!("receipt {position}")),
        None if found.receipts.len() != in_order.receipts.len() => "the number of receipts",
        None if found.invalid != in_order.invalid => "the transactions found invalid",
        None if found.gas_used != in_order.gas_used => "the gas used",
        None if found.blob_gas_used != in_order.blob_gas_used => "the blob gas used",
        None if found.requests != in_order.requests => "the requests",
        None => return Some(state(found, in_order)),
    };
    Some(part.to_owned())
}

/// The account, first by address, whose state differs.
fn state(found: &BlockOutput, in_order: &BlockOutput) -> String {
    let [found, in_order] = [found, in_order].map(|output| &output.state.state);
    let differing = found.keys().chain(in_order.keys());
    match differing.filter(|address| found.get(*address) != in_order.get(*address)).min() {
        Some(address) => format!("the state of {address}"),
        None => "contracts or reverts".to_owned(),
    }
}
