//! Register code: what a stretch of bytecode becomes once its stack is resolved.
//!
//! An [`Instruction`] reads and writes registers, addressed relative to the top of
//! the stack at the entry of its [`Block`]. PUSH, DUP, SWAP, POP, PC and JUMPDEST
//! leave no instruction behind. Where a block ends, moves build the stack that the
//! next block expects.

use alloy_primitives::U256;
use revm::primitives::STACK_LIMIT;

/// A register relative to the stack top at block entry: `-1 - i` is the entry
/// stack's i-th item, values from [`TEMPORARIES`] on are temporaries, values up to
/// [`CONSTANTS`] name the block's constants, values up to [`NUMBERS`] name numbers. In a
/// slice they count from the bottom of the frame's registers, and below 0 lie constants.
pub(crate) type Register = i16;

/// The first temporary. It lies above the highest stack any block can build.
pub(crate) const TEMPORARIES: Register = 1024;

/// The most temporaries one block may use.
pub(crate) const TEMPORARIES_MAX: usize = 2048;

/// The register that names constant 0; constant `i` is `CONSTANTS - i`.
pub(crate) const CONSTANTS: Register = -2048;

/// The most constants one block may name.
pub(crate) const CONSTANTS_MAX: usize = 4096;

/// The register that names the number 0; the number `n` is `NUMBERS - n`.
pub(crate) const NUMBERS: Register = CONSTANTS - CONSTANTS_MAX as Register;

/// How many numbers need no constant: as many as there are positions in a code
/// ([EIP-170](https://eips.ethereum.org/EIPS/eip-170)), because return addresses are
/// the commonest constants.
const NUMBERS_COUNT: usize = 0x6000;

/// The numbers that need no constant.
pub(crate) static SMALL: [U256; NUMBERS_COUNT] = {
    let mut numbers = [U256::ZERO; NUMBERS_COUNT];
    let mut n = 0;
    while n < numbers.len() {
        numbers[n] = U256::from_limbs([n as u64, 0, 0, 0]);
        n += 1;
    }
    numbers
};

const _: () = assert!(NUMBERS as isize - NUMBERS_COUNT as isize >= Register::MIN as isize);
const _: () = assert!(-(STACK_LIMIT as isize) > CONSTANTS as isize);

/// The entry of a branch to an invalid destination.
pub(crate) const NO_ENTRY: u32 = u32::MAX;

/// The arguments of a call that one instruction names.
pub(crate) const ARGUMENTS_EACH: usize = 4;

/// One instruction of register code. The meaning of the fields depends on [`Op`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// What to do.
    pub(crate) op: Op,
    /// The register that receives the result.
    pub(crate) to: Register,
    /// First operand.
    pub(crate) a: Register,
    /// Second operand.
    pub(crate) b: Register,
    /// Third operand, or a small number. For what comes back behind the block: how many
    /// entries of the block lead nowhere.
    pub(crate) c: Register,
    /// For instructions that look at gas: the static gas of what follows them in the
    /// block, which was charged at its start already. For `Goto` and branches: the
    /// entry that they go to.
    pub(crate) gas: u32,
}

impl Instruction {
    /// The same instruction with a length or gas.
    pub(crate) const fn with_len(self, len: u32) -> Self {
        Self { b: len as u16 as i16, c: (len >> 16) as u16 as i16, ..self }
    }

    /// The entry behind the block that the instruction ends, if control comes back there.
    pub(crate) const fn behind(&self, entry: u32) -> u32 {
        (entry + 1).wrapping_add_signed(self.c as i32)
    }

    /// The registers that it takes its operands from; `NUMBERS`, which is zero, where it has
    /// none. Those of a move, a call and a creation are others.
    pub(crate) const fn operands(&self) -> [Register; 4] {
        let &Self { op, to, a, b, c, .. } = self;
        match op {
            Op::ExtCodeCopy => [a, b, c, to],
            Op::GotoDynamic => [b, NUMBERS, NUMBERS, NUMBERS],
            // The third says how many topics there are.
            Op::Log => [a, b, NUMBERS, NUMBERS],
            // The third is no register.
            _ if op.is_branch() => [a, b, NUMBERS, NUMBERS],
            _ => [a, b, c, NUMBERS],
        }
    }

    /// The length of a `HashRange`, the gas of a `Leave`.
    pub(crate) const fn len(&self) -> usize {
        self.b as u16 as usize | (self.c as u16 as usize) << 16
    }
}

