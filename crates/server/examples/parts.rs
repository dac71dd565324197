//! cometchat-auth as a library of parts: a program with users and sessions of its own lets it mint chat tokens and
//! revoke them, also when CometChat is down at that moment or the program is killed.
//!
//!   cargo run --example parts -- http://localhost:4000 sqlite://parts.db
//!
//! It mints a token for a user, prints it, and revokes it again.

use cometchat_auth::clock::Clock;
use cometchat_auth::cometchat::budget::CallBudget;
use cometchat_auth::cometchat::client::http_client;
use cometchat_auth::cometchat::client::{Client, Endpoint};
use cometchat_auth::cometchat::{ChatService, job_queue, worker};
use cometchat_auth::crypto::seal::{Sealer, SecretKey};
use cometchat_auth::db::Db;
use cometchat_auth::users::{self, User};
use shared::Secret;
use std::error::Error;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (emulator, database) =
        arguments.next().zip(arguments.next()).ok_or("usage: parts EMULATOR DATABASE")?;

    let (db, clock) = (Db::open(&database).await?, Clock::system());
    let endpoint = Endpoint {
        // In production: https://{appId}.api-{region}.cometchat.io/v3
        base: format!("{emulator}/v3").parse()?,
        app_id: "emulator".into(),
        api_key: Secret::new("emulator-rest-api-key"),
    };
    // In production: from a file, and the same at each start.
    let sealer = Sealer::new(&SecretKey::new([7; 32]), &[]);
    // What your app may ask of CometChat in a minute.
    let client = Client::new(http_client(true)?, endpoint, CallBudget::new(500, clock.clone()));
    let chat = Arc::new(ChatService::new(client, sealer, db.clone(), clock.clone()));

    // What must happen at CometChat is a row in the database until it has happened; this does it.
    let stop = CancellationToken::new();
    let worker = tokio::spawn({
        let (chat, stop) = (Arc::clone(&chat), stop.clone());
        async move { worker::run(&chat, &stop).await }
    });

    let user = User { id: "ada".into(), email: "ada@example.com".into(), name: "Ada Lovelace".into() };
    let mut tx = db.begin().await?;
    users::upsert(&mut tx, &user, clock.now()).await?;
    tx.commit().await?;

    // Keep `sealed` with your session, in the transaction that begins it.
    let minted = chat.mint(&user).await?;
    let mut tx = db.begin().await?;
    minted.confirm(&mut tx).await?;
    tx.commit().await?;
    println!("minted {}", minted.token.expose());

    // When your session ends, in the transaction that ends it:
    let mut tx = db.begin().await?;
    let (uid, sealed) = (user.id.clone(), minted.sealed.clone());
    job_queue::revoke_tokens(&mut tx, [(uid, sealed)], clock.now()).await?;
    tx.commit().await?;
    chat.wake();

    while job_queue::stats(&db, clock.now()).await?.waiting > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    println!("revoked");
    stop.cancel();
    worker.await?;
    db.close().await;
    Ok(())
}
