//! The answer of `evaluate`, for programs.

use super::{cost::Cost, detail::Detail, score::Score};
use serde::Serialize;

/// The score of a block's predictions, and what they cost.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) block: u64,
    pub(super) transactions: u64,
    #[serde(rename = "gas_used")]
    pub(super) gas: u64,
    #[serde(flatten)]
    pub(super) score: Score,
    #[serde(flatten)]
    pub(super) cost: Cost,
    #[serde(flatten)]
    pub(super) detail: Detail,
}

impl Report {
    /// The sum over some blocks.
    pub(super) fn total<'a>(reports: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut total = Self::default();
        for Self { transactions, gas, score, cost, detail, .. } in reports {
            total.transactions += transactions;
            total.gas += gas;
            total.score.add(score);
            total.cost.add(cost);
            total.detail.add(detail);
        }
        total
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        super::{
            class::Class,
            cost::Precompiles,
            detail::{CalldataAlone, Frames, Gas, Inexact, Memory, OfClass, PrecompileNs, Served},
            score::{Edges, Slots},
            split::{Instructions, Split},
        },
        *,
    };
    use alloy_primitives::Address;
    use foresee_access::{Difference, Location};
    use std::time::Duration;

    pub(in super::super) fn report(block: u64, exact: u64) -> Report {
        let us = Duration::from_micros;
        let of_class = OfClass {
            transactions: 100,
            exact,
            exact_gas: 98,
            predict_ns: 1_200_000,
            sequential_ns: 3_900_000,
            precompile_ns: PrecompileNs { predict: 200_000, sequential: 300_000 },
        };
        let missed = Location::balance(Address::with_last_byte(1));
        let inexact = Inexact {
            index: 3,
            hash: None,
            class: Class::Swap,
            unknown: vec![],
            gas: Gas { predicted: 21_000, truth: 21_001 },
            difference: Difference { missed_reads: vec![missed], ..Difference::default() },
        };
        Report {
            block,
            transactions: 100,
            gas: 9_000_000,
            score: Score {
                slots: Slots { truth: 400, predicted: 390, correct: 380 },
                exact_transactions: exact,
                missed_dependencies: 2,
                edges: Edges { truth: 40, predicted: 50, correct: 37, covered: 38 },
                incomplete: 1,
            },
            cost: Cost {
                cold: us(9_000),
                compiling: us(4_000),
                generalised: us(2_000),
                warm: us(1_234),
                sequential: us(4_000),
                precompiles: Precompiles { predict: us(10), sequential: us(20) },
                code_bytes: 800_000,
                split: Split {
                    keccak: us(310),
                    state_reads: us(120),
                    permutations: 1_300,
                    reads: 900,
                    instructions: Instructions {
                        guards: 6_000,
                        for_guards: 10_000,
                        others: 24_000,
                        in_blocks: 10_000,
                    },
                },
            },
            detail: Detail {
                exact_gas: 98,
                exact_alone: 90,
                exact_without_state: 40,
                calldata_alone: CalldataAlone { transactions: 30, reads: 500, all_reads: 800 },
                classes: [(Class::Swap, of_class)].into(),
                inexact: vec![inexact],
                memory: Memory { programs: 3, bytes: 40_000, code_bytes: 20_000 },
                frames: Frames {
                    generalised: Served { slices: 150, blocks: 40, compiled: 10 },
                    warm: Served { slices: 190, blocks: 10, compiled: 0 },
                },
            },
        }
    }

    #[test]
    fn json_has_the_documented_keys() {
        insta::assert_snapshot!(serde_json::to_string(&report(7, 99)).unwrap(), @r#"{"block":7,"transactions":100,"gas_used":9000000,"slots":{"true":400,"predicted":390,"correct":380},"exact_transactions":99,"missed_dependencies":2,"edges":{"true":40,"predicted":50,"correct":37,"covered":38},"incomplete":1,"predict_cold_us":9000,"predict_generalised_us":2000,"predict_warm_us":1234,"sequential_us":4000,"compile_us":4000,"precompile_us":{"predict":10,"sequential":20},"cold_code_bytes":800000,"warm_split":{"keccak_us":310,"state_reads_us":120,"permutations":1300,"reads":900,"instructions":{"guards":6000,"for_guards":10000,"others":24000,"in_blocks":10000}},"exact_gas":98,"exact_alone":90,"exact_without_state":40,"calldata_alone":{"transactions":30,"reads":500,"all_reads":800},"classes":{"swap":{"transactions":100,"exact":99,"exact_gas":98,"predict_ns":1200000,"sequential_ns":3900000,"precompile_ns":{"predict":200000,"sequential":300000}}},"inexact":[{"index":3,"hash":null,"class":"swap","unknown":[],"gas":{"predicted":21000,"true":21001},"missed_reads":[{"address":"0x0000000000000000000000000000000000000001","field":"balance"}],"extra_reads":[],"missed_writes":[],"extra_writes":[]}],"memory":{"programs":3,"bytes":40000,"code_bytes":20000},"frames":{"generalised":{"slices":150,"blocks":40,"compiled":10},"warm":{"slices":190,"blocks":10,"compiled":0}}}"#);
    }
}
