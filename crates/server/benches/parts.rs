//! Benchmarks the parts of a login and of a session check: `cargo bench --bench parts`. `make bench` measures the whole
//! server under load.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use argon2::Block;
use cometchat_auth::crypto::seal::{Sealer, SecretKey};
use cometchat_auth::db::Db;
use cometchat_auth::passwords::{Backend, Hasher, Password, params};
use cometchat_auth::sessions::{self, Lifetime, NewSession, SessionOrigin, Token};
use cometchat_auth::users::{self, User, email::email_key};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use shared::{LoginRequest, LoginResponse, Secret};
use std::hint::black_box;
use tokio::runtime::Runtime;
use zeroize::Zeroize as _;

const PASSWORD: &str = "plum tractor yesterday";
const MEMORY_KIB: u32 = 19456;
const LIFETIME: Lifetime = Lifetime { idle: 7 * 86400, max: 30 * 86400 };

fn ada() -> User {
    User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada Lovelace".into() }
}

/// Measures a hash with its way through the queue, and the wiping of its memory by itself.
fn passwords(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let hasher = Hasher::start(params(MEMORY_KIB, 2).unwrap(), Backend::default(), 1).unwrap();
    let stored = runtime.block_on(hasher.hash(Password::new(PASSWORD))).unwrap();
    criterion.bench_function("password: verify", |bench| {
        bench.iter(|| runtime.block_on(hasher.verify(Password::new(PASSWORD), Some(&stored))).unwrap());
    });
    let mut memory = vec![Block::new(); MEMORY_KIB as usize];
    criterion.bench_function("password: wipe the memory of one hash", |bench| {
        bench.iter(|| black_box(&mut memory).iter_mut().for_each(Block::zeroize));
    });
    criterion.bench_function("password: check the policy", |bench| {
        bench.iter(|| Password::new(PASSWORD).check(15, &["Ada Lovelace", "ada@example.com"]).unwrap());
    });
}

fn sessions(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    let token = Token::generate();
    let db = runtime.block_on(async {
        let db = Db::open(&url).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        users::insert(&mut tx, &ada(), None, 0).await.unwrap();
        let device = SessionOrigin { user_agent: "bench".into(), address: "192.0.2.1".into() };
        let issue = NewSession {
            token: &token,
            user_id: "ada",
            password: None,
            origin: &device,
            chat_token: None,
            replaces: None,
        };
        assert!(sessions::create(&mut tx, issue, LIFETIME, 0).await.unwrap().is_some());
        tx.commit().await.unwrap();
        db
    });
    criterion.bench_function("session: generate a token and its hash", |bench| {
        bench.iter(|| Token::generate().hash());
    });
    criterion.bench_function("session: look up in SQLite", |bench| {
        bench.iter(|| runtime.block_on(sessions::find_active(&db, &token, LIFETIME, 1)).unwrap().unwrap());
    });
    runtime.block_on(db.close());
}

fn chat_tokens(criterion: &mut Criterion) {
    let sealer = Sealer::new(&SecretKey::new([7; 32]), &[]);
    let token = "ada_1700000000000abcdef0123456789abcdef01234567";
    let sealed = sealer.seal("ada", token).unwrap();
    criterion.bench_function("chat token: seal", |bench| bench.iter(|| sealer.seal("ada", token).unwrap()));
    criterion.bench_function("chat token: open", |bench| bench.iter(|| sealer.open("ada", &sealed).unwrap()));
}

fn wire(criterion: &mut Criterion) {
    let body = format!(r#"{{"email":"ada@example.com","password":"{PASSWORD}"}}"#);
    criterion.bench_function("wire: parse a login request", |bench| {
        bench.iter(|| serde_json::from_str::<LoginRequest>(black_box(&body)).unwrap());
    });
    let response = || {
        let User { id, email, name } = ada();
        LoginResponse { id, email, name, cometchat_auth_token: Some(Secret::new("ada_1700000000000abcdef")) }
    };
    criterion.bench_function("wire: serialize a login response", |bench| {
        bench.iter_batched(
            response,
            |response| serde_json::to_string(&response).unwrap(),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("wire: normalize an email address", |bench| {
        bench.iter(|| email_key(black_box(" Ada@Example.com")));
    });
}

criterion_group!(parts, passwords, sessions, chat_tokens, wire);
criterion_main!(parts);
