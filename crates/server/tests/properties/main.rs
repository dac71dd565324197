//! Property tests. proptest generates random sequences of events, and prints the shortest sequence that violates a
//! property.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod jobs;
mod sessions;
mod throttle;

use cometchat_auth::db::Db;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Tests a property with this many random inputs.
fn for_all<S: Strategy>(cases: u32, input: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    // The message has the whole input, so no file is written.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(failure) = TestRunner::new(config).run(&input, law) {
        panic!("{failure}");
    }
}

/// Like [`for_all`], with one database for all cases.
fn for_all_with_db<S: Strategy>(
    cases: u32,
    input: S,
    law: impl AsyncFn(&Db, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let db =
        runtime.block_on(async { Db::open(&test_support::new_database(folder.path()).await).await.unwrap() });
    for_all(cases, input, |input| runtime.block_on(law(&db, input)));
    runtime.block_on(db.close());
}
