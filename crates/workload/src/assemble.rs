//! A tiny assembler, so that tests can be written as programs and not as hex.
//!
//! One instruction a line, by the names of revm's opcode table. Comments begin
//! with `;`. On top of the bare opcodes:
//!
//! * `PUSH 0x1234` or `PUSH 1000` pushes a number in the fewest bytes (`PUSH0`
//!   for zero); `PUSH4 0x00000001` pushes it in so many.
//! * `PUSH @name` pushes the position of a label, in two bytes.
//! * `name:` is a label and a JUMPDEST; `name::` is a label alone, for data or
//!   for code that is only reached by falling into it.
//! * `DATA 0x…` puts bytes as they are, `DATA @name` the position of a label.

use alloy_primitives::{Bytes, U256, hex};
use revm_bytecode::opcode::{JUMPDEST, OpCode, PUSH0, PUSH1, PUSH2};
use std::collections::BTreeMap;

/// Longest program, in bytes: more than twice what a contract may have, so that
/// a label's position fits two bytes.
const PROGRAM_BYTES_MAX: usize = u16::MAX as usize;

/// Why a text is not a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct AssembleError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: AssembleFault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleFault {
    /// No opcode has this name.
    #[error("unknown instruction {0:?}")]
    UnknownInstruction(String),
    /// The operand is missing, or there should be none.
    #[error("{0} and {1:?} do not go together")]
    Operand(String, String),
    /// The operand is neither a number nor hex.
    #[error("{0:?} is not a number")]
    NotANumber(String),
    /// The number needs more bytes than the instruction pushes.
    #[error("{number:#x} does not fit {bytes} bytes")]
    TooBig {
        /// The number.
        number: U256,
        /// Bytes pushed.
        bytes: usize,
    },
    /// A label is used and not defined.
    #[error("unknown label {0:?}")]
    UnknownLabel(String),
    /// A label is defined twice.
    #[error("label {0:?} is defined twice")]
    RepeatedLabel(String),
    /// The program is longer than a label's position can tell.
    #[error("the program is longer than {PROGRAM_BYTES_MAX} bytes")]
    TooLong,
}

/// Turns a program's text into bytecode.
///
/// ```
/// let code = foresee_workload::assemble("
///     PUSH @end      ; over the next line
///     JUMP
///     INVALID
///     end:
///     STOP
/// ")?;
/// assert_eq!(code.to_string(), "0x61000556fe5b00");
/// # Ok::<(), foresee_workload::AssembleError>(())
/// ```
///
/// # Errors
/// Says which line is not an instruction, and why.
pub fn assemble(text: &str) -> Result<Bytes, AssembleError> {
    let lines = text.lines().map(without_comment);
    assemble_lines((1..).zip(lines))
}

/// Turns numbered lines, without their comments, into bytecode.
pub(crate) fn assemble_lines<'a>(
    lines: impl IntoIterator<Item = (usize, &'a str)>,
) -> Result<Bytes, AssembleError> {
    let mut program = Assembler::default();
    for (line, content) in lines {
        program.line(line, content).map_err(|fault| AssembleError { line, fault })?;
    }
    program.link()
}

#[derive(Default)]
struct Assembler {
    code: Vec<u8>,
    labels: BTreeMap<String, u16>,
    /// Where a label's position belongs, and the line that wants it.
    uses: Vec<(usize, String, usize)>,
}

impl Assembler {
    fn line(&mut self, line: usize, content: &str) -> Result<(), AssembleFault> {
        let mut words = content.split_whitespace();
        let Some(first) = words.next() else { return Ok(()) };
        let rest: Vec<_> = words.collect();
        if let Some(name) = first.strip_suffix(':') {
            return self.label(name, &rest);
        }
        match (first, rest.as_slice()) {
            ("PUSH" | "DATA", [label]) if label.starts_with('@') => {
                if first == "PUSH" {
                    self.code.push(PUSH2);
                }
                self.uses.push((self.code.len(), label[1..].into(), line));
                self.code.extend([0; 2]);
            }
            ("PUSH", [number]) => {
                let number = parse_number(number)?;
                self.push(number, number.byte_len())?;
            }
            ("DATA", [bytes]) => {
                let bytes = hex::decode(bytes);
                self.code.extend(bytes.map_err(|_| AssembleFault::NotANumber(rest[0].into()))?);
            }
            (name, operands) => {
                let opcode = OpCode::parse(name)
                    .ok_or_else(|| AssembleFault::UnknownInstruction(name.into()))?;
                let bytes = usize::from(opcode.info().immediate_size());
                match operands {
                    [] if bytes == 0 => self.code.push(opcode.get()),
                    [number] if bytes > 0 => self.push(parse_number(number)?, bytes)?,
                    _ => return Err(AssembleFault::Operand(name.into(), rest.join(" "))),
                }
            }
        }
        if self.code.len() > PROGRAM_BYTES_MAX { Err(AssembleFault::TooLong) } else { Ok(()) }
    }

