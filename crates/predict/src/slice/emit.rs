//! A tree of paths → the code of a slice.
//!
//! Backwards: which items anybody needs. Forwards: those items, and in front of each
//! the computations that it needs and that no item on its path has needed before.

use super::{
    Slice,
    constants::{CONSTANTS_MAX, Named},
    tree::{Condition, Item, Next, Tree},
    value::{Value, ValueId},
};
use crate::{
    instruction::{ARGUMENTS_EACH, Instruction, Op, Register},
    machine::REGISTERS_PER_FRAME,
};
use alloy_primitives::map::HashMap;
use bitvec::{order::Lsb0, vec::BitVec};

/// Registers that hold the arguments of calls, and their result in the first.
const ARGUMENTS: Register = 8;

/// The most registers that a slice may use.
const REGISTERS_MAX: Register = 3000;

const _: () = assert!(REGISTERS_MAX as usize + CONSTANTS_MAX <= REGISTERS_PER_FRAME);

/// The most instructions of a slice.
const INSTRUCTIONS_MAX: usize = 16_384;

/// The code of a tree; none if it is too large.
pub(super) fn emit(tree: &Tree) -> Option<Slice> {
    let live = Live::find(tree);
    let mut emitter = Emitter {
        tree,
        live: &live,
        code: vec![instruction(Op::Bail)],
        constants: Named::default(),
        path: Path { homes: HashMap::default(), registers: ARGUMENTS },
        registers: ARGUMENTS,
        waiting: Vec::new(),
    };
    emitter.run()?;
    Some(Slice {
        code: emitter.code.into(),
        constants: emitter.constants.finish(),
        memory: tree.memory as usize,
        registers: emitter.registers as usize,
    })
}

/// What is needed.
struct Live {
    /// Values that somebody needs.
    values: BitVec<u64, Lsb0>,
    /// Per node, items that happen.
    items: Vec<BitVec<u64, Lsb0>>,
}

impl Live {
    fn find(tree: &Tree) -> Self {
        let mut live = Self {
            values: BitVec::repeat(false, tree.values.len()),
            items: tree.nodes.iter().map(|node| BitVec::repeat(false, node.items.len())).collect(),
        };
        let empty = || BitVec::<u64, Lsb0>::repeat(false, tree.memory as usize);
        // The bytes of memory that are read from the start of each node on.
        let mut memories: Vec<Option<BitVec<u64, Lsb0>>> = vec![None; tree.nodes.len()];
        let mut looks: Vec<Option<Looks>> = vec![None; tree.nodes.len()];
        for (index, node) in tree.nodes.iter().enumerate().rev() {
            let mut joined: Option<BitVec<u64, Lsb0>> = None;
            let mut later: Option<Looks> = None;
            let mut join = |child: usize| {
                match (&mut joined, memories[child].take()) {
                    (Some(joined), Some(child)) => *joined |= child,
                    (None, child) => joined = child,
                    (Some(_), None) => {}
                }
                match (&mut later, looks[child].take()) {
                    (Some(later), Some(child)) => later.slots.retain(|s| child.slots.contains(s)),
                    (None, child) => later = child,
                    (Some(_), None) => {}
                }
            };
            match &node.next {
                Next::Open | Next::End => {}
                Next::Condition(condition, children) => {
                    children.iter().flatten().for_each(|child| join(*child));
                    live.mark(tree, condition.a);
                    live.mark(tree, condition.b);
                }
                Next::Switch(value, children) => {
                    children.iter().for_each(|(_, child)| join(*child));
                    live.mark(tree, *value);
                }
            }
            let mut memory = joined.unwrap_or_else(empty);
            let mut later = later.unwrap_or_default();
            for (position, item) in node.items.iter().enumerate().rev() {
                if !later.needs(tree, item) {
                    continue;
                }
                let bytes = |(at, len): (u32, u32)| at as usize..(at + len) as usize;
                let needed = item.keep
                    || item.value.is_some_and(|value| live.values[value.0 as usize])
                    || item.writes.is_some_and(|range| memory[bytes(range)].any());
                if !needed {
                    continue;
                }
                live.items[index].set(position, true);
                if let Some(range) = item.writes.filter(|_| item.covers) {
                    memory[bytes(range)].fill(false);
                }
                if let Some(range) = item.reads {
                    memory[bytes(range)].fill(true);
                }
                for operand in &item.operands {
                    live.mark(tree, *operand);
                }
            }
            memories[index] = Some(memory);
            looks[index] = Some(later);
        }
        live
    }

