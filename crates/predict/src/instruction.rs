//! Register code: what a stretch of bytecode becomes once its stack is resolved.
//!
//! An [`Instruction`] reads and writes registers, addressed relative to the top of
//! the stack at the entry of its [`Block`]. PUSH, DUP, SWAP, POP, PC and JUMPDEST
//! leave no instruction behind. A block ends in one of the terminators, or leaves
//! through an [`Exit`] on the way.

use alloy_primitives::U256;

/// A register relative to the stack top at block entry: `-1 - i` is the entry
/// stack's i-th item, values from [`TEMPORARIES`] on are temporaries, values up to
/// [`CONSTANTS`] name the block's constants.
pub(crate) type Register = i16;

/// The first temporary. It lies above the highest stack any block can build.
pub(crate) const TEMPORARIES: Register = 1024;

/// The most temporaries one block may use.
pub(crate) const TEMPORARIES_MAX: usize = 2048;

/// The register that names constant 0; constant `i` is `CONSTANTS - i`.
pub(crate) const CONSTANTS: Register = -8192;

/// The most constants one block may name.
pub(crate) const CONSTANTS_MAX: usize = 8192;

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
    /// Third operand, or a small number.
    pub(crate) c: Register,
    /// For instructions that look at gas: the static gas of what follows in the
    /// same segment, which was charged at its start already. For branches: the
    /// static gas of the segment entered when the branch is not taken.
    pub(crate) gas: u32,
}

/// What an [`Instruction`] does. Operands are named as in the Yellow Paper's
/// appendix H, `a` being the topmost stack item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    // Control. `c` of a branch is the exit taken when the condition holds.
    /// Fails unless the stack holds `a` items and has room for `b` more.
    StackCheck,
    BranchIf,
    BranchUnless,
    BranchEq,
    BranchNe,
    BranchLt,
    BranchGe,
    BranchGt,
    BranchLe,
    /// A JUMPI to anything but a constant: to `b` through exit `c` if `a` holds.
    BranchDynamic,
    /// Leaves through exit `c`.
    Goto,
    /// Leaves through exit `c` to the destination in `a`.
    GotoDynamic,
    /// Leaves through exit `c` and calls with the arguments on the stack;
    /// `a` is the opcode.
    Call,
    /// As `Call`, for CREATE and CREATE2.
    Create,
    Stop,
    Return,
    Revert,
    SelfDestruct,
    /// A jump to an invalid destination, or an opcode that the fork lacks.
    Fail,
}

/// How a block is left: which registers move to build the stack, and where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// The entry that follows; unused where the destination is computed.
    pub(crate) target: u32,
    /// Stack height afterwards less the height at block entry.
    pub(crate) delta: i16,
    /// The block's moves that belong to this exit: start and end.
    pub(crate) moves: (u32, u32),
}

/// A straight line of register code with side exits, compiled from one entry of a
/// program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The code. The last instruction never falls through.
    pub(crate) code: Box<[Instruction]>,
    /// Constants.
    pub(crate) constants: Box<[U256]>,
    /// Exits.
    pub(crate) exits: Box<[Exit]>,
    /// `(to, from)` pairs, in an order in which no source is overwritten early.
    pub(crate) moves: Box<[(Register, Register)]>,
    /// Static gas of the first segment.
    pub(crate) gas: u32,
}

impl Block {
    /// Approximate heap size in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of_val(&*self.code)
            + size_of_val(&*self.constants)
            + size_of_val(&*self.exits)
            + size_of_val(&*self.moves)
    }
}
