//! User management on the command line, with and without a running server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cometchat_auth::clock::Clock;
use cometchat_auth::users::{self, User};
use cometchat_auth::{params, throttle};
use reqwest::StatusCode;
use serde_json::json;
use test_support::{PASSWORD, TestEnv, canary, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_process_each_job_once() {
    let mut env = TestEnv::new().await;
    let rows: String = (0..60).map(|i| format!("u{i},u{i}@example.com,User {i},\n")).collect();
    let file = env.file("users.csv", &format!("id,email,name,password_hash\n{rows}"));
    env.start();
    let first = env.server.take();
    env.start();
    env.run(&["user", "import", &file], "");
    env.eventually_cometchat("all are there", |users| users.len() == 60).await;
    assert_eq!(env.emulator.calls("POST", "").await, 60);
    drop(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_commands_apply_on_both_sides() {
    let mut env = TestEnv::new().await;
    env.start();
    env.add("ada");
    env.add("grace");
    assert_eq!(env.run(&["user", "list"], "").lines().count(), 2);
    env.eventually_cometchat("both are there", |users| users.len() == 2).await;
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::OK);

    env.run(&["user", "rename", "ADA@example.com", "Ada Lovelace"], "");
    env.eventually_cometchat("she is renamed", |users| users["ada"].0 == "Ada Lovelace").await;
    let shown = env.run(&["user", "show", "ada"], "");
    for part in ["ada@example.com", "Ada Lovelace", "argon2id", "locked    no", "session   created 20"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }

    assert!(env.run_failing(&["user", "set-password", "ada"], "passwordpassword").contains("easy to guess"));
    let done = env.run(&["user", "set-password", "ada"], "carpet lantern november");
    assert!(done.contains("1 sessions ended"), "{done}");
    env.eventually_cometchat("her token is revoked", |users| users["ada"].1.is_empty()).await;
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(env.login("ada@example.com", "carpet lantern november").await, StatusCode::OK);
    assert!(env.run(&["user", "end-sessions", "ada"], "").contains("ended 1 sessions"));

    assert!(env.run_failing(&["user", "delete", "ada"], "y").contains("--yes"));
    env.run(&["user", "delete", "ada", "--yes"], "");
    env.eventually_cometchat("she is gone", |users| users.keys().eq(["grace"])).await;
    assert!(env.run_failing(&["user", "show", "ada"], "").contains("no user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unlock_or_new_password_ends_lockout() {
    let mut env = TestEnv::new().await;
    env.add("ada");
    env.start();
    let db = env.db().await;
    let mut tx = db.begin().await.unwrap();
    let account = cometchat_auth::crypto::sha256_hex(b"ada@example.com");
    tx.execute(
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 100, $2)",
        params![&account, Clock::system().now()],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert!(throttle::is_locked(&db, "ada@example.com", 0).await.unwrap());
    assert!(env.run(&["user", "show", "ada"], "").contains("locked    yes"));
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert!(env.run(&["user", "unlock", "ada"], "").contains("unlocked"));
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::OK);

    let shut =
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 100, $2)";
    db.execute(shut, params![&account, Clock::system().now()]).await.unwrap();
    env.run(&["user", "set-password", "ada"], "carpet lantern november");
    assert_eq!(env.login("ada@example.com", "carpet lantern november").await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_sync_repairs_missing_and_renamed_users() {
    let mut env = TestEnv::new().await;
    for id in ["here", "missing", "renamed", "shut-out"] {
        env.add(id);
    }
    let db = env.db().await;
    db.execute("DELETE FROM chat_jobs", &[]).await.unwrap();
    for (uid, name) in
        [("here", "Before"), ("renamed", "Otherwise"), ("stranger", "Not ours"), ("shut-out", "Before")]
    {
        env.emulator.rest("POST", "/users", json!({"uid": uid, "name": name})).await.data();
    }
    env.emulator.rest("DELETE", "/users", json!({"uidsToDeactivate": ["shut-out"]})).await.data();
    let message = env.run(&["chat", "sync"], "");
    assert!(message.contains("1 users missing and 1 renamed at CometChat"), "{message}");
    assert!(message.contains("1 deactivated users unchanged"), "{message}");
    assert_eq!(env.run(&["chat", "jobs"], "").lines().count(), 2);
    env.start();
    env.eventually_cometchat("all users agree, and unknown users stay", |users| {
        users.len() == 5 && users["missing"].0 == "Before" && users["renamed"].0 == "Before"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_user_id_is_refused_until_server_runs() {
    let mut env = TestEnv::new().await;
    env.add("ada");
    env.run(&["user", "delete", "--yes", "ada"], "");
    assert!(env.run(&["chat", "jobs"], "").starts_with("delete_user\tada\t"));
    let add = ["user", "add", "--id", "ada", "--email", "new@example.com", "--name", "New"];
    let message = env.run_failing(&add, PASSWORD);
    assert!(message.contains("user ada") && message.contains("chat jobs"), "{message}");
    let file = env.file("users.csv", "id,email,name,password_hash\nada,new@example.com,New,\n");
    for arguments in [&["user", "import", &file][..], &["user", "import", "--dry-run", &file]] {
        let message = env.run_failing(arguments, "");
        assert!(message.contains("2: id: a deleted user ada"), "{message}");
    }
    assert_eq!(env.run(&["user", "list"], ""), "");
    env.start();
    eventually("no job is left", || async { env.run(&["chat", "jobs"], "").is_empty() }).await;
    env.run(&add, PASSWORD);
    env.eventually_cometchat("the new user is there", |users| {
        users.get("ada").is_some_and(|user| user.0 == "New")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_job_is_listed_and_can_be_retried() {
    let mut env = TestEnv::new().await;
    let refuse = json!({"api": "rest", "kind": "status", "status": 400, "code": "ERR_BAD_REQUEST"});
    env.emulator.add_fault(refuse).await;
    env.add("ada");
    env.start();
    eventually("the job is parked", || async { env.run(&["chat", "jobs"], "").contains("parked") }).await;
    let message = env.run(&["chat", "jobs"], "");
    assert!(message.contains("sync_user\tada") && message.contains("ERR_BAD_REQUEST"), "{message}");
    env.emulator.clear_faults().await;
    assert!(env.run(&["chat", "jobs", "--retry"], "").contains("1 jobs queued for retry"));
    env.eventually_cometchat("she is there", |users| users.contains_key("ada")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_are_complete_or_say_that_there_is_more() {
    let env = TestEnv::new().await;
    let rows: String = (0..2003).map(|i| format!("u{i},u{i}@example.com,User {i},\n")).collect();
    env.run(&["user", "import", &env.file("users.csv", &format!("id,email,name,password_hash\n{rows}"))], "");
    assert_eq!(env.run(&["user", "list"], "").lines().count(), 2003);
    let jobs = env.run(&["chat", "jobs"], "");
    assert_eq!(jobs.lines().last(), Some("1003 more jobs; only the first 1000 are shown"));
    assert_eq!(jobs.lines().count(), 1001);
    let faulty: String = (0..60).map(|i| format!("U{i},u,User,\n")).collect();
    let file = env.file("faulty.csv", &format!("id,email,name,password_hash\n{faulty}"));
    let errors = env.run_failing(&["user", "import", &file], "");
    assert!(errors.contains("errors (first 50 shown); nothing was imported"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_wrong_folder_create_nothing() {
    let env = TestEnv::new().await;
    let elsewhere = canary::folder();
    for arguments in [
        &["user", "list"][..],
        &["user", "unlock", "ada@example.com"],
        &["chat", "jobs", "--retry"],
        &["chat", "sync"],
    ] {
        let mut command = env.command(arguments);
        command.current_dir(elsewhere.path()).env_remove("DATABASE_URL").env_remove("SECRET_KEY");
        let output = command.output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && message.contains("there is no database at"),
            "{arguments:?}: {message}"
        );
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_commands_reject_and_strip_hidden_characters() {
    let env = TestEnv::new().await;
    let reversed = "Ada\u{202e}Lovelace";
    let arguments = ["user", "add", "--id", "ada", "--email", "ada@example.com", "--name"];
    let message = env.run_failing(&[&arguments[..], &[reversed]].concat(), PASSWORD);
    assert!(message.contains("--name: ") && message.contains("invisible characters"), "{message}");
    env.add("ada");
    assert!(env.run_failing(&["user", "rename", "ada", reversed], "").contains("invisible characters"));
    let file = env.file(
        "users.csv",
        &format!("id,email,name,password_hash\ngrace,gr\u{200b}ace@example.com,{reversed},\n"),
    );
    let message = env.run_failing(&["user", "import", &file], "");
    assert!(message.contains("users.csv:2: name: ") && message.contains("users.csv:2: email: "), "{message}");
    assert!(!message.contains(['\u{202e}', '\u{200b}']), "{message:?}");

    // A row from before the validation.
    let row = User {
        id: "bob".into(),
        email: "b\u{200b}ob@example.com".into(),
        name: "Bob\u{1b}[31m\u{202e}".into(),
    };
    let db = env.db().await;
    let mut tx = db.begin().await.unwrap();
    users::insert(&mut tx, &row, None, 1).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    for command in ["list", "show bob", "unlock bob", "delete bob --yes"] {
        let arguments: Vec<&str> = ["user"].into_iter().chain(command.split(' ')).collect();
        let message = env.run(&arguments, "");
        assert!(message.contains("bob@example.com"), "{message:?}");
        assert!(!message.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{command}: {message:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_commands_name_invisible_characters() {
    let env = TestEnv::new().await;
    let add = |email, name| ["user", "add", "--id", "ada", "--email", email, "--name", name];
    let message = env.run_failing(&add("ada@exam\u{200b}ple.com", "Ada"), PASSWORD);
    assert!(message.contains("--email: This email address contains spaces or invisible"), "{message}");
    let message = env.run_failing(&add("ada@example.com", "\u{301}"), PASSWORD);
    assert!(message.contains("--name: Enter a name with a visible character"), "{message}");
    env.run(&add("ada@example.com", "Ada"), PASSWORD);
    assert!(env.run_failing(&["user", "rename", "ada", "\u{301}"], "").contains("a visible character"));
    let message = env.run_failing(&["user", "show", "ad\u{200b}a@example.com"], "");
    assert!(message.contains("no user ada@example.com: it was typed with invisible characters"), "{message}");
    let file =
        env.file("u.csv", "id,email,name,password_hash\na,a\u{2060}@e.com,\u{2800},\nb,b@e.com,\u{489},\n");
    let message = env.run_failing(&["user", "import", &file], "");
    for error in [
        "u.csv:2: email: This email address contains spaces or invisible",
        "u.csv:2: name: This name contains invisible",
        "u.csv:3: name: Enter a name with a visible character",
    ] {
        assert!(message.contains(error), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_commands_take_both_spellings_of_a_domain() {
    let env = TestEnv::new().await;
    let add = |id, email| ["user", "add", "--id", id, "--email", email, "--name", "Max"];
    let added = env.run(&add("max", "Max@xn--mnchen-3ya.de"), PASSWORD);
    assert!(added.contains("added Max@m\u{fc}nchen.de"), "{added}");
    assert!(env.run_failing(&add("other", "max@m\u{fc}nchen.de"), PASSWORD).contains("already exists"));
    let message = env.run_failing(&add("other", "max@xn--99999999.de"), PASSWORD);
    assert!(message.contains("--email: The domain after the @"), "{message}");
    for email in ["max@xn--mnchen-3ya.de", "max@M\u{dc}NCHEN.de"] {
        let shown = env.run(&["user", "show", email], "");
        assert!(shown.contains("email     Max@m\u{fc}nchen.de"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reports_lost_key_and_adopt_key_replaces_it() {
    let mut env = TestEnv::new().await;
    env.settings.clear();
    env.start();
    env.add("ada");
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::OK);
    assert!(env.run(&["check"], "").contains("key        ok"));
    env.kill();
    let key = env.folder.path().join(cometchat_auth::config::key_file(&env.database));
    std::fs::remove_file(&key).unwrap();
    assert!(env.run_failing(&["check"], "").contains("key        FAILED"));
    assert!(env.run_failing(&["chat", "adopt-key"], "").contains("no SECRET_KEY to adopt"));
    assert!(!key.exists(), "a look makes no key");
    assert!(env.run_failing(&[], "").contains("adopt-key"), "and a start is refused");
    let message = env.run(&["chat", "adopt-key"], "");
    assert!(message.contains("1 sessions will get new chat tokens; 0 chat tokens"), "{message}");
    env.start();
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::OK);
}
