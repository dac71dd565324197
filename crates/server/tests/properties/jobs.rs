//! Compares the job queue with a model of it in memory.

use super::for_all_with_db;
use cometchat_auth::cometchat::job_queue::{self, ClaimedJob};
use cometchat_auth::db::Db;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;

const CLAIM_SECONDS: i64 = 60;
const LATE_CALL_SECONDS: i64 = 120;
const WORKERS: usize = 2;
const USERS: [&str; 2] = ["ada", "bob"];

#[derive(Debug, Clone)]
enum Event {
    /// A change of this user.
    Sync(usize),
    Revoke(usize),
    Claim(usize),
    Done(usize),
    /// With the seconds until the retry, and the seconds in which a lost call can still take effect.
    Retry(usize, i64, i64),
    Park(usize),
    Crash(usize),
    Unpark,
    Pass(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let worker = || 0..WORKERS;
    let event = prop_oneof![
        4 => (0..USERS.len()).prop_map(Event::Sync),
        1 => (0..USERS.len()).prop_map(Event::Revoke),
        6 => worker().prop_map(Event::Claim),
        3 => worker().prop_map(Event::Done),
        2 => (worker(), 0..100i64, prop_oneof![Just(0i64), 0..200i64])
            .prop_map(|(worker, wait, late)| Event::Retry(worker, wait, late)),
        2 => worker().prop_map(Event::Park),
        1 => worker().prop_map(Event::Crash),
        1 => Just(Event::Unpark),
        3 => (0..80i64).prop_map(Event::Pass),
    ];
    vec(event, 1..60)
}

/// A job of the model. Its name is the user's for a sync, and the token's for a revocation.
#[derive(Debug, Default)]
struct Job {
    version: i64,
    attempts: i64,
    run_at: i64,
    parked: bool,
    /// The time until which a timed-out call can still take effect.
    unsettled_until: i64,
    /// The number of the claim and its expiry.
    claim: Option<(usize, i64)>,
}

/// A claimed job: its name, the number of the claim, and its state when it was claimed.
struct Held {
    claimed: ClaimedJob,
    name: String,
    claim: usize,
    version: i64,
    /// The number of requests for this job at the time of the claim.
    asked: usize,
}

#[derive(Default)]
struct Model {
    now: i64,
    jobs: BTreeMap<String, Job>,
    claims: usize,
    /// For each job the number of requests, and the last request that is done.
    asked: BTreeMap<String, usize>,
    done: BTreeMap<String, usize>,
}

impl Model {
    fn ask(&mut self, name: &str) {
        *self.asked.entry(name.to_owned()).or_default() += 1;
        let now = self.now;
        let job = self.jobs.entry(name.to_owned()).or_default();
        job.version += 1;
        (job.attempts, job.run_at, job.parked) = (0, now, false);
    }

    /// The due times of the jobs that a worker may claim, by name.
    fn due(&self) -> BTreeMap<&str, i64> {
        let is_free = |job: &Job| job.claim.is_none_or(|(_, until)| until <= self.now);
        let due = |job: &Job| !job.parked && job.run_at <= self.now && is_free(job);
        self.jobs.iter().filter(|(_, job)| due(job)).map(|(name, job)| (name.as_str(), job.run_at)).collect()
    }

    async fn claim(&mut self, db: &Db) -> Result<Option<Held>, TestCaseError> {
        let due = self.due();
        let Some(claimed) = job_queue::claim(db, true, self.now).await.unwrap() else {
            prop_assert!(due.is_empty(), "no worker gets the due jobs: {due:?}");
            return Ok(None);
        };
        let is_revocation = claimed.kind == job_queue::JobKind::RevokeToken;
        let name = if is_revocation { claimed.payload_sealed.clone().unwrap() } else { claimed.uid.clone() };
        let run_at = due.get(name.as_str()).copied();
        prop_assert!(run_at.is_some(), "{name} is not due, or is claimed");
        prop_assert_eq!(run_at, due.values().min().copied(), "the longest due is first");
        self.claims += 1;
        let job = self.jobs.get_mut(&name).unwrap();
        job.attempts += 1;
        if let Some((_, until)) = job.claim {
            // The previous worker died, and its call can still take effect.
            job.unsettled_until = job.unsettled_until.max(until + LATE_CALL_SECONDS);
        }
        job.claim = Some((self.claims, self.now + CLAIM_SECONDS));
        prop_assert_eq!(claimed.attempts, job.attempts);
        let (version, asked) = (job.version, self.asked[&name]);
        Ok(Some(Held { claimed, name, claim: self.claims, version, asked }))
    }

    /// Releases a job if this worker still has it. `change` gets the job, and whether it was requested again since the
    /// claim.
    fn conclude(&mut self, held: &Held, change: impl FnOnce(&mut Job, bool)) {
        let job = self.jobs.get_mut(&held.name);
        if let Some(job) = job.filter(|job| job.claim.is_some_and(|(claim, _)| claim == held.claim)) {
            job.claim = None;
            let again = job.version != held.version;
            change(job, again);
        }
    }

