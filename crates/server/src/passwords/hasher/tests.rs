use super::*;

/// Of "correct horse", by Python's hashlib.
const PBKDF2: &str =
    "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ";

fn hasher(threads: usize) -> Hasher {
    Hasher::start(crate::passwords::params(64, 1).unwrap(), Backend::default(), threads).unwrap()
}

fn keys(account: &str, network: &str) -> [String; 2] {
    [account.to_owned(), network.to_owned()]
}

/// Returns a password of one form.
fn ascii() -> Password {
    Password::new("wrong")
}

#[tokio::test]
async fn hasher_verifies_its_own_hash() {
    let hasher = hasher(2);
    let stored = hasher.hash(Password::new("right")).await.unwrap();
    let verdict = |typed: &str| {
        let (hasher, stored, typed) = (hasher.clone(), stored.clone(), Password::new(typed));
        async move { hasher.verify(typed, Some(&stored)).await.unwrap() }
    };
    assert_eq!(verdict("right").await, Verification::Valid { needs_rehash: false });
    assert_eq!(verdict("wrong").await, Verification::Invalid);
}

#[tokio::test]
async fn verify_of_unknown_user_costs_one_hash() {
    let hasher = hasher(1);
    for stored in [None, Some("not a hash")] {
        let before = hasher.computed();
        assert_eq!(hasher.verify(Password::new("x"), stored).await.unwrap(), Verification::Invalid);
        assert_eq!(hasher.computed(), before + 1);
    }
}

#[tokio::test]
async fn hash_of_older_parameters_verifies_as_outdated() {
    let old = hasher(1).hash(Password::new("right")).await.unwrap();
    let new = Hasher::start(crate::passwords::params(128, 1).unwrap(), Backend::default(), 1).unwrap();
    let verdict = new.verify(Password::new("right"), Some(&old)).await.unwrap();
    assert_eq!(verdict, Verification::Valid { needs_rehash: true });
}

#[tokio::test]
async fn hasher_rejects_caller_beyond_max_wait() {
    let hasher = hasher(1);
    hasher.own.pretend_load(2, Duration::from_millis(1_500));
    let refused = hasher.verify(Password::new("x"), None).await;
    assert!(matches!(refused, Err(HashError::Overloaded)), "{refused:?}");
    hasher.own.pretend_load(1, Duration::from_millis(1_500));
    assert!(hasher.verify(Password::new("x"), None).await.is_ok());
}

#[tokio::test]
async fn legacy_and_own_hashes_have_separate_queues() {
    let load = |lane: &WorkQueue| lane.pretend_load(2, Duration::from_millis(1_500));
    let busy_with_legacy = hasher(1);
    load(&busy_with_legacy.legacy);
    let refused = busy_with_legacy.verify(Password::new("x"), Some(PBKDF2)).await;
    assert!(matches!(refused, Err(HashError::Overloaded)), "{refused:?}");
    assert!(busy_with_legacy.verify(Password::new("x"), None).await.is_ok());
    let busy_with_others = hasher(1);
    load(&busy_with_others.own);
    assert!(busy_with_others.verify(Password::new("x"), Some(PBKDF2)).await.is_ok());
}

#[tokio::test]
async fn legacy_queue_refuses_by_cost_and_delays_no_other() {
    let hasher = hasher(1);
    let dear = HashKind::Pbkdf2 { is_sha512: true, rounds: 100_000, blocks: 1 };
    hasher.costs.record(dear, MAX_WAIT + Duration::from_secs(1));
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (answer, waiting) = oneshot::channel();
            let task = Task::Verify(Password::new("x"), dear.sample(), answer);
            (hasher.legacy.submit(task, dear).is_ok(), waiting)
        })
        .collect();
    assert_eq!(waiting.iter().map(|(is_queued, _)| *is_queued).collect::<Vec<_>>(), [true, false]);
    assert_eq!(hasher.legacy.pending(), 1);
    let verdict = hasher.verify(Password::new("x"), None).await.unwrap();
    assert_eq!(
        (verdict, hasher.legacy.pending()),
        (Verification::Invalid, 1),
        "it did not wait for the legacy check"
    );
}

