//! [`Draw`]: random choices that a seed determines, on every machine and in every version.

/// A source of choices: splitmix64.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The choices of the scenario with this number.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut draw = Self(seed);
        draw.0 ^= draw.next().wrapping_add(number.wrapping_mul(0xd134_2543_de82_ef95));
        draw
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // The remainder is below `end`.
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    pub(crate) fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of these, of which there is one at least.
    pub(crate) fn one<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// One of these names.
    pub(crate) fn name(&mut self, names: &[String]) -> String {
        names[self.below(names.len())].clone()
    }
}