/// What an [`Instruction`] does. Operands are named as in the Yellow Paper's
/// appendix H, `a` being the topmost stack item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Op {
    // Arithmetic and logic: to = f(a, b, c).
    Add,
    Mul,
    Sub,
    Div,
    SDiv,
    Mod,
    SMod,
    AddMod,
    MulMod,
    SignExtend,
    Lt,
    Gt,
    SLt,
    SGt,
    Eq,
    IsZero,
    And,
    Or,
    Xor,
    Not,
    Byte,
    Shl,
    Shr,
    Sar,
    Clz,
    Exp,
    // Environment: to = value.
    Address,
    Origin,
    Caller,
    CallValue,
    CallDataLoad,
    CallDataSize,
    GasPrice,
    ReturnDataSize,
    Coinbase,
    Timestamp,
    Number,
    Difficulty,
    GasLimit,
    ChainId,
    BaseFee,
    BlobHash,
    BlobBaseFee,
    BlockHash,
    Gas,
    MSize,
    // Memory.
    MLoad,
    MStore,
    MStore8,
    MCopy,
    Keccak256,
    CallDataCopy,
    CodeCopy,
    ReturnDataCopy,
    Log,
    // State.
    Balance,
    SelfBalance,
    ExtCodeSize,
    ExtCodeHash,
    /// Address in `to`, memory offset `a`, code offset `b`, length `c`.
    ExtCodeCopy,
    SLoad,
    SStore,
    TLoad,
    TStore,
    // Control. What ends a block leaves the stack higher by `to` than it was at entry.
    /// Fails unless the stack holds `a` items and has room for `b` more than at entry.
    /// Up to the first effect that reaches beyond the frame the block as a whole says so.
    StackCheck,
    /// A branch goes to its entry if the condition on `a` and `b` holds, else to the
    /// entry behind the block.
    BranchIf,
    BranchUnless,
    BranchEq,
    BranchNe,
    BranchLt,
    BranchGe,
    BranchGt,
    BranchLe,
    /// A JUMPI to anything but a constant: to destination `b` if `a` holds.
    BranchDynamic,
    /// Moves `a` to `to`.
    Move,
    /// Moves `a` to `to`, then `c` to `b`.
    MoveTwo,
    Goto,
    /// Goes to destination `b`.
    GotoDynamic,
    /// Calls with the arguments on the stack; `b` is the opcode. The entry behind the
    /// block comes next.
    Call,
    /// As `Call`, for CREATE and CREATE2.
    Create,
    Stop,
    Return,
    Revert,
    SelfDestruct,
    /// A jump to an invalid destination, or an opcode that the fork lacks.
    Fail,
    // In chains only, where `gas` is a position in the chain.
    /// Goes on at `gas` if the condition on `a` and `b` holds.
    SkipIf,
    SkipUnless,
    SkipEq,
    SkipNe,
    SkipLt,
    SkipGe,
    SkipGt,
    SkipLe,
    /// Leaves the chain for the entry `gas`. The static gas of what follows comes back; it
    /// stands in `b` and `c`.
    Leave,
    // In slices only, where `gas` is the gas that is due before the instruction, or
    // the position that a branch goes to, or an offset.
    /// The calldata word at offset `gas`.
    Word,
    /// Of the calldata word at offset `gas` the bits from number `b` on, as many as `c`.
    WordBits,
    /// Writes word `a` to memory at `gas`.
    Put,
    /// Writes the low byte of `a` to memory at `gas`.
    PutByte,
    /// The memory word at `gas`.
    Peek,
    /// The bits of `a` from number `b` on, as many as `c`.
    Bits,
    /// `a` / `b`, where `a` is the product of `b` and `c`.
    Unmul,
    /// The hash of word `a`.
    HashOne,
    /// The hash of words `a` and `b`.
    HashTwo,
    /// The hash of memory at `gas`, with the length in `b` and `c`.
    HashRange,
    /// The value of the slot at the hash of words `a` and `b`; its number goes to `c`.
    SLoadMapped,
    /// The value of slot number `a`.
    SLoadKnown,
    /// Stores `b` to slot number `a`.
    SStoreKnown,
    /// The value of slot number `a` was looked at, if `b` and `c` differ.
    Looks,
    /// Behind a call or creation, which takes `a` arguments: where the next four of them are
    /// found, in `to`, `a`, `b`, `c`.
    Arguments,
    /// No path that is known.
    Bail,
}

impl Op {
    /// The number of operands of a computation, which yields a value that follows from
    /// them alone; none for other operations.
    pub(crate) const fn pure_inputs(self) -> Option<usize> {
        Some(match self {
            Self::IsZero | Self::Not | Self::Clz => 1,
            Self::Add
            | Self::Mul
            | Self::Sub
            | Self::Div
            | Self::SDiv
            | Self::Mod
            | Self::SMod
            | Self::SignExtend
            | Self::Lt
            | Self::Gt
            | Self::SLt
            | Self::SGt
            | Self::Eq
            | Self::And
            | Self::Or
            | Self::Xor
            | Self::Byte
            | Self::Shl
            | Self::Shr
            | Self::Sar => 2,
            Self::AddMod | Self::MulMod => 3,
            _ => return None,
        })
    }

    /// Whether it yields what is the same throughout a frame and known when that starts.
    pub(crate) const fn is_environment(self) -> bool {
        matches!(
            self,
            Self::Address
                | Self::Origin
                | Self::Caller
                | Self::CallValue
                | Self::CallDataSize
                | Self::GasPrice
                | Self::Coinbase
                | Self::Timestamp
                | Self::Number
                | Self::Difficulty
                | Self::GasLimit
                | Self::ChainId
                | Self::BaseFee
                | Self::BlobBaseFee
        )
    }