    /// Marks a value, and all that it follows from.
    fn mark(&mut self, tree: &Tree, value: ValueId) {
        let mut stack = vec![value];
        while let Some(value) = stack.pop() {
            if !self.values.replace(value.0 as usize, true) {
                stack.extend(operands(tree.values.get(value)).into_iter().flatten());
            }
        }
    }
}

/// The slots that are sure to be looked at before the frame ends or leaves for another one, by
/// their numbers. Where it bails out it starts again, and finds out anew what it looks at.
#[derive(Clone, Debug, Default)]
struct Looks {
    slots: Vec<ValueId>,
}

impl Looks {
    /// Whether an item has to happen in view of what follows it. It is added to that.
    fn needs(&mut self, tree: &Tree, item: &Item) -> bool {
        match (item.op, &*item.operands) {
            (Op::Looks, [slot, ..]) if self.slots.contains(slot) => false,
            (Op::Looks, &[slot, one, other]) => {
                if tree.values.are_distinct(one, other) {
                    self.slots.push(slot);
                }
                true
            }
            (Op::Call | Op::Create, _) => {
                self.slots.clear();
                true
            }
            _ => true,
        }
    }
}

/// The values that a value follows from.
const fn operands(value: Value) -> [Option<ValueId>; 3] {
    match value {
        Value::Pure(_, [a, b, c]) => [Some(a), Some(b), Some(c)],
        Value::Lookup(_, a) | Value::HashOne(a) => [Some(a), None, None],
        Value::HashTwo(a, b) => [Some(a), Some(b), None],
        Value::Constant(_) | Value::Environment(_) | Value::CallData(_) | Value::Result(_) => {
            [None; 3]
        }
    }
}

/// Which registers hold which values on the way to a place in the code.
#[derive(Clone)]
struct Path {
    homes: HashMap<ValueId, Register>,
    registers: Register,
}

/// A way that has yet to be emitted: the branch that takes it, and where it leads.
struct Waiting {
    branch: usize,
    path: Path,
    way: Way,
}

enum Way {
    /// To a node.
    Node(usize),
    /// To one of a switch's cases, from this one on.
    Cases(usize, usize),
}

struct Emitter<'a> {
    tree: &'a Tree,
    live: &'a Live,
    code: Vec<Instruction>,
    constants: Named,
    path: Path,
    registers: Register,
    waiting: Vec<Waiting>,
}

