//! The blocks of a program, each compiled when it is first entered.

use crate::instruction::Block;
use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// Entries per page.
const PAGE: u32 = 8;

/// The blocks of consecutive entries.
type Page = Box<[OnceLock<Box<Block>>; PAGE as usize]>;

/// Size of a page in bytes, its blocks apart.
const PAGE_SIZE: usize = size_of::<[OnceLock<Box<Block>>; PAGE as usize]>();

/// Per entry, its block once it is compiled; in pages, because most of a code is never
/// entered.
#[derive(Debug)]
pub(super) struct Blocks {
    pages: Box<[OnceLock<Page>]>,
    /// Size of the pages and of the compiled blocks in bytes.
    size: AtomicUsize,
}

impl Blocks {
    /// None is compiled yet.
    pub(super) fn new(entries: u32) -> Self {
        let pages = (0..entries.div_ceil(PAGE)).map(|_| OnceLock::new()).collect();
        Self { pages, size: AtomicUsize::new(0) }
    }

    /// A copy that goes its own way from here on.
    pub(super) fn fork(&self) -> Self {
        let fork = Self { pages: self.pages.clone(), size: AtomicUsize::new(0) };
        // Somebody may compile meanwhile: what was copied counts.
        let pages = fork.pages.iter().filter_map(OnceLock::get);
        let blocks = |page: &Page| -> usize {
            page.iter().filter_map(OnceLock::get).map(|block| block.size()).sum()
        };
        let size = pages.map(|page| PAGE_SIZE + blocks(page)).sum();
        fork.size.store(size, Ordering::Relaxed);
        fork
    }

    /// The block of an entry, compiled now if this is its first use.
    #[inline]
    pub(super) fn get(&self, entry: u32, compile: impl FnOnce() -> Block) -> &Block {
        let page = self.pages[(entry / PAGE) as usize].get_or_init(|| {
            self.size.fetch_add(PAGE_SIZE, Ordering::Relaxed);
            Page::default()
        });
        page[(entry % PAGE) as usize].get_or_init(|| {
            let block = compile();
            self.size.fetch_add(block.size(), Ordering::Relaxed);
            Box::new(block)
        })
    }

    /// The entries whose blocks are compiled.
    pub(super) fn compiled(&self) -> impl Iterator<Item = u32> {
        let pages = (0..).step_by(PAGE as usize).zip(&self.pages);
        let pages = pages.filter_map(|(first, page)| Some((first, page.get()?)));
        pages.flat_map(|(first, page)| {
            (first..).zip(&**page).filter_map(|(entry, block)| block.get().map(|_| entry))
        })
    }

    /// Size in bytes of what is compiled.
    pub(super) fn compiled_size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Size in bytes.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.pages) + self.compiled_size()
    }
}