    /// Whether nothing of it is left where the frame fails behind it: it looks at nothing but
    /// the frame and its surroundings, and at most changes the frame's memory.
    pub(crate) const fn is_local(self) -> bool {
        self.is_environment()
            || matches!(
                self,
                Self::Exp
                    | Self::CallDataLoad
                    | Self::ReturnDataSize
                    | Self::BlobHash
                    | Self::Gas
                    | Self::MSize
                    | Self::MLoad
                    | Self::MStore
                    | Self::MStore8
                    | Self::MCopy
                    | Self::Keccak256
                    | Self::CallDataCopy
                    | Self::CodeCopy
                    | Self::ReturnDataCopy
                    | Self::Log
            )
    }

    /// What a conditional branch compares, and whether it is taken if that holds or if it
    /// does not; none if it is no branch.
    pub(crate) const fn branch(self) -> Option<(Compare, bool)> {
        Some(match self {
            Self::BranchIf | Self::BranchDynamic => (Compare::Zero, false),
            Self::BranchUnless => (Compare::Zero, true),
            Self::BranchEq => (Compare::Equal, true),
            Self::BranchNe => (Compare::Equal, false),
            Self::BranchLt => (Compare::Less, true),
            Self::BranchGe => (Compare::Less, false),
            Self::BranchGt => (Compare::Greater, true),
            Self::BranchLe => (Compare::Greater, false),
            _ => return None,
        })
    }

    /// What it compares, if it is a comparison that branches can be fused with.
    pub(crate) const fn comparison(self) -> Option<Compare> {
        Some(match self {
            Self::IsZero => Compare::Zero,
            Self::Eq => Compare::Equal,
            Self::Lt => Compare::Less,
            Self::Gt => Compare::Greater,
            _ => return None,
        })
    }

    /// The conditional branch that is taken if a comparison holds, or if it does not.
    pub(crate) const fn branch_on(compare: Compare, if_it_holds: bool) -> Self {
        match (compare, if_it_holds) {
            (Compare::Zero, false) => Self::BranchIf,
            (Compare::Zero, true) => Self::BranchUnless,
            (Compare::Equal, true) => Self::BranchEq,
            (Compare::Equal, false) => Self::BranchNe,
            (Compare::Less, true) => Self::BranchLt,
            (Compare::Less, false) => Self::BranchGe,
            (Compare::Greater, true) => Self::BranchGt,
            (Compare::Greater, false) => Self::BranchLe,
        }
    }

    /// The same within a chain.
    pub(crate) const fn skip_on(compare: Compare, if_it_holds: bool) -> Self {
        match (compare, if_it_holds) {
            (Compare::Zero, false) => Self::SkipIf,
            (Compare::Zero, true) => Self::SkipUnless,
            (Compare::Equal, true) => Self::SkipEq,
            (Compare::Equal, false) => Self::SkipNe,
            (Compare::Less, true) => Self::SkipLt,
            (Compare::Less, false) => Self::SkipGe,
            (Compare::Greater, true) => Self::SkipGt,
            (Compare::Greater, false) => Self::SkipLe,
        }
    }

    /// Whether it is a conditional branch.
    pub(crate) const fn is_branch(self) -> bool {
        self.branch().is_some()
    }

    /// Whether it ends a block to which control may come back, behind it.
    pub(crate) const fn comes_back(self) -> bool {
        self.is_branch() || matches!(self, Self::Call | Self::Create)
    }

    /// Whether it ends a frame other than by failing.
    pub(crate) const fn ends_frame(self) -> bool {
        matches!(self, Self::Stop | Self::Return | Self::Revert | Self::SelfDestruct)
    }
}

/// What a branch compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// Its first operand with zero.
    Zero,
    Equal,
    Less,
    Greater,
}

impl Compare {
    /// Whether it holds of two operands, the second of which may be any if it needs none.
    #[inline]
    pub(crate) fn holds(self, a: &U256, b: &U256) -> bool {
        match self {
            Self::Zero => a.is_zero(),
            Self::Equal => a == b,
            Self::Less => a < b,
            Self::Greater => a > b,
        }
    }
}

/// Whether a stack holds enough items and has room for more.
#[inline]
pub(crate) const fn fits(height: usize, need: usize, growth: usize) -> bool {
    height >= need && height + growth <= STACK_LIMIT
}

/// A basic block, as register code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) code: Box<[Instruction]>,
    pub(crate) constants: Box<[U256]>,
    /// Its static gas.
    pub(crate) gas: u32,
    /// How many items it needs on the stack, and by how much it makes the stack grow,
    /// up to its first effect.
    pub(crate) need: u16,
    pub(crate) growth: u16,
}

impl Block {
    /// Whether a stack of this height holds what the block needs and has room for what
    /// it adds, up to its first effect.
    #[inline]
    pub(crate) const fn fits(&self, height: usize) -> bool {
        fits(height, self.need as usize, self.growth as usize)
    }

    /// The block's size in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.code) + size_of_val(&*self.constants)
    }
}
