//! How a frame names words.

use alloy_primitives::U256;

/// Words of calldata that are named at most.
const ARGUMENTS_MAX: usize = 16;

/// Words below this are written as numbers: too many things have such values.
const NUMBERS: u64 = 256;

/// The words that a frame has a name for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    caller: U256,
    origin: U256,
    this: U256,
    /// The words of calldata behind the selector.
    arguments: Vec<U256>,
}

impl Names {
    /// The names of a frame.
    pub(crate) fn new(caller: U256, origin: U256, this: U256, calldata: &[u8]) -> Self {
        let words = calldata.get(4..).unwrap_or_default().chunks_exact(32);
        let arguments = words.take(ARGUMENTS_MAX).map(U256::from_be_slice).collect();
        Self { caller, origin, this, arguments }
    }

    /// What the frame calls a word, if it has a name for it.
    pub(super) fn name(&self, word: U256) -> Option<String> {
        if word < U256::from(NUMBERS) {
            return None;
        }
        let argument = || self.arguments.iter().position(|argument| *argument == word);
        Some(match word {
            _ if word == self.caller => "caller".to_owned(),
            _ if let Some(position) = argument() => format!("arg{position}"),
            _ if word == self.origin => "origin".to_owned(),
            _ if word == self.this => "this".to_owned(),
            _ => return None,
        })
    }

    /// A word by its name, or as a number.
    pub(crate) fn written(&self, word: U256) -> String {
        self.name(word).unwrap_or_else(|| match word < U256::from(NUMBERS) {
            true => word.to_string(),
            false => format!("{word:#x}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_words_are_numbers_and_unknown_ones_hexadecimal() {
        let [small, large] = [5, 0x1234].map(U256::from);
        let names = Names::new(small, small, small, &[0; 36]);
        assert_eq!(names.name(small), None);
        assert_eq!([small, large].map(|word| names.written(word)), ["5", "0x1234"]);
    }
}
