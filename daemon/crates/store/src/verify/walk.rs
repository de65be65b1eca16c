//! Going through a table, some rows at a time: what redb stumbles over becomes a finding, the caller's code runs in
//! between and is never taken for redb, and whoever has seen enough is heard.

use std::borrow::Borrow;
use std::path::Path;

use redb::{
    AccessGuard, Key, MultimapTableDefinition, ReadOnlyMultimapTable, ReadOnlyTable, ReadTransaction,
    ReadableTableMetadata as _, TableDefinition, TableError, Value,
};

use super::{Finding, Verifying};
use crate::codec::RowError;
use crate::fault::{self, Fault, guarded};

/// Rows between two looks at whether to go on.
const BATCH: usize = 512;

/// Looks through one view of the store.
pub(super) struct Look<'a> {
    pub(super) view: &'a ReadTransaction,
    tell: &'a mut dyn FnMut(Verifying) -> bool,
    done: u64,
    total: u64,
    stopped: bool,
}

/// What was found in some rows of a table.
pub(super) struct Found {
    table: &'static str,
    findings: Vec<Finding>,
}

impl Found {
    pub(super) fn add(&mut self, row: impl ToString, what: impl Into<String>) {
        self.findings.push(Finding::new(self.table, row, what.into()));
    }

    /// A row that was read; one that cannot be is a finding.
    pub(super) fn read<T>(&mut self, row: impl ToString, read: Result<T, RowError>) -> Option<T> {
        read.map_err(|error| self.add(row, error.why)).ok()
    }

    /// Adds a finding unless it is so.
    pub(super) fn must(&mut self, so: bool, row: impl ToString, what: impl FnOnce() -> String) {
        if !so {
            self.add(row, what());
        }
    }
}

impl<'a> Look<'a> {
    pub(super) fn begin(view: &'a ReadTransaction, tell: &'a mut dyn FnMut(Verifying) -> bool) -> Self {
        Self { view, tell, done: 0, total: 0, stopped: false }
    }

    /// Counts the rows of all tables, for those who wait.
    pub(super) fn count(&mut self) {
        let view = self.view;
        let counted = guarded(|| {
            let mut total = 0_u64;
            for table in view.list_tables()? {
                total = total.saturating_add(view.open_untyped_table(table)?.len()?);
            }
            for table in view.list_multimap_tables()? {
                total = total.saturating_add(view.open_untyped_multimap_table(table)?.len()?);
            }
            Ok(total)
        });
        // Whatever is wrong with a table is found when it is gone through.
        self.total = counted.unwrap_or_default();
    }

