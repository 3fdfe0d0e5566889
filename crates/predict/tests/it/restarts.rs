//! What starts again where a slice has no path.

use alloy_primitives::{Address, U256, hex};
use foresee_predict::{
    BlockPredictor, Complete, Frames, Learning, PredictOptions, Prediction, ProgramCache,
};
use revm::{
    bytecode::Bytecode,
    context::{BlockEnv, CfgEnv, TxEnv},
    database::{CacheDB, EmptyDB},
    primitives::{TxKind, hardfork::SpecId},
    state::AccountInfo,
};

/// The callers, one behind the other, and whom the last of them calls.
const CALLERS: [u8; 4] = [0xa0, 0xa1, 0xa2, 0xa3];
const LAST: u8 = 0xa4;

/// Calls the account in the place of the zero with all gas, and reverts if that fails.
const CALLER: [u8; 17] = hex!("5f 5f 5f 5f 5f 60 00 5a f1 60 0f 57 5f 5f fd 5b 00");
const CALLED: usize = 6;

/// Writes three slots, and fails if slot 0 is set.
const CALLEE: [u8; 22] = hex!("6001600155 6001600255 6001600355 5f54 6015 57 00 5b");

/// How that may fail: by REVERT, by INVALID, or by a jump to where there is no destination.
const FAILURES: [&[u8]; 4] = [&hex!("5f5ffd"), &hex!("fe"), &hex!("5f56"), &hex!("60015f57")];

/// Predicts a call of the first caller, where the callee fails or does not.
fn predict(cache: &ProgramCache, failure: &[u8], fails: bool) -> (Prediction, Frames) {
    let mut db = CacheDB::new(EmptyDB::new());
    let mut insert = |address: u8, code: &[u8]| {
        let code = Bytecode::new_raw(code.to_vec().into());
        let info = AccountInfo::default().with_code(code);
        db.insert_account_info(Address::with_last_byte(address), info);
    };
    for caller in CALLERS {
        let mut code = CALLER;
        code[CALLED] = caller + 1;
        insert(caller, &code);
    }
    insert(LAST, &[&CALLEE, failure].concat());
    let callee = Address::with_last_byte(LAST);
    db.insert_account_storage(callee, U256::ZERO, U256::from(fails)).unwrap();
    let caller = Address::repeat_byte(0x5e);
    let balance = U256::from(1_000_000_000);
    db.insert_account_info(caller, AccountInfo { balance, ..AccountInfo::default() });
    let kind = TxKind::Call(Address::with_last_byte(CALLERS[0]));
    let tx = TxEnv { caller, kind, gas_limit: 500_000, ..TxEnv::default() };
    let (cfg, block) = (CfgEnv::new_with_spec(SpecId::OSAKA), BlockEnv::default());
    let options = PredictOptions { learning: Learning::Everything, ..PredictOptions::default() };
    let mut predictor = BlockPredictor::new(cache, &cfg, &block, Complete(&db), options);
    let prediction = predictor.predict(&tx).unwrap();
    (prediction, predictor.frames())
}

/// Each caller's slice knows but the path on which the call succeeds. If each started again
/// for itself, it would run again all that it has called, which had started again before.
#[test]
fn callers_of_what_ends_as_never_before_start_again_once() {
    for failure in FAILURES {
        let cache = ProgramCache::new();
        let predict = |cache: &_, fails| predict(cache, failure, fails);
        let frames = CALLERS.len() as u64 + 1;
        (0..3).for_each(|_| drop(predict(&cache, false)));
        let (known, served) = predict(&cache, false);
        assert!(known.success && served.slices == frames, "{served:?}");
        let (prediction, served) = predict(&cache, true);
        assert!(!prediction.success);
        assert_eq!((served.total(), served.slices), (frames, 0));
        assert_eq!(prediction, predict(&ProgramCache::new(), true).0);
        // How it ends is learnt all the same: by whoever had no path for it, and then by its
        // callers.
        (0..frames).for_each(|_| drop(predict(&cache, true)));
        let (again, served) = predict(&cache, true);
        assert_eq!((served.total(), served.slices), (frames, frames), "{}", hex::encode(failure));
        assert_eq!(again, prediction);
    }
}
