//! Uses cometchat-auth as a library: a program with its own users and sessions creates and revokes chat tokens.
//! Revocation survives an outage of CometChat and a crash of the program.
//!
//!   cargo run --example parts -- http://localhost:4000 sqlite://parts.db
//!
//! Creates a token for a user, prints it, and revokes it.

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
    // In production: from a file, and the same at every start.
    let sealer = Sealer::new(&SecretKey::new([7; 32]), &[]);
    // Calls per minute that CometChat allows your app.
    let client = Client::new(http_client(true)?, endpoint, CallBudget::new(500, clock.clone()));
    let chat = Arc::new(ChatService::new(client, sealer, db.clone(), clock.clone()));

    // The worker executes the jobs in the database, which hold all pending changes at CometChat.
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
    job_queue::enqueue_revocations(&mut tx, [(uid, sealed)], clock.now()).await?;
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
