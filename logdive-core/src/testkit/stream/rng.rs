//! Numbers that look random and are the same on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014): one addition and three mixes a number, any seed is good.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One number for several, in their order.
pub(super) fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(STEP, |hash, part| mix(hash.wrapping_add(STEP) ^ mix(*part)))
}

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn of(parts: &[u64]) -> Self {
        Self(hash(parts))
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `n`; 0 for 0.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        ((self.next() as u128 * n as u128) >> 64) as u64
    }

    /// A number from `low` to `high`, both inclusive.
    pub(super) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// As [`Rng::below`], for places in a short list.
    pub(super) fn place(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap_or_default()
    }

    pub(super) fn pick<T: Copy + Default>(&mut self, all: &[T]) -> T {
        let place = self.place(all.len());
        all.get(place).copied().unwrap_or_default()
    }
}