    /// Shows every row of a table to `check`.
    pub(super) fn rows<K: Key + 'static, V: Value + 'static>(
        &mut self,
        name: &'static str,
        table: TableDefinition<'static, K, V>,
        mut check: impl FnMut(K::SelfType<'_>, V::SelfType<'_>, &mut Found) -> fault::Result<()>,
    ) {
        let view = self.view;
        let rows = guarded(|| match view.open_table(table) {
            // An older store of this format may lack it.
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            table => Ok(Some(table?.range::<K::SelfType<'_>>(..)?)),
        });
        self.walk(name, rows, |rows, found| match rows.next() {
            None => Ok(0),
            Some(row) => {
                let (key, value) = row?;
                check(key.value(), value.value(), found)?;
                Ok(1)
            }
        });
    }

    /// The same for a table of many values a key: every pair is a row.
    pub(super) fn pairs<K: Key + 'static, V: Key + 'static>(
        &mut self,
        name: &'static str,
        table: MultimapTableDefinition<'static, K, V>,
        mut check: impl FnMut(K::SelfType<'_>, V::SelfType<'_>, &mut Found) -> fault::Result<()>,
    ) {
        let view = self.view;
        let rows = guarded(|| Ok(Some(view.open_multimap_table(table)?.range::<K::SelfType<'_>>(..)?)));
        self.walk(name, rows, |rows, found| match rows.next() {
            None => Ok(0),
            Some(row) => {
                let ((key, values), mut pairs) = (row?, 0_u64);
                for value in values {
                    check(key.value(), value?.value(), found)?;
                    pairs = pairs.saturating_add(1);
                }
                Ok(pairs)
            }
        });
    }

    /// `next` says how many rows it looked at; none: that was all.
    fn walk<R>(
        &mut self,
        table: &'static str,
        rows: fault::Result<Option<R>>,
        mut next: impl FnMut(&mut R, &mut Found) -> fault::Result<u64>,
    ) {
        let broken = |fault: Fault| {
            let why = fault.at(Path::new("the store"), "read");
            Finding::new(table, "(the table)", format!("it cannot be read to its end: {why}"))
        };
        let mut rows = match rows {
            Ok(Some(rows)) => rows,
            Ok(None) => return,
            Err(fault) => return self.deliver(vec![broken(fault)]),
        };
        let mut more = true;
        while more && !self.stopped {
            let mut found = Found { table, findings: Vec::new() };
            let mut read = 0_u64;
            let result = guarded(|| {
                for _ in 0..BATCH {
                    match next(&mut rows, &mut found)? {
                        0 => return Ok(false),
                        looked => read = read.saturating_add(looked),
                    }
                }
                Ok(true)
            });
            let mut findings = found.findings;
            more = result.unwrap_or_else(|fault| {
                findings.push(broken(fault));
                false
            });
            self.done = self.done.saturating_add(read);
            self.deliver(findings);
        }
    }

    /// Adds a finding about a table as a whole unless it has as many rows as it should, all of which were right.
    pub(super) fn as_many(&mut self, table: &'static str, rows: u64, wanted: u64) {
        if rows < wanted && !self.stopped {
            let lacks = wanted.saturating_sub(rows);
            self.deliver(vec![Finding::new(table, "(the table)", format!("{lacks} rows are missing"))]);
        }
    }

    pub(super) fn add(&mut self, table: &'static str, row: impl ToString, what: String) {
        if !self.stopped {
            self.deliver(vec![Finding::new(table, row, what)]);
        }
    }

    fn deliver(&mut self, findings: Vec<Finding>) {
        let progress = Verifying::Rows(self.done.min(self.total), self.total);
        for told in findings.into_iter().map(Verifying::Found).chain([progress]) {
            if !self.stopped && !(self.tell)(told) {
                self.stopped = true;
            }
        }
    }

    /// A table for looking things up in.
    pub(super) fn finder<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
    ) -> Finder<K, V> {
        Finder(guarded(|| Ok(self.view.open_table(table)?)).ok())
    }

    /// The same of many values a key.
    pub(super) fn pair_finder<K: Key + 'static, V: Key + 'static>(
        &self,
        table: MultimapTableDefinition<'static, K, V>,
    ) -> PairFinder<K, V> {
        PairFinder(guarded(|| Ok(self.view.open_multimap_table(table)?)).ok())
    }
}

/// Looks rows of a table up while another is gone through. One that cannot be opened is found when it is gone through
/// itself; until then it is as if it were empty.
pub(super) struct Finder<K: Key + 'static, V: Value + 'static>(Option<ReadOnlyTable<K, V>>);

impl<K: Key + 'static, V: Value + 'static> Finder<K, V> {
    pub(super) fn get<'k>(
        &self,
        key: impl Borrow<K::SelfType<'k>>,
    ) -> fault::Result<Option<AccessGuard<'static, V>>> {
        Ok(self.0.as_ref().map(|table| table.get(key)).transpose()?.flatten())
    }

    pub(super) fn has<'k>(&self, key: impl Borrow<K::SelfType<'k>>) -> fault::Result<bool> {
        Ok(self.get(key)?.is_some())
    }
}

impl<V: Value + 'static> Finder<u64, V> {
    /// The largest key.
    pub(super) fn last(&self) -> fault::Result<Option<u64>> {
        let last = self.0.as_ref().map(redb::ReadableTable::last).transpose()?.flatten();
        Ok(last.map(|(key, _)| key.value()))
    }
}

/// As [`Finder`].
pub(super) struct PairFinder<K: Key + 'static, V: Key + 'static>(Option<ReadOnlyMultimapTable<K, V>>);

impl<K: Key + 'static, V: Key + 'static> PairFinder<K, V> {
    pub(super) fn has<'k>(&self, key: impl Borrow<K::SelfType<'k>>) -> fault::Result<bool> {
        let values = self.0.as_ref().map(|table| table.get(key)).transpose()?;
        Ok(values.is_some_and(|values| !values.is_empty()))
    }
}
