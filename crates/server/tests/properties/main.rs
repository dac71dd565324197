//! Laws that hold whatever happens. proptest makes rows of events that nobody thought of, and of a row that breaks a
//! law it prints the shortest that does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod jobs;
mod sessions;
mod throttle;

use cometchat_auth::db::Db;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Tries a law on this many inputs.
fn for_all<S: Strategy>(cases: u32, input: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    // A failure is printed whole; nothing is kept in files.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(failure) = TestRunner::new(config).run(&input, law) {
        panic!("{failure}");
    }
}

/// [`for_all`], with a database that the law finds as the case before has left it.
fn for_all_with_db<S: Strategy>(
    cases: u32,
    input: S,
    law: impl AsyncFn(&Db, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let db = runtime.block_on(async { Db::open(&common::new_database(folder.path()).await).await.unwrap() });
    for_all(cases, input, |input| runtime.block_on(law(&db, input)));
    runtime.block_on(db.close());
}