    async fn done(&mut self, db: &Db, held: &Held) {
        job_queue::complete(db, &held.claimed, self.now).await.unwrap();
        let done = self.done.entry(held.name.clone()).or_default();
        *done = held.asked.max(*done);
        let mut is_over = false;
        let is_of_user =
            matches!(held.claimed.kind, job_queue::JobKind::SyncUser | job_queue::JobKind::DeleteUser);
        let now = self.now;
        self.conclude(held, |job, again| {
            is_over = !again && (!is_of_user || job.unsettled_until <= now);
            if !again && !is_over {
                (job.attempts, job.run_at) = (0, job.unsettled_until);
            }
        });
        if is_over {
            self.jobs.remove(&held.name);
        }
    }

    /// Asserts that the list of jobs for operators matches the model.
    async fn compare(&self, db: &Db) -> Result<(), TestCaseError> {
        let listed = job_queue::list(db, 1_000).await.unwrap();
        let mut listed: Vec<_> =
            listed.iter().map(|job| (job.run_at, job.attempts, job.parked == 1)).collect();
        listed.sort_unstable();
        let mut expected: Vec<_> =
            self.jobs.values().map(|job| (job.run_at, job.attempts, job.parked)).collect();
        expected.sort_unstable();
        prop_assert_eq!(listed, expected);
        let standing = job_queue::stats(db, self.now).await.unwrap();
        let parked = self.jobs.values().filter(|job| job.parked).count();
        prop_assert_eq!(standing.parked, i64::try_from(parked).unwrap());
        prop_assert_eq!(standing.waiting, i64::try_from(self.jobs.len() - parked).unwrap());
        Ok(())
    }
}

async fn law(db: &Db, events: Vec<Event>) -> Result<(), TestCaseError> {
    db.execute("DELETE FROM chat_jobs", &[]).await.unwrap();
    let mut model = Model { now: 1_000_000, ..Model::default() };
    let mut workers: [Option<Held>; WORKERS] = Default::default();
    for (step, event) in events.into_iter().enumerate() {
        match event {
            Event::Sync(user) => {
                let mut tx = db.begin().await.unwrap();
                job_queue::enqueue_sync(&mut tx, USERS[user], model.now).await.unwrap();
                tx.commit().await.unwrap();
                model.ask(USERS[user]);
            }
            Event::Revoke(user) => {
                let token = format!("token {step}");
                let mut tx = db.begin().await.unwrap();
                let tokens = [(USERS[user].to_owned(), token.clone())];
                job_queue::enqueue_revocations(&mut tx, tokens, model.now).await.unwrap();
                tx.commit().await.unwrap();
                model.ask(&token);
            }
            Event::Claim(worker) => {
                if workers[worker].is_none() {
                    workers[worker] = model.claim(db).await?;
                }
            }
            Event::Done(worker) => {
                if let Some(held) = workers[worker].take() {
                    model.done(db, &held).await;
                }
            }
            Event::Retry(worker, wait, late) => {
                if let Some(held) = workers[worker].take() {
                    let run_at = model.now + wait;
                    let until = if late == 0 { 0 } else { model.now + late };
                    job_queue::retry(db, &held.claimed, run_at, "not now", (until > 0).then_some(until))
                        .await
                        .unwrap();
                    model.conclude(&held, |job, again| {
                        job.run_at = if again { job.run_at } else { run_at };
                        job.unsettled_until = job.unsettled_until.max(until);
                    });
                }
            }
            Event::Park(worker) => {
                if let Some(held) = workers[worker].take() {
                    job_queue::park(db, &held.claimed, "never").await.unwrap();
                    model.conclude(&held, |job, again| job.parked = !again);
                }
            }
            Event::Crash(worker) => workers[worker] = None,
            Event::Unpark => {
                job_queue::unpark(db, model.now).await.unwrap();
                let now = model.now;
                for job in model.jobs.values_mut().filter(|job| job.parked) {
                    (job.attempts, job.run_at, job.parked) = (0, now, false);
                }
            }
            Event::Pass(seconds) => model.now += seconds,
        }
        model.compare(db).await?;
    }

    // All workers die, an operator releases the parked jobs, and one worker does the rest.
    job_queue::unpark(db, model.now).await.unwrap();
    let now = model.now;
    model.jobs.values_mut().filter(|job| job.parked).for_each(|job| {
        (job.attempts, job.run_at, job.parked) = (0, now, false);
    });
    model.now += 1_000;
    while let Some(held) = model.claim(db).await? {
        model.done(db, &held).await;
    }
    model.compare(db).await?;
    prop_assert_eq!(model.done, model.asked, "all is done as it was asked for last");
    Ok(())
}

#[test]
fn jobs_run_exclusively_in_order_after_last_request() {
    for_all_with_db(48, events(), law);
}
