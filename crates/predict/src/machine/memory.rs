//! A frame's memory, and the gas that growing it costs (Yellow Paper, section 9.3).

use super::{Halt, run::Cpu};
use alloy_primitives::U256;

/// Offsets and lengths from here on cost more gas than any block has.
const LIMIT: u64 = 1 << 28;

/// A word as an offset or a length, unless no gas could pay for it.
#[inline]
pub(super) fn small<E>(word: &U256) -> Result<usize, Halt<E>> {
    match *word.as_limbs() {
        [low, 0, 0, 0] if low < LIMIT => Ok(low as usize),
        _ => Err(Halt::Fail),
    }
}

impl<S> Cpu<'_, S> {
    /// Size of the frame's memory in bytes.
    pub(super) fn memory_size(&self) -> usize {
        self.memory.len() - self.base
    }

    /// Makes sure that memory reaches over a range, and charges for it. Yields where
    /// the range begins in the machine's memory; an empty range needs no memory.
    #[inline]
    pub(super) fn expand<E>(
        &mut self,
        offset: &U256,
        len: usize,
        rest: u32,
    ) -> Result<usize, Halt<E>> {
        if len == 0 {
            return Ok(self.base);
        }
        let offset = small(offset)?;
        let end = offset + len;
        if end > self.memory_size() {
            self.grow(end, rest)?;
        }
        Ok(self.base + offset)
    }

    #[cold]
    fn grow<E>(&mut self, end: usize, rest: u32) -> Result<(), Halt<E>> {
        let words = end.div_ceil(32);
        let before = self.rules.gas.memory_cost(self.memory_size() / 32);
        self.charge(self.rules.gas.memory_cost(words) - before, rest)?;
        self.memory.resize(self.base + words * 32, 0);
        Ok(())
    }

    #[inline]
    pub(super) fn mload<E>(&mut self, offset: &U256, rest: u32) -> Result<U256, Halt<E>> {
        let at = self.expand(offset, 32, rest)?;
        Ok(U256::from_be_slice(&self.memory[at..at + 32]))
    }

    #[inline]
    pub(super) fn mstore<E>(
        &mut self,
        offset: &U256,
        value: &U256,
        rest: u32,
    ) -> Result<(), Halt<E>> {
        let at = self.expand(offset, 32, rest)?;
        self.memory[at..at + 32].copy_from_slice(&value.to_be_bytes::<32>());
        Ok(())
    }

    pub(super) fn mstore8<E>(
        &mut self,
        offset: &U256,
        value: &U256,
        rest: u32,
    ) -> Result<(), Halt<E>> {
        let at = self.expand(offset, 1, rest)?;
        self.memory[at] = value.byte(0);
        Ok(())
    }

    pub(super) fn mcopy<E>(
        &mut self,
        [to, from, len]: [&U256; 3],
        rest: u32,
    ) -> Result<(), Halt<E>> {
        let len = small(len)?;
        self.charge(self.rules.gas.mcopy_cost(len), rest)?;
        self.expand::<E>(to.max(from), len, rest)?;
        if len > 0 {
            let (to, from) = (self.base + small::<E>(to)?, self.base + small::<E>(from)?);
            self.memory.copy_within(from..from + len, to);
        }
        Ok(())
    }

    pub(super) fn keccak<E>(
        &mut self,
        offset: &U256,
        len: &U256,
        rest: u32,
    ) -> Result<U256, Halt<E>> {
        let len = small(len)?;
        self.charge(self.rules.gas.keccak256_cost(len), rest)?;
        let at = self.expand(offset, len, rest)?;
        Ok(self.keccak.hash(&self.memory[at..at + len]))
    }

    /// The calldata word at an offset; zero behind the end.
    pub(super) fn calldata_load(&self, offset: &U256) -> U256 {
        usize::try_from(offset).map_or(U256::ZERO, |offset| self.calldata_word(offset))
    }

    /// As [`Self::calldata_load`].
    pub(super) fn calldata_word(&self, offset: usize) -> U256 {
        let (start, len) = self.input;
        if offset >= len {
            return U256::ZERO;
        }
        let present = (len - offset).min(32);
        let bytes = &self.memory[start + offset..][..present];
        if present == 32 {
            return U256::from_be_slice(bytes);
        }
        let mut word = [0; 32];
        word[..present].copy_from_slice(bytes);
        U256::from_be_bytes(word)
    }

    pub(super) fn calldata_copy<E>(
        &mut self,
        [to, from, len]: [&U256; 3],
        rest: u32,
    ) -> Result<(), Halt<E>> {
        let len = small(len)?;
        self.charge(self.rules.gas.copy_cost(len), rest)?;
        let to = self.expand(to, len, rest)?;
        self.copy_calldata(to, from, len);
        Ok(())
    }

    /// Copies from calldata, zeroes behind its end.
    pub(super) fn copy_calldata(&mut self, to: usize, from: &U256, len: usize) {
        let (start, size) = self.input;
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(size);
        let present = len.min(size - from);
        self.memory.copy_within(start + from..start + from + present, to);
        self.memory[to + present..to + len].fill(0);
    }

    /// Copies from a piece of code, zeroes behind its end.
    pub(super) fn copy_padded(&mut self, to: usize, from: &U256, len: usize, source: &[u8]) {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(source.len());
        let present = len.min(source.len() - from);
        self.memory[to..to + present].copy_from_slice(&source[from..from + present]);
        self.memory[to + present..to + len].fill(0);
    }

    pub(super) fn code_copy<E>(
        &mut self,
        [to, from, len]: [&U256; 3],
        code: &[u8],
        rest: u32,
    ) -> Result<(), Halt<E>> {
        let len = small(len)?;
        self.charge(self.rules.gas.copy_cost(len), rest)?;
        let to = self.expand(to, len, rest)?;
        self.copy_padded(to, from, len, code);
        Ok(())
    }

    /// RETURNDATACOPY fails where other copies pad
    /// ([EIP-211](https://eips.ethereum.org/EIPS/eip-211)).
    pub(super) fn return_data_copy<E>(
        &mut self,
        [to, from, len]: [&U256; 3],
        rest: u32,
    ) -> Result<(), Halt<E>> {
        let len = small(len)?;
        let reaches = usize::try_from(from).unwrap_or(usize::MAX).saturating_add(len);
        if reaches > self.return_data.len() {
            return Err(Halt::Fail);
        }
        self.charge(self.rules.gas.copy_cost(len), rest)?;
        let to = self.expand(to, len, rest)?;
        self.copy_return_data(to, from, len)
    }

    /// Copies from the return data; fails when that ends before.
    pub(super) fn copy_return_data<E>(
        &mut self,
        to: usize,
        from: &U256,
        len: usize,
    ) -> Result<(), Halt<E>> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let data = self.return_data.get(from..from.saturating_add(len)).ok_or(Halt::Fail)?;
        self.memory[to..to + len].copy_from_slice(data);
        Ok(())
    }

    /// A log changes nothing that a prediction speaks of, but its gas.
    pub(super) fn log<E>(
        &mut self,
        topics: u8,
        offset: &U256,
        len: &U256,
        rest: u32,
    ) -> Result<(), Halt<E>> {
        self.require_writable()?;
        let len = small(len)?;
        self.charge(self.rules.gas.log_cost(topics, len as u64), rest)?;
        self.expand(offset, len, rest)?;
        Ok(())
    }
}