impl Emitter<'_> {
    fn run(&mut self) -> Option<()> {
        self.node(0)?;
        while let Some(Waiting { branch, path, way }) = self.waiting.pop() {
            self.code[branch].gas = self.code.len() as u32;
            self.path = path;
            match way {
                Way::Node(node) => self.node(node)?,
                Way::Cases(node, case) => {
                    let next = self.cases(node, case)?;
                    self.node(next)?;
                }
            }
        }
        Some(())
    }

    /// Emits a node and what follows it on the first way.
    fn node(&mut self, mut index: usize) -> Option<()> {
        let tree = self.tree;
        loop {
            let node = &tree.nodes[index];
            for (position, item) in node.items.iter().enumerate() {
                if self.live.items[index][position] {
                    self.item(item)?;
                }
            }
            if self.code.len() > INSTRUCTIONS_MAX {
                return None;
            }
            index = match &node.next {
                Next::Open => return None,
                Next::End => return Some(()),
                Next::Condition(condition, children) => self.condition(*condition, *children)?,
                Next::Switch(..) => self.cases(index, 0)?,
            };
        }
    }

    /// Emits a condition; yields the node behind it.
    fn condition(
        &mut self,
        Condition { op, a, b }: Condition,
        [no, yes]: [Option<usize>; 2],
    ) -> Option<usize> {
        let (a, b) = (self.register(a)?, self.register(b)?);
        let (next, other, holds) = match (no, yes) {
            (other, Some(yes)) => (yes, other, true),
            (Some(no), None) => (no, None, false),
            (None, None) => return None,
        };
        let op = Op::branch_on(op.comparison()?, !holds);
        self.branch(Instruction { a, b, ..instruction(op) }, other.map(Way::Node));
        Some(next)
    }

    /// Emits one case of a switch; yields the node behind it.
    fn cases(&mut self, node: usize, case: usize) -> Option<usize> {
        let Next::Switch(value, cases) = &self.tree.nodes[node].next else { return None };
        let (constant, next) = *cases.get(case)?;
        let (a, b) = (self.register(*value)?, self.register(constant)?);
        let other = (case + 1 < cases.len()).then_some(Way::Cases(node, case + 1));
        self.branch(Instruction { a, b, ..instruction(Op::BranchNe) }, other);
        Some(next)
    }

    /// Emits a branch. Without a way it bails out, at position 0.
    fn branch(&mut self, branch: Instruction, way: Option<Way>) {
        if let Some(way) = way {
            let path = self.path.clone();
            self.waiting.push(Waiting { branch: self.code.len(), path, way });
        }
        self.code.push(branch);
    }

    fn item(&mut self, item: &Item) -> Option<()> {
        if let (Op::SLoad, Some((a, b))) = (item.op, self.mapped(item)) {
            let (a, b) = (self.register(a)?, self.register(b)?);
            let c = self.home(item.handle)?;
            let load = Instruction { a, b, c, gas: item.due, ..instruction(Op::SLoadMapped) };
            let to = self.home(item.value)?;
            self.code.push(Instruction { to, ..load });
            return Some(());
        }
        let mut operands = [0; ARGUMENTS as usize];
        for (place, operand) in operands.iter_mut().zip(&item.operands) {
            *place = self.register(*operand)?;
        }
        let [a, b, c, account, ..] = operands;
        let (at, _) = item.writes.or(item.reads).unwrap_or_default();
        let plain = Instruction { a, b, c, gas: item.due, ..instruction(item.op) };
        let made = match item.op {
            Op::Call | Op::Create => return self.call(item, &operands),
            Op::Put | Op::PutByte => Instruction { gas: at, ..plain },
            Op::Peek => Instruction { to: self.home(item.value)?, gas: at, ..plain },
            Op::HashRange => {
                let (at, len) = item.reads.unwrap_or_default();
                Instruction { to: self.home(item.value)?, gas: at, ..plain }.with_len(len)
            }
            Op::SLoad => {
                let b = self.home(item.handle)?;
                Instruction { to: self.home(item.value)?, b, ..plain }
            }
            Op::SStore => Instruction { c: self.home(item.handle)?, ..plain },
            Op::ExtCodeCopy => Instruction { to: account, ..plain },
            _ if item.value.is_some() => Instruction { to: self.home(item.value)?, ..plain },
            _ => plain,
        };
        self.code.push(made);
        Some(())
    }

    /// The two words of whose hash an item's key consists, if nothing before has needed it.
    fn mapped(&mut self, item: &Item) -> Option<(ValueId, ValueId)> {
        let key = *item.operands.first()?;
        match self.tree.values.get(key) {
            Value::HashTwo(a, b) if self.find(key).is_none() => Some((a, b)),
            _ => None,
        }
    }

    /// The offset of a calldata word that nothing before has needed.
    fn new_word(&mut self, value: ValueId) -> Option<u32> {
        match self.tree.values.get(value) {
            Value::CallData(offset) if self.find(value).is_none() => Some(offset),
            _ => None,
        }
    }

    /// Emits a call or creation: where its arguments are, and where its result goes.
    fn call(&mut self, item: &Item, operands: &[Register; ARGUMENTS as usize]) -> Option<()> {
        let count = item.operands.len();
        let (a, b) = (count as Register, Register::from(item.number));
        self.code.push(Instruction { a, b, gas: item.due, ..instruction(item.op) });
        for four in operands.chunks(ARGUMENTS_EACH).take(count.div_ceil(ARGUMENTS_EACH)) {
            let &[to, a, b, c] = four else { return None };
            self.code.push(Instruction { to, a, b, c, ..instruction(Op::Arguments) });
        }
        if item.value.is_some_and(|value| self.live.values[value.0 as usize]) {
            let to = self.home(item.value)?;
            self.code.push(Instruction { to, a: 0, ..instruction(Op::Move) });
        }
        Some(())
    }

    /// The register of a new value.
    fn home(&mut self, value: Option<ValueId>) -> Option<Register> {
        let register = self.path.registers;
        if register == REGISTERS_MAX {
            return None;
        }
        self.path.registers += 1;
        self.registers = self.registers.max(self.path.registers);
        self.path.homes.insert(value?, register);
        Some(register)
    }

    /// The register of a value, which is computed if nothing before has needed it.
    fn register(&mut self, wanted: ValueId) -> Option<Register> {
        if let Some(register) = self.find(wanted) {
            return Some(register);
        }
        let mut stack = vec![wanted];
        while let Some(&value) = stack.last() {
            if self.find(value).is_some() {
                stack.pop();
                continue;
            }
            let content = self.tree.values.get(value);
            let needed = match self.tree.values.as_bits(content) {
                Some((of, ..)) => [Some(of).filter(|of| self.new_word(*of).is_none()), None, None],
                None => operands(content),
            };
            let missing = needed.into_iter().flatten().find(|v| self.find(*v).is_none());
            match missing {
                Some(operand) => stack.push(operand),
                None => {
                    self.compute(value, content)?;
                    stack.pop();
                }
            }
        }
        self.find(wanted)
    }

    /// The register of a value that is there.
    fn find(&mut self, value: ValueId) -> Option<Register> {
        if let Value::Constant(constant) = self.tree.values.get(value) {
            return self.constants.name(constant);
        }
        self.path.homes.get(&value).copied()
    }

    /// Emits the computation of a value whose operands are there.
    fn compute(&mut self, value: ValueId, content: Value) -> Option<()> {
        if let Some((of, first, count)) = self.tree.values.as_bits(content) {
            let (b, c) = (first as Register, count as Register);
            let bits = match self.new_word(of) {
                Some(gas) => Instruction { gas, ..instruction(Op::WordBits) },
                None => Instruction { a: self.find(of)?, ..instruction(Op::Bits) },
            };
            let to = self.home(Some(value))?;
            self.code.push(Instruction { to, b, c, ..bits });
            return Some(());
        }
        let other = self.tree.values.as_unmul(content);
        let [first, second, third] = operands(content);
        let [a, b, c] = [first, second, other.or(third)]
            .map(|operand| operand.and_then(|operand| self.find(operand)).unwrap_or(0));
        let to = self.home(Some(value))?;
        let (op, gas) = match content {
            _ if other.is_some() => (Op::Unmul, 0),
            Value::Environment(op) | Value::Lookup(op, _) | Value::Pure(op, _) => (op, 0),
            Value::CallData(offset) => (Op::Word, offset),
            Value::HashOne(_) => (Op::HashOne, 0),
            Value::HashTwo(..) => (Op::HashTwo, 0),
            // An item yields it, or should have.
            Value::Constant(_) | Value::Result(_) => return None,
        };
        self.code.push(Instruction { op, to, a, b, c, gas });
        Some(())
    }
}

/// An instruction without operands.
const fn instruction(op: Op) -> Instruction {
    Instruction { op, to: 0, a: 0, b: 0, c: 0, gas: 0 }
}