    /// A label with a JUMPDEST, or with a second colon without.
    fn label(&mut self, name: &str, rest: &[&str]) -> Result<(), AssembleFault> {
        if !rest.is_empty() {
            return Err(AssembleFault::Operand(name.into(), rest.join(" ")));
        }
        let (name, is_target) = match name.strip_suffix(':') {
            Some(name) => (name, false),
            None => (name, true),
        };
        let position = u16::try_from(self.code.len()).map_err(|_| AssembleFault::TooLong)?;
        if self.labels.insert(name.into(), position).is_some() {
            return Err(AssembleFault::RepeatedLabel(name.into()));
        }
        if is_target {
            self.code.push(JUMPDEST);
        }
        Ok(())
    }

    fn push(&mut self, number: U256, bytes: usize) -> Result<(), AssembleFault> {
        if number.byte_len() > bytes {
            return Err(AssembleFault::TooBig { number, bytes });
        }
        let opcode = if bytes == 0 { PUSH0 } else { PUSH1 + bytes as u8 - 1 };
        self.code.push(opcode);
        self.code.extend(&number.to_be_bytes::<32>()[32 - bytes..]);
        Ok(())
    }

    /// Puts the labels' positions where they are used.
    fn link(mut self) -> Result<Bytes, AssembleError> {
        for (at, name, line) in self.uses {
            let Some(position) = self.labels.get(&name) else {
                return Err(AssembleError { line, fault: AssembleFault::UnknownLabel(name) });
            };
            self.code[at..at + 2].copy_from_slice(&position.to_be_bytes());
        }
        Ok(self.code.into())
    }
}

/// A line up to its comment.
pub(crate) fn without_comment(line: &str) -> &str {
    line.split(';').next().unwrap_or_default().trim()
}

/// A number, decimal or after `0x` in hex.
pub(crate) fn parse_number(text: &str) -> Result<U256, AssembleFault> {
    text.parse().map_err(|_| AssembleFault::NotANumber(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String) {
        let error = assemble(text).unwrap_err();
        (error.line, error.fault.to_string())
    }

    #[test]
    fn numbers_take_the_fewest_bytes_or_as_many_as_told() {
        let code = assemble("PUSH 0\nPUSH 255\nPUSH 0x100\nPUSH4 7\nPUSH0\nDATA 0xef00").unwrap();
        assert_eq!(code.to_string(), "0x5f60ff61010063000000075fef00");
    }

    #[test]
    fn labels_may_be_used_before_they_are_defined() {
        let code = assemble("PUSH @a\nPUSH @b\nb::\na:\nSTOP ; done").unwrap();
        assert_eq!(code.to_string(), "0x6100066100065b00");
        let code = assemble("back:\nPUSH @back\nJUMP").unwrap();
        assert_eq!(code.to_string(), "0x5b61000056");
    }

    #[test]
    fn faults_name_the_line() {
        assert_eq!(fault("\nNOP"), (2, r#"unknown instruction "NOP""#.into()));
        assert_eq!(fault("ADD 1"), (1, r#"ADD and "1" do not go together"#.into()));
        assert_eq!(fault("PUSH1"), (1, r#"PUSH1 and "" do not go together"#.into()));
        assert_eq!(fault("PUSH x"), (1, r#""x" is not a number"#.into()));
        assert_eq!(fault("PUSH1 256"), (1, "0x100 does not fit 1 bytes".into()));
        assert_eq!(fault("PUSH @x\nSTOP"), (1, r#"unknown label "x""#.into()));
        assert_eq!(fault("x:\nx:"), (2, r#"label "x" is defined twice"#.into()));
    }
}
