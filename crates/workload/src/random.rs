//! The one source of chance. Equal seeds give equal draws on every machine: the
//! generator is xoshiro256++, whose algorithm is fixed by its authors
//! (<https://prng.di.unimi.it>), and every number below is made of its words by
//! integer arithmetic written out here, so that no library's idea of a range or
//! a shuffle, and no floating point, can change a block.

use alloy_primitives::{Address, B256, keccak256};
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

/// A seeded stream of draws.
#[derive(Clone, Debug)]
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream named by a label and a seed.
    pub(crate) fn new(label: &str, seed: u64) -> Self {
        let name = [label.as_bytes(), &seed.to_be_bytes()].concat();
        Self(Xoshiro256PlusPlus::from_seed(keccak256(name).0))
    }

    /// A number below `bound`, or zero if there is none. The bias of the
    /// multiplication is below `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `first` to `last`, both included.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Whether something happens that happens `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A position in a list of `length`.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A position in a list of weights, each as likely as its weight.
    pub(crate) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut draw = self.below(weights.iter().sum());
        for (position, &weight) in weights.iter().enumerate() {
            if draw < weight {
                return position;
            }
            draw -= weight;
        }
        0
    }

    /// Any 32 bytes.
    pub(crate) fn word(&mut self) -> B256 {
        let mut word = B256::ZERO;
        self.0.fill_bytes(word.as_mut_slice());
        word
    }

    /// An address that nobody has used.
    pub(crate) fn address(&mut self) -> Address {
        Address::from_word(self.word())
    }

    /// Bytes that look like text, from `min` to `max` of them.
    pub(crate) fn text(&mut self, min: u64, max: u64) -> String {
        let length = self.between(min, max);
        (0..length).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz "[self.index(27)])).collect()
    }
}

/// Positions of which few are drawn often: the k-th is 1/k as likely as the first
/// (Zipf's law), which is how balances, tokens and pools are used on real chains.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    cumulative: Vec<u64>,
}

impl Zipf {
    /// The distribution over `length` positions.
    pub(crate) fn new(length: usize) -> Self {
        let cumulative = (1..=length as u64)
            .scan(0, |sum, rank| {
                *sum += (1 << 32) / rank;
                Some(*sum)
            })
            .collect();
        Self { cumulative }
    }

    /// Draws a position.
    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let draw = random.below(self.cumulative.last().copied().unwrap_or(0));
        self.cumulative.partition_point(|&sum| sum <= draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_algorithm() {
        // The first outputs of xoshiro256++ from the state 1, 2, 3, 4.
        let mut seed = [0; 32];
        for (place, word) in seed.chunks_mut(8).zip(1_u64..) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let mut stream = Xoshiro256PlusPlus::from_seed(seed);
        assert_eq!([stream.next_u64(), stream.next_u64()], [41_943_041, 58_720_359]);
    }

    #[test]
    fn draws_stay_in_bounds_and_follow_their_weights() {
        let mut random = Random::new("test", 1);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            assert!((5..=7).contains(&random.between(5, 7)));
            counts[random.weighted(&[1, 0, 3])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_200..2_800).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn the_first_of_zipf_is_drawn_most() {
        let mut random = Random::new("test", 2);
        let zipf = Zipf::new(10);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[zipf.draw(&mut random)] += 1;
        }
        // 1 / (1 + 1/2 + … + 1/10) = 34 %.
        assert!((3_200..3_600).contains(&counts[0]), "{counts:?}");
        assert!(counts.iter().all(|&count| count > 0));
    }
}
