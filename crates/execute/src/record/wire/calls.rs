//! The binary form of what precompiled contracts were called with.
//!
//! Inputs are made of words, most of which occur in many of them: lengths, a modulus, the
//! parity of a signature. Every word is written once, in order; its position is its number.

use crate::{
    PrecompileInput, Record,
    record::{RecordError, bad, varint},
};
use alloy_primitives::{Address, Bytes, U256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

const WORD_BYTES: usize = 32;

#[derive(Clone, RlpEncodable, RlpDecodable)]
pub(super) struct WireCall {
    /// The contract, as a number.
    pub(super) address: U256,
    /// The numbers of the words of its input.
    words: Bytes,
    /// What is left of it: less than a word.
    rest: Bytes,
}

/// The words of all inputs of a record.
pub(super) fn words(record: &Record) -> Vec<U256> {
    let calls = record.transactions.iter().flat_map(|tx| tx.observed.precompiled());
    let mut words: Vec<_> = calls
        .flat_map(|call| call.input.chunks_exact(WORD_BYTES))
        .map(U256::from_be_slice)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// `words` are those of [`words`].
pub(super) fn pack(calls: &[PrecompileInput], words: &[U256]) -> Vec<WireCall> {
    let call = |PrecompileInput { address, input }: &PrecompileInput| {
        let chunks = input.chunks_exact(WORD_BYTES);
        let rest = Bytes::copy_from_slice(chunks.remainder());
        let mut numbers = Vec::new();
        for word in chunks {
            let (Ok(number) | Err(number)) = words.binary_search(&U256::from_be_slice(word));
            varint::put(&mut numbers, number as u64);
        }
        let address = U256::from_be_bytes(address.into_word().0);
        WireCall { address, words: numbers.into(), rest }
    };
    calls.iter().map(call).collect()
}

/// The reverse of [`pack`].
pub(super) fn unpack(
    calls: Vec<WireCall>,
    words: &[U256],
) -> Result<Vec<PrecompileInput>, RecordError> {
    let call = |WireCall { address, words: numbers, rest }: WireCall| {
        let mut input = Vec::with_capacity(numbers.len() * WORD_BYTES + rest.len());
        let mut numbers = &numbers[..];
        while !numbers.is_empty() {
            let number = varint::take(&mut numbers).ok_or_else(|| bad("a number does not end"))?;
            let word = usize::try_from(number).ok().and_then(|at| words.get(at));
            let word = word.ok_or_else(|| bad("a word that is not listed"))?;
            input.extend_from_slice(&word.to_be_bytes::<WORD_BYTES>());
        }
        input.extend_from_slice(&rest);
        Ok(PrecompileInput { address: Address::from_word(address.into()), input: input.into() })
    };
    let calls: Vec<_> = calls.into_iter().map(call).collect::<Result<_, _>>()?;
    match calls.is_sorted_by(|a, b| a < b) {
        true => Ok(calls),
        false => Err(bad("calls of precompiled contracts are not in order")),
    }
}