#[tokio::test]
async fn legacy_and_own_attempts_end_alike() {
    let hasher = hasher(1);
    let own = hasher.hash(Password::new("right")).await.unwrap();
    hasher.add_stored_kinds([HashKind::of(PBKDF2).unwrap()]);
    hasher.measure_stored_kinds().await.unwrap();
    // The estimate falls by an eighth at most with each check.
    let shortest = hasher.costs.max_stored().unwrap() / 2;
    for stored in [None, Some(&*own), Some(PBKDF2)] {
        let begun = Instant::now();
        let turn = hasher.reserve_turn(keys(stored.unwrap_or_default(), "net"), &ascii());
        let verdict = hasher.verify_in_turn(Password::new("wrong"), stored, &turn).await.unwrap();
        assert_eq!(verdict, Verification::Invalid);
        turn.wait_for_end().await.unwrap();
        assert!(begun.elapsed() >= shortest, "{stored:?}");
    }
    // A thread reports the end of its work after it has sent the result.
    while hasher.pending() > 0 {
        tokio::task::yield_now().await;
    }
    hasher.legacy.pretend_load(1, 2 * MAX_WAIT);
    for (stored, expected) in [
        (None, Verification::Invalid),
        (Some(&*own), Verification::Invalid),
        (Some(PBKDF2), Verification::Unchecked),
    ] {
        let before = hasher.computed();
        let turn = hasher.reserve_turn(keys("x", "y"), &ascii());
        let verdict = hasher.verify_in_turn(Password::new("wrong"), stored, &turn).await.unwrap();
        assert_eq!((verdict, hasher.computed() - before), (expected, 1));
        assert!(matches!(turn.wait_for_end().await, Err(HashError::Overloaded)));
    }
}

/// The hashes are by Python's bcrypt: of "café horse" in NFD, and of "correct horse", which is the NFKC of what is
/// typed.
#[tokio::test]
async fn foreign_hash_is_verified_in_all_forms_as_typed() {
    let hasher = hasher(1);
    let verdict = async |typed: &str, stored: &str| {
        let before = hasher.computed();
        let verdict = hasher.verify(Password::new(typed), Some(stored)).await.unwrap();
        (verdict != Verification::Invalid, hasher.computed() - before)
    };
    let nfd = "$2b$04$abcdefghijklmnopqrstuuRhrOJj3o1vxA8cpYO6IGPLS2bQO2mTq";
    assert_eq!(verdict("cafe\u{301} horse", nfd).await, (true, 2));
    assert_eq!(verdict("cafe\u{301} house", nfd).await, (false, 2));
    assert_eq!(verdict("cafe horse", nfd).await, (false, 1));
    let nfkc = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
    assert_eq!(verdict("\u{ff43}orrect \u{ff48}orse", nfkc).await, (true, 2));
    assert_eq!(verdict("correct horse", nfkc).await, (true, 1));
    let own = hasher.hash(Password::new("cafe\u{301} horse")).await.unwrap();
    assert_eq!(verdict("cafe\u{301} horse", &own).await, (true, 1));
    assert_eq!(verdict("\u{ff43}afe\u{301} horse", &own).await, (false, 1));
}

#[tokio::test]
async fn turn_lasts_as_long_as_all_forms_of_the_password() {
    let hasher = hasher(1);
    let kind = HashKind::of(PBKDF2).unwrap();
    hasher.costs.record(kind, Duration::from_secs(1));
    hasher.add_stored_kinds([kind]);
    let length = |typed| hasher.reserve_turn(keys(typed, typed), &Password::new(typed)).length;
    assert_eq!(length("wrong"), with_margin(Duration::from_secs(1)));
    assert_eq!(length("\u{ff50}e\u{301}"), with_margin(Duration::from_secs(3)));
}

#[tokio::test]
async fn returned_turn_delays_no_later_attempt() {
    let hasher = hasher(1);
    hasher.add_stored_kinds([HashKind::of(PBKDF2).unwrap()]);
    hasher.measure_stored_kinds().await.unwrap();
    let first = hasher.reserve_turn(keys("ada", "net"), &ascii());
    let second = hasher.reserve_turn(keys("ada", "net"), &ascii());
    assert!(second.begins.is_some());
    hasher.give_back(&first);
    hasher.give_back(&second);
    let third = hasher.reserve_turn(keys("ada", "other"), &ascii());
    assert!(third.begins < second.begins, "{:?} {:?}", third.begins, second.begins);
}

/// Bounds memory: a running hash of an aborted request keeps its thread, and a queued one is skipped.
#[tokio::test]
async fn aborted_request_keeps_thread_until_hash_ends() {
    let hasher =
        Hasher::start(crate::passwords::params(16 * 1024, 4).unwrap(), Backend::default(), 1).unwrap();
    let submit = |password, answer| {
        let task = Task::Verify(Password::new(password), hasher.dummy.to_string(), answer);
        hasher.own.submit(task, hasher.kind()).unwrap();
    };
    let begun = || hasher.stats.begun.load(Ordering::Relaxed);

    let (answer, waiting) = oneshot::channel();
    submit("x", answer);
    while begun() == 0 {
        tokio::task::yield_now().await;
    }
    drop(waiting);
    let (abandoned, dropped) = oneshot::channel();
    drop(dropped);
    submit("y", abandoned);
    assert_eq!(hasher.verify(Password::new("z"), None).await.unwrap(), Verification::Invalid);
    assert_eq!((begun(), hasher.computed()), (2, 2), "the first and the last");
}
