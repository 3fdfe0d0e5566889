//! A cache that is written and read again predicts what it did before; whatever else is
//! read is refused, or makes no difference.

use alloy_primitives::keccak256;
use foresee_execute::PreBlock;
use foresee_predict::{
    BlockPredictor, CacheError, Complete, Learning, PredictOptions, Prediction, ProgramCache,
};
use foresee_source::LoadedBlock;
use foresee_workload::{Scenario, generate};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Where the digest stands, and the content behind it.
const DIGEST: core::ops::Range<usize> = 20..52;

fn predict(cache: &ProgramCache, loaded: &LoadedBlock) -> Vec<Prediction> {
    let (block, state) = (&loaded.block, &loaded.state);
    let options = PredictOptions {
        labels: true,
        learning: Learning::Everything,
        ..PredictOptions::default()
    };
    let mut predictor =
        BlockPredictor::new(cache, &block.cfg, &block.env, Complete(state), options);
    let pre = PreBlock::run(block, state).unwrap();
    pre.changes().iter().for_each(|changes| predictor.apply(changes));
    block.transactions.iter().map(|tx| predictor.predict(tx).unwrap()).collect()
}

/// A block, what a cold cache predicts of it, and a warm cache as bytes.
fn warm(scenario: Scenario) -> (LoadedBlock, Vec<Prediction>, Vec<u8>) {
    let loaded = generate(scenario, 40, 5).unwrap().into_block().unwrap();
    let cache = ProgramCache::new();
    let cold = predict(&cache, &loaded);
    for _ in 0..4 {
        assert_eq!(predict(&cache, &loaded), cold);
    }
    let bytes = cache.to_bytes();
    (loaded, cold, bytes)
}

static MIX: LazyLock<(LoadedBlock, Vec<Prediction>, Vec<u8>)> =
    LazyLock::new(|| warm(Scenario::Mix));

fn seal(bytes: &mut [u8]) {
    let digest = keccak256(&bytes[DIGEST.end..]);
    bytes[DIGEST].copy_from_slice(digest.as_slice());
}

#[test]
fn what_was_written_is_read_and_predicts_the_same() {
    for scenario in Scenario::ALL {
        let (loaded, cold, bytes) = warm(scenario);
        let cache = ProgramCache::new();
        cache.load(&bytes).unwrap();
        assert_eq!(cache.to_bytes(), bytes, "{scenario}");
        assert_eq!(predict(&cache, &loaded), cold, "{scenario}");
        assert_eq!(cache.to_bytes(), bytes, "{scenario}: nothing was left to learn");
    }
}

#[test]
fn other_bytes_are_refused_with_the_reason() {
    let bytes = &MIX.2;
    let load = |bytes: &[u8]| ProgramCache::new().load(bytes);
    assert_eq!(load(b""), Err(CacheError::Foreign));
    assert_eq!(load(b"{\"some\": \"json\"}     "), Err(CacheError::Foreign));
    let mut newer = bytes.clone();
    newer[16] += 1;
    let message = load(&newer).unwrap_err().to_string();
    insta::assert_snapshot!(message, @"the programs are of version 5, this is version 4");
    for position in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(load(&bytes[..position]).is_err(), "cut at {position}");
        let mut altered = bytes.clone();
        altered[position] ^= 1 << (position % 8);
        assert!(load(&altered).is_err(), "altered at {position}");
    }
    let longer = [bytes, &[0][..]].concat();
    assert_eq!(load(&longer), Err(CacheError::Damaged("digest differs")));
}

#[test]
fn an_empty_cache_is_written_and_read() {
    let cache = ProgramCache::new();
    cache.load(&cache.to_bytes()).unwrap();
    assert!(cache.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Somebody alters content and makes the digest fit: whatever is read predicts what
    /// an empty cache does.
    #[test]
    fn forged_programs_are_refused_or_make_no_difference(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let (loaded, cold, bytes) = &*MIX;
        let mut bytes = bytes.clone();
        for (at, to) in edits {
            let at = DIGEST.end + at.index(bytes.len() - DIGEST.end);
            bytes[at] = to;
        }
        if let Some(cut) = cut {
            bytes.truncate(DIGEST.end + cut.index(bytes.len() - DIGEST.end));
        }
        seal(&mut bytes);
        let cache = ProgramCache::new();
        if cache.load(&bytes).is_ok() {
            for _ in 0..2 {
                prop_assert_eq!(&predict(&cache, loaded), cold);
            }
            let again = ProgramCache::new();
            again.load(&cache.to_bytes()).unwrap();
            prop_assert_eq!(&predict(&again, loaded), cold);
        } else {
            prop_assert!(cache.is_empty());
        }
    }
}
